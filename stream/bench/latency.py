"""From the producer to the commit, at a fixed offered load.

The records are made before the first is sent: on few cores their making would otherwise be most of
what is measured. They are sent as ingest sends them, a flush of every partition at a time. What is
sent in the first seconds warms up (Kafka's compiler, caches, connections) and is not counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from redis.asyncio import Redis

from stream import garbage, log
from stream.bench import load as bench_load
from stream.bench.system import LOOK_SECONDS, PARTITIONS, STALLED_SECONDS, System, offsets
from stream.config import Ingest
from stream.ingest import flush_after

Turn = list[tuple[int, bytes]]
"""What one flush writes: records, each for its partition."""
_Sent = tuple[float, bool]
"""When it was sent, and whether it counts."""


def flushes(rate: int) -> tuple[int, float]:
    """Events that ingest flushes together at so many a second, and the seconds between flushes."""
    every = flush_after(Ingest().flush_seconds, PARTITIONS)
    return max(1, round(rate * every)), every


def turns(system: System, subscribers: int, rate: int, seconds: float) -> tuple[list[Turn], float]:
    """What is offered, flush by flush, and the seconds between two flushes."""
    batcher = bench_load.batcher(system.epoch(), PARTITIONS)
    traffic = bench_load.Traffic(subscribers)
    together, every = flushes(rate)
    made = [
        [
            (partition, log.encode(batch))
            for partition, batch in bench_load.batched(traffic, together, batcher)
        ]
        for _ in range(round(seconds / every))
    ]
    garbage.settle()
    return made, every


async def offered(
    system: System, load: Sequence[Turn], every: float, warm: int
) -> dict[str, list[float]]:
    """Offers `load`, a turn each `every` seconds; seconds of each record from turn `warm` on.

    ``commit`` until Redis' progress has passed it, ``kafka`` until Kafka had it.
    """
    async with system.redis() as redis:
        watch = _Watch(redis, await offsets(redis))
        async with system.writer(watch.safe) as writer:
            watching = asyncio.create_task(watch.run())
            began = time.perf_counter()
            for number, turn in enumerate(load):
                await asyncio.sleep(began + number * every - time.perf_counter())
                for partition, value in turn:
                    watch.sent(partition, counts=number >= warm)
                    await writer.put(partition, value)
            await writer.flush()
            watch.over = True
            await asyncio.wait_for(watching, STALLED_SECONDS)
        return {"commit": watch.committed, "kafka": watch.on_kafka}


class _Watch:
    """Sees when Redis' progress passes a record.

    Attributes:
        committed: seconds from `sent` to then, of each record that counts.
        on_kafka: seconds from `sent` to `safe`.
        over: no more is sent; `run` ends with the last.
    """

    def __init__(self, redis: Redis, reached: list[int]) -> None:
        self.committed: list[float] = []
        self.on_kafka: list[float] = []
        self.over = False
        self._redis = redis
        self._seen = list(reached)
        self._sent: list[deque[_Sent]] = [deque() for _ in reached]
        self._unsafe: list[deque[_Sent]] = [deque() for _ in reached]

    def sent(self, partition: int, *, counts: bool) -> None:
        """A record is on its way to the partition's end."""
        record = (time.perf_counter(), counts)
        self._sent[partition].append(record)
        self._unsafe[partition].append(record)

    def safe(self, partition: int) -> None:
        """Kafka has the partition's next record."""
        _note(self._unsafe[partition], self.on_kafka)

    async def run(self) -> None:
        """Until everything sent was seen."""
        while not self.over or any(self._sent):
            for partition, offset in enumerate(await offsets(self._redis)):
                for _ in range(offset - self._seen[partition]):
                    _note(self._sent[partition], self.committed)
                self._seen[partition] = offset
            await asyncio.sleep(LOOK_SECONDS)


def _note(waiting: deque[_Sent], seconds: list[float]) -> None:
    began, counts = waiting.popleft()
    if counts:
        seconds.append(time.perf_counter() - began)
