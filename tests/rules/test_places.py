"""`entered`, its mirror of `left`, and `stayed`."""

from __future__ import annotations

import pytest
from rules_kit import (
    ALSO_INSIDE,
    ALSO_OUTSIDE,
    DAY,
    HOUR,
    INSIDE,
    MINUTE,
    NOON,
    OUTSIDE,
    Life,
    campaign,
    rules,
    seen,
    told,
)

from decoders.events import SUBSCRIBER_DETACHED
from decoders.messages import Cell

SENT = [("one", "send", None)]


def entering(more: str = "") -> Life:
    return Life(rules(campaign("entered: {area: city" + more + "}")))


def test_entered_fires_at_the_first_sample_inside_after_one_outside() -> None:
    life = entering()
    life.walk((0, OUTSIDE))
    arrival = seen(HOUR, INSIDE)
    assert told(life.event(arrival)) == SENT
    assert [sample.time - NOON for sample in life.verdicts[0].evidence] == [0, HOUR]
    assert life.verdicts[0].trigger == f"entered:{arrival.id}"
    assert life.state.stays == {}


def test_somebody_first_seen_inside_has_not_entered() -> None:
    life = entering()
    assert life.walk((0, INSIDE), (HOUR, INSIDE)) == []


def test_somebody_last_seen_where_nobody_can_say_has_not_entered() -> None:
    life = Life(
        rules(
            campaign("entered: {area: cell}"),
            cells="radio,mcc,net,area,cell,unit,lon,lat\n",
            cell=[100],
        )
    )
    life.walk((0, Cell(lac=None, ci=7)), (HOUR, INSIDE))
    assert life.verdicts == []


def test_entered_is_confirmed_by_no_sample_outside() -> None:
    life = entering(", confirmed_by: 20m")
    life.walk((0, OUTSIDE), (HOUR, INSIDE), (HOUR + 10 * MINUTE, OUTSIDE))
    assert life.clock(2 * HOUR) == []
    life.walk((3 * HOUR, INSIDE), (3 * HOUR + MINUTE, ALSO_INSIDE))
    assert told(life.clock(4 * HOUR)) == SENT
    assert life.verdicts[0].time == NOON + 3 * HOUR + 20 * MINUTE


def test_entered_after_staying_asks_how_long_somebody_was_away() -> None:
    life = entering(", after_staying: 7d")
    life.walk((0, OUTSIDE), (DAY, INSIDE), (2 * DAY, OUTSIDE), (5 * DAY, ALSO_OUTSIDE))
    assert life.verdicts == []
    life.walk((9 * DAY, OUTSIDE), (10 * DAY, INSIDE))
    assert told(life.verdicts) == SENT


def test_a_gap_does_not_speak_against_an_arrival() -> None:
    life = entering()
    life.walk((0, OUTSIDE))
    assert told(life.event(seen(HOUR, INSIDE, trust="gap"))) == SENT


def test_new_areas_bring_nobody_home() -> None:
    trigger = "entered: {area: moving}"
    life = Life(rules(campaign(trigger), moving=[100]))
    life.walk((0, OUTSIDE))
    life.rules = rules(campaign(trigger), moving=[200])
    assert life.walk((HOUR, OUTSIDE)) == []


def staying(more: str = "") -> Life:
    return Life(rules(campaign("stayed: {area: city, for: 30m" + more + "}")))


def test_stayed_fires_by_timer_counted_from_the_first_sample() -> None:
    life = staying()
    life.walk((0, INSIDE), (10 * MINUTE, ALSO_INSIDE))
    assert told(life.clock(30 * MINUTE)) == SENT
    assert life.verdicts[0].time == NOON + 30 * MINUTE
    assert [sample.time - NOON for sample in life.verdicts[0].evidence] == [0, 10 * MINUTE]


def test_stayed_comes_true_once_a_stay() -> None:
    life = staying()
    life.walk((0, INSIDE))
    life.clock(HOUR)
    life.walk((2 * HOUR, INSIDE))
    life.clock(9 * HOUR)
    assert told(life.verdicts) == SENT
    life.walk((10 * HOUR, OUTSIDE), (11 * HOUR, INSIDE))
    life.clock(12 * HOUR)
    assert len(life.verdicts) == 2


def test_a_sample_elsewhere_ends_the_stay() -> None:
    life = staying()
    life.walk((0, INSIDE), (20 * MINUTE, OUTSIDE), (25 * MINUTE, INSIDE))
    assert life.clock(40 * MINUTE) == []
    assert told(life.clock(55 * MINUTE)) == SENT


def test_a_short_excursion_does_not_interrupt_a_stay_and_nothing_fires_during_it() -> None:
    life = staying(", confirmed_by: 20m")
    life.walk((0, INSIDE), (25 * MINUTE, OUTSIDE), (28 * MINUTE, OUTSIDE))
    assert life.clock(31 * MINUTE) == []
    back = life.walk((35 * MINUTE, INSIDE))
    assert told(back) == SENT
    assert back[0].time == NOON + 35 * MINUTE


def test_a_long_excursion_ends_the_stay() -> None:
    life = staying(", confirmed_by: 20m")
    life.walk((0, INSIDE), (5 * MINUTE, OUTSIDE), (25 * MINUTE, INSIDE))
    assert life.clock(54 * MINUTE) == []
    assert told(life.clock(55 * MINUTE)) == SENT
    life.walk((2 * HOUR, OUTSIDE), (3 * HOUR, OUTSIDE))
    assert life.state.stays == {}


def test_a_detach_ends_the_stay() -> None:
    life = staying()
    life.walk((0, INSIDE))
    life.event(seen(MINUTE, None, SUBSCRIBER_DETACHED))
    assert life.clock(9 * HOUR) == []


def test_a_detach_of_somebody_on_a_trigger_that_is_gone_forgets_it() -> None:
    life = staying()
    life.walk((0, INSIDE))
    life.rules = rules(campaign("stayed: {area: suburb, for: 30m}"))
    life.event(seen(MINUTE, None, SUBSCRIBER_DETACHED))
    assert life.state.stays == {}


def test_a_stay_in_what_is_no_longer_the_place_does_not_come_true() -> None:
    trigger = "stayed: {area: moving, for: 30m}"
    life = Life(rules(campaign(trigger), moving=[100]))
    life.walk((0, INSIDE))
    life.rules = rules(campaign(trigger), moving=[200])
    assert life.clock(9 * HOUR) == []


CELLS = """radio,mcc,net,area,cell,unit,lon,lat,range,tags
GSM,460,0,100,1,,113.6,34.7,500,subway
GSM,460,0,100,2,,113.7,34.7,500,campus;subway
GSM,460,0,200,1,,113.9,34.7,500,
"""


@pytest.mark.parametrize("trigger", ["stayed: {tag: subway, for: 30m}", "left: {tag: campus}"])
def test_a_place_may_be_the_cells_with_a_tag(trigger: str) -> None:
    life = Life(rules(campaign(trigger), cells=CELLS))
    life.walk((0, ALSO_INSIDE), (29 * MINUTE, INSIDE))
    life.clock(HOUR)
    assert told(life.verdicts) == SENT


UNKNOWN = Cell("460", "00", 999, 1)


@pytest.mark.parametrize("trigger", ["left: {tag: subway", "entered: {tag: campus"])
def test_a_sample_in_a_cell_that_nobody_knows_does_not_count(trigger: str) -> None:
    life = Life(rules(campaign(trigger + ", after_staying: 10m}"), cells=CELLS))
    life.walk((0, UNKNOWN), (1, INSIDE), (20 * MINUTE, UNKNOWN), (21 * MINUTE, INSIDE))
    life.walk((30 * MINUTE, UNKNOWN))
    assert life.verdicts == []
    life.walk((31 * MINUTE, OUTSIDE if "left" in trigger else ALSO_INSIDE))
    assert told(life.verdicts) == SENT


def test_a_cell_that_nobody_knows_decides_nothing() -> None:
    life = Life(rules(campaign("stayed: {tag: subway, for: 30m}"), cells=CELLS))
    life.walk((0, INSIDE), (MINUTE, Cell("460", "00", 999, 1)), (2 * MINUTE, ALSO_OUTSIDE))
    life.walk((3 * MINUTE, Cell("460", "00", 200, 9)))
    assert told(life.clock(HOUR)) == SENT
