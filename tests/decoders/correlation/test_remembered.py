"""A correlator that goes on from its memory tells what one tells that never stopped (P1, P6)."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import msgspec
import pytest

from decoders import remembered
from decoders.connections import Limits
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError, XinlingError
from decoders.events import Event
from decoders.identity import imsis_of
from decoders.messages import Message
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND
from decoders.tmsi_table import TmsiTable
from stream import sources

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
LABS = FIXTURES / "pcap"
NETWORKS = {
    "three MSCs": sorted(LABS.glob("lab-?/?_msc.pcap")),
    "mirrored taps": sorted(LABS.glob("lab-b/B_*.pcap")),
    "handovers": sorted(LABS.glob("lab-c/C_*.pcap")),
    "festival": sorted((LABS / "spring-festival").rglob("*.pcap*")),
}


def correlator(config: CorrelatorConfig | None = None) -> Correlator:
    plan = FIXTURES / "plans" / "labs.csv"
    numbers = NumberingPlan.load(plan.read_text("utf-8"), str(plan))
    return Correlator(config or CorrelatorConfig(), Pseudonyms(TEST_KEY), numbers, clear=True)


@cache
def messages(network: str) -> tuple[Message, ...]:
    def damaged(error: CaptureError) -> None:
        raise error

    decoder = Decoder(DecoderConfig())
    records = sources.merged([str(path) for path in NETWORKS[network]], damaged)
    return tuple(message for record in records for message in decoder.feed(record))


def mutilated(network: str, seed: int) -> list[Message]:
    """Some messages lost, some without the IMSI that COMMON ID shows, some behind a gap."""
    draw = random.Random(seed)
    kept = [one for one in messages(network) if draw.random() > 0.03]
    kept = [one for one in kept if one.message != "COMMON ID" or draw.random() > 0.7]
    return [msgspec.structs.replace(one, gap=1) if draw.random() < 0.01 else one for one in kept]


def told(events: list[Event]) -> bytes:
    return b"\n".join(msgspec.msgpack.encode(event) for event in events)


def in_parts(parts: list[list[Message]], config: CorrelatorConfig | None = None) -> bytes:
    one = correlator(config)
    events: list[Event] = []
    for part in parts:
        before, one = one, correlator(config)
        remembered.restore(one, remembered.dump(before))
        for message in part:
            events += one.feed(message)
    events += one.finish()
    scores = [one.quality.links, one.quality.areas]
    return told(events) + msgspec.msgpack.encode([scores, one.quality.changes()])


def cut(items: list[Message], draw: random.Random, times: int) -> list[list[Message]]:
    places = sorted(draw.randrange(len(items)) for _ in range(times))
    return [items[a:b] for a, b in zip([0, *places], [*places, len(items)], strict=True)]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("seed", range(6))
def test_p1_cut_anywhere_it_tells_the_same_byte_for_byte(network: str, seed: int) -> None:
    draw = random.Random(seed)
    items = mutilated(network, seed) if seed % 2 else list(messages(network))
    config = CorrelatorConfig(phones=seed)
    whole = in_parts([items], config)
    assert len(whole) > 1000
    assert in_parts(cut(items, draw, 12), config) == whole


def test_p1_cut_after_every_message_and_with_hardly_any_room_it_tells_the_same() -> None:
    limits = Limits(idle=2 * SECOND, connections=3, openings=4)
    config = CorrelatorConfig(limits=limits, bindings=4, subscribers=3, phones=3)
    items = mutilated("mirrored taps", 5)[:600]
    assert in_parts([[one] for one in items], config) == in_parts([items], config)


def test_a_memory_twice_dumped_is_the_same() -> None:
    one, two = correlator(), correlator()
    for message in messages("three MSCs")[:1500]:
        one.feed(message)
    remembered.restore(two, remembered.dump(one))
    assert remembered.dump(two) == remembered.dump(one)


def test_the_table_of_tmsis_is_found_in_it() -> None:
    one = correlator()
    for message in messages("three MSCs"):
        one.feed(message)
    table = remembered.lasting_of(remembered.dump(one)).bindings
    assert table == one.bindings.dump()
    assert set(imsis_of(table))


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x80"])
def test_p4_what_is_no_memory_is_refused(data: bytes) -> None:
    with pytest.raises(XinlingError) as refused:
        remembered.restore(correlator(), data)
    assert refused.value.remedy


def test_p4_a_memory_of_another_version_or_cut_short_is_refused() -> None:
    one = correlator()
    for message in messages("three MSCs")[:500]:
        one.feed(message)
    data = remembered.dump(one)
    fields = msgspec.msgpack.decode(data)
    for wrong in (data[:-1], msgspec.msgpack.encode([remembered.VERSION + 1, *fields[1:]])):
        with pytest.raises(XinlingError):
            remembered.restore(correlator(), wrong)


@pytest.mark.parametrize("seed", range(40))
def test_a_table_of_tmsis_goes_on_as_it_was(seed: int) -> None:
    draw = random.Random(seed)
    one, two = TmsiTable(8), TmsiTable(8)
    for number in range(120):
        if number == 60:
            two.restore(one.dump())
        key, value, drop = draw.randrange(12), draw.randrange(5), draw.random() < 0.25
        for table in (one,) if number < 60 else (one, two):
            if drop:
                table.drop(key)
            elif table.get(key) in {None, value}:
                table.put(key, value)
        if number >= 60:
            assert [one.of(each) for each in range(5)] == [two.of(each) for each in range(5)]
    assert one.dump() == two.dump()
