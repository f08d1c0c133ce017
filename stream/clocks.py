"""The clocks of the feeds of one log: the slowest that is waited for is the log's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream.log import FeedLeft, Tick
from stream.state import Progress


class Clocks:
    """The feeds that are waited for.

    Attributes:
        clocks: of each, microseconds; the one last heard of stands last.
        left: the furthest clock of a feed that has left, microseconds.
    """

    def __init__(self, clocks: Mapping[str, int], left: int) -> None:
        self.clocks = dict(clocks)
        self.left = left

    @classmethod
    def of(cls, progress: Progress) -> Clocks:
        """As a partition has them."""
        return cls(progress.clocks, progress.left)

    def heard(self, item: Tick | FeedLeft) -> int:
        """How far the log's clock may run now, microseconds."""
        feed = item.feed
        if isinstance(item, FeedLeft):
            self.left = max(self.left, self.clocks.pop(feed, self.left))
            return min(self.clocks.values(), default=self.left)
        if not feed:  # the only one, as in a replay
            return item.time
        self.clocks[feed] = max(item.time, self.clocks.pop(feed, item.time))
        return min(self.clocks.values())


def furthest(progress: Progress, told: Iterable[Tick | FeedLeft]) -> int | None:
    """How far the clock of a partition that stands there comes by what is told; None: stays."""
    clocks = Clocks.of(progress)
    return max((clocks.heard(item) for item in told), default=None)
