"""P1, P4: kernel and plain decoder are two readings of one table, and agree on all of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from decoders.decoder import DecoderConfig
from decoders.kernel import COMPILED, kernel
from decoders.link import ETHERNET
from decoders.messages import Record
from decoders.transport import TransportConfig
from tests.decoders.kernel.readings import CAPTURES, PCAP, agree, records

MSC = [PCAP / f"lab-{lab}" / f"{lab.upper()}_msc.pcap" for lab in "abc"]
MUTANTS = 6_000


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_both_readings_of_a_capture_agree_on_every_field(path: Path) -> None:
    agree(records(path))


@pytest.mark.skipif(not COMPILED, reason="needs numba (the extra `fast`)")
@pytest.mark.parametrize("path", MSC, ids=lambda path: path.stem)
def test_nearly_all_frames_of_an_ordinary_capture_are_the_kernels_own(path: Path) -> None:
    found = records(path)
    assert agree(found).asked < len(found) * 0.05


def test_batches_that_are_too_small_for_their_frames_lose_nothing() -> None:
    agree(records(MSC[0]), rows=3)


def test_captures_that_take_turns_keep_their_streams_apart() -> None:
    first, second = records(MSC[0]), records(MSC[0])
    other = [record._replace(source="other.pcap") for record in second]
    agree([record for pair in zip(first, other, strict=True) for record in pair])


def test_a_mirrored_capture_gives_every_message_once() -> None:
    once = records(MSC[0])
    twice = [record for record in once for _ in range(2)]
    assert len(agree(twice).messages) == len(agree(once).messages)


def test_few_streams_at_once_are_evicted_alike() -> None:
    config = DecoderConfig(transport=TransportConfig(max_associations=2), max_pairs=2)
    found = [record for path in MSC for record in records(path)]
    agree([record._replace(source="all") for record in found], config)


def test_more_streams_than_the_kernel_holds_are_read_by_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel, "MOST_STREAMS", 2)
    agree([record._replace(source="all") for path in MSC for record in records(path)])


def test_more_pairs_of_point_codes_than_the_kernel_holds_are_the_plain_decoders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel, "MOST_PAIRS", 0)
    found = records(PCAP / "lab-a" / "A_msc_re_mtp3.pcap")
    assert agree(found).asked > len(found) * 0.9


def test_lost_and_late_frames_are_told_alike() -> None:
    chance = random.Random(3)
    found = [record for record in records(MSC[2]) if chance.random() > 0.05]
    for index in range(0, len(found) - 7, 13):
        found[index], found[index + 5] = found[index + 5], found[index]
    assert agree(found).gaps


@pytest.mark.parametrize("seed", range(4))
def test_both_readings_of_mutated_frames_agree(seed: int) -> None:
    chance = random.Random(seed)
    source = [record for path in MSC for record in records(path)]
    source += records(PCAP / "lab-a" / "A_msc_re_mtp3.pcap")
    agree([_mutated(chance, chance.choice(source), index) for index in range(MUTANTS)])


@pytest.mark.parametrize("seed", range(4))
def test_both_readings_of_mutated_messages_without_a_carrier_agree(seed: int) -> None:
    """MTP3 records have no sequence numbers, so that each is read by the kernel first."""
    chance = random.Random(seed)
    source = [r for path in sorted(PCAP.glob("*/*_msc_re_mtp3.pcap")) for r in records(path)]
    agree([_mutated(chance, chance.choice(source), index) for index in range(MUTANTS)])


@pytest.mark.parametrize("seed", range(2))
def test_both_readings_agree_where_only_some_frames_are_damaged(seed: int) -> None:
    chance = random.Random(seed)
    found = records(MSC[seed])
    agree([_mutated(chance, r, i) if i % 9 == 4 else r for i, r in enumerate(found)])


def test_a_frame_that_ends_anywhere_is_read_alike() -> None:
    found = [record for record in records(MSC[1]) if len(record.data) > 120][20:40]
    cut = [
        record._replace(data=record.data[:size])
        for record in found
        for size in range(0, len(record.data), 3)
    ]
    agree(cut)


def test_link_types_that_nobody_reads_do_not_stop_the_others() -> None:
    found = records(MSC[0])
    strange = found[3]._replace(link_type=147)
    agree([*found[:50], strange, *found[50:]])


def _mutated(chance: random.Random, record: Record, frame: int) -> Record:
    data = bytearray(record.data)
    kind = chance.randrange(5)
    # Beyond the headers that make it SCTP, mostly: what is no SCTP tells nothing of the kernel.
    low = 46 if record.link_type == ETHERNET and chance.random() < 0.9 else 0
    if kind == 0:
        del data[chance.randrange(len(data)) :]
    for _ in range(chance.choice((1, 1, 2, 5))):
        if len(data) <= low:
            break
        at = chance.randrange(low, len(data))
        if kind == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[at] = chance.choice((0, 1, 2, 7, 0x7F, 0x80, 0xF4, 0xFF, len(data) - at))
        elif kind == 3:
            data[at] = chance.randrange(256)
        elif kind == 4 and chance.random() < 0.5:
            del data[at]
        elif kind == 4:
            data.insert(at, chance.randrange(256))
    return record._replace(data=bytes(data), frame=frame + 1)
