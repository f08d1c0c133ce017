"""What ingest puts on the log depends on the captures alone, however it is run (P1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingests import KINDS, LOG, made

from stream.ingest import AnyIngest, _Pace, flush_after
from stream.log import Batch, Signal, Tick, partition_of

Over = Callable[..., tuple[AnyIngest[Any, Any], "Kept"]]


class Kept:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, Batch]] = []
        self.written = asyncio.Event()
        self.flushed = False

    async def write(self, partition: int, batch: Batch) -> None:
        self.batches.append((partition, batch))
        self.written.set()

    async def flush(self) -> None:
        self.flushed = True

    def signals(self, partition: int) -> list[Signal]:
        return [
            item
            for where, batch in self.batches
            if where == partition
            for item in batch.items
            if isinstance(item, Signal)
        ]


@pytest.fixture(params=KINDS)
def over(request: pytest.FixtureRequest) -> Over:
    def of(
        names: list[str], *, settings: bytes = b"", flush: float = 0.02, speed: float | None = None
    ) -> tuple[AnyIngest[Any, Any], Kept]:
        writer = Kept()
        options = {"settings": settings, "flush_seconds": flush, "speed": speed}
        return made(request.param, names, writer, **options), writer

    return of


@pytest.fixture
def names(pcap: Path) -> list[str]:
    return [str(pcap / "lab-a" / "A_msc.pcap"), str(pcap / "lab-c" / "C_msc.pcap")]


async def test_p1_read_again_it_is_the_same_source_with_the_same_numbers(
    over: Over, names: list[str]
) -> None:
    first, one = over(names)
    again, two = over(names, flush=0.001)
    await first.run()
    await again.run()
    assert {batch.source for _, batch in one.batches + two.batches} == {one.batches[0][1].source}
    for partition in range(LOG.partitions):
        assert one.signals(partition) == two.signals(partition)
    assert first.totals.events == again.totals.events > 0
    assert one.flushed


async def test_every_event_is_on_its_subscribers_partition_in_the_order_of_its_number(
    over: Over, names: list[str]
) -> None:
    ingest, writer = over(names)
    await ingest.run()
    numbers = []
    for partition in range(LOG.partitions):
        signals = writer.signals(partition)
        assert {partition_of(one.event.subscriber, LOG.partitions) for one in signals} <= {
            partition
        }
        seqs = [one.seq for one in signals]
        assert seqs == sorted(seqs)
        numbers += seqs
    assert sorted(numbers) == list(range(1, ingest.totals.events + 1))


async def test_the_clock_stands_before_the_events_that_come_after_it(
    over: Over, names: list[str]
) -> None:
    ingest, writer = over(names)
    await ingest.run()
    for partition in range(LOG.partitions):
        clock = 0
        for where, batch in writer.batches:
            for item in batch.items if where == partition else ():
                if isinstance(item, Tick):
                    assert item.time > clock
                    clock = item.time
                elif isinstance(item, Signal):
                    assert item.event.time > clock


async def test_p1_the_same_captures_read_otherwise_are_another_source(
    over: Over, names: list[str]
) -> None:
    first, one = over(names, settings=b"14 bits")
    other, two = over(names, settings=b"24 bits")
    await first.run()
    await other.run()
    assert one.batches[0][1].source != two.batches[0][1].source


async def test_p2_stopped_before_the_end_it_tells_nothing_of_what_is_open(
    over: Over, pcap: Path
) -> None:
    name = str(pcap / "lab-a" / "A_msc.pcap")
    whole, all_of_it = over([name])
    await whole.run()
    part, some = over([name], speed=1_000.0)
    original = part._tick

    async def tick(reached: int) -> None:
        await original(reached)
        if part.totals.events >= 20:
            part.stop()

    part._tick = tick  # type: ignore[method-assign]
    await part.run()
    for partition in range(LOG.partitions):
        told = some.signals(partition)
        assert told == all_of_it.signals(partition)[: len(told)]


def first_records(capture: bytes, count: int) -> bytes:
    at = 24
    for _ in range(count):
        at += 16 + int.from_bytes(capture[at + 8 : at + 12], "little")
    return capture[:at]


async def test_p1_on_a_silent_live_feed_dialogues_end_as_time_passes(
    over: Over, pcap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end by silence is told before the clock has passed it, as when a file is read."""
    monkeypatch.setattr("stream.ingest.HOLD_SECONDS", -400.0)
    folder = tmp_path / "ring"
    folder.mkdir()
    whole = (pcap / "lab-a" / "A_msc.pcap").read_bytes()
    (folder / "ring_1.pcap").write_bytes(first_records(whole, 40))
    ingest, writer = over([str(folder)])
    running = asyncio.create_task(ingest.run())
    await asyncio.wait_for(writer.written.wait(), 10)
    ingest.stop()
    await running
    items = [item for _, batch in writer.batches for item in batch.items]
    assert "unseen" in {one.event.detail.get("outcome") for one in items if isinstance(one, Signal)}
    for partition in range(LOG.partitions):
        clock = 0
        for item in [
            one for where, batch in writer.batches for one in batch.items if where == partition
        ]:
            if isinstance(item, Tick):
                clock = item.time
            elif isinstance(item, Signal):
                assert item.event.time > clock


async def test_batches_are_bounded(over: Over, names: list[str]) -> None:
    ingest, writer = over(names, flush=10)
    await ingest.run()
    assert all(0 < len(batch.items) <= 501 for _, batch in writer.batches)
    assert ingest.totals.batches == len(writer.batches)


def test_a_pace_holds_records_back_by_capture_time() -> None:
    pace = _Pace(2.0)
    assert pace.wait(10_000_000) <= 0
    assert 0.9 < pace.wait(12_000_000) <= 1.0


def test_many_partitions_stretch_the_flush_so_that_records_a_second_stay_bounded() -> None:
    assert flush_after(0.02, 1) == 0.02
    assert flush_after(0.02, 4) == 0.02
    assert flush_after(0.02, 8) == 0.04
    assert flush_after(0.02, 32) == 0.16
    assert flush_after(0.02, 1000) == 0.2
    assert flush_after(1.0, 1000) == 1.0
