"""BSSAP's distribution: what of SCCP's user data is BSSMAP and what DTAP, TS 48.006 9.3.

::

    | 0000000 0 | length          | BSSMAP message
    | 0000000 1 | DLCI   | length | layer 3 message     DLCI: C2 C1 0 0 0 S3 S2 S1
"""

from __future__ import annotations

from typing import NamedTuple

from decoders.bounded import Reader
from decoders.errors import DecodeError
from decoders.messages import Element

SUBSYSTEM = 254
"""BSSAP's subsystem number, 23.003 8.2."""


class Bssap(NamedTuple):
    """What BSSAP carried."""

    dlci: int | None
    """None of a BSSMAP message."""
    data: bytes
    """The BSSMAP or layer 3 message."""
    error: str | None
    """Where the length and the bytes do not agree."""


def split(data: bytes) -> Bssap:
    """Takes BSSAP's header off; raises DecodeError for what is no BSSAP."""
    reader = Reader(data)
    discriminator = reader.octet()
    if discriminator > 1:
        raise DecodeError("no BSSAP: discriminator is neither BSSMAP nor DTAP", offset=0)
    dlci = reader.octet() if discriminator else None
    length = reader.octet()
    error = None
    if length > reader.left:
        error = "BSSAP length beyond the end"
    elif length < reader.left:
        error = "bytes after the BSSAP message"
    return Bssap(dlci, reader.take(min(length, reader.left)), error)


def elements(data: bytes) -> list[Element]:
    """The header's fields, for people; empty where it is cut short."""
    if not data or len(data) < (2 if not data[0] else 3):
        return []
    section = "48.006 9.3"
    found = [Element("BSSAP DISCRIMINATOR", section, 0, data[:1], "DTAP" if data[0] else "BSSMAP")]
    if data[0]:
        found.append(Element("BSSAP DLCI", section, 1, data[1:2], data[1]))
    at = len(found)
    found.append(Element("BSSAP LENGTH", section, at, data[at : at + 1], data[at]))
    return found
