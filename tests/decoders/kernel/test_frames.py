"""P4: records by the thousand are the records one by one, whatever the portions."""

from __future__ import annotations

import struct

import pytest

from decoders.capture import CaptureParser
from decoders.errors import CaptureError
from decoders.kernel import FrameReader, Kernel
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


def test_what_a_kernel_remembers_does_not_grow_with_the_capture() -> None:
    kernel = Kernel()
    sizes = []
    for _ in range(30):
        for frames in FrameReader("x").feed(CAPTURE.read_bytes()):
            for _ in kernel.feed(frames):
                pass
        sizes.append((len(kernel._links.names), len(kernel._streams), len(kernel._feeds)))
    assert sizes[0] == sizes[-1]
