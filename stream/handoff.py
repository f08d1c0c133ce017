"""Records from threads that may wait for their sources, to a loop that must not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
WAITING = 4096
"""Items that may wait for the loop; then the thread waits, and its source with it."""
_LOOK_SECONDS = 1.0
"""How often a thread that waits says so."""


class Handoff(Generic[T]):
    """Runs each blocking iterator in a thread of its own; the loop takes what there is.

    The threads are daemons: one that waits for a silent source does not keep the process.

    Attributes:
        blocked: seconds that the threads have waited for the loop, all together.
    """

    def __init__(self, sources: Sequence[Callable[[], Iterator[T]]], most: int = WAITING) -> None:
        """Of all `sources` together, `most` items wait for the loop; then the threads do."""
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._lock = threading.Condition()
        self._queue: deque[T] = deque()
        self._error: BaseException | None = None
        self._running = len(sources)
        self._stopped = False
        self.blocked = 0.0
        for items in sources:
            threading.Thread(target=self._run, args=(items,), name="source", daemon=True).start()

    async def take(self, timeout: float) -> list[T] | None:  # noqa: ASYNC109  no exception is meant
        """What has come by now; [] after `timeout` seconds of nothing, None at the end.

        Raises what the iterator raised, once everything before it was taken.
        """
        if not self._queue and self._running:
            self._ready.clear()
            if not self._queue and self._running:
                await self._wait(timeout)
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
            self._lock.notify_all()
            if taken or (self._running and self._error is None):
                return taken
        if self._error is not None:
            raise self._error
        return None

    @property
    def waiting(self) -> list[T]:
        """Items that wait for the loop."""
        with self._lock:
            return list(self._queue)

    def stop(self) -> None:
        """The threads end at their next item; nothing more is taken."""
        with self._lock:
            self._stopped = True
            self._lock.notify_all()

    async def _wait(self, timeout: float) -> None:  # noqa: ASYNC109
        try:
            await asyncio.wait_for(self._ready.wait(), timeout)
        except TimeoutError:
            return

    def _run(self, items: Callable[[], Iterator[T]]) -> None:
        try:
            for item in items():
                if not self._put(item):
                    break
        except BaseException as error:  # noqa: BLE001  it is raised where it is taken
            self._error = error
        with self._lock:
            self._running -= 1
        self._wake()

    def _put(self, item: T) -> bool:
        with self._lock:
            if len(self._queue) >= self._most:
                self._wait_for_room()
            if self._stopped:
                return False
            self._queue.append(item)
            first = len(self._queue) == 1
        if first:
            self._wake()
        return True

    def _wait_for_room(self) -> None:
        began = time.monotonic()
        while len(self._queue) >= self._most and not self._stopped:
            self._lock.wait(_LOOK_SECONDS)
            now = time.monotonic()
            self.blocked += now - began
            began = now

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ready.set)
