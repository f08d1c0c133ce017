"""A phone tells who it is where a TMSI does not, and only where nothing speaks against it."""

from __future__ import annotations

from typing import Any

import pytest
from correlation_labs import correlate
from correlation_messages import AREA, CELL, IMSI, Wire

from decoders.correlator import CorrelatorConfig
from decoders.events import Event
from decoders.messages import Lai, Message
from decoders.phones import Phones

PHONE, OTHER = "1010000000001901", "1010000000002901"
THERE = Lai("460", "00", 200)
_ON = CorrelatorConfig(phones=10)


def update(wire: Wire, tmsi: str, **fields: Any) -> list[Message]:
    """A location update of a phone that shows its IMEISV when it ciphers."""
    said = {"tmsi": tmsi, "lai": AREA, "update": "normal", **fields}
    phone, imsi = said.pop("phone", PHONE), said.pop("imsi", None)
    messages = [*wire.request(1, "LOCATION UPDATING REQUEST", **said), wire.confirm(2, 1)]
    messages.append(wire.from_mobile("RR", "CIPHERING MODE COMPLETE", imeisv=phone))
    if imsi is not None:
        messages.append(wire.to_mobile("BSSMAP", "COMMON ID", imsi=imsi))
    messages.append(wire.to_mobile("MM", "LOCATION UPDATING ACCEPT", lai=AREA))
    return [*messages, *wire.release(2, 1)]


def who(events: list[Event]) -> list[tuple[str | None, str]]:
    return [(event.imsi, event.identity) for event in events]


def test_a_binding_that_was_lost_is_learned_again_from_the_phone() -> None:
    wire = Wire()
    messages = update(wire, "0000000a", imsi=IMSI) + update(wire, "0000000b")
    messages += update(wire, "0000000b", phone=OTHER)
    assert who(correlate(messages, _ON)) == [(IMSI, "imsi"), (IMSI, "learned"), (IMSI, "learned")]
    assert who(correlate(messages))[1] == (None, "unknown")


@pytest.mark.parametrize(
    "against",
    [{"update": "imsi attach"}, {"lai": THERE}],
    ids=["switched on", "comes from another area"],
)
def test_what_speaks_against_it_is_heard(against: dict[str, object]) -> None:
    wire = Wire()
    messages = update(wire, "0000000a", imsi=IMSI) + update(wire, "0000000b", **against)
    assert who(correlate(messages, _ON))[1] == (None, "unknown")


def test_a_detach_parts_phone_and_subscriber() -> None:
    wire = Wire()
    messages = update(wire, "0000000a", imsi=IMSI)
    messages += wire.open("IMSI DETACH INDICATION", imsi=None, tmsi="0000000a")
    messages += wire.release(2, 1) + update(wire, "0000000b")
    assert who(correlate(messages, _ON))[-1] == (None, "unknown")


def test_a_phone_that_several_subscribers_had_is_nobodys() -> None:
    wire = Wire()
    messages = update(wire, "0000000a", imsi=IMSI) + update(wire, "0000000c", imsi=IMSI[:-1] + "2")
    messages += update(wire, "0000000b")
    assert who(correlate(messages, _ON))[2] == (None, "unknown")


def test_a_dialogue_in_two_halves_shows_its_place_when_they_join() -> None:
    """The CONNECTION CONFIRM was lost: what comes up is tied to what goes down by the RELEASED."""
    wire = Wire()
    messages = update(wire, "0000000a", imsi=IMSI)
    broken = [one for one in update(wire, "0000000b") if one.sccp != "CC"]
    events = correlate(messages + broken, _ON)
    assert who(events)[1:] == [(None, "unknown"), (IMSI, "learned")]
    assert events[-1].type == "location.seen"


def test_a_half_without_a_place_does_not_take_the_place_of_its_other_half() -> None:
    wire = Wire()
    messages = update(wire, "0000000a", imsi=IMSI)
    broken = [one for one in update(wire, "0000000a") if one.sccp != "CC"]
    assert correlate(messages + broken, _ON)[1].cell == CELL


def test_the_table_is_bounded_and_lets_go_what_was_not_met_for_longest() -> None:
    table = Phones(2)
    for number in range(3):
        table.met(f"{number}", f"46000{number}", AREA)
    assert table.owner("0", AREA) is None
    assert table.owner("2", AREA) == "460002"
    table.switched_off("460000")
    assert table.owner("1", THERE) is None
