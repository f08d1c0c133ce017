"""Puts what passes slightly out of order back into the order of its times.

Taps that share the work of a link, and the buffers behind them, deliver records some milliseconds
out of order. Whoever reads captures holds each record for `WINDOW` before the decoder sees it, a
file's in the same way as a live feed's, so that both give the same messages (P1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

WINDOW = 50_000
"""Microseconds of capture time that a record may lag behind those before it."""
MOST = 65_536
"""Items held at once, whatever their times say."""


class Timed(Protocol):
    """A record or a message."""

    @property
    def time(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""


T = TypeVar("T", bound=Timed)


class InOrder(Generic[T]):
    """Holds each item until `window` microseconds have passed; equal times keep their order.

    What comes later than the window is no straggler but a clock that was set back: all that is held
    goes first, and the order begins anew.
    """

    def __init__(self, window: int = WINDOW, most: int = MOST, reached: int | None = None) -> None:
        self._window = window
        self._most = most
        self._held: deque[T] = deque()
        self._reached = reached

    @property
    def reached(self) -> int | None:
        """The latest time since the order began, None before the first item."""
        return self._reached

    def __len__(self) -> int:
        return len(self._held)

    def feed(self, item: T) -> list[T]:
        """Take one item; give those that no straggler can come before."""
        time = item.time
        free: list[T] = []
        if self._reached is None or time > self._reached:
            self._reached = time
        elif time < self._reached - self._window:
            free = self.rest()
            self._reached = time
        self._insert(item)
        return free + self._until(self._reached - self._window)

    def rest(self) -> list[T]:
        """All that is still held: at the end, or where nothing has come for long enough."""
        free = list(self._held)
        self._held.clear()
        return free

    def _insert(self, item: T) -> None:
        held, later = self._held, []
        while held and held[-1].time > item.time:
            later.append(held.pop())
        held.append(item)
        held.extend(reversed(later))

    def _until(self, limit: int) -> list[T]:
        held, free = self._held, []
        while held and (held[0].time <= limit or len(held) > self._most):
            free.append(held.popleft())
        return free


def in_order(items: Iterable[T], window: int = WINDOW) -> Iterator[T]:
    """`items` in the order of their times, as far as `InOrder` can tell it."""
    order: InOrder[T] = InOrder(window)
    for item in items:
        yield from order.feed(item)
    yield from order.rest()
