"""A call as the A-interface shows it, TS 24.008 5: the table is the machine.

`CALLS` gives, for the state and the message, the next state and the event that this makes. A probe
that starts in the middle meets calls in any state, so the first row has all messages in it; only
RELEASE COMPLETE, which nothing can follow, then tells nothing that was not over before.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from decoders.events import (
    CALL_ALERTING,
    CALL_ANSWERED,
    CALL_ATTEMPTED,
    CALL_ENDED,
    Frame,
    OtherParty,
)
from decoders.messages import PartyNumber


class CallState(StrEnum):
    """How far a call has come."""

    UNHEARD = "not seen before"
    ATTEMPTED = "attempted"
    ALERTING = "alerting"
    ANSWERED = "answered"
    ENDED = "ended"


_CLEARING = {
    "DISCONNECT": (CallState.ENDED, CALL_ENDED),
    "RELEASE": (CallState.ENDED, CALL_ENDED),
    "RELEASE COMPLETE": (CallState.ENDED, CALL_ENDED),
}
_SETUP = {
    "SETUP": (CallState.ATTEMPTED, CALL_ATTEMPTED),
    "EMERGENCY SETUP": (CallState.ATTEMPTED, CALL_ATTEMPTED),
}
_ALERTING = {"ALERTING": (CallState.ALERTING, CALL_ALERTING)}
_CONNECT = {"CONNECT": (CallState.ANSWERED, CALL_ANSWERED)}

CALLS: dict[CallState, dict[str, tuple[CallState, str | None]]] = {
    CallState.UNHEARD: {
        **_SETUP,
        **_ALERTING,
        **_CONNECT,
        **_CLEARING,
        "RELEASE COMPLETE": (CallState.ENDED, None),
    },
    CallState.ATTEMPTED: {**_ALERTING, **_CONNECT, **_CLEARING},
    CallState.ALERTING: {**_CONNECT, **_CLEARING},
    CallState.ANSWERED: {**_CLEARING},
    CallState.ENDED: {},
}
"""State → call-control message → (next state, event); what is not in a row changes nothing."""


class Call(msgspec.Struct, eq=False, omit_defaults=True):
    """One call of one subscriber."""

    key: str
    direction: str
    state: CallState = CallState.UNHEARD
    party: PartyNumber | None = None
    other: OtherParty | None = None
    """`party` split by the numbering plan, without digits."""
    number_class: str | None = None
    attempted: int | None = None
    """Microseconds of its SETUP."""
    answered: int | None = None
    """Microseconds of its CONNECT."""
    connected: bool = False
    """Answered, as a CONNECT ACKNOWLEDGE also tells whose CONNECT was not captured."""
    ended: int | None = None
    frames: list[Frame] = []

    @property
    def open(self) -> bool:
        """Neither ended nor unheard of."""
        return self.state not in {CallState.UNHEARD, CallState.ENDED}
