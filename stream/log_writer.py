"""Batches onto the log: in order within each partition, safe or waiting, never dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from stream import log, metrics, topics
from stream.log import Batch
from stream.publisher import Publisher

WAITING = 32
"""Batches of a partition that may wait for the broker; then the writer waits too."""


class LogWriter:
    """A bounded queue and a task for each partition.

    A partition has one record on its way at a time: a record that was sent again after a failure
    can then not arrive behind a later one, whose sequence numbers would make it look like a copy.
    """

    def __init__(self, publisher: Publisher, partitions: int) -> None:
        self._publisher = publisher
        self._queues: list[asyncio.Queue[bytes]] = [
            asyncio.Queue(WAITING) for _ in range(partitions)
        ]
        self._waiting = metrics.queue_waiting.labels("to the log")
        self._tasks = [
            asyncio.create_task(self._send(partition, queue))
            for partition, queue in enumerate(self._queues)
        ]

    async def write(self, partition: int, batch: Batch) -> None:
        """Takes `batch`, waiting while the partition's queue is full.

        Raises KafkaUnavailableError when the broker has stayed away too long.
        """
        metrics.batches.inc()
        metrics.batch_items.observe(len(batch.items))
        await self.put(partition, log.encode(batch))

    async def put(self, partition: int, value: bytes) -> None:
        """As `write`, of a batch that is encoded already."""
        self._raise_failure()
        queue = self._queues[partition]
        if queue.full():
            await self._or_failure(queue.put(value))
        else:  # at once: what one flush writes to all partitions is one request to the broker
            queue.put_nowait(value)
        self._waiting.inc()

    async def flush(self) -> None:
        """Waits until every batch is safe; raises like `write`."""
        for queue in self._queues:
            await self._or_failure(queue.join())

    async def close(self) -> None:
        """Stops; batches that were not flushed are not sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, partition: int, queue: asyncio.Queue[bytes]) -> None:
        while True:
            value = await queue.get()
            await self._publisher.send(topics.EVENTS, value, partition=partition)
            queue.task_done()
            self._waiting.dec()

    async def _or_failure(self, work: Coroutine[Any, Any, None]) -> None:
        waiting = asyncio.create_task(work)
        await asyncio.wait([waiting, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            self._raise_failure()
        await waiting

    def _raise_failure(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()
