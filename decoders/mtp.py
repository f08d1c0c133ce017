"""MTP level 2 (ITU-T Q.703) and level 3 (Q.704): from a signal unit to the SCCP in it.

MTP3 message: service information octet, routing label, user part.

    ITU label, 4 octets, least significant first:  DPC 14 bits | OPC 14 bits | SLS 4 bits
    Chinese national label (GF 001-9001), 7 octets:  DPC 24 bits | OPC 24 bits | SLS 8 bits
"""

from __future__ import annotations

from typing import Final, NamedTuple

SERVICE_SCCP: Final = 3
"""Service indicator of SCCP, Q.704 14.2.1."""


class Mtp3(NamedTuple):
    """A level 3 message taken apart."""

    opc: int
    dpc: int
    sls: int
    service: int
    """Service indicator."""
    user_part: bytes


class SignalUnit(NamedTuple):
    """A level 2 signal unit."""

    fsn: int
    length: int
    """Length indicator: 0 a fill-in unit, 1 or 2 a link status unit, more a message; the largest
    value (63, or 511 with extended numbers) also stands for anything longer."""
    start: int
    """Where the service information octet stands."""
    end: int
    """End of the unit by its length indicator, or of the record where that cannot tell."""
    open_ended: bool
    """The length indicator has its largest value, so `end` is the record's."""


def mtp3(data: bytes, start: int, end: int, point_code_bits: int) -> Mtp3 | None:
    """Level 3 message in ``data[start:end]`` (Q.704 2.2); None when shorter than its label."""
    service = data[start] & 15 if start < end else 0
    if point_code_bits == 24:
        if end - start < 8:
            return None
        dpc = int.from_bytes(data[start + 1 : start + 4], "little")
        opc = int.from_bytes(data[start + 4 : start + 7], "little")
        return Mtp3(opc, dpc, data[start + 7], service, data[start + 8 : end])
    if end - start < 5:
        return None
    label = int.from_bytes(data[start + 1 : start + 5], "little")
    opc = label >> 14 & 0x3FFF
    return Mtp3(opc, label & 0x3FFF, label >> 28, service, data[start + 5 : end])


def signal_unit(data: bytes, start: int, *, extended: bool) -> SignalUnit | None:
    """Signal unit at ``start`` (Q.703 2.2; 12-bit numbers: annex A); None if cut short."""
    size, largest = (6, 511) if extended else (3, 63)
    if len(data) < start + size:
        return None
    if extended:
        fsn = int.from_bytes(data[start + 2 : start + 4], "little") & 0xFFF
        length = int.from_bytes(data[start + 4 : start + 6], "little") & 0x1FF
    else:
        fsn = data[start + 1] & 0x7F
        length = data[start + 2] & 0x3F
    body = start + size
    if length == largest:
        return SignalUnit(fsn, length, body, len(data), open_ended=True)
    return SignalUnit(fsn, length, body, body + length, open_ended=False)
