"""Several records of a topic in hand at once, within a window; done in the order they came.

Faust takes an acknowledgement for all that stands before it in some cases (its check of the head of
a partition lets one record slip, and asks nothing before the first commit), so that it must never
hear of a record before those that came earlier are done. Records of one key wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from stream import metrics

Take = Callable[[int, int, bytes], Awaitable[None]]
"""Handles the record of a partition at an offset; a return means that it is done."""
Fail = Callable[[BaseException], None]


class _Record:
    """A record in hand."""

    def __init__(self, offset: int, acknowledge: Callable[[], object]) -> None:
        self.offset = offset
        self.acknowledge = acknowledge
        self.done = False


class InFlight:
    """At most `window` records; what fails ends the process and is never acknowledged."""

    def __init__(self, window: int, take: Take, fail: Fail) -> None:
        self._take = take
        self._fail = fail
        self._in_hand = metrics.queue_waiting.labels("offers")
        self._room = asyncio.Semaphore(window)
        self._open: defaultdict[int, deque[_Record]] = defaultdict(deque)
        self._next: dict[int, int] = {}
        self._last: dict[bytes, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(
        self,
        place: tuple[int, int],
        key: bytes,
        value: bytes,
        acknowledge: Callable[[], object],
    ) -> None:
        """Takes the record at `place` (partition, offset) in hand, waiting while there is no room.

        `acknowledge` is called once it and all that came before it in its partition are done.
        """
        await self._room.acquire()
        partition, offset = place
        record = _Record(offset, acknowledge)
        self._open[partition].append(record)
        self._next.setdefault(partition, offset)
        before = self._last.get(key) if key else None
        task = asyncio.create_task(self._work(partition, record, value, before), name="record")
        self._tasks.add(task)
        self._in_hand.inc()
        task.add_done_callback(self._ended)
        if key:
            self._last[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))

    def position(self, partition: int) -> int:
        """The first offset of a partition that is not done; 0 where nothing has come of it."""
        return self._next.get(partition, 0)

    async def settled(self) -> None:
        """Returns when nothing is in hand."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def cancel(self) -> None:
        """Lets go of what is in hand; it is handed over again to whoever comes next."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks), timeout=0.05)

    async def _work(
        self, partition: int, record: _Record, value: bytes, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await self._take(partition, record.offset, value)
        except Exception as error:  # noqa: BLE001  whatever it is: the record is not done
            self._fail(error)
            return
        record.done = True
        self._acknowledge(partition)
        self._room.release()

    def _acknowledge(self, partition: int) -> None:
        waiting = self._open[partition]
        while waiting and waiting[0].done:
            record = waiting.popleft()
            self._next[partition] = record.offset + 1
            record.acknowledge()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._in_hand.dec()

    def _forget(self, key: bytes, task: asyncio.Task[None]) -> None:
        if self._last.get(key) is task:
            del self._last[key]
