"""The published schemas hold for the rows that the commands really print."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stream.sms import outcomes
from stream.sms.outcomes import Outcome

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = [f"fixtures/pcap/lab-{name}/{name.upper()}_msc.pcap" for name in "abc"]
DEMO = ROOT / "fixtures" / "demo"
PLAN = ["--plan", "fixtures/plans/labs.csv"]
Row = dict[str, Any]


def validator(name: str) -> jsonschema.Draft202012Validator:
    text = (ROOT / "docs" / "schema" / f"{name}.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(
        json.loads(text), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def xinling(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    return done.stdout


@cache
def decoded(kind: str, *options: str) -> list[Row]:
    """Rows of the three laboratories, merged by time."""
    lines = xinling("decode", *CAPTURES, "--as", kind, *PLAN, *options).splitlines()
    return [json.loads(line) for line in lines]


def sources_and_frames() -> list[Row]:
    """Capture and frame of every message, capture by capture."""
    return [
        {"source": Path(capture).name, "frame": json.loads(line)["frame"]}
        for capture in CAPTURES
        for line in xinling("decode", capture).splitlines()
    ]


def mistakes(rows: list[Row], schema: str) -> list[str]:
    checker = validator(schema)
    return [
        f"{row.get('message') or row.get('type') or row.get('campaign')}: {error.message}"
        for row in rows
        for error in checker.iter_errors(row)
    ]


@pytest.mark.parametrize("options", [(), ("--clear",)], ids=["pseudonyms", "clear"])
def test_every_message_row_is_what_the_schema_says(options: tuple[str, ...]) -> None:
    rows = decoded("messages", *options)
    assert len(rows) > 2000
    assert mistakes(rows, "message") == []


@pytest.mark.parametrize("options", [(), ("--clear",)], ids=["pseudonyms", "clear"])
def test_every_event_row_is_what_the_schema_says(options: tuple[str, ...]) -> None:
    rows = decoded("events", *options)
    assert len(rows) > 200
    assert mistakes(rows, "event") == []


def test_the_laboratories_show_events_of_every_type() -> None:
    types = json.loads((ROOT / "docs/schema/event.schema.json").read_text(encoding="utf-8"))
    named = set(types["properties"]["type"]["enum"])
    assert {row["type"] for row in decoded("events")} == named


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Verdict rows of the three laboratories under the demo's campaigns."""
    file = tmp_path_factory.mktemp("replay") / "verdicts.jsonl"
    files = {
        "campaigns": "campaigns",
        "areas": "areas.geojson",
        "cells": "cells.csv",
        "profiles": "profiles.csv",
        "settings": "settings.json",
    }
    options = [word for name, path in files.items() for word in (f"--{name}", str(DEMO / path))]
    xinling("replay", *CAPTURES, *options, *PLAN, "--offers", str(file))
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_verdict_row_is_what_the_schema_says(decided: list[Row]) -> None:
    assert {"send", "control"} <= {row["verdict"] for row in decided}
    assert mistakes(decided, "verdict") == []


def test_p5_from_a_verdict_one_finds_the_events_and_frames_that_it_rests_on(
    decided: list[Row],
) -> None:
    events = {row["id"]: row for row in decoded("events")}
    frames = {(row["source"], row["frame"]) for row in sources_and_frames()}
    for verdict in decided:
        assert verdict["evidence"]
        for sample in verdict["evidence"]:
            event = events[sample["event"]]
            assert event["subscriber"] == verdict["subscriber"]
            assert event["time"] == sample["time"]
            assert event["frames"] == sample["frames"]
            assert {(one["source"], one["frame"]) for one in sample["frames"]} <= frames


def test_p5_a_verdict_says_what_was_asked_and_what_stopped_it(decided: list[Row]) -> None:
    for verdict in decided:
        asked = [name for name, _ in verdict["checks"]]
        assert asked[:2] == ["status", "dates"]
        assert len(set(asked)) == len(asked)
        assert ("reason" in verdict) == (verdict["verdict"] in {"refuse", "hold"})


def test_every_outcome_row_is_what_the_schema_says() -> None:
    told = set(outcomes.MAY_FOLLOW) - {outcomes.CLAIMED}
    rows = [
        Outcome(offer="o", campaign="c", wave=1, subscriber="1-0", time=0, outcome=outcome).row()
        for outcome in sorted(told)
    ]
    assert mistakes(rows, "outcome") == []
