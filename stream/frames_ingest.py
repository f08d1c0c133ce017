"""Ingest by compiled code: `ingest.Ingest` by the thousand, with the same on the log (P1).

What is written, in which order and under which numbers, is what the plain way writes of the same
captures; what metrics are told is the same. What is kept over a restart is of a moment between two
blocks of frames (`frames_feed`), so that it holds all of what a block has given, or nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from decoders.errors import CaptureError
from decoders.events import TYPES, Event
from decoders.kernel import Frames, Kernel
from decoders.kernel.events import remembered
from decoders.kernel.events.batch import IDENTITIES, EventBatch
from decoders.kernel.events.kernel import EventKernel
from decoders.kernel.ordered import selected
from decoders.kernel.program import OTHER, SCCP
from decoders.kernel.program import TABLES as PROTOCOLS
from decoders.quality import Quality
from decoders.remembered import Lasting
from stream import checkpoint, frame_places, metrics
from stream.checkpoint import COMPILED
from stream.feed_metrics import FeedMetrics
from stream.ingest import AnyIngest
from stream.kernel_signals import Read, Reading, minute_of, minutes_of, with_minutes
from stream.reading import AnyReader, Show, Undecoded
from stream.replay import scored
from stream.sources import Report

_NAMES: Final = {SCCP: "SCCP"} | {code: table.protocol for code, table in PROTOCOLS.items()}
_LARGE: Final = 8 << 20
"""Octets of a memory from which on it is kept as it is: its columns are narrow already."""
_PACE_SECONDS: Final = 0.02
"""Of capture time that is read at once, where it is held back to a pace."""

logger = logging.getLogger(__name__)


class _Connections:
    """The connections of compiled correlation, for `FeedMetrics`."""

    def __init__(self, correlator: EventKernel) -> None:
        self._correlator = correlator

    @property
    def counts(self) -> Counter[str]:
        """See `feed_metrics.Counted.counts`."""
        return self._correlator.counts

    def __len__(self) -> int:
        return self._correlator.connections


class FramesReader(AnyReader[EventBatch]):
    """`reading.Reader` by the thousand: the kernel and compiled correlation, counted.

    Attributes:
        correlator: what it correlates with.
    """

    writing = COMPILED

    def __init__(
        self, kernel: Kernel, correlator: EventKernel, report: Report, show: Show | None = None
    ) -> None:
        """`show` is given, now and then, the latest samples of what could not be decoded."""
        feed_metrics = FeedMetrics(correlator, _Connections(correlator))
        super().__init__(correlator, feed_metrics, Undecoded(kernel.decoder, show))
        self.correlator = correlator
        self._kernel = kernel
        self._reading = Reading(kernel, correlator)
        self._report = report

    @property
    def now(self) -> int:
        """See `AnyReader.now`."""
        return self.correlator.now

    @property
    def quality(self) -> Quality:
        """See `AnyReader.quality`."""
        return self.correlator.closed

    def feed(self, frames: Frames) -> Iterator[tuple[Read, list[Event]]]:
        """What frames make true, with the events of each part; to be taken to the end."""
        self._count_frames(frames)
        for read in self._reading.feed(frames, self._refused):
            self._count_messages(read)
            events: list[Event] = []
            for told in read.told:
                events += self._counted(told)
            yield read, events

    def warm(self, frames: Frames) -> None:
        """Frames that may complete what the first ones to be read began."""
        for _ in self._kernel.feed(frames, self._refused):
            pass

    def restore(self, memory: bytes) -> bool:
        """See `AnyReader.restore`."""
        taken = remembered.restore(self.correlator, memory)
        logger.info(
            "ingest: goes on with %d TMSIs and %d connections",
            len(self.correlator.bindings),
            self.correlator.connections,
        )
        return taken

    def take_lasting(self, lasting: Lasting) -> None:
        """See `AnyReader.take_lasting`."""
        remembered.take_lasting(self.correlator, lasting)

    def memory(self) -> bytes:
        """See `AnyReader.memory`."""
        return checkpoint.packed(remembered.dump(self.correlator), _LARGE)

    def lose(self) -> None:
        """See `AnyReader.lose`."""
        remembered.lose(self.correlator)

    def _refused(self, error: CaptureError) -> None:
        self._report(error)

    def _count_frames(self, frames: Frames) -> None:
        self.totals.frames += len(frames.times)
        for origin, number in frames.from_each():
            metrics.frames.labels(origin.feed or origin.source).inc(number)

    def _count_messages(self, read: Read) -> None:
        batch = read.batch
        self.totals.messages += len(batch.rows)
        for code, number in enumerate(np.bincount(batch.rows["protocol"]).tolist()):
            if number and code != OTHER:
                metrics.messages.labels(_NAMES[code]).inc(number)
        for index, message in batch.messages.items():
            if batch.rows["protocol"][index] == OTHER:
                metrics.messages.labels(message.protocol).inc()

    def _counted(self, told: EventBatch) -> list[Event]:
        self.totals.events += len(told)
        kinds = told.types * len(IDENTITIES) + told.identities
        for kind, number in enumerate(np.bincount(kinds).tolist()):
            if number:
                name, identity = divmod(kind, len(IDENTITIES))
                metrics.events.labels(TYPES[name], IDENTITIES[identity]).inc(number)
        return told.events()


class FramesIngest(AnyIngest[Frames, FramesReader]):
    """Moves one feed onto the log, by the thousand."""

    _minute = -1

    async def _item(self, item: Frames) -> None:
        for part in frame_places.parts(self._places, item):
            frames = item
            if part.end - part.begin < len(item.times):
                frames = selected(item, slice(part.begin, part.end))
            if part.kind == frame_places.WARM:
                self._reader.warm(frames)
            elif part.kind == frame_places.NEW:
                await self._frames(frames, part.lost)
        await self._keep()

    async def _frames(self, frames: Frames, lost: list[str]) -> None:
        self._meet(frames.record(0), lost)
        for some in self._paced(frames):
            await self._wait_for(int(some.times[0]))
            if self._feed.rewinds:
                frame_places.note(self._places, some)
            for read, events in self._reader.feed(some):
                await self._put_read(read, events)
            self._last_time = max(self._last_time, int(some.times.max()))
            await self._tick(self._last_time)

    async def _put_read(self, read: Read, events: list[Event]) -> None:
        found = scored(events, self._reader.quality, self._reader.now)
        minutes = minutes_of(read.times, self._minute) if len(read.times) else []
        if minutes:
            self._minute = minute_of(minutes[-1])
        for item in with_minutes(found, minutes):
            await self._put_one(item)

    def _paced(self, frames: Frames) -> Iterator[Frames]:
        """Frames as they are, or, held back to a pace, a moment at a time."""
        if self._pace is None:
            yield frames
            return
        moments = np.maximum.accumulate(frames.times) // int(_PACE_SECONDS * 1_000_000)
        begins = np.flatnonzero(np.diff(moments, prepend=-1)).tolist()
        for begin, end in zip(begins, [*begins[1:], len(moments)], strict=True):
            yield selected(frames, slice(begin, end))
