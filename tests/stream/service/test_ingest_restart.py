"""Ingest goes on over a restart: the log has what it would have without one (P1, P2)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ingests import KINDS, RECORDS, made

from decoders.capture import CaptureParser
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.events import Event
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream import feeds
from stream.checkpoint import Kept
from stream.ingest import AnyIngest
from stream.log import Batch, Signal

Some = AnyIngest[Any, Any]
KIND = [RECORDS]
"""Of the ingests that are made."""


class Written:
    """A log: of what is written twice, the first counts."""

    def __init__(self) -> None:
        self.signals: dict[tuple[str, int], Event] = {}
        self.repeated = 0

    async def write(self, _partition: int, batch: Batch) -> None:
        for item in batch.items:
            if isinstance(item, Signal):
                key = (batch.source, item.seq)
                self.repeated += key in self.signals
                assert self.signals.setdefault(key, item.event) == item.event

    async def flush(self) -> None:
        return

    def events(self) -> list[bytes]:
        return [msgspec.msgpack.encode(event) for _, event in sorted(self.signals.items())]


class InMemory:
    """A checkpoint at every so many askings; as bytes, as Redis would have it."""

    def __init__(self, every: int = 1) -> None:
        self.data: bytes | None = None
        self._every = every
        self._asked = 0

    async def load(self) -> Kept | None:
        return None if self.data is None else msgspec.msgpack.decode(self.data, type=Kept)

    async def save(
        self,
        make: Callable[[], Kept],
        safe: Callable[[], Awaitable[None]],
        *,
        at_once: bool = False,
    ) -> None:
        self._asked += 1
        if at_once or self._asked % self._every == 0:
            await safe()
            self.data = msgspec.msgpack.encode(make())


def ingest(
    name: str,
    writer: Written,
    checkpoint: InMemory | None,
    *,
    follow: bool = False,
    kind: str = "",
) -> Some:
    return made(
        kind or KIND[0],
        [name],
        writer,
        follow=follow,
        waits=True,
        flush_seconds=0.001,
        checkpoint=checkpoint,
        name="feed",
    )


@pytest.fixture(autouse=True, params=KINDS)
def _kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "KIND", [request.param])
    for module in ("decoders.kernel.frames", "stream.frames_feed"):
        monkeypatch.setattr(f"{module}.FRAMES", 7)


@pytest.fixture(autouse=True)
def _no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for stragglers goes soon, and no clock runs on by the machine's time."""
    monkeypatch.setattr(feeds, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr("stream.ingest.HOLD_SECONDS", 1e9)


async def read(one: Some, frames: int) -> int:
    """Runs until so many records were handled, and stops it; how many they were."""
    task = asyncio.create_task(one.run())
    async with asyncio.timeout(60):
        while one.totals.frames < frames and not task.done():  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0)
    one.stop()
    await task
    return one.totals.frames


def records_of(data: bytes) -> int:
    """Whole records in the first octets of a capture."""
    return len(CaptureParser("x").feed(data))


async def in_one(source: Path, frames: int, *, follow: bool = False) -> list[bytes]:
    """What one run gives, of as many records, one by one."""
    writer = Written()
    one = ingest(str(source), writer, None, follow=follow, kind=RECORDS)
    assert await read(one, frames) == frames
    assert len(writer.signals) > 15
    return writer.events()


CAPTURES = ["lab-a/A_msc.pcap", "lab-b/B_bsc2_ipa.pcap", "lab-c/C_msc.pcap"]


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("seed", range(3))
async def test_p1_a_growing_capture_cut_at_any_octet_gives_the_same_events(
    pcap: Path, tmp_path: Path, capture: str, seed: int
) -> None:
    data = (pcap / capture).read_bytes()
    folder = tmp_path / "ring"
    folder.mkdir()
    file = folder / "00001.pcap"
    writer, checkpoint = Written(), InMemory(every=10**9)
    handled = 0
    for place in (*sorted(random.Random(seed).sample(range(1000, len(data)), 4)), len(data)):
        file.write_bytes(data[:place])
        whole = records_of(data[:place])
        handled += await read(ingest(str(folder), writer, checkpoint), whole - handled)
        assert handled == whole
    assert writer.events() == await in_one(folder, handled)
    assert not writer.repeated


@pytest.mark.parametrize("capture", CAPTURES)
async def test_p2_killed_at_any_record_it_repeats_under_the_same_numbers(
    pcap: Path, tmp_path: Path, capture: str
) -> None:
    data = (pcap / capture).read_bytes()
    file = tmp_path / "growing.pcap"
    file.write_bytes(data)
    writer, checkpoint = Written(), InMemory(every=3)
    frames, draw, done = records_of(data), random.Random(capture), 0
    while frames - done > 80:
        at = draw.randrange(20, min(250, frames - done))
        with pytest.raises(Killed):
            await dying(ingest(str(file), writer, checkpoint, follow=True), at)
        done = await handled_by(checkpoint)
    await read(ingest(str(file), writer, checkpoint, follow=True), frames - done)
    assert writer.events() == await in_one(file, frames, follow=True)
    checkpoint.data = None  # and where the checkpoint is lost, all of them
    repeated = writer.repeated
    await read(ingest(str(file), writer, checkpoint, follow=True), frames)
    assert writer.repeated - repeated == len(writer.signals)
    assert writer.events() == await in_one(file, frames, follow=True)


class Killed(BaseException):
    """Nothing of ours runs any more."""


async def dying(one: Some, record: int) -> None:
    """Runs up to the record of that number, and not a step further; a flush after every event."""
    feed = one._reader.feed

    def until(given: Any) -> Any:
        if one.totals.frames + len(getattr(given, "times", [0])) > record:
            raise Killed
        return feed(given)

    one._flush_seconds = 0.0
    one._reader.feed = until
    try:
        await one.run()
    finally:
        one._feed.stop()


async def handled_by(checkpoint: InMemory) -> int:
    """Records that a checkpoint says were handled, of one file."""
    kept = await checkpoint.load()
    places = [place for files in kept.places.values() for place in files] if kept else []
    return sum(place.low + len(place.above) for place in places)


def open_after(captures: Iterable[bytes]) -> set[str]:
    """The dialogues that are open when these were read."""
    decoder = Decoder(DecoderConfig())
    correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
    for capture in captures:
        for record in CaptureParser("x").feed(capture):
            for message in decoder.feed(record):
                correlator.feed(message)
            correlator.advance(record.time)
    connections = correlator.connections
    return {one.dialogue.key for one in connections if one.dialogue is not None}


def split(data: bytes, files: int) -> list[bytes]:
    """A pcap as a ring buffer's files."""
    ends = [24]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 16 + int.from_bytes(data[ends[-1] + 8 :][:4], "little"))
    cuts = [ends[len(ends) * number // files] for number in range(files)] + [len(data)]
    return [data[:24] + data[a:b] for a, b in pairwise(cuts)]


def ring(pcap: Path, folder: Path) -> list[int]:
    """Five files of a ring; how many records each has."""
    folder.mkdir()
    parts = split((pcap / CAPTURES[0]).read_bytes(), 5)
    for number, part in enumerate(parts):
        (folder / f"{number:05}.pcap").write_bytes(part)
    return [records_of(part) for part in parts]


async def test_p1_a_ring_goes_on_in_the_file_where_it_was(pcap: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ring"
    counts = ring(pcap, folder)
    writer, checkpoint = Written(), InMemory(every=10**9)
    handled = await read(ingest(str(folder), writer, checkpoint), sum(counts[:3]) + 5)
    (folder / "00000.pcap").unlink()
    later = ingest(str(folder), writer, checkpoint)
    assert handled + await read(later, sum(counts) - handled) == sum(counts)
    whole = tmp_path / "whole"
    ring(pcap, whole)
    assert writer.events() == await in_one(whole, sum(counts))
    assert later.totals.frames < sum(counts)


@pytest.mark.parametrize("same_name", [False, True])
async def test_records_that_are_gone_are_a_gap_behind_every_open_dialogue(
    pcap: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, same_name: bool
) -> None:
    folder = tmp_path / "ring"
    counts = ring(pcap, folder)
    parts = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    for path in list(parts)[2:]:
        path.unlink()
    writer, checkpoint = Written(), InMemory(every=10**9)
    first = ingest(str(folder), writer, checkpoint)
    await read(first, sum(counts[:2]))
    opened = open_after(parts[path] for path in list(parts)[:2])
    before = len(writer.signals)
    for path in list(parts)[:2]:
        path.unlink()
    names = list(parts)
    (names[1] if same_name else names[3]).write_bytes(parts[names[3]])
    later = ingest(str(folder), writer, checkpoint)
    assert await read(later, counts[3]) == counts[3]
    assert "has a gap" in caplog.text
    assert sum(later._reader.correlator.gaps.values()) >= 1
    after = [event for (_, seq), event in writer.signals.items() if seq > before]
    assert after
    assert all(one.trust == "gap" for one in after if one.dialogue in opened)


async def test_what_cannot_be_rewound_goes_on_with_its_dialogues_behind_a_gap(
    pcap: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = (pcap / CAPTURES[0]).read_bytes()
    head, rest = split(data, 2)
    writer, checkpoint = Written(), InMemory(every=10**9)
    async with sending([head]) as source:
        first = ingest(source, writer, checkpoint)
        await read(first, records_of(head))
    known = len(first._reader.correlator.bindings)
    assert known
    kept = await checkpoint.load()
    assert kept is not None
    assert not kept.places
    async with sending([rest]) as source:
        later = ingest(source, writer, checkpoint)
        await read(later, records_of(rest))
    assert len(later._reader.correlator.bindings) >= known
    assert "the feed has a gap" in caplog.text
    assert len({source for source, _ in writer.signals}) == 2


@asynccontextmanager
async def sending(captures: list[bytes]) -> AsyncIterator[str]:
    """A point of capture that sends and then is silent."""

    async def send(_: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        for capture in captures:
            to.write(capture)
        await to.drain()
        await asyncio.sleep(3600)

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        server.close()
