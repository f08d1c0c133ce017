"""Events against what the network and the phones said themselves, dialogue by dialogue."""

from __future__ import annotations

import pytest
from correlation_labs import LABS, Logged, Notice, Told, events_of, logged, notices, told

from decoders.events import CALL_ANSWERED, CALL_ATTEMPTED, MOBILE_ORIGINATED, Event
from decoders.times import SECOND, from_text

OPENING = SECOND // 5
"""The MSC logs a connection when it takes it up, which is after it was on the wire."""
NOTICED = 4 * SECOND
"""A phone's own procedure, and a driver that looked every half second."""

DAY = "2026-11-21T"

ONLY_ON_THE_WIRE = {
    "b": {
        ("901700000001021", DAY + "21:33:54.290"): "CM SERVICE REQUEST while the MSC was starting",
        ("901700000001171", DAY + "21:37:04.460"): "location update that got no answer",
    },
}
"""Dialogues that the MSC's log does not have."""

ONLY_IN_THE_LOG = {
    "c": {
        "1:2342": "target leg of a handover, opened by the MSC: its dialogue is 1:13's",
        "1:2343": "target leg of a handover, opened by the MSC: its dialogue is 1:18's",
        "1:2344": "target leg of a handover, opened by the MSC: its dialogue is 1:19's",
    },
}
"""Rows that are no dialogue of their own."""

ONLY_EVENTS = {
    "a": {("001010000001111", CALL_ATTEMPTED, DAY + "21:34:16.972"): "busy: not shown to the user"},
    "c": {("262980000001177", CALL_ANSWERED, DAY + "21:38:55.557"): "CONNECT that got no answer"},
}
"""Events of which the phone said nothing."""


def opens(row: Logged, dialogue: Told) -> bool:
    whose = not row.imsi or row.imsi == dialogue.imsi
    return whose and abs(row.first - dialogue.opened) <= OPENING


@pytest.mark.parametrize("lab", LABS)
def test_every_logged_connection_has_its_dialogue_and_every_dialogue_its_connection(
    lab: str,
) -> None:
    dialogues = told(LABS[lab])
    alone = []
    for row in logged(lab):
        fitting = [one for one in dialogues if opens(row, one)]
        if not fitting:
            alone.append(row.number)
            continue
        nearest = min(fitting, key=lambda one: abs(one.opened - row.first))
        dialogues.remove(nearest)
    assert sorted(alone) == sorted(ONLY_IN_THE_LOG.get(lab, {}))
    named = {(imsi, from_text(time + "Z")) for imsi, time in ONLY_ON_THE_WIRE.get(lab, {})}
    left = {(one.imsi, one.opened // 1000 * 1000) for one in dialogues}
    assert left == named


@pytest.mark.parametrize("lab", LABS)
def test_a_connection_opened_for_a_location_update_gives_its_event(lab: str) -> None:
    dialogues = told(LABS[lab])
    updates = [row for row in logged(lab) if row.opened_as == "LU" and row.imsi]
    assert updates
    for row in updates:
        mine = [one for one in dialogues if opens(row, one)]
        assert any("location.updated" in one.types for one in mine), row


def meets(notice: Notice, event: Event) -> bool:
    same = event.type == notice.kind and event.imsi == notice.imsi
    number = event.other_party.digits if event.other_party else None
    near = abs(event.time - notice.time) < NOTICED
    return same and near and notice.number in {None, number}


@pytest.mark.parametrize("lab", LABS)
def test_what_the_phones_reported_and_the_events_are_the_same(lab: str) -> None:
    said = notices(lab)
    kinds = {notice.kind for notice in said}
    events = [
        event
        for event in events_of(LABS[lab])
        if event.type in kinds
        and not (event.type == CALL_ATTEMPTED and event.direction == MOBILE_ORIGINATED)
    ]
    for notice in said:
        fitting = next((event for event in events if meets(notice, event)), None)
        assert fitting is not None, notice
        events.remove(fitting)
    left = {(event.imsi, event.type, event.time // 1000 * 1000) for event in events}
    assert left == {
        (imsi, kind, from_text(time + "Z")) for imsi, kind, time in ONLY_EVENTS.get(lab, {})
    }
