"""Calls, short messages and services: each event once, with its direction, number and end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from correlation_labs import LABS, correlate, events_of
from correlation_messages import CELL, IMSI, START, Wire

from decoders.call import CALLS, CallState
from decoders.events import CALL_ENDED, Event
from decoders.messages import Cell, Message, PartyNumber
from decoders.short_messages import relay
from decoders.times import SECOND

NUMBER = PartyNumber("4915550102", 0, 1)
TARGET = Cell("460", "00", 200, 9)


def call(wire: Wire, *names: str) -> list[Message]:
    """A mobile originated call as far as `names` go; those in capitals alone are the network's."""
    made = wire.open()
    for name in names:
        if name == "SETUP":
            made.append(wire.from_mobile("CC", name, ti=0, ti_flag=0, called=NUMBER))
        else:
            made.append(wire.to_mobile("CC", name, ti=0, ti_flag=1, cause=16))
    return made


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_the_table_has_a_row_for_every_state() -> None:
    assert set(CALLS) == set(CallState)


def test_a_call_is_attempted_alerting_answered_and_ended_once_each() -> None:
    wire = Wire()
    names = ("SETUP", "ALERTING", "ALERTING", "CONNECT", "CONNECT", "DISCONNECT", "RELEASE")
    events = correlate([*call(wire, *names), *wire.release(2, 1)])
    assert types(events) == ["call.attempted", "call.alerting", "call.answered", "call.ended"]
    assert len({event.call for event in events}) == 1
    assert {event.direction for event in events} == {"mobile originated"}
    assert events[2].detail == {"setup_seconds": 3.0}
    assert events[3].detail == {
        "answered": True,
        "duration_seconds": 2.0,
        "cause": 16,
        "ended_by": "network",
    }


def test_every_event_of_a_call_bears_the_other_party() -> None:
    events = correlate(call(Wire(), "SETUP", "ALERTING", "CONNECT", "DISCONNECT"))
    parties = {event.other_party for event in events}
    assert len(parties) == 1
    party = parties.pop()
    assert party is not None
    assert (party.digits, party.destination.city) == ("4915550102", "西岭")


def test_a_mobile_terminated_call_is_told_by_its_transaction_and_shows_the_calling_number() -> None:
    wire = Wire()
    setup = wire.to_mobile("CC", "SETUP", ti=0, ti_flag=0, calling=NUMBER, called=None)
    events = correlate([*wire.open("PAGING RESPONSE"), setup])
    assert [(one.type, one.direction) for one in events] == [
        ("call.attempted", "mobile terminated")
    ]
    assert events[0].other_party is not None
    assert events[0].other_party.digits == NUMBER.digits


def test_two_calls_of_one_dialogue_are_two() -> None:
    wire = Wire()
    first = call(wire, "SETUP", "CONNECT")
    waiting = wire.to_mobile("CC", "SETUP", ti=0, ti_flag=0, calling=NUMBER)
    busy = wire.from_mobile("CC", "RELEASE COMPLETE", ti=0, ti_flag=1, cause=17)
    events = correlate([*first, waiting, busy])
    assert types(events) == ["call.attempted", "call.answered", "call.attempted", "call.ended"]
    assert events[2].call == events[3].call != events[0].call
    assert events[3].detail["ended_by"] == "mobile"


def test_a_transaction_identifier_is_used_again_after_its_call() -> None:
    wire = Wire()
    events = correlate([*call(wire, "SETUP", "DISCONNECT"), *call_again(wire)])
    assert types(events).count("call.attempted") == 2
    assert len({event.call for event in events}) == 2


@pytest.mark.parametrize(
    ("up", "name"), [(True, "RELEASE"), (True, "RELEASE COMPLETE"), (False, "RELEASE COMPLETE")]
)
def test_a_clearing_that_answers_an_unseen_one_does_not_say_who_began_it(
    up: bool,  # noqa: FBT001
    name: str,
) -> None:
    wire = Wire()
    send = wire.from_mobile if up else wire.to_mobile
    made = call(wire, "SETUP", "ALERTING", "CONNECT")
    made.append(send("CC", name, ti=0, ti_flag=0 if up else 1, cause=16))
    detail = correlate(made)[-1].detail
    assert (detail["answered"], detail["ended_by"], detail["duration_seconds"]) == (
        True,
        None,
        None,
    )


def test_who_turns_a_call_down_at_once_has_ended_it() -> None:
    events = correlate(call(Wire(), "SETUP", "RELEASE COMPLETE"))
    assert events[-1].detail["ended_by"] == "network"


def call_again(wire: Wire) -> list[Message]:
    return [wire.from_mobile("CC", "SETUP", ti=0, ti_flag=0, called=NUMBER)]


def test_an_emergency_call_has_no_number_and_no_pseudonym() -> None:
    wire = Wire()
    setup = wire.from_mobile("CC", "EMERGENCY SETUP", ti=0, ti_flag=0)
    [event] = correlate([*wire.open(), setup])
    assert event.type == "call.attempted"
    assert event.number_class == "emergency"
    assert event.other_party is not None
    assert (event.other_party.id, event.other_party.destination.kind) == (None, "emergency")


def test_an_emergency_call_without_a_sim_is_told_by_its_equipment() -> None:
    wire = Wire()
    setup = wire.from_mobile("CC", "EMERGENCY SETUP", ti=0, ti_flag=0)
    opened = wire.open("CM SERVICE REQUEST", imsi=None, imei="353918051001002")
    [event] = correlate([*opened, setup])
    assert (event.identity, event.imsi) == ("unknown", None)


@pytest.mark.parametrize(
    ("clearing", "ended_by"),
    [
        (lambda wire: [wire.from_mobile("BSSMAP", "CLEAR REQUEST", cause=1)], "radio"),
        (lambda wire: [wire.to_mobile("BSSMAP", "CLEAR COMMAND", cause=9)], None),
        (lambda wire: wire.release(2, 1), "network"),
        (lambda wire: [wire.from_mobile("CC", "DISCONNECT", ti=0, ti_flag=0)], "mobile"),
        (lambda wire: [wire.from_mobile("BSSMAP", "CLEAR COMPLETE")], None),
    ],
)
def test_a_call_ends_with_the_first_thing_that_clears_it(
    clearing: Callable[[Wire], list[Message]], ended_by: str | None
) -> None:
    wire = Wire()
    events = correlate([*call(wire, "SETUP", "CONNECT"), *clearing(wire), *wire.release(2, 1)])
    assert types(events).count("call.ended") == 1
    assert events[-1].detail["ended_by"] == ended_by


def test_a_connect_that_was_not_captured_still_answered_the_call() -> None:
    wire = Wire()
    made = call(wire, "SETUP")
    made.append(wire.from_mobile("CC", "CONNECT ACKNOWLEDGE", ti=0, ti_flag=0))
    made.append(wire.to_mobile("CC", "DISCONNECT", ti=0, ti_flag=1))
    events = correlate(made)
    assert types(events) == ["call.attempted", "call.ended"]
    assert events[1].detail["answered"] is True
    assert events[1].detail["duration_seconds"] is None


def test_a_call_seen_from_its_middle_does_not_claim_that_nobody_answered() -> None:
    wire = Wire()
    identity = wire.to_mobile("BSSMAP", "COMMON ID", imsi=IMSI)
    end = wire.to_mobile("CC", "DISCONNECT", ti=0, ti_flag=1, cause=16)
    [event] = correlate([identity, end])
    assert event.detail == {
        "answered": None,
        "duration_seconds": None,
        "cause": None,
        "ended_by": None,
    }


def handover(wire: Wire, *, layer3: bytes, complete: bool = True) -> list[Message]:
    """The call's source leg asks and is commanded; 50 and 60 are the target leg's references."""
    target = {"up": True, "dlr": 50}
    request = wire.message(
        "BSSMAP", "HANDOVER REQUEST", up=False, sccp="CR", slr=50, target_cell=TARGET
    )
    made = [
        wire.from_mobile("BSSMAP", "HANDOVER REQUIRED"),
        request,
        wire.message("SCCP", "CONNECTION CONFIRM", up=True, sccp="CC", slr=60, dlr=50),
        wire.message("BSSMAP", "HANDOVER REQUEST ACKNOWLEDGE", **target, layer3=layer3),
        wire.to_mobile("BSSMAP", "HANDOVER COMMAND", layer3=layer3),
    ]
    if complete:
        made.append(wire.message("BSSMAP", "HANDOVER COMPLETE", **target))
    made += [wire.to_mobile("BSSMAP", "CLEAR COMMAND", cause=0), *wire.release(2, 1)]
    return made


def test_the_target_is_no_place_before_completion_and_the_source_legs_end_ends_no_call() -> None:
    wire = Wire()
    made = call(wire, "SETUP", "CONNECT") + handover(wire, layer3=b"command")
    made.append(wire.message("CC", "DISCONNECT", up=True, dlr=50, ti=0, ti_flag=0))
    events = correlate(made)
    assert types(events) == ["call.attempted", "call.answered", "location.handover", "call.ended"]
    assert [event.cell for event in events] == [CELL, CELL, TARGET, TARGET]
    assert len({event.dialogue for event in events}) == 1
    assert len({event.call for event in events if event.call}) == 1


def test_a_phone_that_speaks_on_the_target_leg_is_there_though_completion_was_not_captured() -> (
    None
):
    wire = Wire()
    made = call(wire, "SETUP", "CONNECT") + handover(wire, layer3=b"command", complete=False)
    made.append(wire.message("CC", "DISCONNECT", up=True, dlr=50, ti=0, ti_flag=0))
    events = correlate(made)
    assert types(events) == ["call.attempted", "call.answered", "call.ended"]
    assert events[-1].cell == TARGET


def test_a_source_leg_cleared_after_the_command_ends_no_call_even_if_nothing_more_is_seen() -> None:
    wire = Wire()
    made = call(wire, "SETUP", "CONNECT") + handover(wire, layer3=b"command", complete=False)
    assert types(correlate(made)) == ["call.attempted", "call.answered"]


def test_a_handover_that_failed_leaves_the_call_where_it_was() -> None:
    wire = Wire()
    made = call(wire, "SETUP", "CONNECT")
    made.append(wire.from_mobile("BSSMAP", "HANDOVER REQUIRED"))
    made.append(wire.to_mobile("BSSMAP", "HANDOVER REQUIRED REJECT"))
    made.append(wire.to_mobile("BSSMAP", "CLEAR COMMAND", cause=9))
    events = correlate(made)
    assert [(one.type, one.cell) for one in events][-1] == ("call.ended", CELL)


def cp_data(reference: int, rp: int, rest: bytes = b"") -> bytes:
    user = bytes([rp, reference]) + rest
    return bytes([0x09, 0x01, len(user)]) + user


SUBMIT = b"\x00\x01\x91\x05\x01\x00\x00\x00\x00"
DELIVER = b"\x01\x91\x00\x05\x00\x00\x00\x00\x00"
STATUS_REPORT = b"\x01\x91\x00\x05\x02\x00\x00\x00\x00"


@pytest.mark.parametrize(("answer", "outcome"), [(3, "accepted"), (5, "rejected")])
def test_a_short_message_is_told_with_the_answer_to_it(answer: int, outcome: str) -> None:
    wire = Wire()
    sent = wire.from_mobile(
        "SMS", "CP-DATA", ti=0, ti_flag=0, called=NUMBER, raw=cp_data(7, 0, SUBMIT)
    )
    reply = wire.to_mobile("SMS", "CP-DATA", ti=0, ti_flag=1, raw=cp_data(7, answer))
    events = correlate([*wire.open(), sent, reply, *wire.release(2, 1)])
    assert [(one.type, one.direction, one.detail) for one in events] == [
        ("message.sent", "mobile originated", {"outcome": outcome})
    ]
    assert events[0].other_party is not None
    assert events[0].other_party.digits == NUMBER.digits


def test_a_message_received_is_told_and_a_status_report_is_none() -> None:
    wire = Wire()
    made = wire.open("PAGING RESPONSE")
    for ti, body in enumerate((DELIVER, STATUS_REPORT)):
        raw = cp_data(ti, 1, body)
        made.append(wire.to_mobile("SMS", "CP-DATA", ti=ti, ti_flag=0, calling=NUMBER, raw=raw))
        made.append(wire.from_mobile("SMS", "CP-DATA", ti=ti, ti_flag=1, raw=cp_data(ti, 2)))
    assert types(correlate(made)) == ["message.received"]


def test_a_message_without_an_answer_is_unseen() -> None:
    wire = Wire()
    sent = wire.from_mobile("SMS", "CP-DATA", ti=0, ti_flag=0, raw=cp_data(7, 0, SUBMIT))
    again = wire.from_mobile("SMS", "CP-DATA", ti=0, ti_flag=0, raw=cp_data(7, 0, SUBMIT))
    events = correlate([*wire.open(), sent, again, *wire.release(2, 1)])
    assert [one.detail for one in events] == [{"outcome": "unseen"}]


@pytest.mark.parametrize(
    "raw", [b"", b"\x09", b"\x09\x04", b"\x09\x01\x02\x00\x01", b"\x09\x10\x00"]
)
def test_a_relay_message_cut_short_says_nothing(raw: bytes) -> None:
    head = relay(raw)
    assert head is None or head.tpdu is None


def test_a_service_is_asked_for_once_and_by_the_subscriber() -> None:
    wire = Wire()
    asked = {"ti": 0, "ti_flag": 0, "operation": 59}
    made = [
        *wire.open(),
        wire.from_mobile("SS", "REGISTER", **asked),
        wire.from_mobile("SS", "REGISTER", **asked),
        wire.to_mobile("SS", "REGISTER", **{**asked, "ti": 1}),
    ]
    events = correlate(made)
    assert [(one.type, one.detail) for one in events] == [
        ("service.requested", {"operation": 59, "code": None})
    ]


@pytest.mark.parametrize("lab", LABS)
def test_no_call_of_the_laboratories_ends_twice_or_without_an_attempt(lab: str) -> None:
    calls: dict[str, list[Event]] = {}
    for event in events_of(LABS[lab]):
        if event.call:
            calls.setdefault(event.call, []).append(event)
    for events in calls.values():
        said = types(events)
        assert said[0] == "call.attempted"
        assert len(said) == len(set(said))
        ended = next((one for one in events if one.type == "call.ended"), None)
        answered = next((one for one in events if one.type == "call.answered"), None)
        if ended and answered:
            assert ended.detail["duration_seconds"] == (ended.time - answered.time) / SECOND


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("RELEASE", {"protocol": "CC", "cause": 16, "ti": 0, "ti_flag": 1}),
        ("CLEAR COMMAND", {"protocol": "BSSMAP", "cause": 9}),
    ],
)
def test_who_ended_a_call_is_not_known_where_its_clearing_only_follows_one_that_was_not_seen(
    name: str, fields: dict[str, Any]
) -> None:
    wire = Wire()
    protocol = fields.pop("protocol")
    messages = [
        *wire.open(),
        wire.from_mobile("CC", "SETUP", ti=0, ti_flag=0),
        wire.to_mobile("CC", "CONNECT", ti=0, ti_flag=1),
        wire.to_mobile(protocol, name, **fields),
    ]
    (ended,) = [event for event in correlate(messages) if event.type == CALL_ENDED]
    assert ended.detail == {
        "answered": True,
        "duration_seconds": None,
        "cause": None,
        "ended_by": None,
    }


def test_a_network_that_begins_with_release_says_why() -> None:
    wire = Wire()
    messages = [
        *wire.open(),
        wire.from_mobile("CC", "SETUP", ti=0, ti_flag=0),
        wire.to_mobile("CC", "RELEASE", ti=0, ti_flag=1, cause=17),
    ]
    (ended,) = [event for event in correlate(messages) if event.type == CALL_ENDED]
    assert (ended.detail["ended_by"], ended.detail["cause"]) == ("network", 17)


ELSEWHERE = Cell("460", "00", 200, 8)


def re_established(wire: Wire, *, lost_first: bool) -> list[Message]:
    """An answered call whose radio is lost, and which goes on in a new connection elsewhere."""
    talking = call(wire, "SETUP", "ALERTING", "CONNECT")
    lost = [
        wire.from_mobile("BSSMAP", "CLEAR REQUEST", cause=1),
        wire.to_mobile("BSSMAP", "CLEAR COMMAND", cause=1),
        wire.from_mobile("BSSMAP", "CLEAR COMPLETE"),
        *wire.release(2, 1),
    ]
    again = wire.request(3, "CM RE-ESTABLISHMENT REQUEST", imsi=IMSI)
    again[0].cell = ELSEWHERE
    again.append(wire.confirm(4, 3))
    ended = [
        wire.message("CC", "DISCONNECT", up=True, dlr=4, ti=0, ti_flag=0, cause=16),
        wire.message("CC", "RELEASE", up=False, dlr=3, ti=0, ti_flag=1, cause=16),
        wire.message("CC", "RELEASE COMPLETE", up=True, dlr=4, ti=0, ti_flag=0),
    ]
    between = [*lost, *again] if lost_first else [*again, *lost]
    messages = [*talking, *between, *ended]
    for place, message in enumerate(messages):
        message.time = START + place * SECOND // 10
    return messages


def test_a_re_established_call_goes_on_under_its_key_in_its_new_cell() -> None:
    events = correlate(re_established(Wire(), lost_first=False))
    calls = [event for event in events if event.call]
    assert types(calls) == ["call.attempted", "call.alerting", "call.answered", "call.ended"]
    assert len({event.call for event in calls}) == 1
    assert calls[-1].cell == ELSEWHERE
    assert calls[-1].detail["ended_by"] == "mobile"
    assert calls[-1].detail["duration_seconds"] > 0


def test_a_call_whose_radio_end_was_told_is_not_ended_again_after_re_establishment() -> None:
    events = correlate(re_established(Wire(), lost_first=True))
    (ended,) = [event for event in events if event.type == CALL_ENDED]
    assert ended.detail["ended_by"] == "radio"


def test_what_is_not_known_of_a_re_established_call_is_null() -> None:
    messages = re_established(Wire(), lost_first=True)
    again = next(n for n, one in enumerate(messages) if one.slr == 3)
    (ended,) = [event for event in correlate(messages[again:]) if event.type == CALL_ENDED]
    assert ended.detail["answered"] is None
    assert ended.detail["duration_seconds"] is None


@pytest.mark.parametrize(
    ("tag", "up", "asked"), [(0xA1, True, 1), (0xA2, True, 0), (0xA1, False, 0)]
)
def test_a_service_asked_for_in_a_call_is_requested(tag: int, up: bool, asked: int) -> None:  # noqa: FBT001
    wire = Wire()
    raw = bytes([0x83, 0x3A, 0x07, tag])
    make = wire.from_mobile if up else wire.to_mobile
    messages = [
        *call(wire, "SETUP", "CONNECT"),
        make("CC", "FACILITY", ti=0, ti_flag=0 if up else 1, operation=124, raw=raw),
    ]
    found = [event for event in correlate(messages) if event.type == "service.requested"]
    assert [event.detail for event in found] == [{"operation": 124, "code": None}] * asked


@pytest.mark.parametrize(("ton", "shown"), [(1, "8613800000000"), (2, None)])
def test_the_subscribers_own_number_is_shown_where_a_setup_to_them_bears_it(
    ton: int, shown: str | None
) -> None:
    wire = Wire()
    own = PartyNumber("8613800000000", ton, 1)
    setup = wire.to_mobile("CC", "SETUP", ti=0, ti_flag=0, calling=NUMBER, called=own)
    (event,) = correlate([*wire.open("PAGING RESPONSE"), setup])[:1]
    assert event.msisdn == shown
