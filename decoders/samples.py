"""What may be kept of a message not read whole: its harmless bytes, up to where reading failed.

Only bytes of elements that were read and bear neither identity nor text stay; all others are zero,
and nothing from the place of failure on is kept (P4, P6).
"""

from __future__ import annotations

from decoders import bssmap, dtap
from decoders.messages import Element, Message


def harmless(message: Message) -> bytes:
    """The message's own bytes as far as they may be kept; empty for SCCP's own messages."""
    if message.protocol == "SCCP":
        return b""
    if message.protocol == "BSSMAP":
        reading = bssmap.read(message.raw, elements=True).reading
    else:
        reading = dtap.read(message.raw, elements=True).reading
    end = len(message.raw) if reading.failed_at is None else reading.failed_at
    kept = bytearray(end)
    _copy(reading.elements or [], kept)
    return bytes(kept)


def _copy(elements: list[Element], kept: bytearray) -> None:
    for element in elements:
        if element.children:
            _copy(element.children, kept)
        elif not element.identity and not element.text and element.offset < len(kept):
            raw = element.raw[: len(kept) - element.offset]
            kept[element.offset : element.offset + len(raw)] = raw
