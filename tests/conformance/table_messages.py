"""Every message of the tables, with every element that fills an attribute, built from its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from decoders import bssmap, cc, mm, rr, sms, ss
from decoders.names import ElementRow, Form, MessageRow, Part

Messages = Callable[[], Iterator[bytes]]

AREA = bytes.fromhex("64f00042d0")
CELL = bytes.fromhex("0064f00042d01fa5")
IMSI = bytes.fromhex("4906000000001032")
VALUES: dict[str, bytes] = {
    "identity": IMSI,
    "lai": AREA,
    "cell": CELL,
    "cells": CELL,
    "layer3": bytes.fromhex("0524010350589205f4abcdef01"),
    "called": bytes.fromhex("81732192f3"),
    "calling": bytes.fromhex("2181732192f3"),
    "cause": b"\x09",
    "update": b"\x01",
    "service": b"\x04",
}
"""A value for each attribute; 24.008 and 48.008 write them alike but for those in `SPECIAL`."""
SPECIAL: dict[str, bytes] = {
    "TMSI": bytes.fromhex("12345678"),
    "CAUSE 24.008 10.5.4.11": bytes.fromhex("e090"),
    "FACILITY": bytes.fromhex("a10b02010302010e300304012100")[:13],
    "CP USER DATA": bytes.fromhex("032a"),
    "MOBILE STATION CLASSMARK 2": bytes.fromhex("335886"),
}
FAMILIES = {0x3: cc.TABLE, 0x5: mm.TABLE, 0x6: rr.TABLE, 0x9: sms.TABLE, 0xB: ss.TABLE}


def value(element: ElementRow, length: int) -> bytes:
    """Octets that this element may have; zeros where nothing reads them."""
    found = SPECIAL.get(element.name) or SPECIAL.get(f"{element.name} {element.section}")
    if found is None:
        found = VALUES.get(element.field or "", bytes(length))
    return found


def encoded(part: Part) -> bytes:
    """An element in its place."""
    octets = value(part.element, part.length)
    tag = bytes([part.tag]) if part.tag is not None else b""
    if part.form in {Form.V, Form.TV}:
        return tag + octets[: part.length].ljust(part.length, b"\0")
    if part.form is Form.TLV_E:
        return tag + len(octets).to_bytes(2, "big") + octets
    if part.form in {Form.LV, Form.TLV}:
        return tag + bytes([len(octets)]) + octets
    return tag if part.form in {Form.T, Form.TV1} else b""


def ordered(row: MessageRow) -> bytes:
    """The elements without identifier."""
    out = b""
    for part in row.ordered:
        if part.form is Form.LOW:
            out += value(part.element, 1)[:1]
        else:
            out += encoded(part)
    return out


def variants(row: MessageRow) -> Iterator[bytes]:
    """After the message type: the ordered elements alone, then with each that fills something."""
    yield ordered(row)
    for part in row.tagged.values():
        if part.element.field is not None or part.element.nested is not None:
            yield ordered(row) + encoded(part)


def layer3() -> Iterator[bytes]:
    """Every layer 3 message of the tables."""
    for discriminator, table in FAMILIES.items():
        for row in table.messages.values():
            for rest in variants(row):
                yield bytes([discriminator, row.code]) + rest


def management() -> Iterator[bytes]:
    """Every BSSMAP message of the table.

    tshark takes layer 3 apart only where it knows the cell: the element before it, or on the
    connection (the captures have those).
    """
    cell = bssmap.ELEMENTS[0x05]
    for row in bssmap.TABLE.messages.values():
        first = encoded(bssmap.ELEMENTS[0x01]) if row.name == "BLOCK" else b""
        yield bytes([row.code]) + first
        for part in row.tagged.values():
            if part.element.field is None:
                continue
            if part.element.field != "layer3":
                yield bytes([row.code]) + first + encoded(part)
            elif 0x05 in row.tagged and row.name != "HANDOVER COMMAND":
                yield bytes([row.code]) + encoded(cell) + encoded(part)
