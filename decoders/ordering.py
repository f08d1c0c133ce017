"""Puts what passes slightly out of order back into the order of its times."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """A record or a message."""

    @property
    def time(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""


T = TypeVar("T", bound=Timed)


class InOrder(Generic[T]):
    """Holds each item until `window` microseconds have passed; equal times keep their order."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._held: list[tuple[int, int, T]] = []
        self._arrivals = 0

    def feed(self, item: T) -> list[T]:
        """Take one item; give those that no later one can come before."""
        if not self._window:
            return [item]
        self._arrivals += 1
        heappush(self._held, (item.time, self._arrivals, item))
        return self.until(item.time)

    def until(self, time: int) -> list[T]:
        """What is free to go when time has reached `time` microseconds."""
        limit = time - self._window
        free = []
        while self._held and self._held[0][0] <= limit:
            free.append(heappop(self._held)[2])
        return free

    def rest(self) -> list[T]:
        """All that is still held, at the end."""
        free = [item for _, _, item in sorted(self._held, key=lambda held: held[:2])]
        self._held.clear()
        return free
