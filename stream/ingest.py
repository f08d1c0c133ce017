"""Ingest: records of captures in, batches on the log out; what comes of it depends on them alone.

Read again from the beginning after a kill, the same captures give the same events with the same
sequence numbers under the same source, and whoever handles them recognises what it has seen (P2).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Protocol

import msgspec

from decoders.correlator import Correlator
from decoders.decoder import Decoder
from decoders.errors import CaptureError
from decoders.events import Event
from decoders.messages import Record
from decoders.times import SECOND
from decoders.undecoded import Sample
from stream import metrics
from stream.batcher import Addressed, Batcher, second_before
from stream.checkpoint import Checkpoint
from stream.feed_metrics import FeedMetrics
from stream.feeds import HOLD_SECONDS, Feed
from stream.log import Batch, FeedScored
from stream.replay import scored
from stream.settling import Settling, minute_of
from stream.sources import Report
from stream.topics import Log

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


class Totals(msgspec.Struct):
    """What an ingest has done so far."""

    frames: int = 0
    messages: int = 0
    events: int = 0
    batches: int = 0


class Reader:
    """Records to events: the decoder and the correlator, counted.

    Attributes:
        correlator: what it correlates with.
    """

    def __init__(
        self,
        decoder: Decoder,
        correlator: Correlator,
        report: Report,
        show: Callable[[Iterable[Sample]], None] | None = None,
    ) -> None:
        """`show` is given, now and then, the latest samples of what could not be decoded."""
        self.totals = Totals()
        self._show = show
        self._decoder = decoder
        self.correlator = correlator
        self._report = report
        self._undecoded: Counter[str] = Counter()
        self._feed_metrics = FeedMetrics(correlator)

    def feed(self, record: Record) -> list[Event]:
        """The events that `record` completes; a link type nobody reads goes to the report."""
        self.totals.frames += 1
        metrics.frames.labels(record.feed or record.source).inc()
        try:
            messages = self._decoder.feed(record)
        except CaptureError as error:
            error.file = error.file or record.source
            self._report(error)
            return []
        events: list[Event] = []
        for message in messages:
            metrics.messages.labels(message.protocol).inc()
            events += self.correlator.feed(message)
        events += self.correlator.advance(record.time)
        self.totals.messages += len(messages)
        return self._counted(events)

    def advance(self, time: int) -> list[Event]:
        """What a silence up to `time` (microseconds of capture time) makes true."""
        return self._counted(self.correlator.advance(time))

    def finish(self) -> list[Event]:
        """What is still open at the end of the captures."""
        return self._counted(self.correlator.finish())

    def count(self, *, all_of_it: bool = False) -> None:
        """Tells Prometheus what could not be decoded, and what became of identities and links."""
        self._feed_metrics.tell(now=all_of_it)
        if self._show is not None:
            self._show(self._decoder.samples)
        for reason, number in self._decoder.undecoded.items():
            metrics.undecoded.labels(reason).inc(number - self._undecoded[reason])
            self._undecoded[reason] = number

    def _counted(self, events: list[Event]) -> list[Event]:
        self.totals.events += len(events)
        for event in events:
            metrics.events.labels(event.type, event.identity).inc()
        return events


class Ingest:
    """Moves one feed onto the log.

    Attributes:
        stopped: whether it was told to stop before the end of its sources.
    """

    def __init__(  # noqa: PLR0913  the rooms it stands between
        self,
        *,
        feed: Feed,
        reader: Reader,
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

        `checkpoint` keeps what a feed that cannot be read again has taught; None for one that can.
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
        while (records := await self._feed.take(self._flush_seconds)) is not None:
            for record in records:
                await self._record(record)
            await self._run_on(heard=bool(records))
            if not records or self._is_time():
                await self._flush()
        if not self.stopped:  # else what is open would not be open after the next start
            await self._put(self._reader.finish())
            await self._leave()
        await self._flush()
        self._reader.count(all_of_it=True)
        await self._writer.flush()
        await self._keep(at_once=True)

    def stop(self) -> None:
        """Reads no more; `run` then ends when what was read is safe."""
        self.stopped = True
        self._feed.stop()

    async def _record(self, record: Record) -> None:
        if self._pace is not None and (wait := self._pace.wait(record.time)) > _STEP_SECONDS:
            await self._flush()
            await asyncio.sleep(wait)
        if self._batcher is None:
            source = _named(self._feed.source_id(record), self._settings)
            self._batcher = Batcher(
                source, self._log.epoch, self._log.partitions, feed=self._name or source
            )
            if self._checkpoint is not None:
                await self._checkpoint.restore(self._reader.correlator.bindings, record.time)
        self._last_time = max(self._last_time, record.time)
        await self._put(self._reader.feed(record))
        await self._tick(record.time)

    async def _put(self, events: list[Event]) -> None:
        for item in scored(events, self._reader.correlator):
            assert self._batcher is not None, "an event comes of a record"
            if isinstance(item, FeedScored):
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
        if self._checkpoint is not None and self._batcher is not None:
            bindings = self._reader.correlator.bindings
            await self._checkpoint.save(bindings, self._last_time, at_once=at_once)

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
        await self._keep()

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
