"""The embedded engine: the log as bounded queues in this process, with no broker.

`make demo` and `replay` run on it. It is one of the two drivers of `stream.handler.Handler`; the
other is the Faust agent. A full queue makes whoever puts wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

from stream import metrics
from stream.handled import Handled
from stream.handler import Handler
from stream.log import Batch
from stream.retry import patiently
from stream.state import OutboxFullError, StoreUnavailableError

QUEUE_BATCHES = 64
"""Records that wait for a worker before `put` does."""
PATIENCE_SECONDS = 60.0
"""How long a store may fail before the engine gives up."""
_PASSING = (StoreUnavailableError, OutboxFullError)

WhenHandled = Callable[[int, Handled], Awaitable[None]]
"""Told of each record handled: its partition and what became of it."""


class _Record(NamedTuple):
    partition: int
    offset: int
    batch: Batch


class Engine:
    """Hands batches to a handler, in order within a partition, with `workers` at once.

    Use it as an asynchronous context: leaving it handles what was put and stops the workers;
    leaving it with an exception stops them at once.
    """

    def __init__(
        self,
        handler: Handler,
        partitions: int,
        *,
        workers: int | None = None,
        when_handled: WhenHandled | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """`workers` share the partitions out among them; as many as partitions by default."""
        self.partitions = partitions
        self._handler = handler
        self._when_handled = when_handled
        self._patience = patience
        self._offsets = [0] * partitions
        count = min(workers or partitions, partitions)
        self._queues: list[asyncio.Queue[_Record]] = [
            asyncio.Queue(QUEUE_BATCHES) for _ in range(count)
        ]
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Starts the workers."""
        self._workers = [
            asyncio.create_task(self._work(queue), name=f"worker {number}")
            for number, queue in enumerate(self._queues)
        ]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Handles what was put, unless an exception leaves the context, and stops."""
        try:
            if kind is None:
                await self.drain()
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def put(self, partition: int, batch: Batch) -> None:
        """Appends `batch` to a partition's log, waiting for room; raises what stopped a worker."""
        record = _Record(partition, self._offsets[partition], batch)
        self._offsets[partition] += 1
        metrics.batches.inc()
        metrics.batch_items.observe(len(batch.items))
        await self._unless_stopped(self._queue_of(partition).put(record))

    async def drain(self) -> None:
        """Waits until everything put has been handled; raises what stopped a worker."""
        await self._unless_stopped(*(queue.join() for queue in self._queues))

    def _queue_of(self, partition: int) -> asyncio.Queue[_Record]:
        return self._queues[partition % len(self._queues)]

    async def _unless_stopped(self, *waits: Awaitable[None]) -> None:
        """Awaits `waits`, or raises the exception of a worker that ended meanwhile."""
        waiting: asyncio.Future[Any] = asyncio.gather(*waits)
        watched: set[asyncio.Future[Any]] = {waiting, *self._workers}
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        for worker in self._workers:
            if worker.done() and not waiting.done():
                waiting.cancel()
                worker.result()
        await waiting

    async def _work(self, queue: asyncio.Queue[_Record]) -> None:
        while True:
            record = await queue.get()
            handled = await self._handle(record)
            behind = self._offsets[record.partition] - record.offset - 1
            metrics.partition_lag.labels(record.partition).set(behind)
            if self._when_handled is not None:
                await self._when_handled(record.partition, handled)
            queue.task_done()

    async def _handle(self, record: _Record) -> Handled:
        """Hands a record over until it is handled or patience has ended."""
        return await patiently(
            "state", lambda: self._handler.handle(*record), _PASSING, self._patience
        )
