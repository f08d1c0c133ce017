"""SCCP: types, references, addresses, segmentation, and whose connections are ours."""

from __future__ import annotations

import pytest
from builders import bssmap, dt1, dtap, request, udt, unit

from decoders.decoder import Decoder, DecoderConfig
from decoders.sccp import TYPES, Address, parse
from decoders.transport import TransportConfig

CLEAR = bssmap(bytes.fromhex("20040109"))


@pytest.mark.parametrize(
    ("octets", "short", "slr", "dlr"),
    [
        ("05010203000003", "RLC", 0x030000, 0x030201),
        ("080000010064", "AK", None, 0x010000),
        ("0c000001", "EA", None, 0x010000),
        ("0d00000100000209", "RSR", 0x020000, 0x010000),
        ("0e000001000002", "RSC", 0x020000, 0x010000),
        ("0f00000101", "ERR", None, 0x010000),
        ("1000000100000203000064", "IT", 0x020000, 0x010000),
        ("030000020900", "CREF", None, 0x020000),
        ("04000002000003070112010200", "RLSD", 0x030000, 0x020000),
    ],
)
def test_each_type_gives_its_references(
    octets: str, short: str, slr: int | None, dlr: int | None
) -> None:
    parsed = parse(bytes.fromhex(octets))
    assert (parsed.short, parsed.slr, parsed.dlr, parsed.error) == (short, slr, dlr, None)


def test_every_type_of_q_713_is_named() -> None:
    assert sorted(TYPES) == list(range(1, 21))


def test_an_address_gives_subsystem_and_global_title() -> None:
    octets = "0981030d180a120700120453840900170b12060012044487200020659a65810d"
    assert parse(bytes.fromhex(octets)).called == Address(
        None,
        7,
        "3548900071",
        nature=4,
        translation_type=0,
        numbering_plan=1,
    )


def test_a_point_code_of_24_bits_has_three_octets_in_an_address() -> None:
    octets = bytes.fromhex("0900030a0d05432a0b01fe0242fe03000131")
    assert parse(octets, point_code_octets=3).called == Address(
        0x010B2A, 254, route_on_subsystem=True
    )


def test_a_connection_message_without_user_data_is_a_row_of_its_own() -> None:
    decoder = Decoder()
    (message,) = decoder.unit(unit(bytes.fromhex("05010203000003")))
    assert (message.protocol, message.message, message.code) == ("SCCP", "RELEASE COMPLETE", 5)


def test_user_data_in_a_release_is_the_row() -> None:
    data = bytes.fromhex("04000002000003070f") + bytes([len(CLEAR)]) + CLEAR + b"\0"
    data = data[:8] + b"\x01" + data[8:]
    (message,) = Decoder().unit(unit(data))
    assert (message.sccp, message.message) == ("RLSD", "CLEAR COMMAND")


def test_a_data_form_with_more_data_waits_for_the_rest() -> None:
    decoder = Decoder()
    assert decoder.unit(unit(dt1(7, CLEAR[:3], more=True), frame=1)) == []
    (message,) = decoder.unit(unit(dt1(7, CLEAR[3:]), frame=2))
    assert (message.message, message.cause, message.frame) == ("CLEAR COMMAND", 9, 2)


def test_parts_of_two_connections_and_of_two_directions_are_kept_apart() -> None:
    decoder = Decoder()
    decoder.unit(unit(dt1(7, CLEAR[:3], more=True)))
    decoder.unit(unit(dt1(8, CLEAR[:2], more=True)))
    decoder.unit(unit(dt1(7, CLEAR[:4], more=True), from_bsc=False))
    assert decoder.unit(unit(dt1(7, CLEAR[3:])))[0].error is None
    assert decoder.unit(unit(dt1(8, CLEAR[2:])))[0].error is None
    assert decoder.unit(unit(dt1(7, CLEAR[4:]), from_bsc=False))[0].error is None


def test_a_gap_gives_up_the_parts_before_it() -> None:
    decoder = Decoder()
    decoder.unit(unit(dt1(7, CLEAR[:3], more=True)))
    (message,) = decoder.unit(unit(dt1(7, CLEAR), gap=1))
    assert message.error is None
    assert decoder.undecoded["SCCP segment lost"] == 1


def xudt(data: bytes, *, first: bool, remaining: int, reference: int = 5) -> bytes:
    """A segment of a message in parts."""
    head = bytes([0x11, 0x01, 15, 4, 6, 8, 8 + len(data)])
    variable = bytes([2, 0x42, 254]) * 2 + bytes([len(data)]) + data
    parameter = bytes([0x10, 4, first << 7 | remaining]) + reference.to_bytes(3, "little")
    return head + variable + parameter + b"\0"


def test_extended_unitdata_is_put_together_from_its_segments() -> None:
    decoder = Decoder()
    paging = bssmap(bytes.fromhex("52080809101010325476981a03052342"))
    assert decoder.unit(unit(xudt(paging[:5], first=True, remaining=2))) == []
    assert decoder.unit(unit(xudt(paging[5:9], first=False, remaining=1))) == []
    (message,) = decoder.unit(unit(xudt(paging[9:], first=False, remaining=0)))
    assert (message.sccp, message.message, message.error) == ("XUDT", "PAGING", None)


def test_p4_a_segment_out_of_order_is_given_up_and_counted() -> None:
    decoder = Decoder()
    decoder.unit(unit(xudt(b"12345", first=True, remaining=3)))
    assert decoder.unit(unit(xudt(b"12345", first=False, remaining=1))) == []
    assert decoder.undecoded["SCCP segment lost"] == 1


def test_p4_what_waits_is_bounded_in_number_and_octets() -> None:
    decoder = Decoder(DecoderConfig(max_segmented=4, max_segmented_octets=600))
    for reference in range(10):
        decoder.unit(unit(dt1(reference, b"x" * 200, more=True)))
    for _ in range(10):
        decoder.unit(unit(dt1(9, b"x" * 200, more=True)))
    assert decoder.undecoded["SCCP segments evicted"] == 6
    assert decoder.undecoded["SCCP segments longer than allowed"] >= 1


def test_other_subsystems_give_no_rows_nor_do_their_connections() -> None:
    decoder = Decoder()
    assert decoder.unit(unit(udt(CLEAR, subsystem=7))) == []
    assert decoder.unit(unit(request(3, CLEAR, subsystem=142))) == []
    confirm = bytes([2, 3, 0, 0, 9, 0, 0, 2, 0])
    assert decoder.unit(unit(confirm, from_bsc=False)) == []
    assert decoder.unit(unit(dt1(3, CLEAR), from_bsc=False)) == []
    assert decoder.unit(unit(dt1(9, CLEAR))) == []
    assert decoder.skipped["SCCP of another subsystem than BSSAP"] == 5


def test_a_reference_given_anew_to_our_subsystem_is_ours_again() -> None:
    decoder = Decoder()
    decoder.unit(unit(request(3, CLEAR, subsystem=142)))
    assert len(decoder.unit(unit(request(3, CLEAR)))) == 1
    assert len(decoder.unit(unit(dt1(3, CLEAR), from_bsc=False))) == 1


def test_one_message_that_only_one_side_sends_tells_who_the_msc_is() -> None:
    decoder = Decoder()
    release = dtap(bytes.fromhex("032d"))
    assert decoder.unit(unit(dt1(1, release)))[0].from_mobile is None
    decoder.unit(unit(dt1(1, CLEAR), from_bsc=False))
    assert decoder.unit(unit(dt1(1, release)))[0].from_mobile is True
    assert decoder.unit(unit(dt1(1, release), from_bsc=False))[0].from_mobile is False


def test_p4_what_is_no_bssap_is_counted_and_no_row() -> None:
    decoder = Decoder()
    assert decoder.unit(unit(dt1(1, b"\x42\x00"))) == []
    assert decoder.undecoded["no BSSAP: discriminator is neither BSSMAP nor DTAP"] == 1


@pytest.mark.parametrize("octets", ["", "06", "0600000100ff", "0900030507", "01000001", "ff0102"])
def test_p4_a_broken_header_is_counted_and_raises_nothing(octets: str) -> None:
    decoder = Decoder(DecoderConfig(transport=TransportConfig()))
    decoder.unit(unit(bytes.fromhex(octets)))
    assert sum(decoder.undecoded.values()) == 1
