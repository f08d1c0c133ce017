"""P5: one command shows the way from the frames to what became of an offer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Xinling = Callable[..., Any]
Arguments = dict[str, list[str]]
TRAVELLER = "001010000001037"
"""Phone 2 of the first laboratory: it calls, and then leaves."""


def row(verdicts: Path, campaign: str, verdict: str) -> dict[str, Any]:
    rows = [json.loads(line) for line in verdicts.read_bytes().splitlines()]
    return next(one for one in rows if (one["campaign"], one["verdict"]) == (campaign, verdict))


def test_p5_an_offer_is_explained_from_its_frames_to_each_check(
    xinling: Xinling, verdicts: Path, arguments: Arguments
) -> None:
    left = row(verdicts, "welcome-away", "send")
    captures = ("--captures", *arguments["capture"])
    said = xinling("explain", left["offer"], "--offers", verdicts, *captures, *arguments["rules"])
    assert said.code == 0, said.err
    for sample in left["evidence"]:
        assert f"event {sample['event']}" in said.out
        for frame in sample["frames"]:
            assert f"   {frame['source']}:{frame['frame']}   " in said.out
    for name, result in left["checks"]:
        assert any(line.split("  ", 1)[0].strip() == name and result in line
                   for line in map(str.strip, said.out.splitlines())), name  # fmt: skip
    assert "LOCATION UPDATING ACCEPT" in said.out
    assert "before  stays of welcome-away: first" in said.out
    assert "after   sent: welcome-away at" in said.out


def test_an_offer_is_explained_from_its_rows_alone(xinling: Xinling, verdicts: Path) -> None:
    drawn = row(verdicts, "cheap-calls", "control")
    said = xinling("explain", drawn["offer"], "--offers", verdicts)
    assert said.code == 0
    assert "decided: control" in said.out
    assert "control group  campaign" in said.out
    assert "state before" not in said.out


def test_an_offer_that_nobody_knows_is_said_with_some_that_are_there(
    xinling: Xinling, verdicts: Path
) -> None:
    said = xinling("explain", "0" * 32, "--offers", verdicts)
    assert said.code == 1
    assert row(verdicts, "welcome-away", "send")["offer"] in said.err


def asked(arguments: Arguments, campaign: str, at: str) -> list[str]:
    return [
        *("explain", "--subscriber", "-", "--campaign", campaign, "--at", at),
        *("--captures", *arguments["capture"], *arguments["rules"]),
    ]


def test_p5_why_not_shows_what_disagreed_with_the_trigger(
    xinling: Xinling, arguments: Arguments
) -> None:
    said = xinling(*asked(arguments, "cheap-calls", "2026-11-21T21:34:32Z"), stdin=TRAVELLER)
    assert said.code == 0, said.err
    assert "number_class is emergency, wanted long distance" in said.out
    assert "answer: the last decision by then, at 2026-11-21T21:30:59.795523Z, was send" in said.out


def test_p5_why_not_yet_shows_the_progress_through_a_trigger(
    xinling: Xinling, arguments: Arguments
) -> None:
    said = xinling(*asked(arguments, "welcome-away", "2026-11-21T21:32:00Z"), stdin=TRAVELLER)
    assert "answer: by then the trigger had not come true" in said.out
    assert "the first decision after, at 2026-11-21T21:32:26.481309Z, was send" in said.out
    assert "+ stays of welcome-away:" in said.out
    assert "due 2026-11-21T21:32:26.481309Z" in said.out


def test_why_not_of_somebody_the_captures_do_not_hold(
    xinling: Xinling, arguments: Arguments
) -> None:
    at = "2026-11-21T21:32:00Z"
    said = xinling(*asked(arguments, "welcome-away", at), stdin="001019999999999")
    assert "the captures hold nothing about this subscriber" in said.out


def test_p6_no_explanation_bears_an_identity(
    xinling: Xinling, verdicts: Path, arguments: Arguments
) -> None:
    left = row(verdicts, "welcome-away", "send")
    captures = ("--captures", *arguments["capture"])
    said = xinling("explain", left["offer"], "--offers", verdicts, *captures, *arguments["rules"])
    why = xinling(*asked(arguments, "welcome-away", "2026-11-21T21:32:00Z"), stdin=TRAVELLER)
    for text in (said.out, said.err, why.out, why.err):
        assert TRAVELLER not in text
        assert "4915550" not in text


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("0" * 32, "--subscriber", "1-ab"),
        ("--subscriber", "1-ab", "--captures", "x.pcap"),
        ("--subscriber", "1-ab", "--campaign", "x", "--at", "2026-11-21T21:32:00Z"),
        ("--subscriber", "1-ab", "--campaign", "x", "--at", "yesterday"),
    ],
)
def test_half_a_question_is_wrong_use(xinling: Xinling, wrong: tuple[str, ...]) -> None:
    assert xinling("explain", *wrong).code == 2


def test_a_campaign_that_is_not_there_is_said_with_those_that_are(
    xinling: Xinling, arguments: Arguments
) -> None:
    said = xinling(*asked(arguments, "other", "2026-11-21T21:32:00Z"), stdin=TRAVELLER)
    assert said.code == 1
    assert "cheap-calls, welcome-away" in said.err
