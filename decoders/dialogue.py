"""One SCCP connection as a state machine, ITU-T Q.714 3: the table is the machine.

`TRANSITIONS` says for each state which signal leads where; a signal that is not in a state's row
changes nothing, which is what a passive listener has to do with what it cannot explain. `OPENINGS`
says how a connection begins that was never heard of: with its request, or seen from its middle.
The picture in the documentation is `diagram()`.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where one connection stands."""

    REQUESTED = "requested"
    """Its request was seen, one local reference is known."""
    CONFIRMED = "confirmed"
    """Request or confirm with both local references seen."""
    MIDDLE = "seen from its middle"
    """Data without a request: its beginning was not captured."""
    RELEASING = "releasing"
    """Released or cleared; what comes now belongs to its end."""
    CLOSED = "closed"
    """Over; its references may mean another connection at any time."""


class Signal(StrEnum):
    """What can happen to one connection."""

    REQUEST = "CR"
    CONFIRM = "CC"
    REFUSE = "CREF"
    DATA = "data"
    CLEARED = "CLEAR COMPLETE"
    RELEASE = "RLSD"
    RELEASED = "RLC"
    RESET = "RESET"
    REUSED = "reference reused"
    SILENCE = "silence"


_ENDS = {
    Signal.RELEASE: State.RELEASING,
    Signal.RELEASED: State.CLOSED,
    Signal.RESET: State.CLOSED,
    Signal.REUSED: State.CLOSED,
    Signal.SILENCE: State.CLOSED,
}

TRANSITIONS: dict[State, dict[Signal, State]] = {
    State.REQUESTED: {
        Signal.CONFIRM: State.CONFIRMED,
        Signal.REFUSE: State.CLOSED,
        Signal.CLEARED: State.RELEASING,
        **_ENDS,
    },
    State.CONFIRMED: {Signal.CLEARED: State.RELEASING, **_ENDS},
    State.MIDDLE: {
        Signal.REQUEST: State.REQUESTED,
        Signal.CONFIRM: State.CONFIRMED,
        Signal.REFUSE: State.CLOSED,
        Signal.CLEARED: State.RELEASING,
        **_ENDS,
    },
    State.RELEASING: {
        Signal.RELEASED: State.CLOSED,
        Signal.RESET: State.CLOSED,
        Signal.REUSED: State.CLOSED,
        Signal.SILENCE: State.CLOSED,
    },
    State.CLOSED: {},
}

OPENINGS: dict[Signal, State] = {
    Signal.REQUEST: State.REQUESTED,
    Signal.CONFIRM: State.CONFIRMED,
    Signal.DATA: State.MIDDLE,
}

OVER = frozenset({State.RELEASING, State.CLOSED})

OF_SCCP: dict[str, Signal] = {
    "CR": Signal.REQUEST,
    "CC": Signal.CONFIRM,
    "CREF": Signal.REFUSE,
    "RLSD": Signal.RELEASE,
    "RLC": Signal.RELEASED,
    "DT1": Signal.DATA,
    "DT2": Signal.DATA,
    "AK": Signal.DATA,
    "ED": Signal.DATA,
    "EA": Signal.DATA,
    "IT": Signal.DATA,
    "RSR": Signal.DATA,
    "RSC": Signal.DATA,
    "ERR": Signal.DATA,
}
"""SCCP message type → signal; what is not here is connectionless."""


def after(state: State, signal: Signal) -> State:
    """The state that `signal` leads to from `state`."""
    return TRANSITIONS[state].get(signal, state)


def diagram() -> str:
    """The machine as a Mermaid state diagram, drawn from the tables."""
    names = {state: state.name.lower() for state in State}
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {names[state]}: {signal}" for signal, state in OPENINGS.items()]
    lines += [
        f"    {names[state]} --> {names[target]}: {signal}"
        for state, row in TRANSITIONS.items()
        for signal, target in row.items()
    ]
    return "\n".join([*lines, f"    {names[State.CLOSED]} --> [*]", ""])
