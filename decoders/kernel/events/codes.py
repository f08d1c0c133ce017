"""The tables of the plain correlator as arrays, and its messages as numbers.

A message is its family and its type, as the columns ``protocol`` and ``code`` have them. Nothing
here knows a rule: states, signals, legs, calls and senders come from the tables of `dialogue`,
`legs`, `call` and `direction`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from decoders.call import CALLS, CallState
from decoders.dialogue import OF_SCCP, OPENINGS, OVER, TRANSITIONS, Signal, State
from decoders.direction import SENT_BY_NETWORK
from decoders.events import TYPES as EVENT_TYPES
from decoders.kernel.program import BSSMAP, CC, MM, OTHER, RR, SCCP, SMS, SS, TABLES
from decoders.legs import LEAVING, LEGS, Leg
from decoders.sccp import TYPES

_CODES: Final = {
    (family, row.name): code
    for family, table in TABLES.items()
    for code, row in table.messages.items()
}


def _code(family: int, name: str) -> int:
    return _CODES[family, name]


HANDOVER_REQUEST: Final = _code(BSSMAP, "HANDOVER REQUEST")
HANDOVER_ACKNOWLEDGE: Final = _code(BSSMAP, "HANDOVER REQUEST ACKNOWLEDGE")
HANDOVER_REQUIRED: Final = _code(BSSMAP, "HANDOVER REQUIRED")
HANDOVER_COMMAND: Final = _code(BSSMAP, "HANDOVER COMMAND")
HANDOVER_COMPLETE: Final = _code(BSSMAP, "HANDOVER COMPLETE")
HANDOVER_PERFORMED: Final = _code(BSSMAP, "HANDOVER PERFORMED")
COMPLETE_LAYER_3: Final = _code(BSSMAP, "COMPLETE LAYER 3 INFORMATION")
ASSIGNMENT_COMPLETE: Final = _code(BSSMAP, "ASSIGNMENT COMPLETE")
CLEAR_REQUEST: Final = _code(BSSMAP, "CLEAR REQUEST")
CLEAR_COMMAND: Final = _code(BSSMAP, "CLEAR COMMAND")
CLEAR_COMPLETE: Final = _code(BSSMAP, "CLEAR COMPLETE")
PAGING: Final = _code(BSSMAP, "PAGING")
RESET: Final = _code(BSSMAP, "RESET")
UPDATING_REQUEST: Final = _code(MM, "LOCATION UPDATING REQUEST")
UPDATING_ACCEPT: Final = _code(MM, "LOCATION UPDATING ACCEPT")
UPDATING_REJECT: Final = _code(MM, "LOCATION UPDATING REJECT")
REALLOCATION_COMMAND: Final = _code(MM, "TMSI REALLOCATION COMMAND")
REALLOCATION_COMPLETE: Final = _code(MM, "TMSI REALLOCATION COMPLETE")
DETACH: Final = _code(MM, "IMSI DETACH INDICATION")
REESTABLISHMENT: Final = _code(MM, "CM RE-ESTABLISHMENT REQUEST")
SETUP: Final = _code(CC, "SETUP")
EMERGENCY_SETUP: Final = _code(CC, "EMERGENCY SETUP")
CONNECT: Final = _code(CC, "CONNECT")
CONNECT_ACKNOWLEDGE: Final = _code(CC, "CONNECT ACKNOWLEDGE")
RELEASE: Final = _code(CC, "RELEASE")
RELEASE_COMPLETE: Final = _code(CC, "RELEASE COMPLETE")
FACILITY: Final = _code(CC, "FACILITY")
REGISTER: Final = _code(SS, "REGISTER")
RELEASED: Final = next(code for code, kind in TYPES.items() if kind.name == "RELEASE COMPLETE")
"""SCCP's RLC, whose name is that of call control's."""

_STATES: Final = tuple(State)
_SIGNALS: Final = tuple(Signal)
REQUESTED, CONFIRMED, MIDDLE, RELEASING, CLOSED = (
    _STATES.index(state)
    for state in (
        State.REQUESTED,
        State.CONFIRMED,
        State.MIDDLE,
        State.RELEASING,
        State.CLOSED,
    )
)
REQUEST, CONFIRM, CLEARED, RELEASE_SIGNAL, SILENT, RESET_SIGNAL = (
    _SIGNALS.index(signal)
    for signal in (
        Signal.REQUEST,
        Signal.CONFIRM,
        Signal.CLEARED,
        Signal.RELEASE,
        Signal.SILENCE,
        Signal.RESET,
    )
)
AFTER: Final = np.array(
    [
        [_STATES.index(TRANSITIONS[state].get(signal, state)) for signal in _SIGNALS]
        for state in _STATES
    ],
    np.int64,
)
"""(state, signal) -> state."""
OPENED_AS: Final = np.array(
    [_STATES.index(OPENINGS[signal]) if signal in OPENINGS else -1 for signal in _SIGNALS], np.int64
)
"""Signal -> state of a connection that begins with it; -1 where none does."""
ENDED: Final = np.array([state in OVER for state in _STATES], np.int64)
SIGNAL_OF: Final = np.full(256, -1, np.int64)
"""SCCP message type -> signal; -1 where it is connectionless."""
for _type, _kind in TYPES.items():
    if _kind.short in OF_SCCP:
        SIGNAL_OF[_type] = _SIGNALS.index(OF_SCCP[_kind.short])

_FAMILIES: Final = {"BSSMAP": BSSMAP, "MM": MM, "CC": CC, "RR": RR, "SMS": SMS, "SS": SS}
SENT_BY: Final = np.full((OTHER + 1, 256), -1, np.int8)
"""(family, type) -> 1 where only the network sends it, 0 where only the other side, else -1."""
for (_protocol, _name), _network in SENT_BY_NETWORK.items():
    _known = _CODES.get((_FAMILIES[_protocol], _name))
    if _known is not None:
        SENT_BY[_FAMILIES[_protocol], _known] = _network

_LEGS: Final = tuple(Leg)
SERVING, ASKED, COMMANDED, TARGET = (
    _LEGS.index(leg) for leg in (Leg.SERVING, Leg.ASKED, Leg.COMMANDED, Leg.TARGET)
)
IS_LEAVING: Final = np.array([leg in LEAVING for leg in _LEGS], np.int64)
LEG_AFTER: Final = np.array([[index] * 256 for index in range(len(_LEGS))], np.int64)
"""(leg, BSSMAP message type) -> leg."""
for _leg, _row in LEGS.items():
    for _name, _next in _row.items():
        LEG_AFTER[_LEGS.index(_leg), _code(BSSMAP, _name)] = _LEGS.index(_next)

_CALL_STATES: Final = tuple(CallState)
UNHEARD, ATTEMPTED, ANSWERED, ENDED_CALL = (
    _CALL_STATES.index(state)
    for state in (CallState.UNHEARD, CallState.ATTEMPTED, CallState.ANSWERED, CallState.ENDED)
)
CALL_AFTER: Final = np.full((len(_CALL_STATES), 256), -1, np.int64)
"""(state, call-control message) -> state; -1 where it changes nothing."""
CALL_TELLS: Final = np.full((len(_CALL_STATES), 256), -1, np.int64)
"""(state, call-control message) -> type of the event; -1 where none is told."""
for _state, _steps in CALLS.items():
    for _name, (_after, _event) in _steps.items():
        _place = _CALL_STATES.index(_state), _code(CC, _name)
        CALL_AFTER[_place] = _CALL_STATES.index(_after)
        if _event is not None:
            CALL_TELLS[_place] = EVENT_TYPES.index(_event)

(
    LOCATION_UPDATED,
    LOCATION_SEEN,
    LOCATION_HANDOVER,
    SUBSCRIBER_DETACHED,
    CALL_ATTEMPTED,
    CALL_ALERTING,
    CALL_ANSWERED,
    CALL_ENDED,
    MESSAGE_SENT,
    MESSAGE_RECEIVED,
    SERVICE_REQUESTED,
) = (
    EVENT_TYPES.index(name)
    for name in (
        "location.updated",
        "location.seen",
        "location.handover",
        "subscriber.detached",
        "call.attempted",
        "call.alerting",
        "call.answered",
        "call.ended",
        "message.sent",
        "message.received",
        "service.requested",
    )
)
"""Types of events, by their places in `events.TYPES`."""

PROTOCOLS: Final = tuple(
    "SCCP" if family == SCCP else TABLES[family].protocol for family in range(len(TABLES) + 1)
)
"""Family -> protocol of a message row."""
KNOWN: Final = np.zeros((OTHER + 1, 256), np.int8)
"""(family, type) -> whether a table names it."""
KNOWN[SCCP] = 1
for _family, _table in TABLES.items():
    for _type in _table.messages:
        KNOWN[_family, _type] = 1
