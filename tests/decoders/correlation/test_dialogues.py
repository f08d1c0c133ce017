"""Connections and dialogues: their beginning, their end, and what is told when it does not come."""

from __future__ import annotations

import runpy
from pathlib import Path

import msgspec
import pytest
from correlation_labs import correlate, correlator
from correlation_messages import CELL, IMSI, START, Wire

from decoders.connections import Limits
from decoders.correlator import CorrelatorConfig
from decoders.dialogue import OPENINGS, TRANSITIONS, Signal, State, after, diagram
from decoders.messages import Cell, Lai, Message
from decoders.times import SECOND


def test_the_table_has_a_row_for_every_state_and_a_closed_connection_stays_closed() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(after(State.CLOSED, signal) is State.CLOSED for signal in Signal)


def test_every_state_can_be_reached_and_left() -> None:
    reached = {
        *OPENINGS.values(),
        *(state for row in TRANSITIONS.values() for state in row.values()),
    }
    assert reached == set(State)
    assert all(row for state, row in TRANSITIONS.items() if state is not State.CLOSED)


def test_the_picture_is_drawn_from_the_table() -> None:
    picture = diagram()
    assert picture.startswith("stateDiagram-v2")
    assert "confirmed --> releasing: RLSD" in picture
    assert picture.count("-->") == sum(map(len, TRANSITIONS.values())) + len(OPENINGS) + 1


def test_a_dialogue_that_only_showed_its_cell_tells_it_when_it_ends() -> None:
    wire = Wire()
    events = correlate([*wire.open(), *wire.release(2, 1)])
    assert [(one.type, one.cell, one.imsi, one.identity) for one in events] == [
        ("location.seen", CELL, IMSI, "imsi")
    ]
    assert events[0].detail == {"by": "CM SERVICE REQUEST"}


def test_a_refused_connection_is_a_dialogue_all_the_same() -> None:
    wire = Wire()
    refused = wire.message("SCCP", "CONNECTION REFUSED", up=False, sccp="CREF", dlr=1)
    events = correlate([*wire.request(1, "IMSI DETACH INDICATION", imsi=IMSI), refused])
    assert [one.type for one in events] == ["subscriber.detached"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("LOCATION UPDATING ACCEPT", "accepted"), ("LOCATION UPDATING REJECT", "rejected")],
)
def test_a_location_update_is_told_with_its_answer(answer: str, outcome: str) -> None:
    wire = Wire()
    before = Lai("460", "00", 99)
    opened = wire.open("LOCATION UPDATING REQUEST", update="normal", lai=before)
    events = correlate([*opened, wire.to_mobile("MM", answer, cause=None), *wire.release(2, 1)])
    assert [one.type for one in events] == ["location.updated"]
    assert events[0].detail == {
        "kind": "normal",
        "outcome": outcome,
        "cause": None,
        "previous": {"mcc": "460", "mnc": "00", "lac": 99},
    }


def test_an_update_without_an_answer_is_unseen_when_its_connection_ends() -> None:
    wire = Wire()
    events = correlate([*wire.open("LOCATION UPDATING REQUEST"), *wire.release(2, 1)])
    assert [one.detail["outcome"] for one in events] == ["unseen"]
    assert events[0].time == wire.time - SECOND


def test_a_dialogue_without_an_end_is_closed_by_silence_in_capture_time() -> None:
    wire = Wire()
    one = correlator()
    for message in wire.open("LOCATION UPDATING REQUEST"):
        assert one.feed(message) == []
    idle = Limits().idle
    assert one.advance(wire.time + idle - 1) == []
    events = one.advance(wire.time + 10 * idle)
    assert [(event.detail["outcome"], event.time) for event in events] == [
        ("unseen", wire.time + idle)
    ]
    assert len(one.connections) == 0


def test_how_often_the_clock_is_told_changes_nothing() -> None:
    wire = Wire()
    once, often = correlator(), correlator()
    for message in wire.open("LOCATION UPDATING REQUEST"):
        once.feed(message)
        often.feed(message)
    ticks = range(wire.time, wire.time + 400 * SECOND, SECOND)
    step_by_step = [event for tick in ticks for event in often.advance(tick)]
    assert step_by_step == once.advance(wire.time + 400 * SECOND)


def test_at_the_end_of_a_capture_what_is_open_is_unseen_and_a_call_does_not_end() -> None:
    wire = Wire()
    opened = wire.open()
    setup = wire.from_mobile("CC", "SETUP", ti=0, ti_flag=0)
    assert [one.type for one in correlate([*opened, setup])] == ["call.attempted"]
    update = Wire().open("LOCATION UPDATING REQUEST")
    assert [one.detail["outcome"] for one in correlate(update)] == ["unseen"]


def test_a_reused_reference_is_another_dialogue() -> None:
    wire = Wire()
    first = wire.open()
    second = wire.request(1, "CM SERVICE REQUEST", imsi="460000000000002")
    events = correlate([*first, *second])
    assert [(one.type, one.imsi) for one in events] == [
        ("location.seen", IMSI),
        ("location.seen", "460000000000002"),
    ]
    assert events[0].dialogue != events[1].dialogue


def test_another_imsi_on_a_connection_is_another_dialogue_and_a_contradiction() -> None:
    wire = Wire()
    one = correlator()
    other = wire.to_mobile("BSSMAP", "COMMON ID", imsi="460000000000002")
    answer = wire.to_mobile("MM", "LOCATION UPDATING ACCEPT")
    opened = wire.open("LOCATION UPDATING REQUEST")
    events = [event for message in [*opened, other, answer] for event in one.feed(message)]
    assert [(event.imsi, event.cell) for event in events] == [("460000000000002", None)]
    assert one.bindings.counts["contradicted"] == 1


def test_a_dialogue_seen_from_its_middle_tells_what_it_shows_and_no_more() -> None:
    wire = Wire()
    identity = wire.to_mobile("BSSMAP", "COMMON ID", imsi=IMSI)
    accept = wire.to_mobile("MM", "LOCATION UPDATING ACCEPT", lai=Lai("460", "00", 100))
    events = correlate([identity, accept])
    assert [(one.type, one.cell) for one in events] == [
        ("location.updated", Cell("460", "00", 100))
    ]
    assert events[0].detail["kind"] is None


def test_what_happens_before_an_identity_shows_is_told_when_it_does() -> None:
    wire = Wire()
    accept = wire.to_mobile("MM", "LOCATION UPDATING ACCEPT", lai=Lai("460", "00", 100))
    identity = wire.to_mobile("BSSMAP", "COMMON ID", imsi=IMSI)
    events = correlate([accept, identity])
    assert [(one.type, one.imsi, one.time) for one in events] == [
        ("location.updated", IMSI, identity.time)
    ]


def test_an_older_dialogue_no_longer_says_where_a_subscriber_is() -> None:
    wire = Wire()
    lingering = wire.open()
    elsewhere = Cell("460", "00", 200, 9)
    later = wire.request(3, "CM SERVICE REQUEST", imsi=IMSI)
    later[0].cell = elsewhere
    disconnect = wire.to_mobile("CC", "DISCONNECT", ti=0, ti_flag=1)
    events = correlate([*lingering, *later, disconnect])
    assert [(one.type, one.cell) for one in events] == [
        ("call.ended", None),
        ("location.seen", elsewhere),
    ]


def test_a_visible_gap_is_put_on_the_events_that_span_it() -> None:
    wire = Wire()
    opened = wire.open("LOCATION UPDATING REQUEST")
    accept = wire.to_mobile("MM", "LOCATION UPDATING ACCEPT", gap=1)
    later = wire.request(3, "CM SERVICE REQUEST", imsi=IMSI)
    events = correlate([*opened, accept, *later])
    assert [(one.type, one.trust) for one in events] == [
        ("location.updated", "gap"),
        ("location.seen", None),
    ]


def test_a_short_cell_identifier_is_completed_from_the_location_area() -> None:
    wire = Wire()
    opened = wire.open("LOCATION UPDATING REQUEST")
    opened[0].cell = Cell(ci=7)
    accept = wire.to_mobile("MM", "LOCATION UPDATING ACCEPT", lai=Lai("460", "00", 100))
    assert [one.cell for one in correlate([*opened, accept])] == [CELL]


@pytest.mark.parametrize("up", [True, False])
def test_a_reset_ends_dialogues_and_calls_of_its_controller_only(up: bool) -> None:  # noqa: FBT001
    wire = Wire()
    opened = wire.open()
    setup = wire.from_mobile("CC", "SETUP", ti=0, ti_flag=0)
    other = [
        msgspec.structs.replace(one, opc=33 if one.opc == 11 else 22, dpc=22)
        for one in wire.request(9, "LOCATION UPDATING REQUEST", imsi="460000000000002")
    ]
    reset = wire.message("BSSMAP", "RESET", up=up, sccp="UDT")
    one = correlator()
    events = [event for each in [*opened, setup, *other, reset] for event in one.feed(each)]
    assert [event.type for event in events] == ["call.attempted", "call.ended"]
    assert events[1].detail["ended_by"] == ("radio" if up else "network")
    assert len(one.connections) == 1


def test_connections_are_bounded_and_the_longest_silent_goes_first() -> None:
    config = CorrelatorConfig(limits=Limits(connections=3))
    one = correlator(config)
    wire = Wire()
    told = []
    for number in range(5):
        imsi = f"46000000000000{number}"
        for message in wire.request(number, "CM SERVICE REQUEST", imsi=imsi):
            told += one.feed(message)
    assert len(one.connections) == 3
    assert one.connections.counts["evicted"] == 2
    assert [event.imsi for event in told] == ["460000000000000", "460000000000001"]


def test_a_link_without_point_codes_or_direction_is_followed_by_what_it_says() -> None:
    wire = Wire()
    bare = [
        msgspec.structs.replace(message, opc=None, dpc=None, from_msc=None)
        for message in [
            *wire.open("LOCATION UPDATING REQUEST"),
            wire.to_mobile("MM", "LOCATION UPDATING ACCEPT"),
            *wire.release(2, 1),
        ]
    ]
    assert [one.detail["outcome"] for one in correlate(bare)] == ["accepted"]


def test_nothing_that_a_message_lacks_makes_it_fail() -> None:
    wire = Wire()
    kinds = [("CC", "SETUP"), ("MM", "LOCATION UPDATING ACCEPT"), ("SMS", "CP-DATA")]
    kinds += [("SS", "REGISTER"), ("BSSMAP", "HANDOVER COMPLETE"), ("BSSMAP", "CLEAR COMMAND")]
    kinds += [("BSSMAP", "HANDOVER COMMAND"), ("BSSMAP", "HANDOVER PERFORMED"), ("RR", "UNKNOWN")]
    bare: list[Message] = []
    for protocol, name in kinds:
        for sccp in ("CR", "CC", "CREF", "RLSD", "RLC", "DT1", "IT", "UDT", "XUDT"):
            bare.append(wire.message(protocol, name, up=True, sccp=sccp, slr=None, dlr=None))
            bare.append(wire.message(protocol, name, up=False, sccp=sccp, slr=5, dlr=6))
    for event in correlate(bare):
        assert event.time > START


def test_the_documentations_pictures_are_those_of_the_tables() -> None:
    docs = Path(__file__).parents[3] / "docs"
    page = runpy.run_path(str(docs / "make_dialogues.py"))["page"]
    assert (docs / "dialogues.md").read_text(encoding="utf-8") == page(), (
        "run: python docs/make_dialogues.py > docs/dialogues.md"
    )
