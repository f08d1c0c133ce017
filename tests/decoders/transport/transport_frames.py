"""Frames built by hand for the transport tests: each layer a function, innermost first."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from decoders.capture import CaptureParser
from decoders.messages import Record, SccpUnit
from decoders.transport import Transport

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "pcap"
CLIENT = bytes([10, 0, 0, 1])
SERVER = bytes([10, 0, 0, 2])


def sccp(number: int, size: int = 20) -> bytes:
    """A distinct SCCP-like message: type UDT, then the number, then padding."""
    return b"\x09" + number.to_bytes(4, "big") + bytes(size - 5)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def parameter(tag: int, value: bytes) -> bytes:
    return padded(struct.pack(">HH", tag, 4 + len(value)) + value)


def adaptation(kind: int, body: bytes, version: int = 1) -> bytes:
    return struct.pack(">BxHI", version, kind, 8 + len(body)) + body


def m3ua(
    data: bytes, opc: int = 187, dpc: int = 185, service: int = 3, before: bytes = b""
) -> bytes:
    label = struct.pack(">IIBBBB", opc, dpc, service, 2, 0, 5)
    return adaptation(0x0101, before + parameter(0x0210, label + data))


def mtp3(data: bytes, opc: int = 187, dpc: int = 185, service: int = 3) -> bytes:
    return bytes([0x80 | service]) + (dpc | opc << 14 | 5 << 28).to_bytes(4, "little") + data


def mtp3_24(data: bytes, opc: int, dpc: int) -> bytes:
    return b"\x83" + dpc.to_bytes(3, "little") + opc.to_bytes(3, "little") + b"\x05" + data


def mtp2(msu: bytes, fsn: int, bsn: int = 0) -> bytes:
    return bytes([0x80 | bsn, 0x80 | fsn, min(len(msu), 63)]) + msu


def m2ua(msu: bytes) -> bytes:
    return adaptation(0x0601, parameter(1, bytes([0, 0, 0, 7])) + parameter(0x0300, msu))


def m2pa(msu: bytes, fsn: int = 1) -> bytes:
    body = (0).to_bytes(4, "big") + fsn.to_bytes(4, "big")
    return adaptation(0x0B01, body + (b"\x00" + msu if msu else b""))


def chunk(kind: int, flags: int, value: bytes) -> bytes:
    return padded(struct.pack(">BBH", kind, flags, 4 + len(value)) + value)


def data_chunk(tsn: int, message: bytes, protocol: int = 3, flags: int = 3) -> bytes:
    return chunk(0, flags, struct.pack(">IHHI", tsn & 0xFFFFFFFF, 1, 0, protocol) + message)


def init_chunk(kind: int, tag: int, tsn: int, addresses: Iterable[bytes] = ()) -> bytes:
    listed = b"".join(parameter(5 if len(ip) == 4 else 6, ip) for ip in addresses)
    return chunk(kind, 0, struct.pack(">IIHHI", tag, 65536, 10, 10, tsn) + listed)


def sctp(*chunks: bytes, ports: tuple[int, int] = (2905, 2905), tag: int = 7) -> bytes:
    return struct.pack(">HHII", *ports, tag, 0) + b"".join(chunks)


def ipv4(
    payload: bytes,
    source: bytes = CLIENT,
    destination: bytes = SERVER,
    *,
    protocol: int = 132,
    ident: int = 1,
    fragment: int = 0,
) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0)
    return head + source + destination + payload


def ipv6(payload: bytes, next_header: int = 132) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64)
    return head + bytes(15) + b"\x01" + bytes(15) + b"\x02" + payload


def tcp(
    payload: bytes,
    sequence: int,
    ports: tuple[int, int] = (40000, 5000),
    flags: int = 0x10,
    acknowledged: int = 0,
) -> bytes:
    sequence &= 0xFFFFFFFF
    return struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 5 << 4, flags, 100, 0, 0) + (
        payload
    )


def ethernet(packet: bytes, tags: int = 0, ethertype: int | None = None) -> bytes:
    if ethertype is None:
        ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return bytes(12) + b"\x81\x00\x00\x64" * tags + ethertype.to_bytes(2, "big") + packet


def record(data: bytes, frame: int = 1, time: int = 0, link_type: int = 1) -> Record:
    return Record("test.pcap", frame, time, link_type, data)


def units(
    frames: Iterable[bytes], transport: Transport | None = None, link_type: int = 1
) -> list[SccpUnit]:
    """Everything that these frames give, a millisecond apart."""
    transport = transport or Transport()
    found: list[SccpUnit] = []
    for number, frame in enumerate(frames, 1):
        found += transport.feed(record(frame, number, number * 1000, link_type))
    return found


def over_m3ua(tsn: int, number: int, **layers: object) -> bytes:
    """One frame with one message over M3UA."""
    return ethernet(ipv4(sctp(data_chunk(tsn, m3ua(sccp(number))), **layers)))  # type: ignore[arg-type]


def numbers(found: Iterable[SccpUnit]) -> list[int]:
    return [int.from_bytes(unit.data[1:5], "big") for unit in found]


def pcap(records: Iterable[tuple[int, bytes]], link_type: int = 1, order: str = "<") -> bytes:
    """A pcap file of (microseconds, bytes)."""
    head = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type)
    return head + b"".join(
        struct.pack(order + "IIII", *divmod(time, 1_000_000), len(data), len(data)) + data
        for time, data in records
    )


def read(path: Path) -> list[Record]:
    parser = CaptureParser(path.name)
    records = parser.feed(path.read_bytes())
    parser.close()
    return records


def captures() -> list[Path]:
    return sorted(FIXTURES.glob("*/*.pcap"))
