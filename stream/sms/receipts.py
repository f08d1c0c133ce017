"""An SMSC's delivery receipt: which message, and what became of it (SMPP 3.4 Appendix B)."""

from __future__ import annotations

import re

import msgspec
import smpp34

from stream.sms import outcomes
from stream.sms.smpp_codes import (
    DELIVERY_RECEIPT,
    MESSAGE_STATE,
    MESSAGE_TYPE_MASK,
    RECEIPTED_MESSAGE_ID,
)

_TEXT = re.compile(rb"\bid:\s*(?P<id>[!-~]+).*?\bstat:\s*(?P<state>[A-Za-z]+)", re.DOTALL)

_BY_STATE: dict[int, str | None] = {
    1: None,  # ENROUTE
    2: outcomes.DELIVERED,
    3: outcomes.FAILED,  # EXPIRED
    4: outcomes.FAILED,  # DELETED
    5: outcomes.FAILED,  # UNDELIVERABLE
    6: None,  # ACCEPTED: by the operator, not yet by the phone
    7: outcomes.UNKNOWN,
    8: outcomes.FAILED,  # REJECTED
}
"""message_state, 5.2.28 → outcome; None says nothing final."""
_BY_WORD: dict[bytes, str | None] = {
    b"ENROUTE": None,
    b"DELIVRD": outcomes.DELIVERED,
    b"EXPIRED": outcomes.FAILED,
    b"DELETED": outcomes.FAILED,
    b"UNDELIV": outcomes.FAILED,
    b"ACCEPTD": None,
    b"UNKNOWN": outcomes.UNKNOWN,
    b"REJECTD": outcomes.FAILED,
}
"""Appendix B, stat; SMSCs cut it to seven letters."""


class Receipt(msgspec.Struct, frozen=True):
    """What an SMSC says of one of its messages."""

    message_id: str
    outcome: str
    """``delivered`` ``failed`` ``unknown``."""


def receipt_of(event: smpp34.DeliverSmEvent) -> Receipt | None:
    """The receipt in a deliver_sm; None for a phone's message, or when nothing final is said.

    The optional parameters (receipted_message_id, message_state) count before the text, whose form
    is each SMSC's own.
    """
    if event.esm_class & MESSAGE_TYPE_MASK != DELIVERY_RECEIPT:
        return None
    values = {tlv.tag: tlv for tlv in event.tlvs}
    said = _TEXT.search(event.short_message)
    identifier = values.get(RECEIPTED_MESSAGE_ID)
    state = values.get(MESSAGE_STATE)
    message_id = identifier.as_string() if identifier else _group(said, "id").decode("ascii")
    outcome = (
        _BY_STATE.get(state.as_int() or 0, outcomes.UNKNOWN)
        if state
        else _BY_WORD.get(_group(said, "state")[:7].upper(), outcomes.UNKNOWN)
    )
    return Receipt(message_id, outcome) if message_id and outcome else None


def _group(found: re.Match[bytes] | None, name: str) -> bytes:
    return found[name] if found else b""
