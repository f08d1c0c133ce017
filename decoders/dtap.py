"""Layer 3 of the mobile, as DTAP or inside BSSMAP: which family, which message, TS 24.007 11.2.3.

::

     8   7   6   5   4   3   2   1
    | TI or skip    | discriminator |   skip indicator in MM and RR; TI flag and value in others
    | N(SD) | message type          |   RR: eight bits of message type
"""

from __future__ import annotations

from typing import NamedTuple

from decoders import cc, mm, rr, sms, ss
from decoders.bounded import Reader
from decoders.errors import DecodeError
from decoders.messages import Element
from decoders.names import PROTOCOLS, MessageRow, MessageTable, Named
from decoders.reading import Reading, read_message

FAMILIES = {0x3: cc.TABLE, 0x5: mm.TABLE, 0x6: rr.TABLE, 0x9: sms.TABLE, 0xB: ss.TABLE}
WITH_TRANSACTION = frozenset({0x0, 0x1, 0x3, 0x4, 0x8, 0x9, 0xA, 0xB})
SEQUENCED = frozenset({0x3, 0x5, 0xB})
"""Families whose message type octet bears N(SD) in its two upper bits."""
EXTENDED_TI = 7
"""TI value that says the next octet holds it, 24.007 11.2.3.1.3."""
SHORTEST = 2
"""Octets of the shortest layer 3 message: discriminator and message type."""
ASSIGNING = frozenset({0x02, 0x1A})
"""MM messages whose TMSI is a new one."""


class Layer3(NamedTuple):
    """A layer 3 message that has been read."""

    protocol: str
    name: str
    code: int
    reading: Reading
    from_mobile: bool | None
    """What the message type alone says."""


def read(data: bytes, *, elements: bool = False) -> Layer3:
    """Reads a layer 3 message, from its protocol discriminator on; never raises.

    Args:
        data: the whole message.
        elements: whether to build the tree.
    """
    reading = Reading(elements=elements)
    reader = Reader(data)
    protocol, code, name, from_mobile = "UNKNOWN", 0, "UNKNOWN", None
    try:
        first = reader.octet()
        discriminator = first & 0x0F
        protocol = PROTOCOLS.get(discriminator, f"UNKNOWN 0x{discriminator:x}")
        _header(first, discriminator, reader, reading)
        octet = reader.octet()
        code = octet & 0x3F if discriminator in SEQUENCED else octet
        family = FAMILIES.get(discriminator)
        row = family.messages.get(code) if family else None
        name = row.name if row else f"UNKNOWN 0x{code:02x}"
        section = row.section if row else "24.007 11.2.3.2"
        shown = Named(code, name)
        reading.note(Element("MESSAGE TYPE", section, reader.at - 1, bytes([octet]), shown))
        if family is None:
            reading.fail("", DecodeError("protocol that is not decoded"), reader.at)
        elif row is None:
            reading.fail("", DecodeError("unknown message type"), reader.at)
        from_mobile = row.from_mobile if row else None
        _contents(row, family, reader, reading)
    except DecodeError as error:
        reading.fail("LAYER 3 HEADER", error, 0)
    _complete(discriminator if data else -1, code, reading)
    return Layer3(protocol, name, code, reading, reading.fields.pop("from_mobile", from_mobile))


def _header(first: int, discriminator: int, reader: Reader, reading: Reading) -> None:
    octets = bytes([first])
    protocol = PROTOCOLS.get(discriminator, "unknown")
    reading.note(Element("PROTOCOL DISCRIMINATOR", "24.007 11.2.3.1.1", 0, octets, protocol))
    if discriminator not in WITH_TRANSACTION:
        reading.note(Element("SKIP INDICATOR", "24.007 11.2.3.1.2", 0, octets, first >> 4))
        return
    value = first >> 4 & 7
    if value == EXTENDED_TI:
        value = reader.octet() & 0x7F
        octets = reader.data[:2]
    reading.fields["ti"] = value
    reading.fields["ti_flag"] = first >> 7
    reading.note(Element("TRANSACTION IDENTIFIER", "24.007 11.2.3.1.3", 0, octets, value))


def _contents(
    row: MessageRow | None, family: MessageTable | None, reader: Reader, reading: Reading
) -> None:
    if family is None:
        reading.keep("UNKNOWN MESSAGE CONTENTS", reader, reader.left)
    else:
        read_message(row, family, reader, reading)


def _complete(discriminator: int, code: int, reading: Reading) -> None:
    """Says of the identity what its message means by it; keeps its type only where it counts."""
    kind = reading.fields.get("identity_type")
    if discriminator == 0x5 and code in ASSIGNING:
        if "tmsi" in reading.fields:
            reading.fields["new_tmsi"] = True
    elif kind is not None:
        del reading.fields["identity_type"]
