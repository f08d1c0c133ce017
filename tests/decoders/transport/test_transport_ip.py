"""Link layers and IP: what is inside is the same however it is wrapped."""

from __future__ import annotations

import struct
from itertools import permutations

import pytest
from transport_frames import (
    data_chunk,
    ethernet,
    ipv4,
    ipv6,
    m3ua,
    numbers,
    over_m3ua,
    record,
    sccp,
    sctp,
    units,
)

from decoders.errors import CaptureError
from decoders.transport import Transport, TransportConfig

PACKET = ipv4(sctp(data_chunk(1, m3ua(sccp(1, 400)))))
PACKET6 = ipv6(sctp(data_chunk(1, m3ua(sccp(1, 400)))))


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, ethernet(PACKET)),
        (1, ethernet(PACKET, tags=1)),
        (1, ethernet(PACKET, tags=3)),
        (1, bytes(12) + b"\x88\xa8\x00\x01" + b"\x81\x00\x00\x02" + b"\x08\x00" + PACKET),
        (1, ethernet(PACKET) + bytes(6)),
        (1, ethernet(PACKET6)),
        (113, bytes(14) + b"\x08\x00" + PACKET),
        (113, bytes(14) + b"\x81\x00\x00\x05\x86\xdd" + PACKET6),
        (276, b"\x08\x00" + bytes(18) + PACKET),
        (276, b"\x86\xdd" + bytes(18) + PACKET6),
        (101, PACKET),
        (101, PACKET6),
        (12, PACKET),
        (14, PACKET),
        (228, PACKET),
        (229, PACKET6),
        (0, struct.pack("<I", 2) + PACKET),
        (0, struct.pack(">I", 2) + PACKET),
        (0, struct.pack("<I", 30) + PACKET6),
        (108, struct.pack(">I", 2) + PACKET),
        (108, struct.pack(">I", 24) + PACKET6),
    ],
)
def test_every_link_layer_gives_the_same_message(link_type: int, frame: bytes) -> None:
    found = units([frame], link_type=link_type)
    assert [unit.data for unit in found] == [sccp(1, 400)]
    assert (found[0].opc, found[0].dpc) == (187, 185)


@pytest.mark.parametrize(
    ("link_type", "frame", "kind"),
    [
        (1, ethernet(bytes(40), ethertype=0x0806), "ethertype 0x0806"),
        (101, b"\x50" + bytes(40), "link protocol unknown"),
        (0, struct.pack("<I", 7) + PACKET, "link protocol unknown"),
        (1, ethernet(ipv4(bytes(20), protocol=17)), "IP protocol 17"),
    ],
)
def test_what_is_not_signalling_is_counted_as_skipped_not_as_broken(
    link_type: int, frame: bytes, kind: str
) -> None:
    transport = Transport()
    assert units([frame], transport, link_type) == []
    assert dict(transport.skipped) == {kind: 1}
    assert not transport.undecoded


@pytest.mark.parametrize("link_type", [0, 1, 12, 101, 108, 113, 139, 140, 141, 142, 228, 229, 276])
def test_p4_every_prefix_of_a_frame_is_survived_and_counted(link_type: int) -> None:
    frames = {
        1: ethernet(PACKET, 1),
        113: bytes(14) + b"\x08\x00" + PACKET,
        0: b"\2\0\0\0" + PACKET,
    }
    frame = frames.get(link_type, PACKET6 if link_type == 229 else PACKET)
    for size in range(len(frame)):
        transport = Transport()
        found = units([frame[:size]], transport, link_type)
        told = transport.undecoded.total() + transport.skipped.total()
        assert found or told


def test_an_unknown_link_type_is_named_once_and_then_only_counted() -> None:
    transport = Transport()
    with pytest.raises(CaptureError, match="link type 195") as caught:
        transport.feed(record(b"abc", 3, link_type=195))
    assert caught.value.file == "test.pcap"
    assert transport.feed(record(b"abc", 4, link_type=195)) == []
    assert transport.skipped["link type 195"] == 1
    assert units([over_m3ua(1, 1)], transport)


def test_an_ipv4_length_of_zero_means_the_rest_of_the_record() -> None:
    raw = bytearray(PACKET)
    raw[2:4] = b"\0\0"
    assert numbers(units([bytes(raw)], link_type=101)) == [1]


def pieces_of(payload: bytes, ident: int, sizes: tuple[int, ...]) -> list[bytes]:
    frames, at = [], 0
    for size in sizes:
        more = 0 if at + size >= len(payload) else 0x2000
        frames.append(ipv4(payload[at : at + size], ident=ident, fragment=at // 8 | more))
        at += size
    return frames


def test_ipv4_fragments_come_together_in_every_order() -> None:
    for ident, order in enumerate(permutations(pieces_of(PACKET[20:], 9, (96, 104, 400)))):
        assert numbers(units(order, link_type=101)) == [1], ident


def test_mirrored_fragments_are_one_datagram() -> None:
    first, second = pieces_of(PACKET[20:], 9, (96, 504))
    for order in ([first, first, second, second], [first, second, first, second]):
        transport = Transport()
        assert numbers(units(order, transport, 101)) == [1]
        assert not transport.undecoded


def test_the_message_belongs_to_the_record_that_completed_it() -> None:
    found = units(pieces_of(PACKET[20:], 9, (96, 104, 400)), link_type=101)
    assert found[0].record.frame == 3


def test_an_identification_that_comes_round_makes_no_datagram_of_two() -> None:
    lost, second = pieces_of(PACKET[20:], 9, (96, 504))
    other = ipv4(sctp(data_chunk(2, m3ua(sccp(2, 400)))))
    third, fourth = pieces_of(other[20:], 9, (96, 504))
    transport = Transport()
    assert numbers(units([lost, third, fourth], transport, 101)) == [2]
    assert transport.undecoded["IP fragments overlap"] == 1
    assert numbers(units([second], transport, 101)) == []


def test_a_datagram_waits_only_so_long_in_capture_time() -> None:
    first, second = pieces_of(PACKET[20:], 9, (96, 504))
    transport = Transport()
    assert transport.feed(record(first, 1, 0, 101)) == []
    assert transport.feed(record(second, 2, 31_000_000, 101)) == []
    assert transport.skipped["IP fragments never completed"] == 1


def test_p4_fragments_that_never_complete_stay_within_the_bounds() -> None:
    config = TransportConfig(max_datagrams=8, max_waiting_bytes=4096)
    transport = Transport(config)
    frames = [pieces_of(bytes(1600), ident, (800, 800))[0] for ident in range(100)]
    assert units(frames, transport, 101) == []
    ip = transport._ip
    assert len(ip._datagrams) <= 8
    assert sum(datagram.size for datagram in ip._datagrams.values()) == ip._waiting <= 4096
    assert transport.skipped["IP fragments never completed"] >= 92


@pytest.mark.parametrize(
    "headers",
    [
        [(0, bytes(6))],
        [(60, bytes(14)), (43, bytes(6))],
        [(51, bytes(10))],
        [(44, bytes(2) + b"\0\0\0\1")],
        [(0, bytes(6)), (44, bytes(2) + b"\0\0\0\1"), (60, bytes(6)), (135, bytes(22))],
    ],
)
def test_ipv6_extension_headers_are_stepped_over(headers: list[tuple[int, bytes]]) -> None:
    payload = PACKET6[40:]
    following = 132
    for kind, body in reversed(headers):
        length = 0 if kind == 44 else (len(body) + 2) // 4 - 2 if kind == 51 else len(body) // 8
        payload = bytes([following, length]) + body + payload
        following = kind
    assert numbers(units([ipv6(payload, following)], link_type=101)) == [1]


def test_ipv6_fragments_come_together() -> None:
    payload = PACKET6[40:]
    first = bytes([132, 0]) + struct.pack(">HI", 0 | 1, 99) + payload[:200]
    second = bytes([132, 0]) + struct.pack(">HI", 200, 99) + payload[200:]
    for order in ([first, second], [second, first]):
        assert numbers(units([ipv6(part, 44) for part in order], link_type=101)) == [1]


def test_an_ipv6_extension_header_that_runs_off_the_end_is_counted() -> None:
    transport = Transport()
    assert units([ipv6(b"\x00\xff" + bytes(4), 0)], transport, 101) == []
    assert transport.undecoded["IPv6 extension header cut short"] == 1


def test_p4_fragments_that_overlap_make_nothing() -> None:
    payload = PACKET[20:]
    first = ipv4(payload[:96], ident=9, fragment=0x2000)
    inside = ipv4(payload[8:96], ident=9, fragment=1 | 0x2000)
    last = ipv4(payload[96:], ident=9, fragment=12)
    transport = Transport()
    assert units([first, inside, last], transport, 101) == []
    assert transport.undecoded["IP fragments overlap"] == 1
    hole = ipv4(payload[:88], ident=10, fragment=0x2000)
    twice = ipv4(payload[80:88], ident=10, fragment=10 | 0x2000)
    assert units([hole, twice, ipv4(payload[96:], ident=10, fragment=12)], transport, 101) == []


def test_an_extension_header_in_the_middle_of_fragments_is_not_followed() -> None:
    payload = bytes([132, 0]) + bytes(6) + PACKET6[40:]
    first = bytes([60, 0]) + struct.pack(">HI", 0 | 1, 99) + payload[:200]
    second = bytes([60, 0]) + struct.pack(">HI", 200, 99) + payload[200:]
    transport = Transport()
    assert units([ipv6(part, 44) for part in (first, second)], transport, 101) == []
    assert transport.skipped["IP protocol 60 in fragments"] == 1


def test_datagrams_completed_are_remembered_only_so_many() -> None:
    transport = Transport(TransportConfig(max_datagrams=4))
    frames = [piece for ident in range(20) for piece in pieces_of(PACKET[20:], ident, (96, 504))]
    assert numbers(units(frames, transport, 101)) == [1]
    assert len(transport._ip._complete) == 4


@pytest.mark.parametrize("ethertype", [0x0800, 0x86DD])
def test_a_version_other_than_the_ethertype_says_is_malformed(ethertype: int) -> None:
    transport = Transport()
    assert units([ethernet(b"\x55" + bytes(60), ethertype=ethertype)], transport) == []
    assert transport.undecoded.total() == 1
