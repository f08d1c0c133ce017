"""Events into batches: which partition, which sequence number, and where the clock ticks.

Pure: it waits for nothing and asks for no time. The shell tells it when to flush (500 items, or
20 ms of wall time when live). Where a batch ends means nothing.

A tick stands before the first event that lies after a whole second, and says that everything at or
before that second has been sent. Ticks that follow each other with nothing between are one.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from decoders.events import Event
from decoders.times import SECOND
from stream.log import (
    SCHEMA_VERSION,
    Batch,
    Everywhere,
    FeedLeft,
    FeedScored,
    Item,
    OfSubscriber,
    Signal,
    Tick,
    partition_of,
)
from stream.state import BEGINNING

MAX_ITEMS = 500


class Addressed(NamedTuple):
    """A batch and the partition that it is for."""

    partition: int
    batch: Batch


def second_before(time: int) -> int:
    """The last whole second that lies before `time`, both in microseconds."""
    return (time - 1) // SECOND * SECOND


class Batcher:
    """Batches of one source, for one log.

    A source that begins anew at its first number under an old name is taken for a copy of itself,
    and nothing of it is applied: a publication needs a name of its own, `state.PUBLICATION` first.

    Attributes:
        source: of the sequence numbers.
        next_seq: the number that the next event or change gets; part of ingest's checkpoint.
        clock: the latest tick, microseconds.
    """

    def __init__(  # noqa: PLR0913  a source, a log, and where to go on
        self,
        source: str,
        epoch: str,
        partitions: int,
        *,
        max_items: int = MAX_ITEMS,
        next_seq: int = 1,
        clock: int = BEGINNING,
        feed: str = "",
    ) -> None:
        """`feed` names the clock; sources that follow each other on one feed have it in common."""
        self.next_seq = next_seq
        self.clock = clock
        self.source = source
        self._feed = feed
        self._epoch = epoch
        self._max_items = max_items
        self._time = clock
        self._open: list[list[Item]] = [[] for _ in range(partitions)]
        self._ticked = [clock] * partitions

    def add(self, event: Event) -> list[Addressed]:
        """Takes an event; gives the batch that it filled, if any."""
        time, opened = event.time, self._open
        self._time = max(self._time, time)
        if time > self.clock + SECOND:
            self.clock = second_before(time)
        partition = partition_of(event.subscriber, len(opened)) if len(opened) > 1 else 0
        return self._append(partition, Signal(self._number(), event))

    def change(self, item: OfSubscriber) -> list[Addressed]:
        """Takes a change of one subscriber; gives the batch that it filled, if any."""
        partition = partition_of(item.subscriber, len(self._open))
        return self._append(partition, msgspec.structs.replace(item, seq=self._number()))

    def change_everywhere(self, item: Everywhere) -> list[Addressed]:
        """Takes a change for every partition, in batches of their own: rules may be large."""
        filled = self.flush()
        numbered = msgspec.structs.replace(item, seq=self._number())
        for partition in range(len(self._open)):
            self._open[partition].append(numbered)
            filled.append(self._close(partition))
        return filled

    def score(self, item: FeedScored) -> list[Addressed]:
        """Takes what the feed is worth from its time on, for every partition; gives what it filled.

        Timers due at or before that time fire before it: all events up to it must have been added.
        """
        self.tick(item.time)
        filled = []
        for partition in range(len(self._open)):
            filled += self._append(partition, item)
        return filled

    def tick(self, time: int) -> None:
        """Lets the clock run on to the whole second at or before `time`: all up to it was added."""
        self._time = max(self._time, time)
        self.clock = max(self.clock, time // SECOND * SECOND)

    def leave(self) -> list[Addressed]:
        """The feed has come to its end: everything that is open, and that nobody waits for it."""
        for partition, items in enumerate(self._open):
            self._tell_time(partition)
            items.append(FeedLeft(self._feed))
        return self.flush()

    def flush(self) -> list[Addressed]:
        """Everything that is open, and the clock for every partition that has not heard of it."""
        filled = []
        for partition, items in enumerate(self._open):
            self._tell_time(partition)
            if items:
                filled.append(self._close(partition))
        return filled

    def _number(self) -> int:
        self.next_seq += 1
        return self.next_seq - 1

    def _append(self, partition: int, item: Item) -> list[Addressed]:
        self._tell_time(partition)
        items = self._open[partition]
        items.append(item)
        return [self._close(partition)] if len(items) >= self._max_items else []

    def _tell_time(self, partition: int) -> None:
        if self._ticked[partition] < self.clock:
            self._ticked[partition] = self.clock
            self._open[partition].append(Tick(self.clock, self._feed))

    def _close(self, partition: int) -> Addressed:
        items, self._open[partition] = self._open[partition], []
        return Addressed(
            partition, Batch(SCHEMA_VERSION, self._epoch, self.source, self._time, items)
        )
