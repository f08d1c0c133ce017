"""What `absent` means."""

from __future__ import annotations

import pytest
from rules_kit import (
    ALSO_INSIDE,
    DAY,
    HOUR,
    INSIDE,
    MINUTE,
    NOON,
    NOWHERE,
    OUTSIDE,
    Life,
    campaign,
    rules,
    seen,
    told,
)

from decoders.events import SUBSCRIBER_DETACHED
from decoders.messages import Cell
from rules import packed
from rules.engine import RuleSet
from rules.feed import Feed

SENT = [("one", "send", None)]
SHORT = "absent: {area: city, for: 2h}"
VISITS = "absent: {area: city, for: 2h, confirmed_by: 10m}"

CORNER = {
    "areas.geojson": b'{"features": [{"properties": {"area": "city", "cells": ["100-1"]},'
    b' "geometry": null}]}'
}
MOVED = {"areas.geojson": CORNER["areas.geojson"].replace(b"100-1", b"7-1")}


def living(trigger: str = SHORT) -> Life:
    return Life(rules(campaign(trigger)))


def test_it_fires_so_long_after_the_last_sample_inside() -> None:
    life = living()
    events = [seen(0, INSIDE), seen(HOUR, ALSO_INSIDE)]
    for event in events:
        life.event(event)
    assert life.clock(3 * HOUR - 1) == []
    (verdict,) = life.clock(3 * HOUR)
    assert told([verdict]) == SENT
    assert [sample.event for sample in verdict.evidence] == [event.id for event in events]
    assert verdict.trigger == f"absent:{events[1].id}"
    assert not life.state.stays


def test_a_sample_outside_changes_nothing_and_needs_not_be() -> None:
    life = living()
    assert life.walk((0, INSIDE), (MINUTE, OUTSIDE), (HOUR, OUTSIDE)) == []
    assert life.rules.next_due(life.state) == NOON + 2 * HOUR


def test_who_never_was_there_is_not_absent() -> None:
    life = living()
    life.walk((0, OUTSIDE), (HOUR, OUTSIDE))
    assert life.clock(6 * HOUR) == []


def test_a_visit_ends_an_absence_and_the_next_one_counts_from_it() -> None:
    life = living()
    later = seen(90 * MINUTE, INSIDE)
    life.walk((0, INSIDE), (MINUTE, OUTSIDE))
    life.event(later)
    (verdict,) = life.clock(6 * HOUR)
    assert verdict.time == NOON + 210 * MINUTE
    assert [sample.event for sample in verdict.evidence] == [later.id]


def test_it_comes_true_once_an_absence() -> None:
    life = living()
    life.walk((0, INSIDE), (3 * HOUR, OUTSIDE))
    assert len(life.verdicts) == 1
    assert life.clock(7 * HOUR) == []


def test_a_detach_and_a_cell_that_nobody_can_place_change_nothing() -> None:
    life = Life(RuleSet.load({**CORNER, "a.yaml": campaign(SHORT).encode()}))
    life.walk((0, INSIDE), (MINUTE, NOWHERE), (2 * MINUTE, Cell("460", "00", 100, None)))
    life.event(seen(3 * MINUTE, None, SUBSCRIBER_DETACHED))
    assert life.rules.next_due(life.state) == NOON + 2 * HOUR


@pytest.mark.parametrize(("again", "fires"), [(9 * MINUTE, True), (10 * MINUTE, False)])
def test_a_visit_shorter_than_confirmed_by_does_not_interrupt(again: int, *, fires: bool) -> None:
    life = living(VISITS)
    begin = HOUR
    life.walk((0, INSIDE), (MINUTE, OUTSIDE), (begin, INSIDE), (begin + again, INSIDE))
    life.walk((begin + 20 * MINUTE, OUTSIDE))
    due = 2 * HOUR if fires else begin + again + 2 * HOUR
    assert life.rules.next_due(life.state) == NOON + due


def test_nothing_fires_during_a_visit_and_all_the_same_right_after_a_short_one() -> None:
    life = living(VISITS)
    begin = 2 * HOUR - MINUTE
    life.walk((0, INSIDE), (MINUTE, OUTSIDE), (begin, INSIDE))
    assert life.clock(2 * HOUR + MINUTE) == []
    life.walk((2 * HOUR + 2 * MINUTE, OUTSIDE))
    (verdict,) = life.verdicts
    assert verdict.time == NOON + 2 * HOUR + 2 * MINUTE


def test_after_it_came_true_a_short_visit_begins_no_further_absence() -> None:
    life = living(VISITS)
    life.walk((0, INSIDE), (MINUTE, OUTSIDE))
    assert len(life.clock(3 * HOUR)) == 1
    life.walk((4 * HOUR, INSIDE), (4 * HOUR + MINUTE, OUTSIDE))
    assert life.clock(8 * HOUR - 1) == []
    life.walk((8 * HOUR, INSIDE), (8 * HOUR + 20 * MINUTE, INSIDE))
    life.clock(7 * HOUR)
    assert life.rules.next_due(life.state) == NOON + 10 * HOUR + 20 * MINUTE


def test_a_visit_after_a_silence_is_another_one() -> None:
    life = living(VISITS)
    life.walk((0, INSIDE))
    life.clock(3 * HOUR)
    life.walk((4 * HOUR, INSIDE))
    assert life.rules.next_due(life.state) is None
    life.walk((4 * HOUR + 10 * MINUTE, INSIDE))
    assert life.rules.next_due(life.state) == NOON + 6 * HOUR + 10 * MINUTE


@pytest.mark.parametrize(("score", "reason"), [(60, "feed not trusted"), (70, None)])
def test_p3_it_is_not_trusted_where_the_score_fell_since_the_last_sample(
    score: int, reason: str | None
) -> None:
    life = living()
    life.event(seen(0, INSIDE, trust="gap"))
    life.event(seen(MINUTE, OUTSIDE, trust="gap"))
    feed = Feed().after(NOON + 2 * MINUTE, {"46000-100": score})
    (verdict,) = life.clock(3 * HOUR, {"probe": feed})
    assert verdict.reason == reason


def test_areas_that_changed_do_not_make_it_come_true() -> None:
    life = living()
    life.walk((0, INSIDE))
    life.rules = rules(campaign(SHORT), city=[100])
    life.state = packed.decode(packed.encode(life.state))
    assert told(life.clock(3 * HOUR)) == SENT
    life.walk((4 * HOUR, INSIDE))
    life.rules = RuleSet.load({**CORNER, **MOVED, "a.yaml": campaign(SHORT).encode()})
    assert life.clock(2 * DAY) == []
