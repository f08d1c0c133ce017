"""What could not be decoded, for whoever sees to the captures: the topic `signalling.undecoded`.

A row is a sample, never the whole: which reason, where, and the harmless octets that the decoder
has kept (`decoders.samples`). The decoder keeps the latest few, so among many failures most are
only counted (the metric `xinling_undecoded`). Nothing waits for this topic, and no event depends
on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import blake2b
from typing import Protocol

import msgspec

from decoders.undecoded import Sample
from stream import topics

WAITING = 256
"""Rows that may wait for the broker; those that come then are left out."""


class Undecoded(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One sample of something that could not be decoded; without anyone's identity or text."""

    reason: str
    """What was wrong, and in which layer, message and element."""
    source: str
    """The point of capture; the record's key."""
    frame: int
    """1-based record of that capture."""
    link_type: int
    """LINKTYPE_ value of pcap."""
    octets: int
    """Of the whole record."""
    sample: str
    """Hexadecimal: octets up to the place of failure, zero where they might be anybody's."""


class Publishes(Protocol):
    """What `stream.publisher.Publisher` does."""

    async def send(
        self, topic: str, value: bytes, *, partition: int, key: bytes | None = None
    ) -> int:
        """The offset at which the record stands."""


class UndecodedWriter:
    """Takes samples, tells each once; drops what the broker is too slow for.

    Attributes:
        dropped: rows left out.
    """

    def __init__(self, publisher: Publishes, partitions: int) -> None:
        self.dropped = 0
        self._publisher = publisher
        self._partitions = partitions
        self._known: frozenset[Sample] = frozenset()
        self._queue: asyncio.Queue[Sample] = asyncio.Queue(WAITING)
        self._task = asyncio.create_task(self._send())

    def offer(self, samples: Iterable[Sample]) -> None:
        """Takes the latest samples as the decoder keeps them; those known already stay untold."""
        latest = list(samples)
        for sample in latest:
            if sample not in self._known:
                try:
                    self._queue.put_nowait(sample)
                except asyncio.QueueFull:
                    self.dropped += 1
        self._known = frozenset(latest)

    async def flush(self) -> None:
        """Waits until every row is safe, or none will be any more."""
        waiting = asyncio.create_task(self._queue.join())
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def close(self) -> None:
        """Stops; rows that were not flushed are not sent."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _send(self) -> None:
        while True:
            sample = await self._queue.get()
            key = sample.source.encode()
            digest = blake2b(key, digest_size=4).digest()
            await self._publisher.send(
                topics.UNDECODED,
                msgspec.json.encode(row(sample)),
                partition=int.from_bytes(digest, "big") % self._partitions,
                key=key,
            )
            self._queue.task_done()


def row(sample: Sample) -> Undecoded:
    """The row of a sample."""
    return Undecoded(
        reason=sample.reason,
        source=sample.source,
        frame=sample.frame,
        link_type=sample.link_type,
        octets=sample.size,
        sample=sample.header.hex(),
    )
