"""Compiled correlation that goes on from its memory tells what it tells that never stopped (P1)."""

from __future__ import annotations

import random
import subprocess
import sys
from functools import cache

import msgspec
import pytest

from decoders import remembered as plainly
from decoders.connections import Limits
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder
from decoders.errors import XinlingError
from decoders.identity import Pool
from decoders.kernel import COMPILED
from decoders.messages import Message
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND
from tests.decoders.kernel.readings import PCAP, records

if not COMPILED:
    pytest.skip("needs numba (the extra `fast`)", allow_module_level=True)

from decoders.kernel.events import layout, remembered
from decoders.kernel.events.kernel import EventKernel
from tests.decoders.kernel.event_readings import Both, batches, plan

NETWORKS = {
    "three MSCs": [PCAP / f"lab-{lab}" / f"{lab.upper()}_msc.pcap" for lab in "abc"],
    "mirrored taps": sorted((PCAP / "lab-b").glob("B_*.pcap"))[::3],
    "handovers": sorted((PCAP / "lab-c").glob("C_*.pcap"))[::3],
}
POOL = Pool(5, {0: "4177", 3: "185", 7: "10860", 21: "4177"})
TIGHT = CorrelatorConfig(
    limits=Limits(idle=2 * SECOND, connections=3, openings=4), bindings=4, subscribers=3
)


def kernel(config: CorrelatorConfig | None = None) -> EventKernel:
    return EventKernel(config or CorrelatorConfig(), Pseudonyms(TEST_KEY), plan(), clear=True)


@cache
def messages(network: str) -> tuple[Message, ...]:
    found = sorted(
        (one for path in NETWORKS[network] for one in records(path)), key=lambda one: one.time
    )
    decoder = Decoder()
    return tuple(message for record in found for message in decoder.feed(record))


def mutilated(network: str, seed: int) -> list[Message]:
    """Some messages lost, some without the IMSI that COMMON ID shows, some behind a gap."""
    draw = random.Random(seed)
    kept = [one for one in messages(network) if draw.random() > 0.03]
    kept = [one for one in kept if one.message != "COMMON ID" or draw.random() > 0.7]
    return [msgspec.structs.replace(one, gap=1) if draw.random() < 0.01 else one for one in kept]


def in_parts(items: list[Message], every: int, config: CorrelatorConfig | None = None) -> bytes:
    """What is told where the memory is dumped and taken up after every so many batches."""
    one, told = kernel(config), []
    for number, batch in enumerate(batches(items, 40)):
        if every and number % every == every - 1:
            before, one = one, kernel(config)
            assert remembered.restore(one, remembered.dump(before))
        told += one.feed(batch).events()
    told += one.finish().events()
    scores = [one.quality.links, one.quality.areas, list(one.gaps.items()), len(one.bindings)]
    return msgspec.msgpack.encode([told, scores, one.quality.changes(), one.bindings.dump()])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    "config",
    [CorrelatorConfig(phones=20), TIGHT, CorrelatorConfig(pool=POOL)],
    ids=["phones", "tight", "pool"],
)
def test_p1_cut_anywhere_it_tells_the_same_byte_for_byte(
    network: str, config: CorrelatorConfig
) -> None:
    items = mutilated(network, len(network))
    whole = in_parts(items, 0, config)
    assert len(whole) > 1000
    assert in_parts(items, 2, config) == whole


def test_p6_under_another_key_nobody_is_called_as_before() -> None:
    names = Pseudonyms(b"another key of 32 octets, made up", 2)
    items = mutilated("three MSCs", 3)
    one, known = kernel(), 0
    for at, batch in enumerate(batches(items, 100), 1):
        one.feed(batch)
        other = EventKernel(CorrelatorConfig(), names, plan(), clear=True)
        assert remembered.restore(other, remembered.dump(one))
        for following in batches(items[at * 100 :][:100], 100):
            for event in other.feed(following).events():
                if event.imsi is not None:
                    assert event.subscriber == names.subscriber(event.imsi)
                    known += 1
    assert known


def test_a_memory_twice_dumped_is_the_same() -> None:
    one, two, three = half()[0], kernel(), kernel()
    assert remembered.restore(two, remembered.dump(one))  # what metrics count begins anew
    data = remembered.dump(two)
    assert remembered.restore(three, data)
    assert remembered.dump(three) == data


def half(network: str = "three MSCs") -> tuple[EventKernel, list[Message]]:
    items = mutilated(network, 3)
    one = kernel()
    for batch in batches(items[: len(items) // 2], 100):
        one.feed(batch)
    assert one.connections
    return one, items[len(items) // 2 :]


def test_laid_out_otherwise_the_table_of_tmsis_lasts_and_the_scores_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, rest = half()
    data = remembered.dump(one)
    monkeypatch.setattr(layout, "CONNECTION_WORDS", 1)
    two = kernel()
    assert not remembered.restore(two, data)
    assert two.connections == 0
    assert two.bindings.dump() == one.bindings.dump()
    assert (two.quality.links, two.quality.areas) == (one.quality.links, one.quality.areas)
    assert two.feed(next(batches(rest, len(rest)))).events()


def test_other_bounds_are_another_layout() -> None:
    one, _ = half()
    other = kernel(CorrelatorConfig(limits=Limits(openings=9)))
    assert not remembered.restore(other, remembered.dump(one))
    assert len(other.bindings) == len(one.bindings)


def test_another_process_takes_up_all_of_it() -> None:
    script = """
from decoders.correlator import CorrelatorConfig
from decoders.kernel.events import remembered
from decoders.kernel.events.kernel import EventKernel
from decoders.pseudonyms import TEST_KEY, Pseudonyms
one = EventKernel(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
print(remembered._fits(one).hex())
"""
    python = [sys.executable, "-c", script]
    told = subprocess.run(python, capture_output=True, text=True, check=True, cwd=PCAP.parents[1])
    assert told.stdout.strip() == remembered._fits(kernel()).hex()


def test_either_writing_takes_up_what_lasts_of_the_other() -> None:
    one, _ = half()
    plain = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), plan())
    plainly.take_lasting(plain, plainly.columns_of(remembered.dump(one)).lasting)
    assert len(plain.bindings) == len(one.bindings)
    assert plain.quality.links == one.quality.links
    again = kernel()
    remembered.take_lasting(again, plainly.lasting_of(plainly.dump(plain)))
    assert len(again.bindings) == len(one.bindings)
    assert again.quality.areas == one.quality.areas


@pytest.mark.parametrize("network", NETWORKS)
def test_what_was_not_seen_is_a_gap_behind_every_open_dialogue(network: str) -> None:
    items = mutilated(network, 4)
    both = Both()
    for number, batch in enumerate(batches(items, 100)):
        if number % 5 == 4:
            remembered.lose(both.compiled)
            plainly.lose(both.plain)
        both.feed(batch)
    both.finish()
    assert {event.trust for event in both.agree()} == {None, "gap"}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x80"])
def test_p4_what_is_no_memory_is_refused(data: bytes) -> None:
    with pytest.raises(XinlingError):
        remembered.restore(kernel(), data)
    with pytest.raises(XinlingError):
        plainly.columns_of(data)


def test_p4_a_damaged_memory_is_refused_or_taken_up_but_nothing_else() -> None:
    one, _ = half()
    data = remembered.dump(one)
    draw = random.Random(5)
    for _ in range(30):
        at = draw.randrange(len(data))
        cut = data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
        try:
            plainly.columns_of(cut)
        except XinlingError:
            continue
