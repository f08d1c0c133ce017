"""Records of a partition that wait behind one another, made one: a record's cost is paid once.

A worker that keeps up has one record at a time. One that is behind has several of each partition,
and a load, a commit and a write to Redis' disk for each would keep it behind. Where a batch ends
means nothing, so that what they decide is the same (P1); progress still counts records (P2).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from stream.log import Batch

MOST_OCTETS = 128 << 10
"""Of records that are joined, some 370 events; one alone may have more."""

Raw = tuple[int, bytes]
"""A record's offset and its value."""


class Read(NamedTuple):
    """A record that was read from the log."""

    offset: int
    value: bytes
    batch: Batch | None
    """None for one that cannot be used; it stands alone."""


class Ends(tuple[int, ...]):
    """How many items there are up to the end of each of several records, counted from the first."""

    __slots__ = ()

    @classmethod
    def of(cls, batches: Iterable[Batch]) -> Ends:
        """Of records that follow each other."""
        return cls(accumulate(len(batch.items) for batch in batches))

    def item(self, records: int, position: int) -> int | None:
        """The item at a position of the record after so many; None after the last record."""
        if records >= len(self):
            return None
        return (self[records - 1] if records else 0) + position

    def record(self, item: int) -> tuple[int, int]:
        """How many records end at or before an item, and its position in the next one."""
        records = bisect_right(self, item)
        return records, item - (self[records - 1] if records else 0)


def together(records: Iterable[Raw], read: Callable[[int, bytes], Read]) -> Iterator[list[Read]]:
    """The records in their order, joined as far as they may be.

    A record is read when it is wanted: many events at once would not stay in the caches.
    """
    run: list[Read] = []
    octets = 0
    for offset, value in records:
        if run and octets + len(value) > MOST_OCTETS:
            yield run
            run, octets = [], 0
        one = read(offset, value)
        if run and not _follows(run[-1], one):
            yield run
            run, octets = [], 0
        run.append(one)
        octets += len(value)
    if run:
        yield run


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of the items of all."""
    if len(batches) == 1:
        return batches[0]
    items = [item for batch in batches for item in batch.items]
    return msgspec.structs.replace(batches[-1], items=items)


def _follows(before: Read, read: Read) -> bool:
    """Whether a record stands right behind another, of the same source on the same log."""
    one, other = before.batch, read.batch
    return (
        one is not None
        and other is not None
        and read.offset == before.offset + 1
        and (one.epoch, one.source) == (other.epoch, other.source)
    )
