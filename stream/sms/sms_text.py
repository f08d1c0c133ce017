"""A text as short messages: alphabet, length, concatenation (TS 23.038 6.2, 23.040 9.2.3.24.1).

A text that the GSM default alphabet holds goes at 160 characters a message (153 in parts), any
other as UCS-2 at 70 UTF-16 code units (67 in parts). Parts bear a user data header with an 8-bit
reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from decoders.errors import XinlingError

GSM7 = 0x00
"""SMPP 3.4 5.2.19 data_coding: the SMSC's default alphabet, one octet a septet."""
UCS2 = 0x08
"""SMPP 3.4 5.2.19 data_coding: UCS-2, which handsets read as UTF-16BE."""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_ESCAPE = 0x1B
_SEPTETS: dict[str, bytes] = {
    **{character: bytes([code]) for code, character in enumerate(_BASIC) if code != _ESCAPE},
    **{character: bytes([_ESCAPE, code]) for character, code in _EXTENDED.items()},
}


class _Form(NamedTuple):
    """How an alphabet goes into short messages; sizes in octets as SMPP counts them."""

    data_coding: int
    whole: int
    part: int


_GSM7_FORM = _Form(GSM7, 160, 153)
_UCS2_FORM = _Form(UCS2, 140, 134)
_MOST_PARTS = 10
"""An offer longer than this is a mistake of the campaign, not a message."""


class TextError(XinlingError):
    """A text that cannot be sent as short messages."""


class Part(msgspec.Struct, frozen=True):
    """One short message of a text."""

    data_coding: int
    body: bytes
    """The user data, with its header in front where `concatenated`."""
    concatenated: bool


def parts(text: str, reference: int) -> list[Part]:
    """The short messages of `text`, in order.

    `reference` (its low 8 bits) ties the parts together at the handset. Raises `TextError` for an
    empty text, a lone surrogate, or one that needs more than ten parts.
    """
    if not text:
        raise TextError("an empty text cannot be sent", key="offer.text")
    if all(character in _SEPTETS for character in text):
        return _split([_SEPTETS[character] for character in text], _GSM7_FORM, reference)
    return _split([_utf16(character) for character in text], _UCS2_FORM, reference)


def _utf16(character: str) -> bytes:
    try:
        return character.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise TextError("the text holds half a character", key="offer.text") from error


def _split(units: list[bytes], form: _Form, reference: int) -> list[Part]:
    if sum(map(len, units)) <= form.whole:
        return [Part(form.data_coding, b"".join(units), concatenated=False)]
    bodies = list(_fill(units, form.part))
    if len(bodies) > _MOST_PARTS:
        raise TextError(
            f"the text needs {len(bodies)} short messages, and at most {_MOST_PARTS} are sent",
            key="offer.text",
            remedy="shorten it",
        )
    head = bytes([5, 0, 3, reference & 0xFF, len(bodies)])
    return [
        Part(form.data_coding, head + bytes([number]) + body, concatenated=True)
        for number, body in enumerate(bodies, 1)
    ]


def _fill(units: list[bytes], size: int) -> Iterator[bytes]:
    """Bodies of at most `size` octets; no escape sequence or surrogate pair is cut."""
    body = b""
    for unit in units:
        if len(body) + len(unit) > size:
            yield body
            body = b""
        body += unit
    yield body
