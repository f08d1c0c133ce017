"""Records of different partitions side by side, those of one partition in their order.

While Redis takes one partition's commit to its disk, the worker decides for another, and commits
that come together share one write to the disk. The agent has a record acknowledged as soon as it is
in its lane: Kafka's commits only show lag, and whoever takes a partition over begins where Redis'
progress stands (docs/decisions/0002, 0025).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from stream import metrics
from stream.cancelling import cancelled

AT_ONCE = 8
"""Partitions that are handled at one time: connections to Redis, and records in memory."""
WAITING = 4
"""Records of a partition that wait in its lane; then the agent waits."""

Take = Callable[[int, list[tuple[int, bytes]]], Awaitable[None]]
"""Handles records of a partition, offset and value, in their order."""
Fail = Callable[[BaseException], None]
_Lane = asyncio.Queue[tuple[int, bytes]]


class Lanes:
    """A bounded queue and a task for each partition that had a record."""

    def __init__(self, take: Take, fail: Fail) -> None:
        """`take` handles what waits in a lane; what it raises is told to `fail`, and ends it."""
        self._take = take
        self._fail = fail
        self._lanes: dict[int, _Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting = metrics.queue_waiting.labels("partitions")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False

    async def put(self, partition: int, offset: int, value: bytes) -> None:
        """Takes a record, waiting while its lane is full."""
        if partition not in self._lanes:
            lane = self._lanes[partition] = asyncio.Queue(WAITING)
            name = f"lane {partition}"
            self._tasks.append(asyncio.create_task(self._work(partition, lane), name=name))
        await self._lanes[partition].put((offset, value))
        self._waiting.inc()

    async def settled(self) -> None:
        """Begins no more records, and waits for those in hand; the others come again to whoever."""
        self._stopping = True
        await self._idle.wait()

    async def cancel(self) -> None:
        """Ends it, whatever is in hand."""
        await cancelled(self._tasks)

    async def _work(self, partition: int, lane: _Lane) -> None:
        while True:
            records = [await lane.get()]
            async with self._turns:
                while not lane.empty():
                    records.append(lane.get_nowait())
                self._waiting.dec(len(records))
                if self._stopping:
                    return
                if not await self._done(partition, records):
                    return

    async def _done(self, partition: int, records: list[tuple[int, bytes]]) -> bool:
        self._in_hand += 1
        self._idle.clear()
        try:
            await self._take(partition, records)
        except Exception as error:  # noqa: BLE001  a record after this one would leave a gap
            self._fail(error)
            return False
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()
        return True
