"""The oracle: tshark sees the same SCCP bytes and point codes in the same frames."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from transport_frames import (
    FIXTURES,
    captures,
    chunk,
    data_chunk,
    ethernet,
    ipv4,
    ipv6,
    m2pa,
    m2ua,
    m3ua,
    mtp2,
    mtp3,
    mtp3_24,
    pcap,
    read,
    sctp,
    tcp,
)

from decoders.transport import Transport, TransportConfig

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("XINLING_SHARED_CAPTURES", ROOT.parent / "shared" / "captures"))
FOUND = sorted(SHARED.glob("found/*.pcap"))
POINT_CODES = frozenset(
    f"{layer}{code}"
    for layer in ("m3ua.protocol_data_", "mtp3.", "mtp3.chinese_", "mtp3.24bit_")
    for code in ("opc", "dpc")
)
Seen = dict[int, list[tuple[int | None, int | None, bytes]]]
"""By frame: originating and destination point code, SCCP bytes."""


def walk(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every (name, value) of tshark's JSON in its order; repeated names come as repeated keys."""
    for name, value in tree:
        yield name, value
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            yield from walk(value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, list) and item and isinstance(item[0], tuple):
                    yield from walk(item)


def point_code(text: str) -> int:
    """A point code as tshark shows it: a number, or three octets with hyphens."""
    if "-" in text:
        return int.from_bytes(bytes(map(int, text.split("-"))), "big")
    return int(text, 0)


def tshark(path: Path, *options: str) -> Seen:
    command = ["tshark", "-n", "-r", str(path), "-T", "json", "-x"]
    command += ["-d", "tcp.port==5000,gsm_ipa", *options]
    text = subprocess.run(command, capture_output=True, check=True).stdout
    seen: Seen = defaultdict(list)
    for number, packet in enumerate(json.loads(text, object_pairs_hook=list), 1):
        codes: dict[str, int] = {}
        for name, value in walk(packet):
            if name in POINT_CODES:
                codes[name[-3:]] = point_code(value)
            elif name == "sccp_raw":
                data = bytes.fromhex(value[0])
                seen[number].append((codes.get("opc"), codes.get("dpc"), data))
    return seen


def ours(path: Path, config: TransportConfig | None = None) -> Seen:
    transport = Transport(config)
    seen: Seen = defaultdict(list)
    for record in read(path):
        for unit in transport.feed(record):
            seen[record.frame].append((unit.opc, unit.dpc, unit.data))
    return seen


NEEDS_TSHARK = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="no tshark: apt-get install tshark"
)


def differences(expected: Seen, found: Seen) -> dict[int, Any]:
    return {
        frame: (expected.get(frame), found.get(frame))
        for frame in sorted({*expected, *found})
        if expected.get(frame) != found.get(frame)
    }


@NEEDS_TSHARK
@pytest.mark.parametrize("path", [*captures(), *FOUND], ids=lambda path: path.name)
def test_tshark_sees_the_same_messages_in_the_same_frames(path: Path) -> None:
    expected, found = tshark(path), ours(path)
    differing = differences(expected, found)
    assert not differing, f"{len(differing)} frames differ, first {next(iter(differing.items()))}"


def laboratory() -> list[bytes]:
    """SCCP messages of a laboratory, in their order."""
    transport = Transport()
    records = read(FIXTURES / "lab-a" / "A_msc_re_mtp3.pcap")[:120]
    return [unit.data for record in records for unit in transport.feed(record)]


def over(packets: Iterable[bytes]) -> list[bytes]:
    return [ethernet(ipv4(packet)) for packet in packets]


def chunks(messages: list[bytes]) -> list[bytes]:
    return [data_chunk(tsn, m3ua(message)) for tsn, message in enumerate(messages, 1)]


def in_pairs(messages: list[bytes]) -> list[bytes]:
    whole = chunks(messages)
    sack = chunk(3, 0, bytes(12))
    return over(sctp(sack, *whole[at : at + 2]) for at in range(0, len(whole), 2))


def ip_fragments(messages: list[bytes]) -> list[bytes]:
    frames = []
    for ident, one in enumerate(chunks(messages), 1):
        packet = sctp(one)
        frames += [
            ethernet(ipv4(packet[:32], ident=ident, fragment=0x2000)),
            ethernet(ipv4(packet[32:], ident=ident, fragment=4)),
        ]
    return frames


def sctp_fragments(messages: list[bytes]) -> list[bytes]:
    frames = []
    for number, message in enumerate(messages):
        body = m3ua(message)
        for place, (flags, part) in enumerate([(2, body[:20]), (0, body[20:24]), (1, body[24:])]):
            frames += over([sctp(data_chunk(1 + number * 3 + place, part, flags=flags))])
    return frames


def segments(messages: list[bytes]) -> list[bytes]:
    """Whole IPA frames, three a segment, each segment twice: tshark puts no IPA frame together."""
    frames = [len(one).to_bytes(2, "big") + b"\xfd" + one for one in messages]
    sequence = 1000
    packets = [tcp(b"", sequence - 1, flags=2)]
    for at in range(0, len(frames), 3):
        payload = b"".join(frames[at : at + 3])
        packets += [tcp(payload, sequence)] * 2
        sequence += len(payload)
    return [ethernet(ipv4(packet, protocol=6)) for packet in packets]


WRAPPINGS: dict[str, tuple[int, Callable[[list[bytes]], list[bytes]]]] = {
    "vlan, ipv6": (1, lambda m: [ethernet(ipv6(sctp(one)), tags=2) for one in chunks(m)]),
    "ipv6, hop by hop": (
        1,
        lambda m: [
            ethernet(ipv6(bytes([132, 0, 1, 4, 0, 0, 0, 0]) + sctp(c), 0)) for c in chunks(m)
        ],
    ),
    "cooked": (113, lambda m: [bytes(14) + b"\x08\x00" + ipv4(sctp(one)) for one in chunks(m)]),
    "cooked 2": (276, lambda m: [b"\x08\x00" + bytes(18) + ipv4(sctp(one)) for one in chunks(m)]),
    "raw": (101, lambda m: [ipv4(sctp(one)) for one in chunks(m)]),
    "null": (0, lambda m: [b"\2\0\0\0" + ipv4(sctp(one)) for one in chunks(m)]),
    "two chunks a packet": (1, in_pairs),
    "mirrored": (1, lambda m: [one for one in over(map(sctp, chunks(m))) for _ in range(2)]),
    "ip fragments": (1, ip_fragments),
    "sctp fragments": (1, sctp_fragments),
    "no identifier": (
        1,
        lambda m: over(sctp(data_chunk(n, m3ua(one), protocol=0)) for n, one in enumerate(m)),
    ),
    "m2ua": (
        1,
        lambda m: over(
            sctp(data_chunk(n, m2ua(mtp3(one)), 2), ports=(2904, 2904)) for n, one in enumerate(m)
        ),
    ),
    "m2pa": (
        1,
        lambda m: over(
            sctp(data_chunk(n, m2pa(mtp3(one)), 5), ports=(3565, 3565)) for n, one in enumerate(m)
        ),
    ),
    "segments": (1, segments),
    "mtp2": (140, lambda m: [mtp2(mtp3(one), n % 128) for n, one in enumerate(m)]),
    "mtp2, pseudo header": (
        139,
        lambda m: [b"\0\0\0\3" + mtp2(mtp3(one), n % 128) for n, one in enumerate(m)],
    ),
}


@NEEDS_TSHARK
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_tshark_sees_the_same_whatever_carries_it(wrapping: str, tmp_path: Path) -> None:
    link_type, wrap = WRAPPINGS[wrapping]
    messages = laboratory()
    path = tmp_path / "wrapped.pcap"
    path.write_bytes(pcap(enumerate(wrap(messages)), link_type))
    expected, found = tshark(path), ours(path)
    assert [data for units in found.values() for _, _, data in units] == messages
    assert not differences(expected, found)


@NEEDS_TSHARK
def test_tshark_reads_the_same_24_bit_point_codes(tmp_path: Path) -> None:
    path = tmp_path / "wide.pcap"
    frames = [mtp3_24(message, 0x123456, 0xABCDEF) for message in laboratory()]
    path.write_bytes(pcap(enumerate(frames), 141))
    found = ours(path, TransportConfig(point_code_bits=24))
    assert len(found) == len(frames)
    assert not differences(tshark(path, "-o", "mtp3.standard:Chinese ITU"), found)
