"""A connection's part in a handover between controllers, TS 48.008 3.1.5: the table is the machine.

The source leg asks (HANDOVER REQUIRED) and is told to go (HANDOVER COMMAND); the target leg waits
until HANDOVER COMPLETE. Between command and completion nobody on the A-interface knows where the
phone is, so a source leg that is cleared then ends no call.
"""

from __future__ import annotations

from enum import StrEnum


class Leg(StrEnum):
    """What a connection is to the subscriber whose dialogue it carries or is to carry."""

    SERVING = "serving"
    ASKED = "asked for a handover"
    COMMANDED = "commanded away"
    TARGET = "target, not reached yet"


LEGS: dict[Leg, dict[str, Leg]] = {
    Leg.SERVING: {
        "HANDOVER REQUIRED": Leg.ASKED,
        "HANDOVER COMMAND": Leg.COMMANDED,
        "HANDOVER REQUEST": Leg.TARGET,
        "HANDOVER REQUEST ACKNOWLEDGE": Leg.TARGET,
    },
    Leg.ASKED: {
        "HANDOVER COMMAND": Leg.COMMANDED,
        "HANDOVER REQUIRED REJECT": Leg.SERVING,
        "HANDOVER FAILURE": Leg.SERVING,
        "CLEAR REQUEST": Leg.SERVING,
    },
    Leg.COMMANDED: {
        "HANDOVER FAILURE": Leg.SERVING,
        "CLEAR REQUEST": Leg.SERVING,
    },
    Leg.TARGET: {"HANDOVER COMPLETE": Leg.SERVING},
}
"""BSSMAP message → the leg that it makes; what is not in a row changes nothing."""

LEAVING = frozenset({Leg.ASKED, Leg.COMMANDED})
"""Clearing such a leg may mean that the phone has reached its target."""


def leg_after(leg: Leg, message: str) -> Leg:
    """The leg that a BSSMAP message makes of `leg`."""
    return LEGS[leg].get(message, leg)
