"""MTP2, MTP3 and bare SCCP records: each message signal unit once."""

from __future__ import annotations

import struct

import pytest
from transport_frames import FIXTURES, mtp2, mtp3, mtp3_24, numbers, pcap, read, sccp, units

from decoders.capture import CaptureParser
from decoders.transport import Transport, TransportConfig


def msu(number: int, size: int = 20) -> bytes:
    return mtp3(sccp(number, size))


def with_header(unit: bytes, link: int = 3, *, sent: bool = False, annex_a: bool = False) -> bytes:
    return struct.pack(">BBH", sent, annex_a, link) + unit


def test_a_repeated_unit_is_seen_once_and_a_true_repeat_twice() -> None:
    frames = [mtp2(msu(1), 10), mtp2(msu(2), 11), mtp2(msu(1), 10), mtp2(msu(2), 11)]
    frames += [mtp2(msu(2), 12)]
    transport = Transport()
    assert numbers(units(frames, transport, 140)) == [1, 2, 2]
    assert transport.skipped["MTP2 signal unit seen before"] == 2


def test_a_link_whose_sequence_number_never_moves_has_no_repetitions() -> None:
    frames = [mtp2(msu(1), 127), mtp2(msu(1), 127), mtp2(msu(2), 127), mtp2(msu(1), 127)]
    assert numbers(units(frames, link_type=140)) == [1, 1, 2, 1]


def test_the_two_directions_of_a_link_have_sequences_of_their_own() -> None:
    there, back = mtp3(sccp(1), 1, 2), mtp3(sccp(1), 2, 1)
    frames = [mtp2(there, 1), mtp2(back, 1), mtp2(there, 2), mtp2(back, 2)]
    assert len(units(frames, link_type=140)) == 4
    frames = [with_header(mtp2(there, 1), sent=sent) for sent in (False, True)]
    assert len(units(frames, link_type=139)) == 2


def test_the_pseudo_header_shows_what_is_missing_by_link_and_direction() -> None:
    frames = [with_header(mtp2(msu(fsn), fsn)) for fsn in (126, 127, 0, 3)]
    frames += [with_header(mtp2(msu(9), 90), link=4), with_header(mtp2(msu(8), 8), sent=True)]
    transport = Transport()
    found = units(frames, transport, 139)
    assert [unit.gap for unit in found] == [0, 0, 0, 2, 0, 0]
    assert dict(transport.gaps) == {"test.pcap mtp2 3": 2}


def test_units_of_other_users_count_for_the_sequence() -> None:
    other = mtp3(bytes(9), service=5)
    frames = [with_header(mtp2(unit, n)) for n, unit in enumerate([msu(1), other, msu(2)])]
    transport = Transport()
    assert numbers(units(frames, transport, 139)) == [1, 2]
    assert not transport.gaps


def test_alignment_starts_the_sequence_anew_without_a_gap() -> None:
    status = with_header(b"\xff\xff\x01\x00")
    fill_in = with_header(b"\xff\xff\x00")
    frames = [with_header(mtp2(msu(1), 5)), fill_in, status, with_header(mtp2(msu(1), 5))]
    transport = Transport()
    assert numbers(units(frames, transport, 139)) == [1, 1]
    assert transport.skipped["MTP2 fill-in or link status unit"] == 2
    assert not transport.gaps


def test_extended_numbers_of_annex_a_are_read() -> None:
    def extended(unit: bytes, fsn: int) -> bytes:
        return struct.pack("<HHH", 0, fsn, min(len(unit), 511)) + unit

    frames = [with_header(extended(msu(fsn, 300), fsn), annex_a=True) for fsn in (4094, 4095, 0)]
    transport = Transport()
    assert numbers(units(frames, transport, 139)) == [4094, 4095, 0]
    assert not transport.gaps


def test_the_check_sequence_behind_a_unit_is_cut_off_also_from_long_ones() -> None:
    frames = [mtp2(msu(1), 1) + b"\xab\xcd", mtp2(msu(2, 100), 2) + b"\xab\xcd"]
    assert [unit.data for unit in units(frames, link_type=140)] == [sccp(1), sccp(2, 100)]
    frames = [mtp2(msu(1), 1), mtp2(msu(2, 100), 2)]
    assert [unit.data for unit in units(frames, link_type=140)] == [sccp(1), sccp(2, 100)]


@pytest.mark.parametrize("link_type", [140, 141])
def test_24_bit_point_codes_are_read_where_configured(link_type: int) -> None:
    label = mtp3_24(sccp(1), opc=0x123456, dpc=0xABCDEF)
    frame = mtp2(label, 1) if link_type == 140 else label
    transport = Transport(TransportConfig(point_code_bits=24))
    found = units([frame], transport, link_type)
    assert [(unit.opc, unit.dpc, unit.data) for unit in found] == [(0x123456, 0xABCDEF, sccp(1))]


def test_a_bare_sccp_record_is_its_message() -> None:
    found = units([sccp(1), b""], link_type=142)
    assert [(unit.opc, unit.dpc, unit.data) for unit in found] == [(None, None, sccp(1))]


@pytest.mark.parametrize(("link_type", "data"), [(139, b"\0"), (140, b"\1\2"), (141, b"\x83\1")])
def test_p4_records_cut_short_are_counted(link_type: int, data: bytes) -> None:
    transport = Transport()
    assert units([data], transport, link_type) == []
    assert transport.undecoded.total() == 1


def test_p4_a_length_indicator_that_lies_is_counted() -> None:
    transport = Transport()
    assert units([b"\x81\x81\x20" + msu(1)], transport, 140) == []
    assert transport.undecoded == {"MTP2 signal unit cut short": 1}


def test_p4_links_without_end_stay_within_the_bound() -> None:
    transport = Transport(TransportConfig(max_associations=16))
    frames = [mtp2(mtp3(sccp(1), opc, 1), 1) for opc in range(500)]
    assert len(units(frames, transport, 140)) == 500
    assert len(transport._mtp2._sequences) <= 16


@pytest.mark.parametrize("lab", ["lab-a/A_msc", "lab-b/B_msc", "lab-c/C_msc", "lab-a/A_bsc1"])
def test_the_laboratories_hold_the_same_messages_over_every_carrier(lab: str) -> None:
    def messages(suffix: str) -> list[bytes]:
        transport = Transport()
        records = read(FIXTURES / f"{lab}{suffix}.pcap")
        found = [unit for one in records for unit in transport.feed(one)]
        assert not transport.undecoded
        assert not transport.gaps
        return [unit.data for unit in found]

    plain = messages("")
    for suffix in ("_re_m3ua", "_re_mtp3", "_re_mtp2"):
        assert sorted(messages(suffix)) == sorted(plain), suffix


def test_a_capture_packed_into_bytes_again_is_the_same() -> None:
    path = FIXTURES / "lab-a" / "A_msc_re_mtp2.pcap"
    records = read(path)
    again = CaptureParser(path.name)
    assert again.feed(pcap([(one.time, one.data) for one in records], 140)) == records
