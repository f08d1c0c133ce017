"""A long capture from short ones: the same traffic again and again, each time by other people.

Every copy is later by the length of the original and bears its own SCTP sequence numbers, SCCP
local references, IMSIs and TMSIs, so that nothing in it is a repetition to whoever follows the
network.
Associations open once: frames that set them up stand in the first copy alone. For measurements.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from decoders.decoder import Decoder
from decoders.link import ETHERNET
from decoders.messages import Message, Record
from decoders.times import SECOND

_PCAP: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, ETHERNET)
_RECORD: Final = struct.Struct("<IIII")
_WITH_SLR: Final = {0x01: 1, 0x02: 4, 0x04: 4, 0x05: 4, 0x10: 4}
"""SCCP message types and where their source local reference stands, Q.713 4."""
_WITH_DLR: Final = frozenset({0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x10})
_PAUSE: Final = 10 * SECOND


class _Chunk(NamedTuple):
    at: int
    tsn: int
    is_transfer: bool
    sccp: int


class _Template(NamedTuple):
    """A frame, and where a copy differs from it."""

    record: Record
    stream: bytes
    chunks: list[_Chunk]
    imsis: list[int]
    tmsis: list[int]


def multiply(records: Sequence[Record], copies: int) -> Iterator[tuple[int, bytes]]:
    """Time in microseconds and octets of each frame of so many copies of Ethernet captures."""
    templates = _templates(records)
    spans = _spans(templates)
    length = records[-1].time - records[0].time + _PAUSE
    for copy in range(copies):
        for template in templates:
            if copy and not all(chunk.is_transfer for chunk in template.chunks):
                continue
            if copy and not template.chunks:
                continue
            yield template.record.time + copy * length, _copied(template, copy, spans)


def write(path: Path, captures: Sequence[Sequence[Record]], copies: int) -> None:
    """One pcap file with so many copies of each capture, each capture's after the other's."""
    with path.open("wb") as file:
        file.write(_PCAP)
        for records in captures:
            for time, data in multiply(records, copies):
                seconds, micro = divmod(time, SECOND)
                file.write(_RECORD.pack(seconds, micro, len(data), len(data)) + data)


def _templates(records: Iterable[Record]) -> list[_Template]:
    decoder = Decoder()
    templates = []
    for record in records:
        messages = decoder.feed(record)
        packet = _sctp(record.data)
        stream = record.data[26:34] + record.data[packet : packet + 8] if packet else b""
        chunks = list(_chunks(record.data, packet)) if packet else []
        places = _identities(record.data, messages)
        templates.append(_Template(record, stream, chunks, *places))
    return templates


def _sctp(data: bytes) -> int:
    """Where SCTP begins in an Ethernet frame with IPv4; 0 where there is none."""
    if len(data) < 46 or data[12:14] != b"\x08\x00" or data[23] != 132:
        return 0
    return 14 + (data[14] & 15) * 4


def _chunks(data: bytes, packet: int) -> Iterator[_Chunk]:
    """DATA chunks; one that sets the association up counts as one that no copy repeats."""
    at = packet + 12
    while at + 4 <= len(data):
        kind, _, length = struct.unpack_from(">BBH", data, at)
        if length < 4:
            return
        if kind == 0:
            tsn = struct.unpack_from(">I", data, at + 4)[0]
            is_transfer = data[at + 18 : at + 20] == b"\x01\x01"
            yield _Chunk(at, tsn, is_transfer, _user_part(data, at + 16) if is_transfer else 0)
        elif kind in {1, 2}:
            yield _Chunk(at, 0, is_transfer=False, sccp=0)
        at += (length + 3) & ~3


def _user_part(data: bytes, message: int) -> int:
    """Where SCCP begins in an M3UA DATA message; 0 where it does not."""
    at = message + 8
    while at + 4 <= len(data):
        tag, length = struct.unpack_from(">HH", data, at)
        if tag == 0x0210 and data[at + 12] == 3:
            return at + 16
        if length < 4:
            break
        at += (length + 3) & ~3
    return 0


def _identities(data: bytes, messages: Iterable[Message]) -> tuple[list[int], list[int]]:
    """Where IMSIs and TMSIs of these messages stand in the frame."""
    imsis: set[int] = set()
    tmsis: set[int] = set()
    for message in messages:
        if message.imsi is not None and len(message.imsi) == 15:
            pairs = message.imsi[1:]
            octets = bytes.fromhex("".join(pairs[i + 1] + pairs[i] for i in range(0, 14, 2)))
            imsis.update(_found(data, octets))
        if message.tmsi is not None:
            tmsis.update(_found(data, bytes.fromhex(message.tmsi)))
    return sorted(imsis), sorted(tmsis)


def _found(data: bytes, octets: bytes) -> Iterator[int]:
    at = data.find(octets)
    while at >= 0:
        yield at
        at = data.find(octets, at + 1)


def _spans(templates: Iterable[_Template]) -> dict[bytes, int]:
    """By stream, how many TSNs a copy takes."""
    ranges: dict[bytes, tuple[int, int]] = {}
    for template in templates:
        for chunk in template.chunks:
            if chunk.is_transfer:
                first, last = ranges.get(template.stream, (chunk.tsn, chunk.tsn))
                ranges[template.stream] = min(first, chunk.tsn), max(last, chunk.tsn)
    return {stream: last - first + 1 for stream, (first, last) in ranges.items()}


def _copied(template: _Template, copy: int, spans: dict[bytes, int]) -> bytes:
    if not copy:
        return template.record.data
    data = bytearray(template.record.data)
    span = spans.get(template.stream, 0)
    for chunk in template.chunks:
        struct.pack_into(">I", data, chunk.at + 4, (chunk.tsn + copy * span) & 0xFFFFFFFF)
        if chunk.sccp:
            _refer(data, chunk.sccp, copy)
    for at in template.imsis:
        digits = f"{copy:06d}"[-6:]
        data[at + 3 : at + 6] = bytes.fromhex("".join(digits[i + 1] + digits[i] for i in (0, 2, 4)))
    for at in template.tmsis:
        (tmsi,) = struct.unpack_from(">I", data, at)
        struct.pack_into(">I", data, at, tmsi ^ (copy * 2_654_435_761 & 0x3FFFFFFF))
    return bytes(data)


def _refer(data: bytearray, sccp: int, copy: int) -> None:
    """Other local references, the same ones in both directions."""
    kind = data[sccp]
    places = [_WITH_SLR[kind]] if kind in _WITH_SLR else []
    places += [1] if kind in _WITH_DLR else []
    for place in places:
        at = sccp + place
        reference = int.from_bytes(data[at : at + 3], "little") + copy * 7919
        data[at : at + 3] = (reference & 0xFFFFFF).to_bytes(3, "little")
