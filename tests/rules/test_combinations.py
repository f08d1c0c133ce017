"""Triggers made of triggers, and what is left of their progress."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import (
    ALSO_INSIDE,
    DAY,
    HOUR,
    INSIDE,
    MINUTE,
    NOON,
    OUTSIDE,
    PERSON,
    Life,
    bundle,
    call,
    campaign,
    rules,
    seen,
    told,
)

from decoders.events import CALL_ANSWERED, CALL_ATTEMPTED, CALL_ENDED, MESSAGE_SENT, Event
from decoders.messages import Cell
from decoders.times import SECOND
from rules import packed
from rules.combinations import MOST_MARKS
from rules.engine import RuleSet
from rules.feed import Feed
from rules.state import Subscriber
from rules.triggers import completing, keys

SENT = [("one", "send", None)]
CALL_THEN_TEXT = "sequence: {steps: [{called: {}}, {texted: {}}], within: 1h}"
THREE_CALLS = "count: {of: {called: {}}, at_least: 3, within: 1h}"
UNANSWERED = "not_followed_by: {first: {called: {}}, then: {answered: {}}, within: 10m}"


def text(time: int, **keys: object) -> Event:
    return seen(time, INSIDE, MESSAGE_SENT, direction="mobile originated", **keys)


def living(trigger: str, **keys: str) -> Life:
    return Life(rules(campaign(trigger, **keys)))


# any_of


def test_any_of_comes_true_with_each_of_its_parts() -> None:
    life = living("any_of: [{called: {}}, {left: {area: city, confirmed_by: 20m}}]")
    assert told(life.event(call(0))) == SENT
    life.walk((HOUR, OUTSIDE))
    (verdict,) = life.clock(2 * HOUR)
    assert verdict.trigger.startswith("left:")
    assert told(life.event(text(3 * HOUR))) == []


def test_any_of_comes_true_once_an_instant() -> None:
    life = living("any_of: [{called: {area: city}}, {called: {}}]")
    assert told(life.event(call(0))) == SENT


def test_any_of_somebody_unknown_is_refused_as_any_trigger_is() -> None:
    life = living("any_of: [{called: {}}, {texted: {}}]")
    verdicts = life.event(call(0, identity="unknown"))
    assert told(verdicts) == [("one", "refuse", "unknown identity")]
    assert life.state == Subscriber(PERSON)


# sequence


def test_a_sequence_comes_true_with_its_last_step() -> None:
    life = living(CALL_THEN_TEXT)
    first, last = call(0), text(HOUR)
    assert life.event(first) == []
    (verdict,) = life.event(last)
    assert told([verdict]) == SENT
    assert verdict.trigger == last.id
    assert [sample.event for sample in verdict.evidence] == [first.id, last.id]
    assert not life.state.progress


def test_a_sequence_begins_anew_after_it_came_true() -> None:
    life = living(CALL_THEN_TEXT)
    life.event(call(0))
    assert told(life.event(text(MINUTE))) == SENT
    assert life.event(text(2 * MINUTE)) == []


def test_the_last_step_is_within_so_long_of_the_first() -> None:
    life = living(CALL_THEN_TEXT)
    life.event(call(0))
    assert life.event(text(HOUR + 1)) == []
    life.event(call(2 * HOUR))
    life.event(call(2 * HOUR + 30 * MINUTE))
    assert told(life.event(text(3 * HOUR + 20 * MINUTE))) == SENT  # of the second call


def test_steps_in_another_order_are_none() -> None:
    life = living(CALL_THEN_TEXT)
    assert life.event(text(0)) == []
    assert life.event(call(MINUTE)) == []


def test_one_event_is_one_step_even_where_two_steps_ask_the_same() -> None:
    life = living("sequence: {steps: [{called: {}}, {called: {}}, {called: {}}], within: 1h}")
    assert life.event(call(0)) == []
    assert life.event(call(MINUTE)) == []
    assert told(life.event(call(2 * MINUTE))) == SENT


def test_a_step_may_be_a_departure_or_a_combination() -> None:
    life = living(
        "sequence: {steps: [{left: {area: city, confirmed_by: 20m}}, {any_of: [{called: {}},"
        " {texted: {}}]}], within: 2h}"
    )
    life.walk((0, INSIDE), (MINUTE, OUTSIDE))
    life.event(call(10 * MINUTE, cell=OUTSIDE))  # before it has come true that they left
    life.clock(30 * MINUTE)
    (verdict,) = life.event(call(HOUR, cell=OUTSIDE))
    assert told([verdict]) == SENT
    assert len(verdict.evidence) == 3


@given(st.lists(st.tuples(st.integers(1, 40), st.sampled_from("cta")), max_size=40))
def test_a_sequence_is_what_its_definition_says(moves: Sequence[tuple[int, str]]) -> None:
    """Against every possible choice of steps, in 60 minutes, each used once."""
    life = living(
        "sequence: {steps: [{called: {}}, {texted: {}}, {answered: {}}], within: 1h}",
        quiet_hours='{from: "20:00", until: "08:00"}',
    )
    now, since, found, expected = 0, 0, [], []
    past: list[tuple[int, str]] = []
    for after, what in moves:
        now += after
        time = now * MINUTE
        event = {
            "c": call(time),
            "t": text(time),
            "a": call(time, kind=CALL_ANSWERED),
        }[what]
        found += [now for _ in life.event(event)]
        past.append((now, what))
        recent = [(at, kind) for at, kind in past[since:] if now - at <= 60]
        calls = [at for at, kind in recent if kind == "c"]
        texts = [at for at, kind in recent if kind == "t"]
        if what == "a" and any(c < t for c in calls for t in texts):
            expected.append(now)
            since = len(past)
    assert found == expected


# count


def test_a_count_comes_true_when_it_is_reached_and_counts_anew() -> None:
    life = living(THREE_CALLS)
    calls = [call(minute * MINUTE) for minute in range(6)]
    verdicts = [life.event(each) for each in calls]
    assert [len(each) for each in verdicts] == [0, 0, 1, 0, 0, 1]
    assert [each.event for each in verdicts[2][0].evidence] == [each.id for each in calls[:3]]
    assert not life.state.progress


def test_what_is_older_than_within_does_not_count() -> None:
    life = living(THREE_CALLS)
    times = (0, 59 * MINUTE, 61 * MINUTE, 119 * MINUTE)
    assert [len(life.event(call(time))) for time in times] == [0, 0, 0, 1]


def test_only_what_its_part_asks_for_counts() -> None:
    life = living("count: {of: {called: {area: suburb}}, at_least: 2, within: 1h}")
    assert not any(life.event(call(minute * MINUTE)) for minute in range(5))


def test_evidence_is_bounded_and_keeps_the_first_sample() -> None:
    life = living("count: {of: {called: {}}, at_least: 40, within: 7d}")
    calls = [call(second * SECOND) for second in range(40)]
    verdicts = [verdict for each in calls for verdict in life.event(each)]
    ids = [sample.event for sample in verdicts[0].evidence]
    assert ids == [calls[0].id, *(each.id for each in calls[41 - MOST_MARKS :])]


# not_followed_by


def test_it_comes_true_when_the_second_did_not_for_so_long() -> None:
    life = living(UNANSWERED)
    begun = call(0)
    assert life.event(begun) == []
    assert life.rules.next_due(life.state) == NOON + 10 * MINUTE
    (verdict,) = life.clock(HOUR)
    assert told([verdict]) == SENT
    assert verdict.time == NOON + 10 * MINUTE
    assert verdict.trigger == f"not_followed_by:{begun.id}"
    assert life.rules.next_due(life.state) is None


def test_the_second_ends_the_wait() -> None:
    life = living(UNANSWERED)
    life.event(call(0))
    life.event(call(10 * MINUTE - 1, kind=CALL_ANSWERED))
    assert life.clock(HOUR) == []


def test_the_second_at_the_very_end_comes_too_late() -> None:
    life = living(UNANSWERED)
    life.event(call(0))
    assert told(life.event(call(10 * MINUTE, kind=CALL_ANSWERED))) == SENT


def test_the_first_again_begins_no_further_wait() -> None:
    life = living(UNANSWERED)
    life.event(call(0))
    life.event(call(5 * MINUTE))
    assert told(life.clock(HOUR)) == SENT


def test_the_same_again_ends_one_wait_and_begins_another() -> None:
    life = living("not_followed_by: {first: {called: {}}, then: {called: {}}, within: 10m}")
    life.event(call(0))
    life.event(call(5 * MINUTE))
    (verdict,) = life.clock(HOUR)
    assert verdict.time == NOON + 15 * MINUTE


@pytest.mark.parametrize(
    ("area", "cell", "reason"),
    [
        ("46000-100", INSIDE, "feed not trusted"),
        ("46001-100", INSIDE, None),
        ("46000-200", INSIDE, None),
        ("46000-100", Cell(lac=100), "feed not trusted"),
        ("46000-200", None, "feed not trusted"),
    ],
)
def test_p3_a_wait_during_which_the_feed_of_its_area_fell_is_not_trusted(
    area: str, cell: Cell | None, reason: str | None
) -> None:
    life = living(UNANSWERED)
    life.event(call(0, cell=cell))
    (verdict,) = life.clock(HOUR, {"probe": Feed().after(NOON + MINUTE, {area: 0})})
    assert verdict.reason == reason


def test_a_wait_that_goes_on_is_asked_when_it_ends() -> None:
    life = Life(rules(campaign(UNANSWERED), campaign("absent: {area: city, for: 5m}", name="two")))
    life.event(call(0))
    feeds = {"probe": Feed().after(NOON + MINUTE, {"46000-100": 0})}
    assert told(life.clock(5 * MINUTE, feeds)) == [("two", "refuse", "feed not trusted")]
    assert told(life.clock(HOUR)) == SENT


@pytest.mark.parametrize("trigger", [THREE_CALLS, UNANSWERED])
def test_an_event_that_a_gap_touches_is_as_good_as_another(trigger: str) -> None:
    life = living(trigger)
    life.event(call(0))
    before = life.state.progress
    life.event(seen(MINUTE, INSIDE, trust="gap"))
    assert life.state.progress == before


@pytest.mark.parametrize(
    ("trigger", "types"),
    [
        ("texted: {}", {"message.sent", "message.received"}),
        ("any_of: [{called: {}}, {answered: {}}]", {CALL_ATTEMPTED, CALL_ANSWERED}),
        ("any_of: [{called: {}}, {left: {area: city}}]", None),
        (CALL_THEN_TEXT, {"message.sent", "message.received"}),
        (THREE_CALLS, {CALL_ATTEMPTED}),
        (UNANSWERED, None),
    ],
)
def test_what_can_complete_a_trigger_is_known(trigger: str, types: set[str] | None) -> None:
    (found,) = rules(campaign(trigger)).campaigns
    assert completing(found.kind, found.trigger) == types


def test_the_keys_of_a_trigger_are_those_of_its_progress() -> None:
    life = living(UNANSWERED.replace("{called: {}}", "{left: {area: city, confirmed_by: 1h}}"))
    life.walk((0, INSIDE))
    (found,) = life.rules.campaigns
    assert set(life.state.stays) < set(keys(found.kind, found.trigger))
    life.walk((MINUTE, OUTSIDE))
    life.clock(HOUR + MINUTE)
    assert set(life.state.progress) < set(keys(found.kind, found.trigger))


# nesting, sharing, reloading


def test_combinations_nest() -> None:
    twice = "{count: {of: {called: {}}, at_least: 2, within: 1h}}"
    life = living(
        f"not_followed_by: {{first: {twice}, then: {{any_of: [{{texted: {{}}}},"
        " {call_ended: {}}]}, within: 30m}"
    )
    life.event(call(0))
    life.event(call(MINUTE))
    assert told(life.clock(HOUR)) == SENT
    life.event(call(2 * HOUR))
    life.event(call(2 * HOUR + MINUTE))
    life.event(call(2 * HOUR + 2 * MINUTE, kind=CALL_ENDED))
    assert life.clock(4 * HOUR) == []


def test_two_campaigns_share_a_part_and_a_whole() -> None:
    life = Life(
        rules(
            campaign(THREE_CALLS, name="one"),
            campaign(THREE_CALLS, name="two"),
            campaign("called: {}", name="three", status="shadow"),
        )
    )
    verdicts = [told(life.event(call(minute * MINUTE))) for minute in range(3)]
    assert verdicts[0] == [("three", "send", None)]
    assert [name for name, _, _ in verdicts[2]] == ["one", "three", "two"]


def reloaded(life: Life, *texts: str) -> None:
    life.rules = RuleSet.load(bundle(*texts))
    life.state = packed.decode(packed.encode(life.state))


@pytest.mark.parametrize(
    "trigger",
    [THREE_CALLS, "sequence: {steps: [{called: {}}, {called: {}}, {called: {}}], within: 1h}"],
)
def test_progress_survives_a_reload_that_did_not_change_the_trigger(trigger: str) -> None:
    life = living(trigger)
    life.event(call(0))
    life.event(call(MINUTE))
    reloaded(life, campaign(trigger, title="another"), campaign("texted: {}", name="new"))
    assert told(life.event(call(2 * MINUTE))) == SENT


def test_a_wait_survives_a_reload_and_ends_with_its_trigger() -> None:
    life = living(UNANSWERED)
    life.event(call(0))
    reloaded(life, campaign(UNANSWERED, title="another"))
    assert told(life.clock(HOUR)) == SENT
    life.event(call(2 * HOUR))
    reloaded(life, campaign("texted: {}"))
    assert life.clock(3 * HOUR) == []
    assert not life.state.progress


def test_progress_of_a_trigger_that_changed_is_dropped() -> None:
    life = living(THREE_CALLS)
    life.event(call(0))
    life.event(call(MINUTE))
    reloaded(life, campaign(THREE_CALLS.replace("1h", "2h")))
    assert life.event(call(2 * MINUTE)) == []
    assert len(life.state.progress) == 1


def test_progress_too_old_to_matter_is_dropped_when_the_person_is_next_looked_at() -> None:
    life = Life(
        rules(
            campaign(CALL_THEN_TEXT),
            campaign(THREE_CALLS, name="two"),
            campaign("detached: {}", name="three"),
        )
    )
    life.event(call(0))
    assert len(life.state.progress) == 2
    life.event(seen(HOUR, None, "subscriber.detached"))
    assert len(life.state.progress) == 2
    life.event(seen(HOUR + 1, None, "subscriber.detached"))
    assert not life.state.progress


def test_progress_is_small_when_packed() -> None:
    life = Life(
        rules(
            campaign(CALL_THEN_TEXT),
            campaign(THREE_CALLS, name="two"),
            campaign(UNANSWERED, name="three"),
        )
    )
    empty = len(packed.encode(life.state))
    for minute in range(2):
        life.event(call(minute * MINUTE, kind=CALL_ATTEMPTED))
    assert len(packed.encode(life.state)) - empty < 260
    assert packed.decode(packed.encode(life.state)) == life.state


def test_the_same_life_gives_the_same_whatever_ticks_there_are() -> None:
    """P1: timers fire at their due time, by a tick or by the next event."""
    events = [call(0), seen(5 * MINUTE, ALSO_INSIDE), call(12 * MINUTE), call(DAY)]
    lazy, ticked = living(UNANSWERED), living(UNANSWERED)
    for event in events:
        lazy.event(event)
        for second in range(3):
            ticked.clock(event.time - NOON - (3 - second) * SECOND)
        ticked.event(event)
    assert lazy.verdicts == ticked.verdicts
    assert lazy.state == ticked.state
