"""SCTP: each user message once and whole, and what is missing noticed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transport_frames import (
    CLIENT,
    SERVER,
    adaptation,
    chunk,
    data_chunk,
    ethernet,
    init_chunk,
    ipv4,
    m2pa,
    m2ua,
    m3ua,
    mtp3,
    mtp3_24,
    numbers,
    parameter,
    read,
    record,
    sccp,
    sctp,
    units,
)

from decoders.transport import Transport, TransportConfig
from decoders.undecoded import MOST_MISSING

SACK = chunk(3, 0, bytes(12))


def frame(*chunks: bytes, tag: int = 7, source: bytes = CLIENT, to: bytes = SERVER) -> bytes:
    return ethernet(ipv4(sctp(*chunks, tag=tag), source, to))


def message(tsn: int, number: int | None = None, tag: int = 7) -> bytes:
    return frame(data_chunk(tsn, m3ua(sccp(tsn if number is None else number))), tag=tag)


def test_every_data_chunk_of_a_packet_gives_its_message_in_order() -> None:
    chunks = [data_chunk(tsn, m3ua(sccp(tsn, 20 + tsn % 4))) for tsn in range(100, 105)]
    found = units([frame(SACK, *chunks[:2], chunk(4, 0, b"beat"), *chunks[2:], SACK)])
    assert numbers(found) == [100, 101, 102, 103, 104]
    assert [len(unit.data) for unit in found] == [20, 21, 22, 23, 20]


def test_a_retransmission_and_a_mirrored_copy_are_seen_once() -> None:
    transport = Transport()
    assert numbers(units([message(1), message(1), message(2), message(1)], transport)) == [1, 2]
    assert transport.skipped["SCTP DATA seen before"] == 2
    assert not transport.gaps


def test_a_true_repeat_has_a_tsn_of_its_own_and_is_given() -> None:
    assert numbers(units([message(1, 9), message(2, 9)])) == [9, 9]


def test_a_missing_tsn_is_a_gap_before_the_next_message_and_counted_by_link() -> None:
    transport = Transport()
    found = units([message(1), message(4), message(5)], transport)
    assert [unit.gap for unit in found] == [0, 2, 0]
    assert dict(transport.gaps) == {"test.pcap sctp 10.0.0.1:2905-10.0.0.2:2905": 2}


def test_p4_a_gap_counts_for_no_more_than_a_bound() -> None:
    transport = Transport()
    found = units([message(1), message(1_000_000)], transport)
    assert [unit.gap for unit in found] == [0, MOST_MISSING]
    assert transport.gaps.total() == 999_998


def test_a_late_tsn_is_new_once() -> None:
    found = units([message(1), message(4), message(2), message(2), message(3), message(3)])
    assert numbers(found) == [1, 4, 2, 3]


def test_a_capture_that_begins_in_mid_life_has_no_gap_and_takes_what_is_late() -> None:
    transport = Transport()
    order = [9000, 8998, 8998, 9001, 5, 5, 9000]
    found = units([message(tsn) for tsn in order], transport)
    assert numbers(found) == [9000, 8998, 9001, 5]
    assert not any(unit.gap for unit in found)


def test_tsns_wrap_around() -> None:
    top = 0xFFFFFFFF
    frames = [message(tsn, tsn & 0xFF) for tsn in (top - 1, top, top + 1, top + 2, top, top + 1)]
    assert numbers(units(frames)) == [0xFE, 0xFF, 0, 1]


def test_a_tsn_far_away_on_the_same_tag_starts_anew_and_is_a_gap() -> None:
    found = units([message(5_000_000), message(1), message(2), message(5_000_001)])
    assert numbers(found) == [5_000_000, 1, 2, 5_000_001]
    assert [unit.gap for unit in found] == [False, True, False, True]


def handshake(tag: int, back_tag: int, tsn: int, back_tsn: int) -> list[bytes]:
    init = ethernet(ipv4(sctp(init_chunk(1, back_tag, tsn), tag=0)))
    reply = frame(init_chunk(2, tag, back_tsn), tag=back_tag, source=SERVER, to=CLIENT)
    return [init, reply]


def test_an_association_that_starts_again_gives_the_same_tsns_anew_without_a_gap() -> None:
    first = [*handshake(7, 8, 1, 1), message(1), message(2)]
    again = [*handshake(17, 18, 1, 1), message(1, tag=17), message(2, tag=17)]
    found = units(first + again)
    assert numbers(found) == [1, 2, 1, 2]
    assert not any(unit.gap for unit in found)
    assert len({unit.link for unit in found}) == 1


def test_an_association_that_starts_again_unseen_is_a_gap() -> None:
    found = units([message(1), message(1, tag=17), message(2, tag=17)])
    assert [unit.gap for unit in found] == [False, True, False]


def test_a_lost_first_message_is_a_gap_where_the_init_was_seen() -> None:
    found = units([*handshake(7, 8, 1, 1), message(2)])
    assert [unit.gap for unit in found] == [True]


def test_mirrored_handshakes_change_nothing() -> None:
    init, reply = handshake(7, 8, 1, 1)
    found = units([init, init, reply, message(1), reply, message(1), message(2)])
    assert numbers(found) == [1, 2]


def test_a_retransmission_over_another_path_of_a_known_association_is_seen_once() -> None:
    second, second_server = bytes([10, 0, 1, 1]), bytes([10, 0, 1, 2])
    frames = [
        ethernet(ipv4(sctp(init_chunk(1, 8, 1, [CLIENT, second]), tag=0))),
        frame(init_chunk(2, 7, 1, [SERVER, second_server]), tag=8, source=SERVER, to=CLIENT),
        message(1),
        frame(data_chunk(1, m3ua(sccp(1))), source=second, to=second_server),
        frame(data_chunk(2, m3ua(sccp(2))), source=second, to=second_server),
        message(3),
    ]
    found = units(frames)
    assert numbers(found) == [1, 2, 3]
    assert len({unit.link for unit in found}) == 1


def test_two_associations_with_equal_tags_and_tsns_stay_apart_by_their_addresses() -> None:
    other = bytes([10, 0, 0, 9])
    frames = [message(1, 1), frame(data_chunk(1, m3ua(sccp(2))), source=other), message(2, 3)]
    assert numbers(units(frames)) == [1, 2, 3]


def test_the_same_link_in_two_captures_is_two_links() -> None:
    transport = Transport()
    found = []
    for source in ("a.pcap", "b.pcap"):
        found += transport.feed(record(message(1))._replace(source=source))
    assert len(found) == len({unit.link for unit in found}) == 2


def test_files_of_one_feed_go_on_where_the_one_before_ended() -> None:
    transport = Transport()
    found = []
    for number, tsn in enumerate((1, 2, 2, 5)):
        one = record(message(tsn))._replace(source=f"ring-{number}.pcap", feed="ring")
        found += transport.feed(one)
    assert numbers(found) == [1, 2, 5]
    assert [unit.gap for unit in found] == [0, 0, 2]
    assert len({unit.link for unit in found}) == 1


def fragments(tsn: int, whole: bytes, sizes: int = 3) -> list[bytes]:
    step = -(-len(whole) // sizes)
    flags = [2] + [0] * (sizes - 2) + [1]
    return [
        frame(data_chunk(tsn + place, whole[place * step : (place + 1) * step], flags=flag))
        for place, flag in enumerate(flags)
    ]


@settings(max_examples=50)
@given(st.permutations(range(5)), st.integers(0, 0xFFFFFFFF))
def test_fragments_come_together_by_tsn_in_every_order(order: list[int], tsn: int) -> None:
    pieces = fragments(tsn, m3ua(sccp(7, 300)), 5)
    found = units([pieces[place] for place in order])
    assert [unit.data for unit in found] == [sccp(7, 300)]
    assert found[0].record.frame == 5


def test_two_messages_in_fragments_stay_apart() -> None:
    first, second = fragments(1, m3ua(sccp(1, 300))), fragments(4, m3ua(sccp(2, 300)))
    order = [first[0], first[1], second[0], first[2], second[1], second[2]]
    assert numbers(units(order)) == [1, 2]


def test_a_lost_fragment_loses_its_message_alone() -> None:
    pieces = fragments(1, m3ua(sccp(1, 300)))
    found = units([pieces[0], pieces[2], message(4)])
    assert numbers(found) == [4]
    assert found[0].gap


def test_p4_fragments_that_never_complete_stay_within_the_bound() -> None:
    transport = Transport(TransportConfig(max_waiting_bytes=4096, max_associations=16))
    frames = [
        frame(data_chunk(tsn * 2, bytes(500), flags=2), tag=tag)
        for tsn in range(30)
        for tag in range(20)
    ]
    assert units(frames, transport) == []
    layer = transport._sctp
    streams = {id(stream): stream for stream in layer._streams.values()}.values()
    assert sum(stream.fragment_bytes for stream in streams) == layer._waiting <= 4096
    assert len(layer._streams) <= 16
    assert transport.skipped["SCTP fragments never completed"]


def test_p4_associations_without_end_stay_within_the_bound_and_are_counted() -> None:
    transport = Transport(TransportConfig(max_associations=64))
    frames = [message(1, tag, tag) for tag in range(1000)]
    frames += [ethernet(ipv4(sctp(init_chunk(1, n, 1), tag=0, ports=(n, 1)))) for n in range(1000)]
    assert len(units(frames, transport)) == 1000
    layer = transport._sctp
    assert max(map(len, (layer._streams, layer._paths, layer._handshakes, layer._by_tag))) <= 64
    assert transport.skipped["SCTP association forgotten"] > 900


def test_a_busy_association_outlives_idle_ones() -> None:
    transport = Transport(TransportConfig(max_associations=64))
    frames = []
    for tag in range(100, 1000):
        frames += [message(tag, 1, 7), message(1, 2, tag)]
    assert sum(number == 1 for number in numbers(units(frames, transport))) == 900
    assert not any(
        "10.0.0.1:2905" in link and count > 900 for link, count in transport.gaps.items()
    )


def test_p4_a_chunk_that_lies_about_its_length_costs_only_what_follows_it() -> None:
    for lie in (0, 3, 4000):
        transport = Transport()
        liar = b"\x00\x03" + lie.to_bytes(2, "big") + bytes(20)
        found = units([frame(data_chunk(1, m3ua(sccp(1))), liar), message(2)], transport)
        assert numbers(found) == [1, 2]
        assert transport.undecoded["SCTP chunk malformed or cut short"] == 1


@pytest.mark.parametrize("point_codes", [(187, 185), (0x3FFF, 0), (1, 0x2000)])
@pytest.mark.parametrize("bits", [14, 24])
def test_m2ua_and_m2pa_carry_mtp3_with_its_point_codes(
    point_codes: tuple[int, int], bits: int
) -> None:
    msu = (mtp3_24 if bits == 24 else mtp3)(sccp(1), *point_codes)
    frames = [
        frame(data_chunk(1, m2ua(msu), protocol=2)),
        frame(data_chunk(2, m2pa(msu), protocol=5)),
        frame(data_chunk(3, m2pa(b""), protocol=5)),
    ]
    transport = Transport(TransportConfig(point_code_bits=bits))  # type: ignore[arg-type]
    found = units(frames, transport)
    assert [(unit.opc, unit.dpc, unit.data) for unit in found] == [(*point_codes, sccp(1))] * 2
    assert dict(transport.skipped) == {"M2PA acknowledgement": 1}


@pytest.mark.parametrize("port", [2905, 2904, 3565])
def test_a_payload_protocol_left_zero_is_told_by_its_port(port: int) -> None:
    body = {2905: m3ua(sccp(1)), 2904: m2ua(mtp3(sccp(1))), 3565: m2pa(mtp3(sccp(1)))}[port]
    packet = sctp(data_chunk(1, body, protocol=0), ports=(40000, port))
    assert numbers(units([ethernet(ipv4(packet))])) == [1]


def test_m3ua_parameters_before_the_data_are_stepped_over_whatever_they_are() -> None:
    before = parameter(0x0200, bytes(4)) + parameter(0x0006, bytes(4)) + parameter(0x7777, b"odd")
    found = units([frame(data_chunk(1, m3ua(sccp(1), 0xFFFFFF, 0x123456, before=before)))])
    assert [(unit.opc, unit.dpc, unit.data) for unit in found] == [(0xFFFFFF, 0x123456, sccp(1))]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (adaptation(0x0301, b""), "M3UA class 3 type 1"),
        (m3ua(sccp(1), service=5), "MTP3 service indicator 5"),
    ],
)
def test_management_and_other_users_are_counted_as_skipped(body: bytes, kind: str) -> None:
    transport = Transport()
    assert units([frame(data_chunk(1, body))], transport) == []
    assert dict(transport.skipped) == {kind: 1}
    assert not transport.undecoded


@pytest.mark.parametrize(
    "body",
    [
        b"\x01\x00\x01",
        adaptation(0x0101, b"", version=2),
        adaptation(0x0101, b""),
        adaptation(0x0101, b"\x02\x10\x00\x02" + bytes(20)),
        adaptation(0x0101, b"\x02\x10\xff\xff" + bytes(20)),
        adaptation(0x0101, parameter(0x0210, bytes(11))),
        m3ua(b""),
    ],
)
def test_p4_p6_broken_m3ua_is_counted_with_a_sample_that_stops_before_the_data(
    body: bytes,
) -> None:
    transport = Transport()
    assert units([frame(data_chunk(1, body))], transport) == []
    assert transport.undecoded.total() == 1
    assert all(len(sample.header) <= 2 for sample in transport.samples)


def test_a_gap_stays_until_an_sccp_message_shows_it() -> None:
    frames = [message(1), frame(data_chunk(3, adaptation(0x0301, b""))), message(4), message(5)]
    assert [unit.gap for unit in units(frames)] == [False, True, False]


def test_p1_feeding_twice_gives_the_same(request: pytest.FixtureRequest) -> None:
    fixtures = request.path.parents[3] / "fixtures" / "pcap"
    records = read(fixtures / "lab-b" / "B_msc.pcap")
    first, second = Transport(), Transport()
    assert [first.feed(one) for one in records] == [second.feed(one) for one in records]


def test_p4_fragments_without_end_in_one_association_are_given_up() -> None:
    transport = Transport()
    frames = [frame(data_chunk(2 * place, bytes(20), flags=2)) for place in range(300)]
    assert units([*frames, message(600)], transport)
    assert transport.skipped["SCTP fragments never completed"] == 1
