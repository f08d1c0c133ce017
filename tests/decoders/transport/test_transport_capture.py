"""Captures: every format in any portions, and errors that name the place (P4)."""

from __future__ import annotations

import contextlib
import gzip
import struct
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from transport_frames import captures, pcap, read

from decoders.capture import CaptureParser
from decoders.errors import CaptureError
from decoders.messages import Record

RECORDS = [(1_200_000_000_123_456, b"first"), (1_200_000_001_000_000, b""), (5, b"third, longer")]


def parsed(data: bytes, portion: int = 1 << 20) -> list[Record]:
    parser = CaptureParser("x.pcap")
    records: list[Record] = []
    for at in range(0, len(data), portion):
        records += parser.feed(data[at : at + portion])
    parser.close()
    return records


def contents(records: list[Record]) -> list[tuple[int, bytes]]:
    return [(record.time, record.data) for record in records]


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def section(order: str = "<") -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order: str = "<", link_type: int = 1, options: bytes = b"", snap: int = 0) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link_type, 0, snap) + options)


def packet(stamp: int, data: bytes, order: str = "<", number: int = 0) -> bytes:
    head = (number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, struct.pack(order + "IIIII", *head) + data + bytes(-len(data) % 4))


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_is_read_in_both_byte_orders(order: str) -> None:
    assert contents(parsed(pcap(RECORDS, order=order))) == RECORDS


@pytest.mark.parametrize("order", ["<", ">"])
def test_nanoseconds_are_cut_to_microseconds(order: str) -> None:
    head = struct.pack(order + "IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 141)
    record = struct.pack(order + "IIII", 7, 123_456_999, 3, 3) + b"abc"
    assert contents(parsed(head + record)) == [(7_123_456, b"abc")]


def test_frames_count_from_one_and_bear_the_label_and_link_type() -> None:
    records = parsed(pcap(RECORDS, link_type=141))
    assert [record.frame for record in records] == [1, 2, 3]
    assert {(record.source, record.link_type) for record in records} == {("x.pcap", 141)}


def test_a_note_on_the_frame_check_sequence_is_no_part_of_the_link_type() -> None:
    data = pcap(RECORDS, link_type=1 | 0x2 << 28 | 1 << 26)
    assert {record.link_type for record in parsed(data)} == {1}


@pytest.mark.parametrize("portion", [1, 3, 17, 1000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_portions_do_not_matter(portion: int, pack: object) -> None:
    packed = pack(pcap(RECORDS))  # type: ignore[operator]
    assert contents(parsed(packed, portion)) == RECORDS


def test_several_gzip_members_and_zstd_frames_are_one_capture() -> None:
    data = pcap(RECORDS)
    for pack in (gzip.compress, zstandard.compress):
        packed = b"".join(pack(data[at : at + 11]) for at in range(0, len(data), 11))
        assert contents(parsed(packed)) == RECORDS


def test_padding_behind_a_gzip_member_is_no_damage() -> None:
    assert contents(parsed(gzip.compress(pcap(RECORDS)) + bytes(512))) == RECORDS


def test_p4_what_unpacks_to_far_more_than_a_capture_is_refused() -> None:
    plain = pcap([]) + bytes(1 << 26)
    for bomb in (gzip.compress(plain, 9), zstandard.compress(plain)):
        parser = CaptureParser("bomb.gz")
        with contextlib.suppress(CaptureError):
            assert sum(1 for _ in parser.records(bomb)) < 1 << 21
        with pytest.raises(CaptureError, match="than a capture can") as caught:
            parser.close()
        assert caught.value.remedy


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_capture_that_is_cut_short_says_so_after_giving_what_it_holds(
    pack: object,
) -> None:
    noise = [(1, zlib.compress(bytes(range(256)) * 3) * 3)] * 50
    packed = pack(pcap(noise))  # type: ignore[operator]
    parser = CaptureParser("x.gz")
    parser.feed(packed[:-6])
    with pytest.raises(CaptureError):
        parser.close()


def test_damaged_compression_is_one_error_that_names_the_offset() -> None:
    packed = bytearray(gzip.compress(pcap(RECORDS)))
    packed[12:16] = b"\xff\xff\xff\xff"
    parser = CaptureParser("x.gz")
    with pytest.raises(CaptureError, match="damaged") as caught:
        parser.feed(bytes(packed))
    assert caught.value.file == "x.gz"
    assert caught.value.offset is not None


def test_a_capture_cut_inside_a_record_gives_the_rest_and_names_the_records_offset() -> None:
    data = pcap(RECORDS)[:-4]
    parser = CaptureParser("cut.pcap")
    assert contents(parser.feed(data)) == RECORDS[:2]
    with pytest.raises(CaptureError, match="middle of record 3") as caught:
        parser.close()
    assert (caught.value.file, caught.value.offset) == ("cut.pcap", 24 + 16 + 5 + 16)


def test_a_record_of_absurd_length_stops_the_capture_but_loses_nothing_before_it() -> None:
    data = pcap(RECORDS[:2]) + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30) + bytes(99)
    parser = CaptureParser("long.pcap")
    assert contents(parser.feed(data)) == RECORDS[:2]
    with pytest.raises(CaptureError, match="record 3 claims") as caught:
        parser.feed(b"more")
    assert caught.value.offset == 24 + 16 + 5 + 16
    with pytest.raises(CaptureError):
        parser.close()


def test_p4_records_of_a_packed_capture_come_one_by_one() -> None:
    packed = gzip.compress(pcap([(time, b"") for time in range(100_000)]))
    records = CaptureParser("x.gz").records(packed)
    assert [next(records).frame, next(records).frame] == [1, 2]
    assert sum(1 for _ in records) == 99_998


def test_damage_inside_packed_data_loses_nothing_before_it() -> None:
    data = gzip.compress(pcap(RECORDS)) + b"\x1f\x8b nonsense"
    parser = CaptureParser("x.gz")
    assert contents(parser.feed(data)) == RECORDS
    with pytest.raises(CaptureError, match="damaged"):
        parser.feed(b"more")


@pytest.mark.parametrize("data", [b"hello, world", b"\0", b"PK", b"\xd4\xc3\xb2\xa2 and so on"])
def test_what_is_not_a_capture_is_refused_at_once(data: bytes) -> None:
    parser = CaptureParser("letter.txt")
    with pytest.raises(CaptureError, match="no capture") as caught:
        parser.feed(data)
    assert caught.value.file == "letter.txt"
    assert caught.value.offset == 0


def test_text_packed_with_gzip_is_no_capture_either() -> None:
    with pytest.raises(CaptureError, match="holds no capture"):
        CaptureParser("x.gz").feed(gzip.compress(b"hello, world"))


@pytest.mark.parametrize("head", [b"", b"\xd4\xc3", b"\xd4\xc3\xb2\xa1\x02\x00"])
def test_an_empty_file_or_half_a_header_is_no_capture(head: bytes) -> None:
    parser = CaptureParser("empty.pcap")
    assert parser.feed(head) == []
    with pytest.raises(CaptureError, match="no capture"):
        parser.close()


def test_a_capture_without_records_is_one() -> None:
    assert parsed(pcap([])) == []
    assert parsed(section()) == []


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_interfaces_have_their_own_link_types_resolutions_and_offsets(order: str) -> None:
    nano = option(order, 9, b"\x09")
    binary = option(order, 9, b"\x8a")
    shifted = option(order, 14, struct.pack(order + "q", 1_000_000_000))
    data = (
        section(order)
        + interface(order)
        + interface(order, 141, option(order, 2, "Schnittstelle 接口".encode()) + nano)
        + interface(order, 140, binary + shifted)
        + packet(5_000_001, b"micro", order)
        + packet(5_000_001_999, b"nano", order, 1)
        + packet(1536, b"binary", order, 2)
    )
    records = parsed(data)
    assert contents(records) == [
        (5_000_001, b"micro"),
        (5_000_001, b"nano"),
        (1_000_000_001_500_000, b"binary"),
    ]
    assert [record.link_type for record in records] == [1, 141, 140]


def test_pcapng_sections_have_their_own_byte_order_and_interfaces() -> None:
    data = (
        section("<")
        + interface("<", 1)
        + packet(1, b"a")
        + section(">")
        + interface(">", 142)
        + packet(2, b"b", ">")
    )
    records = parsed(data)
    assert [(r.frame, r.time, r.link_type) for r in records] == [(1, 1, 1), (2, 2, 142)]


def test_pcapng_simple_packets_take_the_time_of_the_packet_before_and_the_snap_length() -> None:
    simple = block("<", 3, struct.pack("<I", 9) + b"12345\0\0\0")
    data = section() + interface(snap=5) + packet(77, b"x") + simple
    assert contents(parsed(data)) == [(77, b"x"), (77, b"12345")]


def test_pcapng_packets_of_the_old_kind_are_read() -> None:
    body = struct.pack("<HHIIII", 0, 0, 0, 9, 3, 3) + b"abc\0"
    assert contents(parsed(section() + interface() + block("<", 2, body))) == [(9, b"abc")]


def test_pcapng_blocks_that_hold_no_packet_are_passed_over_whatever_their_length() -> None:
    large = block("<", 0x0BAD, bytes(1_000_000))
    data = section() + interface() + large + packet(1, b"a") + large
    for portion in (4096, 1 << 22):
        assert contents(parsed(data, portion)) == [(1, b"a")]
    parser = CaptureParser("cut.pcapng")
    parser.feed(data[:-10])
    with pytest.raises(CaptureError, match="middle of a block"):
        parser.close()


@pytest.mark.parametrize(
    ("stamp", "offset", "expected"),
    [(0, -5, 0), ((1 << 64) - 1, (1 << 63) - 1, 253_402_300_799_999_999)],
)
def test_p4_absurd_times_are_clamped_to_what_can_be_written_down(
    stamp: int, offset: int, expected: int
) -> None:
    shifted = option("<", 14, struct.pack("<q", offset))
    data = section() + interface(options=shifted) + packet(stamp, b"a")
    assert contents(parsed(data)) == [(expected, b"a")]


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("<II", 6, 13) + bytes(20),
        struct.pack("<II", 6, 8) + bytes(20),
        struct.pack("<II", 6, 1 << 30) + bytes(20),
        block("<", 6, bytes(4)),
        block("<", 6, struct.pack("<IIIII", 0, 0, 0, 99, 99) + b"abcd"),
        block("<", 1, b"\0\0\0\0"),
        block("<", 3, b""),
        block("<", 0x0A0D0D0A, b"\0" * 16),
        packet(1, b"x", number=7),
    ],
)
def test_p4_damage_inside_pcapng_loses_nothing_before_it(tail: bytes) -> None:
    good = section() + interface() + packet(1, b"a")
    parser = CaptureParser("bad.pcapng")
    assert contents(parser.feed(good + tail)) == [(1, b"a")]
    with pytest.raises(CaptureError) as caught:
        parser.close()
    assert caught.value.offset == len(good)


def test_every_laboratory_capture_is_read_to_its_end() -> None:
    assert captures()
    for path in captures():
        assert read(path)


@settings(max_examples=200)
@given(st.data())
def test_p4_no_bytes_make_the_parser_raise_anything_but_a_capture_error(
    data: st.DataObject,
) -> None:
    seeds = [
        pcap(RECORDS),
        section() + interface() + packet(9, b"abcdef") + block("<", 3, b"\x04\0\0\0abcd"),
        gzip.compress(pcap(RECORDS)),
        zstandard.compress(pcap(RECORDS)),
    ]
    raw = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    portion = data.draw(st.integers(1, len(raw)))
    with contextlib.suppress(CaptureError):
        parsed(bytes(raw), portion)


def test_p4_interfaces_without_end_are_refused() -> None:
    parser = CaptureParser("many.pcapng")
    assert parser.feed(section() + interface() + packet(1, b"a") + interface() * 5000)
    with pytest.raises(CaptureError, match="interfaces"):
        parser.close()
