"""What may be kept of a message not read whole: its type, and where reading failed.

The message's own bytes up to the place of failure, all zero but two things: its header, and just
before that place the identifier and length of the element that failed. What was read in between is
blank even where it looked harmless, because in a message that is broken somewhere nothing else may
be where it says: a length that lies shows anybody's number under the name of a classmark (P4, P6).
The reason beside the sample names the message and the element.
"""

from __future__ import annotations

from decoders import bssmap, dtap
from decoders.messages import Element, Message
from decoders.reading import Reading

_TAIL = 2


def harmless(message: Message) -> bytes:
    """The message's own bytes as far as they may be kept; empty for SCCP's own messages."""
    if message.protocol == "SCCP":
        return b""
    if message.protocol == "BSSMAP":
        return _discreet(message.raw, 1, bssmap.read(message.raw, elements=True).reading)
    return _discreet(message.raw, 2, dtap.read(message.raw, elements=True).reading)


def _discreet(raw: bytes, header: int, reading: Reading) -> bytes:
    if reading.failed_at is None:
        return raw[:header].ljust(len(raw), b"\0")
    kept = bytearray(reading.failed_at)
    tail = len(kept) - _TAIL
    if tail > header:
        kept[tail:] = raw[tail : len(kept)]
        for element in reading.elements or []:
            _blank(element, kept)
    kept[:header] = raw[: min(header, len(kept))]
    return bytes(kept)


def _blank(element: Element, kept: bytearray) -> None:
    for child in element.children:
        _blank(child, kept)
    if not element.children and (element.identity or element.text):
        end = min(element.offset + len(element.raw), len(kept))
        kept[element.offset : end] = bytes(max(0, end - element.offset))
