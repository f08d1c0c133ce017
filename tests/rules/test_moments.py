"""Triggers that a single event completes: calls, messages, services, updates."""

from __future__ import annotations

from typing import Any

import pytest
from rules_kit import INSIDE, OUTSIDE, WILLING, Life, call, campaign, rules, seen, told

from decoders import events
from decoders.events import Destination, Event, OtherParty
from rules.profile import Profile

SENT = [("one", "send", None)]
CELLS = """radio,mcc,net,area,cell,unit,lon,lat,range,city
GSM,460,0,100,1,,113.6,34.7,500,郑州
GSM,460,0,200,1,,113.9,34.7,500,北京
"""


def matches(trigger: str, event: Event, profile: Profile = WILLING, **more: Any) -> bool:
    life = Life(rules(campaign(trigger), **more), profile)
    return bool(life.event(event))


LONG = "called: {direction: mobile originated, number_class: long distance, not_prefix: ['12593']}"


def test_a_long_distance_call_without_the_cheap_prefix_is_the_moment_of_12593() -> None:
    life = Life(rules(campaign(LONG)))
    event = call(0)
    assert told(life.event(event)) == SENT
    assert life.verdicts[0].trigger == event.id
    assert [sample.event for sample in life.verdicts[0].evidence] == [event.id]


@pytest.mark.parametrize(
    "event",
    [
        call(0, selected="12593"),
        call(0, city="洛阳"),
        call(0, direction="mobile terminated"),
        call(0, kind=events.CALL_ANSWERED),
        call(0, number_class="service"),
        seen(0, INSIDE, events.CALL_ATTEMPTED),
    ],
    ids=["dialled with it", "local", "incoming", "answered", "service", "no number"],
)
def test_another_call_is_not(event: Event) -> None:
    assert not matches(LONG, event)


def test_another_prefix_does_not_count_as_the_cheap_one() -> None:
    assert matches(LONG, call(0, selected="17951"))
    assert matches("called: {prefix: ['17951', '12593']}", call(0, selected="17951"))
    assert not matches("called: {prefix: ['12593']}", call(0))
    assert not matches("called: {prefix: ['12593']}", seen(0, INSIDE, events.CALL_ATTEMPTED))


def test_a_class_that_the_event_bears_is_looked_at_again_from_where_the_subscriber_lives() -> None:
    assert matches(LONG, call(0, number_class="local"))
    assert not matches(LONG, call(0, city="洛阳", number_class="long distance"))


def test_without_a_home_city_the_class_is_told_from_where_the_subscriber_is() -> None:
    nobody = Profile(consent=("sms",), time_zone="Asia/Shanghai")
    local = "called: {number_class: [local]}"
    assert matches(local, call(0, cell=OUTSIDE), nobody, cells=CELLS)
    assert not matches(local, call(0, cell=INSIDE), nobody, cells=CELLS)
    assert matches("called: {number_class: unknown}", call(0, cell=None), nobody, cells=CELLS)


def test_by_configuration_the_class_is_told_from_where_the_subscriber_is_first() -> None:
    settings = {"number_class_from": "present city"}
    local = "called: {number_class: local}"
    assert matches(local, call(0, cell=OUTSIDE), cells=CELLS, settings=settings)
    assert not matches(local, call(0, cell=OUTSIDE), cells=CELLS)
    assert matches(local, call(0, city="洛阳", cell=None), cells=CELLS, settings=settings)


def test_a_number_of_another_country_is_international() -> None:
    party = OtherParty(1, 1, Destination("fixed", "DE", "030", "Berlin"))
    event = call(0, other_party=party)
    assert matches("called: {number_class: international}", event, settings={"country": "CN"})


@pytest.mark.parametrize(
    ("trigger", "detail", "wanted"),
    [
        ("{}", {}, True),
        ("{answered: true}", {"answered": True}, True),
        ("{answered: true}", {"answered": False}, False),
        ("{ended_by: radio}", {"ended_by": "radio"}, True),
        ("{ended_by: radio}", {"ended_by": "mobile"}, False),
        ("{cause: [38, 41]}", {"cause": 41}, True),
        ("{cause: [38, 41]}", {"cause": 16}, False),
        ("{cause: [38, 41]}", {}, False),
        ("{at_least: 1m}", {"duration_seconds": 60.0}, True),
        ("{at_least: 1m}", {"duration_seconds": 59.999999}, False),
        ("{at_least: 1m}", {"duration_seconds": None}, False),
        ("{at_most: 1m}", {"duration_seconds": 60}, True),
        ("{at_most: 1m}", {"duration_seconds": 60.1}, False),
        ("{at_most: 1m}", {}, False),
    ],
)
def test_a_calls_end_is_told_by_answer_cause_length_and_who_ended_it(
    trigger: str, detail: dict[str, Any], *, wanted: bool
) -> None:
    event = call(0, kind=events.CALL_ENDED, detail=detail)
    assert matches(f"call_ended: {trigger}", event) is wanted


@pytest.mark.parametrize(
    ("trigger", "kind", "keys", "wanted"),
    [
        ("answered: {}", events.CALL_ANSWERED, {}, True),
        ("texted: {}", events.MESSAGE_SENT, {}, True),
        ("texted: {}", events.MESSAGE_RECEIVED, {}, True),
        (
            "texted: {direction: mobile originated}",
            events.MESSAGE_SENT,
            {"direction": "mobile originated"},
            True,
        ),
        (
            "texted: {direction: mobile originated}",
            events.MESSAGE_RECEIVED,
            {"direction": "mobile terminated"},
            False,
        ),
        ("requested: {code: 33}", events.SERVICE_REQUESTED, {"detail": {"code": 33}}, True),
        ("requested: {operation: 59}", events.SERVICE_REQUESTED, {"detail": {"code": 33}}, False),
        ("updated: {}", events.LOCATION_UPDATED, {}, True),
        (
            "updated: {kind: periodic}",
            events.LOCATION_UPDATED,
            {"detail": {"kind": "normal"}},
            False,
        ),
        (
            "updated: {kind: periodic, outcome: accepted}",
            events.LOCATION_UPDATED,
            {"detail": {"kind": "periodic", "outcome": "accepted"}},
            True,
        ),
        (
            "attached: {}",
            events.LOCATION_UPDATED,
            {"detail": {"kind": "imsi attach", "outcome": "accepted"}},
            True,
        ),
        (
            "attached: {}",
            events.LOCATION_UPDATED,
            {"detail": {"kind": "imsi attach", "outcome": "rejected"}},
            False,
        ),
        ("attached: {}", events.LOCATION_UPDATED, {"detail": {"kind": "normal"}}, False),
        ("detached: {}", events.SUBSCRIBER_DETACHED, {}, True),
        ("handed_over: {}", events.LOCATION_HANDOVER, {}, True),
        ("handed_over: {}", events.LOCATION_SEEN, {}, False),
    ],
)
def test_each_kind_of_event_has_its_trigger(
    trigger: str, kind: str, keys: dict[str, Any], *, wanted: bool
) -> None:
    assert matches(trigger, seen(0, INSIDE, kind, **keys)) is wanted


@pytest.mark.parametrize(("cell", "wanted"), [(INSIDE, True), (OUTSIDE, False), (None, False)])
def test_any_of_them_may_ask_where_it_happened(cell: Any, *, wanted: bool) -> None:
    assert matches("called: {area: city}", call(0, cell=cell)) is wanted


def test_the_rules_tell_city_and_class_of_an_event_to_whoever_shows_it() -> None:
    ruleset = rules(campaign(LONG), cells=CELLS)
    assert ruleset.city(call(0)) == "郑州"
    assert ruleset.city(call(0, cell=None)) is None
    assert ruleset.number_class(call(0), WILLING) == "long distance"
    assert ruleset.number_class(call(0, city="郑州"), None) == "local"
    assert ruleset.number_class(seen(0, INSIDE), None) is None


def test_what_is_listed_twice_is_asked_once() -> None:
    life = Life(rules(campaign("called: {prefix: ['12593', '12593']}")))
    assert len(life.event(call(0, selected="12593"))) == 1
