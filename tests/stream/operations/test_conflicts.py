"""Which campaigns could meet in one subscriber, as far as their files can say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rules.engine import RuleSet
from stream.conflicts import LATER, MOST_DRAWN, SAME_EVENT, SAME_MOMENT, conflicts, picture

AREAS = b'{"features": [{"properties": {"area": "here", "lacs": [1]}, "geometry": null}]}'
OUT = "direction: mobile originated"
CALL = f"called: {{{OUT}, number_class: long distance}}"
LEAVE = "left: {area: here, after_staying: 1h, confirmed_by: 5m}"


def campaign(name: str, trigger: str, more: str = "") -> bytes:
    return f"""
campaign: {name}
title: {name}
status: live
trigger: {{{trigger}}}
offer: {{from: "1", text: x}}
{more}
""".encode()


def found(*files: bytes) -> list[tuple[str, str, str]]:
    bundle = {f"{number}.yaml": data for number, data in enumerate(files)}
    rules = RuleSet.load({**bundle, "areas.geojson": AREAS})
    return [(one.first.id, one.second.id, one.how) for one in conflicts(rules.campaigns)]


@pytest.mark.parametrize(
    ("trigger", "how"),
    [
        ("called: {}", SAME_EVENT),
        (f"called: {{{OUT}, number_class: [local, long distance]}}", SAME_EVENT),
        ("called: {direction: mobile terminated}", LATER),
        (f"called: {{{OUT}, number_class: local}}", LATER),
        ("answered: {}", LATER),
        (CALL, SAME_MOMENT),
        (LEAVE, LATER),
    ],
)
def test_triggers_that_one_event_completes_meet_at_it(trigger: str, how: str) -> None:
    assert found(campaign("a", CALL), campaign("b", trigger)) == [("a", "b", how)]


def test_one_timer_fires_both() -> None:
    assert found(campaign("a", LEAVE), campaign("b", LEAVE)) == [("a", "b", SAME_MOMENT)]


def test_the_higher_priority_goes_first_and_a_shadow_last() -> None:
    low = campaign("a", CALL, "priority: 10")
    high = campaign("b", CALL, "priority: 90")
    assert found(low, high) == [("b", "a", SAME_MOMENT)]
    assert found(low, high.replace(b"live", b"shadow")) == [("a", "b", SAME_MOMENT)]


def test_campaigns_of_other_days_or_paused_ones_do_not_meet() -> None:
    january = campaign("a", CALL, "runs: {from: 2008-01-01, until: 2008-01-31}")
    later = campaign("b", CALL, "runs: {from: 2008-02-01}")
    assert found(january, later) == []
    assert found(january, campaign("c", CALL, "runs: {from: 2008-01-31}")) != []
    assert found(january, campaign("c", CALL).replace(b"live", b"paused")) == []


def test_ties_and_exclusions_are_told(tmp_path: Path, xinling: Callable[..., Any]) -> None:
    tie, excluding = campaign("b", CALL), campaign("c", CALL, "excludes: {campaigns: [a], for: 7d}")
    for number, data in enumerate((campaign("a", CALL), tie, excluding)):
        (tmp_path / f"{number}.yaml").write_bytes(data)
    (tmp_path / "settings.json").write_text('{"apart": "1h"}')
    said = xinling("campaigns", "conflicts", tmp_path)
    assert said.code == 0, said.err
    rows = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "a 50 b 50 at one moment same priority: their names decide" in rows
    assert "a 50 c 50 at one moment one excludes the other" in rows
    assert "besides, all of them meet within 3,600 s after one was sent" in rows


def test_a_single_campaign_meets_nobody(tmp_path: Path, xinling: Callable[..., Any]) -> None:
    (tmp_path / "a.yaml").write_bytes(campaign("a", CALL))
    assert "no two of these campaigns could meet" in xinling("campaigns", "conflicts", tmp_path).out


def test_the_picture_shows_who_meets_whom_the_first_to_go_out_on_top() -> None:
    files = [
        campaign("a", CALL, "priority: 10"),
        campaign("b", "called: {}", "priority: 90"),
        campaign("c", LEAVE, "priority: 50"),
    ]
    bundle = {f"{number}.yaml": data for number, data in enumerate(files)}
    drawn = picture([*conflicts(RuleSet.load({**bundle, "areas.geojson": AREAS}).campaigns)])
    assert [line.rstrip() for line in drawn] == [
        "",
        "      1  2  3",
        "b  1  ╲  ·  ●",
        "c  2  ·  ╲  ·",
        "a  3  ●  ·  ╲",
        "● at one event  ◆ at one moment  · while one is held",
    ]


def test_a_picture_that_no_page_has_room_for_is_not_drawn() -> None:
    files = {f"{n}.yaml": campaign(f"c{n}", "called: {}") for n in range(MOST_DRAWN + 1)}
    assert [*picture([*conflicts(RuleSet.load(files).campaigns)])] == []
