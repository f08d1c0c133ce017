"""What one dialogue has shown: whose it is, where it takes place, and what is going on in it.

A dialogue begins with a connection and moves to another one when a handover completes; `carrier` is
the number of the connection that it stands on now, and only that connection's messages touch it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from decoders.call import Call
from decoders.events import Frame
from decoders.messages import Cell, Lai, Message, PartyNumber

Transaction = tuple[int, bool]
"""(transaction identifier, begun by the network), TS 24.007 11.2.3.1.3: one call, transfer or
supplementary service transaction of a dialogue."""


class Update(msgspec.Struct, omit_defaults=True):
    """A location update in this dialogue, TS 24.008 4.4."""

    kind: str | None = None
    previous: Lai | None = None
    frames: list[Frame] = []
    answered: bool = False
    detail: dict[str, Any] = {}
    """Of its event, which may still wait for an identity."""


class Transfer(msgspec.Struct):
    """One short message on its way, TS 24.011 6.3: from its RP-DATA to the answer to it."""

    sent_by_network: bool
    party: PartyNumber | None
    frames: list[Frame]
    raw: bytes
    answered: bool = False


class Draft(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event before identity, place and pseudonyms are put on it."""

    type: str
    message: Message | None
    """That completed it; None where silence or the end of the capture did."""
    detail: dict[str, Any] = {}
    frames: list[Frame] = []
    call: Call | None = None
    direction: str | None = None
    party: PartyNumber | None = None


class Dialogue(msgspec.Struct, kw_only=True, eq=False, omit_defaults=True):
    """The facts of one dialogue; bounded, since each table here has at most 14 transactions."""

    key: str
    opened: int
    """Microseconds; of its first message."""
    carrier: int
    partial: bool
    """Its beginning was not captured, so what was not seen may still have happened."""
    vlr: str | None = None
    """Whose temporary identities it shows."""
    imsi: str | None = None
    learned: str | None = None
    """IMSI that its TMSI was bound to when it appeared."""
    tmsi: str | None = None
    area: Lai | None = None
    """Location area that `tmsi` belongs to."""
    assigned: str | None = None
    """TMSI given in this dialogue and not confirmed yet."""
    equipment: str | None = None
    """IMEI or IMEISV."""
    msisdn: str | None = None
    """Digits of the subscriber's own number, where a SETUP to them bears it in international form.
    Hardly any network shows it."""
    cell: Cell | None = None
    by: str | None = None
    """First layer 3 message: what brought the subscriber here."""
    frames: list[Frame] = []
    """What shows the place and the identity."""
    update: Update | None = None
    calls: dict[Transaction, Call] = {}
    transfers: dict[Transaction, Transfer] = {}
    services: set[Transaction] = set()
    detached: bool = False
    told: bool = False
    """An event has left this dialogue."""
    deferred: list[Draft] = []
    """Events that wait for an identity."""
    gaps: dict[str, int] = {}
    """Link → how many gaps it had when this dialogue first used it."""
    left: bool = False
    """The subscriber has been met in a later dialogue: this place is no longer theirs."""
    awaited: bool = False
    """A handover's target is tied to it and not reached yet."""
    source_gone: bool = False
    """The leg that carried it was cleared while a handover's target is still awaited."""
    over: bool = False
    resumes: bool = False
    """It began with a CM RE-ESTABLISHMENT REQUEST: a call goes on in it, TS 24.008 4.5.1.6."""

    def busy(self) -> bool:
        """A call is up: silence may last for hours."""
        return any(call.open for call in self.calls.values())


def frame_of(message: Message) -> Frame:
    """The capture record that `message` came in."""
    return Frame(message.source, message.frame)


def transaction(message: Message, from_network: bool | None) -> Transaction | None:  # noqa: FBT001
    """Which transaction a CC, SMS or SS message belongs to, TS 24.007 11.2.3.1.3.

    The flag is 0 in messages from the side that allocated the identifier. None where the message
    has no identifier, or where it is not known which side sent it.
    """
    if message.ti is None or message.ti_flag is None or from_network is None:
        return None
    return message.ti, from_network == (message.ti_flag == 0)
