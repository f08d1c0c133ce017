"""Ingest: records of captures in, batches on the log out; what comes of it depends on them alone.

Read again from the beginning after a kill, the same captures give the same events with the same
sequence numbers under the same source, and whoever handles them recognises what it has seen (P2).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Generic, Protocol, TypeVar

from decoders.events import Event
from decoders.messages import Record
from decoders.times import SECOND
from stream import metrics
from stream.batcher import Addressed, Batcher, second_before
from stream.budgets.settling import Settling, minute_of
from stream.checkpoint import ALL, NOTHING, STALE, VERSION, Checkpoint, Kept
from stream.feeds import HOLD_SECONDS, AnyFeed
from stream.log import Batch, FeedScored
from stream.places import Places
from stream.reading import AnyReader, Reader, Totals
from stream.replay import Reached, scored
from stream.state import BEGINNING
from stream.topics import Log

logger = logging.getLogger(__name__)

RECORDS_A_SECOND = 200
"""That an ingest writes at most, as long as batches are not full, up to forty partitions."""
LONGEST_FLUSH_SECONDS = 0.2
_STEP_SECONDS = 0.005
"""With a pace: a shorter wait than this is not worth its while."""


def flush_after(configured: float, partitions: int) -> float:
    """Seconds after which batches are flushed: longer where many partitions make many records.

    A record costs its worker a millisecond or two whatever is in it, and Redis a write to its disk.
    """
    return max(configured, min(partitions / RECORDS_A_SECOND, LONGEST_FLUSH_SECONDS))


class Writer(Protocol):
    """Where batches go; `stream.log_writer.LogWriter` is one."""

    async def write(self, partition: int, batch: Batch) -> None:
        """Takes a batch, waiting where there is no room."""

    async def flush(self) -> None:
        """Waits until every batch is safe."""


Item = TypeVar("Item")
R = TypeVar("R", bound=AnyReader[Any])


class AnyIngest(Generic[Item, R]):
    """Moves one feed onto the log, record by record or by the thousand.

    Attributes:
        stopped: whether it was told to stop before the end of its sources.
    """

    def __init__(  # noqa: PLR0913  the rooms it stands between
        self,
        *,
        feed: AnyFeed[Item],
        reader: R,
        writer: Writer,
        log: Log,
        settings: bytes,
        flush_seconds: float,
        speed: float | None,
        checkpoint: Checkpoint | None = None,
        settling: Settling | None = None,
        name: str = "",
    ) -> None:
        """`settings`: whatever besides the captures the events depend on, in any one form.

        `checkpoint` keeps what a live feed has taught; files are read again from their beginning.
        `settling` says when to wait for shared budgets. `name` is that of the feed's clock, the
        same after a restart; by default the sources', which is made from their content.
        """
        self._settling = settling
        self._name = name
        self._feed = feed
        self._reader = reader
        self._writer = writer
        self._log = log
        self._settings = settings
        self._flush_seconds = flush_seconds
        self._pace = _Pace(speed) if speed else None
        self._batcher: Batcher | None = None
        self._checkpoint = checkpoint
        self._before: Kept | None = None
        self._wants_keeping = False
        self._places = Places()
        self.stopped = False
        self._flushed = time.monotonic()
        self._heard = time.monotonic()
        self._last_time = 0
        self._blocked = 0.0

    @property
    def totals(self) -> Totals:
        """What has been done so far."""
        return self._reader.totals

    async def run(self) -> None:
        """Until the feed's end, everything safe on the log.

        Raises CaptureError and what writing raises.
        """
        await self._begin()
        while (items := await self._feed.take(self._flush_seconds)) is not None:
            for item in items:
                await self._item(item)
            await self._run_on(heard=bool(items))
            if not items or self._is_time():
                await self._flush()
            await self._keep()
            await asyncio.sleep(0)  # where nothing else waits: others have their turn
        if not self.stopped:  # else what is open would not be open after the next start
            await self._put(self._reader.finish(), at_end=True)
            await self._leave()
        await self._flush()
        self._reader.count(all_of_it=True)
        await self._writer.flush()
        await self._keep(at_once=True)

    async def _item(self, item: Item) -> None:
        """Takes what the feed gives; what is kept is of a moment between two of them."""
        raise NotImplementedError

    def stop(self) -> None:
        """Reads no more; `run` then ends when what was read is safe."""
        self.stopped = True
        self._feed.stop()

    async def _begin(self) -> None:
        """Takes up what was kept; where it can, the feed goes on from its place."""
        if self._checkpoint is not None:
            self._before = await self._checkpoint.load()
        before = self._before
        if before is not None and self._feed.rewinds:
            taken = self._reader.take_up(before)
            if taken != NOTHING:
                self._before = None
                self._places = Places(before.places)
                self._last_time = before.last
            if taken == ALL and before.settings == _digest(self._settings):
                self._open(before.source, before.next_seq, before.clock)
        self._feed.begin(self._places.since())

    def _open(self, source: str, next_seq: int = 1, clock: int = BEGINNING) -> Batcher:
        self._batcher = Batcher(
            source,
            self._log.epoch,
            self._log.partitions,
            next_seq=next_seq,
            clock=clock,
            feed=self._name or source,
        )
        return self._batcher

    def _take_up(self, now: int) -> None:
        """What a feed has taught that cannot be rewound, if it is not too old for `now`."""
        before, self._before = self._before, None
        if before is not None and 0 <= now - before.last <= STALE:
            self._reader.take_up(before)
            self._lose("the feed", now - before.last)

    def _lose(self, what: str, time: int) -> None:
        logger.warning("ingest: %s has a gap of %.1f s, up to now", what, time / SECOND)
        self._reader.lose()

    async def _wait_for(self, time: int) -> None:
        """With a pace: until a record of that time is due."""
        if self._pace is not None and (wait := self._pace.wait(time)) > _STEP_SECONDS:
            await self._flush()
            await self._keep()
            await asyncio.sleep(wait)

    def _meet(self, record: Record, lost: list[str]) -> None:
        """Before a record is read: the first of all, or one behind a gap in these sources."""
        if self._batcher is None:
            self._open(_named(self._feed.source_id(record), self._settings))
            self._take_up(record.time)
        while lost:
            self._lose(lost.pop(), max(0, record.time - self._last_time))

    async def _put(self, events: Sequence[Event], *, at_end: bool = False) -> None:
        now = None if at_end else self._reader.now
        for item in scored(events, self._reader.quality, now):
            await self._put_one(item)

    async def _put_one(self, item: Event | FeedScored | Reached) -> None:
        assert self._batcher is not None, "it comes of a record"
        if isinstance(item, Reached):
            await self._tick(item.time)
        elif isinstance(item, FeedScored):
            await self._write(self._batcher.score(item))
        else:
            await self._settle(item.time)
            await self._write(self._batcher.add(item))
        if self._is_time():
            await self._flush()

    async def _run_on(self, *, heard: bool) -> None:
        """Lets the clock of a silent live feed run on, behind by what may still come late."""
        now = time.monotonic()
        if heard:
            self._heard = now
        elif self._feed.live and self._batcher is not None:
            silent = max(0.0, now - self._heard - HOLD_SECONDS)
            reached = self._last_time + int(silent * SECOND)
            await self._put(self._reader.advance(reached))
            await self._tick(reached)

    async def _tick(self, reached: int) -> None:
        """The clock up to the last whole second before `reached`."""
        assert self._batcher is not None, "a time comes of a record"
        await self._settle(reached)
        self._batcher.tick(second_before(reached))

    async def _settle(self, reached: int) -> None:
        """At each whole minute, waits for what the log is told of shared budgets there."""
        minute = minute_of(second_before(reached))
        if self._settling is None or self._batcher is None or not self._settling.wanted(minute):
            return
        self._batcher.tick(minute)
        await self._flush()
        await self._settling.wait(minute, self._writer.flush)

    async def _leave(self) -> None:
        """No clock waits for a feed that has come to its end."""
        if self._batcher is not None:
            await self._write(self._batcher.leave())

    async def _keep(self, *, at_once: bool = False) -> None:
        """Where all that was read has been written: not in the middle of what one item gives."""
        if not (self._wants_keeping or at_once):
            return
        self._wants_keeping = False
        if self._checkpoint is not None and self._batcher is not None:
            await self._checkpoint.save(self._kept, self._writer.flush, at_once=at_once)

    def _kept(self) -> Kept:
        """This moment; everything before it was written."""
        batcher = self._batcher
        assert batcher is not None, "asked for where there is one"
        return Kept(
            version=VERSION,
            source=batcher.source,
            settings=_digest(self._settings),
            next_seq=batcher.next_seq,
            clock=batcher.clock,
            last=self._last_time,
            places=self._places.dump(),
            memory=self._reader.memory(),
            writing=self._reader.writing,
        )

    def _is_time(self) -> bool:
        return time.monotonic() - self._flushed >= self._flush_seconds

    async def _flush(self) -> None:
        self._flushed = time.monotonic()
        self._reader.count()
        if self._batcher is not None:
            await self._write(self._batcher.flush())
            metrics.ingest_clock.labels("all").set(self._last_time / SECOND)
        if self._feed.live:
            self._tell_pressure()
        self._wants_keeping = True

    def _tell_pressure(self) -> None:
        """Tells Prometheus whether ingest keeps up with a feed that does not wait for it."""
        metrics.ingest_waiting.set(self._feed.waiting)
        metrics.ingest_blocked.inc(self._feed.blocked - self._blocked)
        self._blocked = self._feed.blocked
        if self._last_time:
            metrics.ingest_behind.set(time.time() - self._last_time / SECOND)

    async def _write(self, addressed: list[Addressed]) -> None:
        for partition, batch in addressed:
            self._reader.totals.batches += 1
            await self._writer.write(partition, batch)


class Ingest(AnyIngest[Record, Reader]):
    """Moves one feed onto the log, record by record."""

    async def _item(self, item: Record) -> None:
        if self._places.handled(item):
            if self._places.is_warm(item):
                self._reader.warm(item)
            return
        await self._record(item)
        await self._keep()

    async def _record(self, record: Record) -> None:
        await self._wait_for(record.time)
        self._meet(record, self._places.lost)
        if self._feed.rewinds:
            self._places.note(record)
        self._last_time = max(self._last_time, record.time)
        await self._put(self._reader.feed(record))
        await self._tick(record.time)


class _Pace:
    """Holds records back so that `speed` seconds of capture pass in one second."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first: int | None = None
        self._began = 0.0

    def wait(self, record_time: int) -> float:
        """Seconds until a record of that time is due."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = record_time, now
        due = self._began + (record_time - self._first) / SECOND / self._speed
        return due - now


def _named(content: str, settings: bytes) -> str:
    """The source of the sequence numbers: the same captures read otherwise are another."""
    return blake2b(settings, key=content.encode(), digest_size=12).hexdigest()


def _digest(settings: bytes) -> str:
    return blake2b(settings, digest_size=8).hexdigest()
