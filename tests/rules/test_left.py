"""What `left` means, sentence by sentence of the contracts."""

from __future__ import annotations

import pytest
from rules_kit import (
    ALSO_INSIDE,
    ALSO_OUTSIDE,
    HOUR,
    INSIDE,
    MINUTE,
    NOON,
    NOWHERE,
    OUTSIDE,
    Life,
    bundle,
    campaign,
    rules,
    seen,
    told,
)

from decoders.events import CALL_ENDED, LOCATION_HANDOVER, LOCATION_UPDATED, SUBSCRIBER_DETACHED
from decoders.messages import Cell
from decoders.times import SECOND
from rules.engine import RuleSet
from rules.feed import Feed

SENT = [("one", "send", None)]


@pytest.fixture
def life() -> Life:
    return Life(rules(campaign()))


def test_it_fires_by_timer_when_nobody_was_inside_for_confirmed_by(life: Life) -> None:
    assert life.walk((0, INSIDE), (10 * MINUTE, INSIDE), (15 * MINUTE, OUTSIDE)) == []
    assert life.rules.next_due(life.state) == NOON + 35 * MINUTE
    assert life.clock(35 * MINUTE - 1) == []
    assert told(life.clock(35 * MINUTE)) == SENT
    assert life.verdicts[0].time == NOON + 35 * MINUTE
    assert life.rules.next_due(life.state) is None


def test_the_evidence_is_the_first_and_last_sample_of_the_stay_and_the_first_outside(
    life: Life,
) -> None:
    events = [
        seen(0, INSIDE),
        seen(5 * MINUTE, ALSO_INSIDE),
        seen(10 * MINUTE, INSIDE),
        seen(15 * MINUTE, OUTSIDE),
        seen(20 * MINUTE, ALSO_OUTSIDE),
    ]
    for event in events:
        life.event(event)
    (verdict,) = life.clock(HOUR)
    decided = [events[0], events[2], events[3]]
    assert [sample.event for sample in verdict.evidence] == [event.id for event in decided]
    assert [sample.cell for sample in verdict.evidence] == [event.cell for event in decided]
    assert [sample.frames for sample in verdict.evidence] == [event.frames for event in decided]
    assert verdict.evidence[-1].time == NOON + 15 * MINUTE  # the time of leaving
    assert verdict.trigger == f"left:{events[3].id}"


def test_a_stay_shorter_than_after_staying_is_not_left(life: Life) -> None:
    life.walk((0, INSIDE), (10 * MINUTE - 1, INSIDE), (11 * MINUTE, OUTSIDE))
    assert life.rules.next_due(life.state) is None
    assert life.walk((2 * HOUR, OUTSIDE)) == []
    assert life.clock(9 * HOUR) == []


def test_the_stay_ends_with_its_last_sample_and_not_with_the_first_outside(life: Life) -> None:
    life.walk((0, INSIDE), (5 * HOUR, OUTSIDE))
    assert life.clock(9 * HOUR) == []


def test_an_excursion_shorter_than_confirmed_by_does_not_interrupt_the_stay(life: Life) -> None:
    life.walk((0, INSIDE), (6 * MINUTE, INSIDE), (7 * MINUTE, OUTSIDE))
    life.walk((27 * MINUTE - 1, INSIDE), (28 * MINUTE, OUTSIDE))
    assert told(life.clock(48 * MINUTE)) == SENT
    assert life.verdicts[0].evidence[0].time == NOON


def test_an_excursion_as_long_as_confirmed_by_interrupts_a_stay_that_was_too_short(
    life: Life,
) -> None:
    life.walk((0, INSIDE), (6 * MINUTE, INSIDE), (7 * MINUTE, OUTSIDE))
    life.walk((27 * MINUTE, INSIDE), (28 * MINUTE, OUTSIDE))
    assert life.clock(5 * HOUR) == []


def test_a_return_before_confirmation_cancels_the_leaving(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE), (HOUR + 20 * MINUTE, INSIDE))
    assert life.clock(9 * HOUR) == []


def test_a_return_at_the_very_instant_of_confirmation_comes_after_it(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    assert told(life.walk((HOUR + 21 * MINUTE, INSIDE))) == SENT


def test_a_phone_that_flaps_between_border_cells_for_an_hour_left_nothing(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE))
    for minute in range(60):
        life.walk((HOUR + minute * MINUTE, INSIDE if minute % 2 else OUTSIDE))
    life.walk((2 * HOUR, INSIDE))
    assert life.clock(30 * HOUR) == []
    assert life.verdicts == []


def test_one_that_flaps_and_then_rides_out_left_once_at_the_last_excursion(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE), (HOUR + 2 * MINUTE, INSIDE))
    life.walk((HOUR + 3 * MINUTE, OUTSIDE), (HOUR + 10 * MINUTE, ALSO_OUTSIDE))
    assert told(life.clock(9 * HOUR)) == SENT
    assert life.verdicts[0].evidence[-1].time == NOON + HOUR + 3 * MINUTE


@pytest.mark.parametrize("cell", [NOWHERE, OUTSIDE])
def test_a_detach_outside_does_not_cancel_it(life: Life, cell: Cell | None) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    life.event(seen(HOUR + 2 * MINUTE, cell, SUBSCRIBER_DETACHED))
    assert told(life.clock(9 * HOUR)) == SENT


def test_a_detach_inside_is_a_sample_inside(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    life.event(seen(HOUR + 2 * MINUTE, INSIDE, SUBSCRIBER_DETACHED))
    assert life.clock(9 * HOUR) == []


def test_a_sample_without_a_known_cell_does_not_count(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, NOWHERE))
    life.event(seen(HOUR + 2 * MINUTE, Cell(mcc="460", mnc="00")))
    assert life.rules.next_due(life.state) is None
    assert life.clock(9 * HOUR) == []


def test_leaving_again_needs_a_new_stay(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    life.walk((3 * HOUR, OUTSIDE), (4 * HOUR, INSIDE), (4 * HOUR + MINUTE, OUTSIDE))
    assert told(life.clock(6 * HOUR)) == SENT[:0]
    life.walk(
        (7 * HOUR, INSIDE), (7 * HOUR + 10 * MINUTE, INSIDE), (7 * HOUR + 11 * MINUTE, OUTSIDE)
    )
    life.clock(7 * HOUR + 31 * MINUTE)
    assert told(life.verdicts) == SENT * 2


@pytest.mark.parametrize("outcome", ["accepted", "rejected", "unseen"])
def test_a_dialogue_that_proves_a_cell_is_a_sample_whatever_its_outcome(
    life: Life, outcome: str
) -> None:
    life.walk((0, INSIDE))
    life.event(seen(HOUR, INSIDE, CALL_ENDED, detail={"answered": False}))
    life.event(seen(HOUR + 1, OUTSIDE, LOCATION_UPDATED, detail={"outcome": outcome}))
    assert told(life.clock(9 * HOUR)) == SENT


def test_a_handover_is_a_sample_of_the_new_cell(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE))
    life.event(seen(HOUR + 1, OUTSIDE, LOCATION_HANDOVER))
    assert told(life.clock(9 * HOUR)) == SENT


def test_without_confirmation_it_fires_at_the_first_sample_outside() -> None:
    life = Life(rules(campaign("left: {area: city}")))
    life.walk((0, INSIDE))
    event = seen(MINUTE, OUTSIDE)
    assert told(life.event(event)) == SENT
    assert life.verdicts[0].time == event.time


def test_an_event_older_than_the_last_sample_does_not_move_anybody(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (30 * MINUTE, OUTSIDE))
    assert life.rules.next_due(life.state) is None


def test_a_gap_that_a_sample_touches_says_nothing_of_what_was_not_seen(life: Life) -> None:
    times = (0, HOUR, HOUR + MINUTE, HOUR + 2 * MINUTE)
    for time, cell in zip(times, (INSIDE, INSIDE, OUTSIDE, OUTSIDE), strict=True):
        life.event(seen(time, cell, trust="gap"))
    assert told(life.clock(9 * HOUR)) == SENT


@pytest.mark.parametrize(
    ("area", "score", "times", "reason"),
    [
        ("46000-100", 0, (HOUR, None), "feed not trusted"),
        ("46000-100", 60, (HOUR, None), "feed not trusted"),
        ("46000-100", 70, (HOUR, None), None),
        ("46000-200", 0, (HOUR, None), None),
        ("46000-100", 0, (10 * MINUTE, 20 * MINUTE), None),
        ("46000-100", 0, (10 * MINUTE, 40 * MINUTE), "feed not trusted"),
        ("46000-100", 0, (50 * MINUTE, 55 * MINUTE), "feed not trusted"),
    ],
)
def test_p3_a_place_whose_feed_fell_since_the_last_sample_there_is_not_left(
    life: Life, area: str, score: int, times: tuple[int, int | None], reason: str | None
) -> None:
    began, over = times
    feed = Feed().after(NOON + began, {area: score})
    if over is not None:
        feed = feed.after(NOON + over, {})
    life.walk((0, INSIDE), (30 * MINUTE, INSIDE), (45 * MINUTE, OUTSIDE))
    (verdict,) = life.clock(9 * HOUR, {"probe": feed})
    assert verdict.reason == reason


def test_a_reloaded_cell_table_does_not_make_people_appear_to_move(life: Life) -> None:
    before = rules(campaign("left: {area: moving, after_staying: 1m}"), moving=[100])
    after = rules(campaign("left: {area: moving, after_staying: 1m}"), moving=[200])
    life = Life(before)
    life.walk((0, INSIDE), (HOUR, INSIDE))
    life.rules = after
    assert life.walk((2 * HOUR, INSIDE), (3 * HOUR, INSIDE)) == []
    assert life.walk((4 * HOUR, OUTSIDE), (5 * HOUR, OUTSIDE)) == []
    assert told(life.walk((6 * HOUR, INSIDE))) == SENT  # out of where the area is now


def test_a_leaving_that_is_none_by_the_new_areas_does_not_fire() -> None:
    trigger = "left: {area: moving, confirmed_by: 20m}"
    life = Life(rules(campaign(trigger), moving=[100]))
    life.walk((0, INSIDE), (MINUTE, OUTSIDE))
    life.rules = rules(campaign(trigger), moving=[100, 200])
    assert life.clock(HOUR) == []
    assert life.state.stays == {}


def test_a_sample_after_new_areas_finds_the_excursion_to_have_been_none() -> None:
    trigger = "left: {area: moving, confirmed_by: 20m}"
    life = Life(rules(campaign(trigger), moving=[100]))
    life.walk((0, INSIDE), (MINUTE, OUTSIDE))
    life.rules = rules(campaign(trigger), moving=[100, 200])
    life.walk((2 * MINUTE, ALSO_OUTSIDE))
    (verdict,) = life.clock(HOUR)
    assert [sample.time - NOON for sample in verdict.evidence] == [0, MINUTE, 2 * MINUTE]


def test_progress_survives_a_reload_that_does_not_change_the_trigger(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    life.rules = rules(campaign(name="other"), campaign(more="# a comment\n", priority=70))
    assert told(life.clock(9 * HOUR)) == [("one", "send", None), ("other", "refuse", "out-ranked")]


def test_progress_through_a_trigger_that_is_gone_goes_with_it(life: Life) -> None:
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    life.rules = rules(campaign("left: {area: suburb}"))
    assert life.clock(9 * HOUR) == []
    assert life.rules.next_due(life.state) is None
    life.walk((10 * HOUR, OUTSIDE))
    assert life.state.stays == {}


def test_each_campaign_on_one_trigger_decides_for_itself() -> None:
    life = Life(rules(campaign(), campaign(name="two", priority=90)))
    life.walk((0, INSIDE), (HOUR, INSIDE), (HOUR + MINUTE, OUTSIDE))
    assert len(life.state.stays) == 1
    assert told(life.clock(9 * HOUR)) == [("one", "refuse", "out-ranked"), ("two", "send", None)]


def test_nobody_without_an_identity_is_followed() -> None:
    life = Life(rules(campaign()))
    for time, cell in ((0, INSIDE), (HOUR, INSIDE), (HOUR + 1, OUTSIDE)):
        life.event(seen(time, cell, identity="unknown"))
    assert life.state.empty


def test_the_input_state_is_never_changed() -> None:
    ruleset = rules(campaign())
    life = Life(ruleset)
    for time, cell in ((0, INSIDE), (HOUR, INSIDE), (HOUR + 1, OUTSIDE)):
        before = life.state
        stays = dict(before.stays)
        life.event(seen(time, cell))
        assert before.stays == stays
    before = life.state
    stays = dict(before.stays)
    life.clock(9 * HOUR)
    assert before.stays == stays


def test_the_phones_of_a_bundle_without_place_triggers_leave_no_state() -> None:
    life = Life(RuleSet.load(bundle(campaign("called: {}"))))
    life.walk((0, INSIDE), (HOUR, OUTSIDE))
    assert life.state.empty


def test_a_place_may_be_several_areas() -> None:
    life = Life(rules(campaign("left: {area: [city, suburb], confirmed_by: 20s}")))
    life.walk((0, INSIDE), (SECOND, ALSO_OUTSIDE), (HOUR, INSIDE))
    assert life.verdicts == []
    life.walk((2 * HOUR, OUTSIDE))
    assert told(life.clock(3 * HOUR)) == SENT
