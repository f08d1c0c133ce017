"""What a subscriber wrote back, as little of it as decides (P6): whether it is a no or an answer.

Of a deliver_sm that is no receipt (SMPP 3.4 5.2.12) at most the first `_OCTETS` octets are decoded,
and of these only the first word is looked at: letters and digits of one script, so that ``1开通``
is ``1``. Nothing of it is kept, logged or told. Who wrote and to whom is all that is passed on.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import takewhile

import msgspec
import smpp34

from stream.sms.smpp_codes import (
    MESSAGE_PAYLOAD,
    MESSAGE_TYPE_MASK,
    SAR_SEGMENT_SEQNUM,
    UDH_INDICATOR,
)

_OCTETS = 64
_LONGEST_WORD = 16
_CONCATENATED = {0x00: 3, 0x08: 4}
"""Information element of a concatenated message → octets of it (TS 23.040 9.2.3.24.1, .8)."""
_CODINGS = {0x03: "latin-1", 0x08: "utf-16-be", 0x0F: "gb18030"}
"""data_coding, 5.2.19 → how text is read; anything else as ASCII, with which GSM 7 bit agrees in
letters and digits. 15 is what Chinese networks use for GB 18030."""

_NO_PREFIXES = ("TD", "退订")
_NO_WORDS = frozenset({"T", "STOP", "退", "0000"})


class Reply(msgspec.Struct, frozen=True):
    """Who wrote to which of our addresses, and the first word."""

    number: str
    """As the SMSC writes it."""
    address: str
    """Ours: the sender that offers are sent from."""
    word: str
    """In capitals, wide forms as narrow ones; empty where there is none."""

    def __repr__(self) -> str:
        """Without number and word (P6)."""
        return "Reply(…)"

    @property
    def opts_out(self) -> bool:
        """Whether it is a no to everything; in doubt it is."""
        return self.word in _NO_WORDS or self.word.startswith(_NO_PREFIXES)

    def is_one_of(self, keywords: Iterable[str]) -> bool:
        """Whether it begins with one of a campaign's keywords."""
        return any(self._is(_plain(keyword)) for keyword in keywords)

    def _is(self, keyword: str) -> bool:
        """Chinese stands without spaces between words: there a beginning is enough."""
        if not keyword.isascii():
            return self.word.startswith(keyword)
        return self.word == keyword


def reply_of(event: smpp34.DeliverSmEvent) -> Reply | None:
    """The reply in a deliver_sm; None for a receipt, and for a later part of a long message."""
    if event.esm_class & MESSAGE_TYPE_MASK:
        return None
    values = {tlv.tag: tlv for tlv in event.tlvs}
    part = values.get(SAR_SEGMENT_SEQNUM)
    if part is not None and (part.as_int() or 0) > 1:
        return None
    payload = values.get(MESSAGE_PAYLOAD)
    body = event.short_message or (payload.value if payload else b"")
    if event.esm_class & UDH_INDICATOR and body:
        header, body = body[1 : 1 + body[0]], body[1 + body[0] :]
        if _is_later_part(header):
            return None
    text = body[:_OCTETS].decode(_CODINGS.get(event.data_coding, "ascii"), "ignore")
    return Reply(event.source_addr, event.destination_addr, _first_word(_plain(text)))


def _is_later_part(header: bytes) -> bool:
    while len(header) >= 2:
        kind, length = header[0], header[1]
        if length == _CONCATENATED.get(kind) and len(header) > 1 + length:
            return header[1 + length] > 1
        header = header[2 + length :]
    return False


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()


def _first_word(text: str) -> str:
    begins = next((at for at, each in enumerate(text) if each.isalnum()), len(text))
    rest = text[begins : begins + _LONGEST_WORD]
    ascii_ = rest[:1].isascii()
    return "".join(takewhile(lambda each: each.isalnum() and each.isascii() == ascii_, rest))
