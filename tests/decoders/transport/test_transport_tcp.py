"""SCCPlite: SCCP in IPA over TCP, whatever became of the segments."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from transport_frames import (
    CLIENT,
    FIXTURES,
    SERVER,
    ethernet,
    ipv4,
    numbers,
    read,
    record,
    sccp,
    tcp,
    units,
)

from decoders.messages import SccpUnit
from decoders.transport import Transport, TransportConfig

SYN, RST, ACK = 2, 4, 16


def ipa(payload: bytes, stream: int = 0xFD) -> bytes:
    return len(payload).to_bytes(2, "big") + bytes([stream]) + payload


def segment(
    payload: bytes,
    sequence: int,
    *,
    flags: int = ACK,
    acknowledged: int = 0,
    from_server: bool = False,
) -> bytes:
    ports = (5000, 40000) if from_server else (40000, 5000)
    ends = (SERVER, CLIENT) if from_server else (CLIENT, SERVER)
    data = tcp(payload, sequence, ports, flags, acknowledged)
    return ethernet(ipv4(data, *ends, protocol=6))


def fed(frames: Iterable[bytes], transport: Transport | None = None) -> list[SccpUnit]:
    return units(frames, transport)


MESSAGES = [ipa(sccp(number, 20 + number)) for number in range(1, 6)]
STREAM = b"".join(MESSAGES)
START = segment(b"", 999, flags=SYN)


def test_frames_of_one_segment_and_segments_of_one_frame_give_the_same() -> None:
    assert numbers(fed([START, segment(STREAM, 1000)])) == [1, 2, 3, 4, 5]
    one_by_one = [segment(STREAM[at : at + 1], 1000 + at) for at in range(len(STREAM))]
    assert numbers(fed([START, *one_by_one])) == [1, 2, 3, 4, 5]


@settings(max_examples=100)
@given(st.data())
def test_segments_in_any_order_repeated_and_overlapping_give_each_message_once(
    data: st.DataObject,
) -> None:
    cuts = data.draw(st.lists(st.integers(1, len(STREAM) - 1), max_size=8, unique=True))
    edges = [0, *sorted(cuts), len(STREAM)]
    base = data.draw(st.sampled_from([1000, 0xFFFFFFFF - 20]))
    pieces = [(base + a, STREAM[a:b]) for a, b in pairwise(edges)]
    wider = data.draw(st.sampled_from(pieces))
    overlap = data.draw(st.integers(0, 5))
    at = max(0, wider[0] - base - overlap)
    pieces.append((base + at, STREAM[at : at + len(wider[1]) + overlap]))
    order = data.draw(st.permutations(pieces))
    begin = segment(b"", base - 1, flags=SYN)
    transport = Transport(TransportConfig(hole_seconds=60))
    found = fed([begin, *(segment(payload, place) for place, payload in order)], transport)
    assert numbers(found) == [1, 2, 3, 4, 5]
    assert not transport.gaps


def test_who_sent_it_is_told_by_the_servers_port() -> None:
    frames = [START, segment(MESSAGES[0], 1000), segment(MESSAGES[1], 1, from_server=True)]
    found = fed(frames)
    assert [unit.from_msc for unit in found] == [False, True]
    assert len({unit.link for unit in found}) == 1
    assert {(unit.opc, unit.dpc) for unit in found} == {(None, None)}


def test_a_capture_that_begins_inside_a_frame_goes_on_from_the_next_one() -> None:
    for start in range(1, len(MESSAGES[0])):
        found = fed([segment(STREAM[start:], 1000)])
        assert numbers(found) == [2, 3, 4, 5], start
        assert not found[0].gap


def test_a_capture_that_begins_between_frames_loses_nothing() -> None:
    for end in (len(MESSAGES[0]), len(MESSAGES[0]) + 7):
        frames = [segment(STREAM[:end], 1000), segment(STREAM[end:], 1000 + end)]
        assert numbers(fed(frames)) == [1, 2, 3, 4, 5]


def test_a_hole_is_given_up_when_the_other_end_has_what_it_holds() -> None:
    first, second = len(MESSAGES[0]), len(MESSAGES[0] + MESSAGES[1])
    frames = [
        START,
        segment(MESSAGES[0], 1000),
        segment(b"".join(MESSAGES[2:]), 1000 + second),
        segment(b"", 1, acknowledged=1000 + first, from_server=True),
        segment(b"", 1, acknowledged=1000 + len(STREAM), from_server=True),
    ]
    transport = Transport()
    found = fed(frames, transport)
    assert numbers(found) == [1, 3, 4, 5]
    assert [unit.gap for unit in found] == [False, True, False, False]
    assert [unit.record.frame for unit in found] == [2, 5, 5, 5]
    assert transport.gaps.total() == 1


def test_a_hole_is_given_up_after_its_time_by_whatever_passes() -> None:
    transport = Transport()
    second = len(MESSAGES[0] + MESSAGES[1])
    found = fed([START, segment(MESSAGES[0], 1000), segment(MESSAGES[2], 1000 + second)], transport)
    other = ethernet(ipv4(tcp(b"", 1, (41000, 5000)), protocol=6))
    found += transport.feed(record(other, 9, 5_000_000))
    assert numbers(found) == [1, 3]


def test_p4_what_waits_behind_holes_stays_within_the_bound() -> None:
    transport = Transport(TransportConfig(max_waiting_bytes=2000, max_associations=16))
    frames = [
        ethernet(ipv4(tcp(STREAM, 5000 + 200 * place, (40000 + port, 5000)), protocol=6))
        for place in range(20)
        for port in range(40)
    ]
    fed(frames, transport)
    layer = transport._tcp
    held = sum(direction.early_bytes for direction in layer._directions.values())
    assert held == layer._waiting <= 2000
    assert len(layer._directions) <= 16
    assert len(transport._ipa._framers) <= 16


def test_a_connection_that_starts_again_on_the_same_ports_begins_clean() -> None:
    half = segment(MESSAGES[0][:10], 1000)
    again = [segment(b"", 4999, flags=SYN), segment(STREAM, 5000)]
    assert numbers(fed([START, half, *again])) == [1, 2, 3, 4, 5]
    reset = segment(b"", 1010, flags=RST)
    assert numbers(fed([START, half, reset, START, segment(STREAM, 1000)])) == [1, 2, 3, 4, 5]


def test_a_keep_alive_gives_nothing() -> None:
    size = len(MESSAGES[0])
    frames = [START, segment(MESSAGES[0], 1000), segment(b"\0", 999 + size)]
    frames.append(segment(MESSAGES[1], 1000 + size))
    assert numbers(fed(frames)) == [1, 2]


def test_other_streams_of_ipa_and_other_ports_of_tcp_are_counted_as_skipped() -> None:
    transport = Transport()
    web = ethernet(ipv4(tcp(b"GET /", 1, (40000, 80)), protocol=6))
    frames = [START, segment(ipa(b"\x04\x01", 0xFE) + MESSAGES[0], 1000), web]
    assert numbers(fed(frames, transport)) == [1]
    assert dict(transport.skipped) == {"IPA stream 0xfe": 1, "TCP on other ports": 1}


def test_the_ports_are_configured() -> None:
    frame = ethernet(ipv4(tcp(STREAM, 1, (40000, 5555)), protocol=6))
    assert fed([frame]) == []
    assert len(fed([frame], Transport(TransportConfig(ipa_ports=(5000, 5555))))) == 5


def test_p4_octets_that_are_no_ipa_are_dropped_and_the_frames_after_them_found() -> None:
    transport = Transport()
    junk = bytes(range(200, 256)) * 150
    frames = [START, segment(MESSAGES[0] + junk, 1000)]
    frames.append(segment(STREAM, 1000 + len(MESSAGES[0] + junk)))
    found = fed(frames, transport)
    assert numbers(found)[0] == 1
    assert numbers(found)[-4:] == [2, 3, 4, 5]
    assert transport.undecoded["IPA header malformed"] == 1
    assert all(len(framer.buffer) < 5000 for framer in transport._ipa._framers.values())
    assert found[1].gap


def test_the_laboratory_over_ipa_holds_what_its_copy_over_mtp3_holds() -> None:
    plain, copy = (
        [unit.data for one in read(FIXTURES / "lab-b" / name) for unit in transport.feed(one)]
        for name, transport in (
            ("B_bsc2_ipa.pcap", Transport()),
            ("B_bsc2_ipa_re_mtp3.pcap", Transport()),
        )
    )
    assert plain == copy


def test_the_laboratory_over_ipa_met_at_any_frame_gives_all_that_follows() -> None:
    records = read(FIXTURES / "lab-b" / "B_bsc2_ipa.pcap")
    whole = [u for one, t in [(records, Transport())] for r in one for u in t.feed(r)]
    for start in range(0, len(records), 7):
        transport = Transport()
        found = [unit for one in records[start:] for unit in transport.feed(one)]
        assert found == [unit for unit in whole if unit.record.frame > start]


def test_p4_segments_without_end_behind_a_hole_give_the_hole_up() -> None:
    transport = Transport()
    frames = [START, *(segment(MESSAGES[0], 2000 + 40 * place) for place in range(300))]
    found = fed(frames, transport)
    assert len(found) == 300 - 256
    assert transport.gaps.total()
