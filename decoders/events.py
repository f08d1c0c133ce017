"""The event types of the contracts, and the one place where their names stand.

An event that leaves `decoders` bears keyed pseudonyms. The clear identities are there only when the
correlator was asked for them (``--clear``, or to fill the delivery vault).

Nothing here can be part of a cycle, so that the garbage collector need not look (``gc=False``).
"""

from __future__ import annotations

from typing import Any

import msgspec

from decoders.messages import Cell
from decoders.times import to_text

SCHEMA_VERSION = 1


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A capture record that an event rests on."""

    source: str
    frame: int


class Destination(msgspec.Struct, frozen=True, gc=False):
    """Where a number belongs, from the numbering plan."""

    kind: str = "unknown"
    """``fixed`` ``mobile`` ``service`` ``emergency`` ``unknown``."""
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    area_code: str | None = None
    city: str | None = None


class OtherParty(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The other party of a call or message."""

    ton: int
    npi: int
    destination: Destination
    id: str | None = None
    """Pseudonym; None for service, emergency and short numbers."""
    selected: str | None = None
    """Carrier or service prefix that was dialled before the number, such as ``12593``."""
    digits: str | None = None
    """Only with clear output."""


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One event; the attributes are the keys of the contracts, in their order."""

    id: str
    type: str
    time: int
    """Microseconds since 1970-01-01T00:00:00Z of the message that completed the event."""
    subscriber: str
    identity: str
    """``imsi`` ``learned`` ``unknown``."""
    dialogue: str
    call: str | None = None
    cell: Cell | None = None
    direction: str | None = None
    other_party: OtherParty | None = None
    number_class: str | None = None
    detail: dict[str, Any] = {}
    frames: list[Frame] = []
    trust: str | None = None
    imsi: str | None = None
    """Only with clear output."""
    msisdn: str | None = None
    """Only with clear output."""
    imei: str | None = None
    """Only with clear output."""

    def row(self) -> dict[str, Any]:
        """The row of the contracts: plain values, time as text, keys that do not apply left out."""
        row: dict[str, Any] = msgspec.to_builtins(self)
        row["time"] = to_text(self.time)
        return row


LOCATION_UPDATED = "location.updated"
LOCATION_SEEN = "location.seen"
LOCATION_HANDOVER = "location.handover"
SUBSCRIBER_DETACHED = "subscriber.detached"
CALL_ATTEMPTED = "call.attempted"
CALL_ALERTING = "call.alerting"
CALL_ANSWERED = "call.answered"
CALL_ENDED = "call.ended"
MESSAGE_SENT = "message.sent"
MESSAGE_RECEIVED = "message.received"
SERVICE_REQUESTED = "service.requested"

TYPES = (
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
)

MOBILE_ORIGINATED = "mobile originated"
MOBILE_TERMINATED = "mobile terminated"
