"""P4: whatever the bytes, decoding ends, raises nothing, stays bounded, and is discreet."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from builders import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from test_message_decoder import MSC_SIDES, decode

from decoders import bssap, bssmap, dtap, sccp
from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import DecodeError
from decoders.messages import SccpUnit
from decoders.rows import row
from decoders.transport import Transport
from decoders.tree import tree

MUTATIONS = 3_000


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_p4_no_bytes_make_a_reader_raise(data: bytes) -> None:
    for elements in (False, True):
        sccp.parse(data, elements=elements)
        bssmap.read(data, elements=elements)
        dtap.read(data, elements=elements)
    try:
        bssap.split(data)
    except DecodeError:
        assert not data or data[0] > 1 or len(data) < 3


@settings(max_examples=300)
@given(st.integers(0, 15), st.binary(max_size=300))
def test_p4_no_bytes_make_a_family_raise(discriminator: int, data: bytes) -> None:
    message = dtap.read(bytes([discriminator]) + data, elements=True)
    assert message.name


def bcd(imsi: str) -> bytes:
    """The octets of an IMSI after its first digit, 24.008 10.5.1.4."""
    pairs = zip(imsi[2::2], imsi[1::2], strict=True)
    return bytes(int(high) << 4 | int(low) for high, low in pairs)


def units(path: Path) -> list[SccpUnit]:
    """The SCCP messages of a capture."""
    parser, transport = CaptureParser(path.name), Transport()
    return [u for record in parser.feed(path.read_bytes()) for u in transport.feed(record)]


def mutated(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Flipped octets, cuts, insertions, and the tail of another message."""
    octets = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(octets) + 1)
        kind = chance.randrange(5)
        if kind < 2 and at < len(octets):
            octets[at] = chance.randrange(256)
        elif kind == 2:
            del octets[at:]
        elif kind == 3:
            octets[at:at] = chance.randbytes(3)
        else:
            octets = octets[:at] + other[chance.randrange(len(other)) :]
    return bytes(octets)


@pytest.mark.parametrize("name", MSC_SIDES)
def test_p4_mutated_messages_raise_nothing_and_both_readings_agree(pcap: Path, name: str) -> None:
    chance = random.Random(name)
    whole = units(pcap / name)
    plain, full = Decoder(), Decoder(DecoderConfig(elements=True))
    for _ in range(MUTATIONS):
        chosen = chance.choice(whole)
        broken = chosen._replace(data=mutated(chance, chosen.data, chance.choice(whole).data))
        for left, right in zip(plain.unit(broken), full.unit(broken), strict=True):
            row(left)
            tree(right)
            right.elements = right.envelope = None
            assert left == right
    assert sum(plain.undecoded.values()) > 0


def test_p4_what_is_remembered_stays_within_its_bounds() -> None:
    config = DecoderConfig(max_segmented=8, max_foreign=8, max_pairs=8, max_samples=4)
    decoder = Decoder(config)
    for number in range(2_000):
        reference = number.to_bytes(3, "little")
        foreign = bytes([1]) + reference + bytes([2, 2, 4, 2, 0x42, 7, 0])
        part = bytes([6]) + reference + bytes([1, 1, 3, 0, 4, 32])
        clear = bytes([6]) + reference + bytes([0, 1, 6, 0, 4, 32, 4, 1, 9])
        for data in (foreign, part, clear, b"\xff", reference):
            one = unit(data)
            decoder.unit(one._replace(opc=number, dpc=number + 1))
    assert len(decoder._segments) <= 8
    assert len(decoder._foreign) <= 8
    assert len(decoder._pairs) <= 8
    assert len(decoder.samples) <= 4


def test_p4_the_reasons_counted_are_a_bounded_set() -> None:
    decoder = Decoder()
    for first in range(256):
        for second in range(256):
            decoder.unit(unit(bytes([6, 0, 0, 0, 0, 1, 5, 1, 0, 2, first, second])))
    assert len(decoder.undecoded) <= 600


def test_p6_a_sample_ends_where_reading_failed_and_identities_are_blank() -> None:
    decoder = Decoder()
    paging = bytes.fromhex("52" + "08080910101032547698" + "2403" + "1a020f00" + "3801")
    decoder.unit(unit(bytes([6, 0, 0, 0, 0, 1, len(paging) + 2, 0, len(paging)]) + paging))
    (sample,) = decoder.samples
    assert sample.reason.startswith("BSSMAP PAGING: CELL IDENTIFIER LIST")
    assert sample.header == b"\x52" + bytes(12) + b"\x1a\x02"


def test_p6_samples_and_reasons_bear_no_identity(pcap: Path) -> None:
    messages, _ = decode(pcap / MSC_SIDES[0])
    identities = {m.imsi for m in messages if m.imsi}
    decoder = Decoder()
    for one in units(pcap / MSC_SIDES[0]):
        decoder.unit(one._replace(data=one.data[:-1]))
    assert decoder.samples
    for sample in decoder.samples:
        assert not any(bcd(imsi) in sample.header for imsi in identities)
    assert not any(imsi in reason for imsi in identities for reason in decoder.undecoded)
