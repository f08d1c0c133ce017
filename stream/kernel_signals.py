"""Frames to events by compiled code, as `replay.signals_of` has them record by record.

What silence makes true is due at each frame, whether it holds a message or not. Compiled
correlation looks at the times of messages, which is the same as long as times grow: where a
message comes late, behind a frame that has moved the clock on, the clock is told so before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.events import Event
from decoders.kernel import Batch, Frames, Kernel
from decoders.kernel.events.batch import EventBatch
from decoders.kernel.events.kernel import EventKernel
from decoders.times import SECOND
from stream.log import FeedScored
from stream.replay import Reached, scored
from stream.sources import Report

_MINUTE: Final = 60 * SECOND
_RANKS: Final[dict[type, int]] = {Event: 0, Reached: 1, FeedScored: 2}
"""In which order they come at one time."""
Signal = Event | Reached | FeedScored


class Read(NamedTuple):
    """What some frames came to."""

    batch: Batch
    """Their messages, until the next batch."""
    told: list[EventBatch]
    times: NDArray[np.int64]
    """Of each frame, the latest up to there, microseconds."""
    frames: Frames
    """In which these stand from `begin` on."""
    begin: int

    def events(self) -> list[Event]:
        """All events, in their order."""
        return [event for some in self.told for event in some.events()]


class Reading:
    """The kernel and compiled correlation one after the other.

    Attributes:
        kernel: what decodes.
        events: what correlates.
        reached: the latest time of a frame, microseconds.
    """

    def __init__(self, kernel: Kernel, events: EventKernel) -> None:
        self.kernel = kernel
        self.events = events
        self.reached = 0

    def feed(self, frames: Frames, report: Report | None = None) -> Iterator[Read]:
        """What these frames make true; to be taken to the end. Raises as `Kernel.feed`."""
        begin = 0
        for batch in self.kernel.feed(frames, report):
            end = begin + batch.frames
            if not (batch.frames or len(batch.rows)):
                continue
            yield Read(batch, *self._read(batch, frames, begin, end), frames, begin)
            begin = end

    def _read(
        self, batch: Batch, frames: Frames, begin: int, end: int
    ) -> tuple[list[EventBatch], NDArray[np.int64]]:
        own = frames.times[begin:end]
        times: NDArray[np.int64] = np.maximum(np.maximum.accumulate(own), self.reached)
        told: list[EventBatch] = []
        at = 0
        if (own < times).any():
            for late, time in self._late(batch, frames, begin, times):
                if time > self.events.now:
                    told += [self.events.feed(_part(batch, at, late)), self.events.advance(time)]
                    at = late
        told.append(self.events.feed(_part(batch, at, len(batch.rows)) if at else batch))
        self.reached = int(times[-1]) if len(times) else self.reached
        if self.reached > self.events.now:
            told.append(self.events.advance(self.reached))
        return [some for some in told if len(some)], times

    def _late(
        self, batch: Batch, frames: Frames, begin: int, times: NDArray[np.int64]
    ) -> list[tuple[int, int]]:
        """Rows before which the clock must be told, and what frames before them have reached.

        Rows before them have not come so far, and they are earlier than that themselves.
        """
        first, end = max(0, begin - 1), begin + len(times)  # a frame may fill more than a batch
        place = _places(batch, frames.numbers[first:end], frames.which[first:end])
        before = np.concatenate((np.zeros(begin - first, np.int64), [self.reached], times[:-1]))
        reached, own = before[place], batch.rows["time"]
        known = np.maximum.accumulate(np.concatenate(([self.events.now], own[:-1])))
        rows = np.flatnonzero((own < reached) & (known < reached))
        return list(zip(rows.tolist(), reached[rows].tolist(), strict=True))


def _places(
    batch: Batch, numbers: NDArray[np.int64], which: NDArray[np.int64]
) -> NDArray[np.int64]:
    """In which of these frames each row was completed: both are in the same order."""
    wanted = batch.rows["source"].astype(np.int64) << 32 | batch.rows["frame"]
    keys = which << 32 | numbers
    order = np.argsort(keys, kind="stable")
    if len(keys) and (np.diff(keys[order]) > 0).all():
        found: NDArray[np.int64] = order[np.searchsorted(keys, wanted, sorter=order)]
        return found
    places, at = [], 0  # a capture that was named twice
    known = keys.tolist()
    for key in wanted.tolist():
        while known[at] != key:
            at += 1
        places.append(at)
    return np.array(places, np.int64)


def _part(batch: Batch, begin: int, end: int) -> Batch:
    """Some rows of a batch."""
    part = Batch(batch.rows[begin:end], batch.data, batch.links, batch.sources)
    part.extra = batch.extra
    part.messages = {
        row - begin: message for row, message in batch.messages.items() if begin <= row < end
    }
    return part


def signals_of(
    blocks: Iterable[Frames],
    reading: Reading,
    report: Report,
    count: Callable[[Read], None],
) -> Iterator[Signal]:
    """As `replay.signals_of`; of times reached, those alone with which a minute begins."""
    correlator, minute = reading.events, -1
    for frames in blocks:
        for read in reading.feed(frames, report):
            count(read)
            found = scored(read.events(), correlator.closed, correlator.now)
            minutes = minutes_of(read.times, minute) if len(read.times) else []
            yield from with_minutes(found, minutes)
            if minutes:
                minute = minute_of(minutes[-1])
            yield Reached(reading.reached)
    yield from scored(correlator.finish().events(), correlator.closed)


def minute_of(time: int) -> int:
    """The minute that the last whole second before a time belongs to."""
    return (time - 1) // _MINUTE


def minutes_of(times: NDArray[np.int64], since: int) -> list[int]:
    """The first time in each minute after `since`, of times in their order."""
    minutes = (times - 1) // _MINUTE
    if minutes[-1] <= since:
        return []
    first = np.flatnonzero(np.diff(minutes, prepend=since))
    return [int(time) for time in times[first]]


def with_minutes(found: Sequence[Event | FeedScored], minutes: list[int]) -> Sequence[Signal]:
    """Times that were reached, behind all that has happened up to them."""
    if not minutes:
        return found
    reached = [Reached(time) for time in minutes]
    return sorted([*found, *reached], key=lambda one: (one.time, _RANKS[type(one)]))
