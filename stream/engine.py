"""The embedded engine: the log as bounded queues in this process, with no broker.

`make demo` and `replay` run on it. It is one of the two drivers of `stream.handler.Handler`; the
other is the Faust agent. A full queue makes whoever puts wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

from stream import metrics
from stream.batcher import Addressed
from stream.cancelling import cancelled
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
        self._put = [0] * partitions
        self._taken = [0] * partitions
        count = min(workers or partitions, partitions)
        self._queues: list[asyncio.Queue[Addressed]] = [
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
            await cancelled(self._workers)

    async def put(self, partition: int, batch: Batch) -> None:
        """Appends `batch` to a partition's log; raises what stopped a worker.

        Where its worker's queue is full, waits until that has come to its end.
        """
        metrics.batches.inc()
        metrics.batch_items.observe(len(batch.items))
        self._put[partition] += 1
        queue = self._queue_of(partition)
        self._check()
        while queue.full():
            await self._unless_stopped(queue.join())
        queue.put_nowait(Addressed(partition, batch))

    async def drain(self) -> None:
        """Waits until everything put has been handled; raises what stopped a worker."""
        await self._unless_stopped(*(queue.join() for queue in self._queues))

    def _queue_of(self, partition: int) -> asyncio.Queue[Addressed]:
        return self._queues[partition % len(self._queues)]

    def _check(self) -> None:
        """Raises what stopped a worker."""
        for worker in self._workers:
            if worker.done():
                worker.result()

    async def _unless_stopped(self, *waits: Awaitable[None]) -> None:
        """Awaits `waits`, or raises the exception of a worker that ended meanwhile."""
        waiting: asyncio.Future[Any] = asyncio.gather(*waits)
        watched: set[asyncio.Future[Any]] = {waiting, *self._workers}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                self._check()
            await waiting
        finally:
            waiting.add_done_callback(_retrieved)
            waiting.cancel()

    async def _work(self, queue: asyncio.Queue[Addressed]) -> None:
        while True:
            partition, batch = await queue.get()
            offset = self._taken[partition]
            self._taken[partition] += 1
            handled = await self._handle(partition, offset, batch)
            behind = self._put[partition] - self._taken[partition]
            metrics.partition_lag.labels(partition).set(behind)
            if self._when_handled is not None:
                await self._when_handled(partition, handled)
            queue.task_done()

    async def _handle(self, partition: int, offset: int, batch: Batch) -> Handled:
        """Hands a record over until it is handled or patience has ended."""
        return await patiently(
            "state",
            lambda: self._handler.handle(partition, offset, batch),
            _PASSING,
            self._patience,
        )


def _retrieved(waited: asyncio.Future[Any]) -> None:
    """Takes note of what ended `waited`, so that asyncio does not report it as overlooked."""
    if not waited.cancelled():
        waited.exception()
