"""Short messages: who sent one to whom and did it arrive, TS 24.011 7 and 8, TS 23.040 9.2.3.1.

Only message types, addresses and references are looked at; the text is not.
"""

from __future__ import annotations

from typing import NamedTuple

from decoders.events import (
    MESSAGE_RECEIVED,
    MESSAGE_SENT,
    MOBILE_ORIGINATED,
    MOBILE_TERMINATED,
)
from decoders.messages import Message
from decoders.subject import Dialogue, Draft, Transaction, Transfer, frame_of

_CP_DATA = 0x01
_RP_DATA, _RP_ACK, _RP_ERROR = 0, 2, 4
_TP_DELIVER, _TP_SUBMIT = 0, 1


class Relay(NamedTuple):
    """The head of the RP message inside a CP-DATA, TS 24.011 7.3 and 8.2.2."""

    kind: int
    """Message type of the mobile's direction: 0 RP-DATA, 2 RP-ACK, 4 RP-ERROR, 6 RP-SMMA."""
    from_network: bool
    tpdu: int | None
    """TP-MTI of the RP-DATA's TPDU, TS 23.040 9.2.3.1."""


def relay(raw: bytes) -> Relay | None:
    """Read the head of a layer 3 message's RP message; None where it is no CP-DATA or cut short."""
    if len(raw) < 5 or raw[1] != _CP_DATA:
        return None
    kind = raw[3] & 0x07
    from_network = bool(kind & 1)
    kind &= 0x06
    return Relay(kind, from_network, _tpdu(raw[5:]) if kind == _RP_DATA else None)


def _tpdu(addresses: bytes) -> int | None:
    """TP-MTI behind the two addresses (LV) and the length of the user data."""
    at = 0
    for _ in range(2):
        if at >= len(addresses):
            return None
        at += 1 + addresses[at]
    return addresses[at + 1] & 0x03 if at + 1 < len(addresses) else None


def receive(dialogue: Dialogue, message: Message, transaction: Transaction) -> list[Draft]:
    """What a CP-DATA makes happen: an answer completes the transfer that it answers."""
    head = relay(message.raw)
    if head is None:
        return []
    if head.kind == _RP_DATA:
        return _begin(dialogue, message, transaction, head)
    transfer = dialogue.transfers.get(transaction)
    if transfer is None or transfer.answered or transfer.sent_by_network == head.from_network:
        return []
    if head.kind not in {_RP_ACK, _RP_ERROR}:
        return []
    return [_told(transfer, message, "accepted" if head.kind == _RP_ACK else "rejected")]


def unanswered(dialogue: Dialogue, message: Message | None) -> list[Draft]:
    """Transfers that the dialogue ends without an answer to."""
    open_ones = [transfer for transfer in dialogue.transfers.values() if not transfer.answered]
    return [_told(transfer, message, "unseen") for transfer in open_ones]


def _begin(
    dialogue: Dialogue, message: Message, transaction: Transaction, head: Relay
) -> list[Draft]:
    if head.tpdu != (_TP_DELIVER if head.from_network else _TP_SUBMIT):
        return []
    before = dialogue.transfers.get(transaction)
    if before is not None and before.raw == message.raw:
        return []
    dialogue.transfers[transaction] = Transfer(
        sent_by_network=head.from_network,
        party=message.calling if head.from_network else message.called,
        frames=[frame_of(message)],
        raw=message.raw,
    )
    if before is None or before.answered:
        return []
    return [_told(before, message, "unseen")]


def _told(transfer: Transfer, message: Message | None, outcome: str) -> Draft:
    transfer.answered = True
    received = transfer.sent_by_network
    return Draft(
        type=MESSAGE_RECEIVED if received else MESSAGE_SENT,
        message=message,
        detail={"outcome": outcome},
        frames=transfer.frames,
        direction=MOBILE_TERMINATED if received else MOBILE_ORIGINATED,
        party=transfer.party,
    )
