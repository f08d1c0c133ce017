"""P4: records by the thousand are the records one by one, whatever the portions."""

from __future__ import annotations

import random
import struct

import pytest

from decoders.capture import CaptureParser
from decoders.errors import CaptureError
from decoders.kernel import FrameReader, Frames, Kernel
from decoders.messages import Record
from tests.decoders.kernel.readings import PCAP, records

CAPTURE = PCAP / "lab-a" / "A_bsc1.pcap"


def read(data: bytes, portion: int, name: str = CAPTURE.name) -> list[Record]:
    reader, found = FrameReader(name), []
    for at in range(0, len(data), portion):
        for frames in reader.feed(data[at : at + portion]):
            found += [frames.record(index) for index in range(len(frames.sizes))]
    reader.close()
    return found


@pytest.mark.parametrize("portion", [7, 1000, 1 << 20])
def test_octets_in_any_portions_give_the_same_records(portion: int) -> None:
    assert read(CAPTURE.read_bytes(), portion) == records(CAPTURE)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_both_byte_orders_and_both_fractions_are_read(order: str, *, nano: bool) -> None:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 141)
    for time in (0, 1_700_000_000, 0xFFFFFFFF):
        data += struct.pack(order + "IIII", time, 999_999, 5, 5) + b"12345"
    assert read(data, 1 << 16, "x") == CaptureParser("x").feed(data)


def test_a_capture_cut_in_a_record_is_told_as_the_plain_parser_tells_it() -> None:
    data = CAPTURE.read_bytes()[:-3]
    plain = CaptureParser(CAPTURE.name)
    plain.feed(data)
    with pytest.raises(CaptureError) as theirs:
        plain.close()
    with pytest.raises(CaptureError) as ours:
        read(data, 5000)
    assert str(ours.value) == str(theirs.value)


def test_a_record_longer_than_any_is_told_where_it_stands() -> None:
    data = CAPTURE.read_bytes() + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30) + bytes(64)
    with pytest.raises(CaptureError, match="claims 1073741824 octets") as error:
        read(data, 1 << 20)
    assert error.value.offset == len(CAPTURE.read_bytes())


@pytest.mark.parametrize("data", [b"", b"abc", b"no capture at all, is it?"])
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    with pytest.raises(CaptureError, match="no capture"):
        read(data, 100, "x")


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(chance: random.Random) -> bytes:
    """Sections, interfaces of all kinds, packets of three kinds, blocks that nobody needs."""
    data = b""
    for _ in range(3):
        order = chance.choice("<>")
        data += block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
        interfaces = chance.randrange(1, 4)
        for _ in range(interfaces):
            body = struct.pack(order + "HxxI", chance.choice((1, 141)), chance.choice((0, 96)))
            if chance.random() < 0.8:
                resolution = chance.choice((0, 3, 6, 9, 12, 20, 0x80, 0x94, 0x8A))
                body += struct.pack(order + "HHBxxx", 9, 1, resolution)
            if chance.random() < 0.5:
                offset = chance.choice((0, 7, -7, 1_700_000_000, 1 << 50, -(1 << 40)))
                body += struct.pack(order + "HHq", 14, 8, offset)
            data += block(order, 1, body)
        for _ in range(chance.randrange(300)):
            packet, number = chance.randbytes(chance.randrange(40)), chance.randrange(interfaces)
            stamp = chance.choice((0, 1_700_000_000, 1_700_000_000_123_456, (1 << 64) - 1, 1 << 61))
            head = struct.pack(order + "IIII", stamp >> 32, stamp & 0xFFFFFFFF, len(packet), 99)
            kind = chance.choice((6, 6, 6, 6, 2, 3, 5, 0xBAD))
            if kind == 6:
                body = struct.pack(order + "I", number) + head + packet
                data += block(
                    order, 6, body + bytes(-len(packet) % 4) + bytes(chance.choice((0, 4)))
                )
            elif kind == 2:
                data += block(order, 2, struct.pack(order + "HH", number, 0) + head + packet)
            else:
                data += block(order, kind, struct.pack(order + "I", len(packet)) + packet)
    return data


@pytest.mark.parametrize("seed", range(30))
def test_pcapng_of_any_kind_is_read_alike_and_its_damage_told_alike(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(pcapng(chance))
    for _ in range(chance.choice((0, 0, 1, 3))):
        data[chance.randrange(len(data))] = chance.choice((0, 1, 6, 0x7F, 0xFF))
    read = []
    for reader in (CaptureParser("x"), FrameReader("x")):
        found: list[Record] = []
        told = ""
        try:
            for at in range(0, len(data), 3000):
                for one in reader.records(bytes(data[at : at + 3000])):
                    frames = range(len(one.times)) if isinstance(one, Frames) else ()
                    found += [one] if isinstance(one, Record) else map(one.record, frames)
            reader.close()
        except CaptureError as error:
            told = str(error)
        read.append((found, told))
    assert read[0] == read[1]


def test_what_a_kernel_remembers_does_not_grow_with_the_capture() -> None:
    kernel = Kernel()
    sizes = []
    for _ in range(30):
        for frames in FrameReader("x").feed(CAPTURE.read_bytes()):
            for _ in kernel.feed(frames):
                pass
        sizes.append((len(kernel._links.names), len(kernel._streams), len(kernel._feeds)))
    assert sizes[0] == sizes[-1]
