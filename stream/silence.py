"""Feeds that fell silent: nobody waits for their clock after a configured time; the log says so.

Several ingests write to one log, and its clock is that of the slowest. One that ends says so
itself; one that was killed, or whose probe is dead, would hold every timer up for ever. Who has
partition 0 looks at the feeds' clocks there. Time counts against a feed only while others move: a
worker that is behind, or a Redis that was away, does not make a feed silent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from stream import metrics
from stream.log import SCHEMA_VERSION, Batch, FeedLeft
from stream.state import PUBLICATION, InfrastructureError, Progress
from stream.topics import Log

SOURCE = PUBLICATION + "feeds"
LOOK_SECONDS = 1.0
_LONGEST_LOOK = 2.0
"""Seconds that one look may count: what lay between two looks further apart is not known."""

logger = logging.getLogger(__name__)


class Silences:
    """How long each feed has been silent while others were not. Pure."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._clocks: dict[str, int] = {}
        self._silent: dict[str, float] = {}
        self._looked: float | None = None

    def look(self, clocks: Mapping[str, int], now: float) -> list[str]:
        """The feeds to wait for no more, by the clocks that are waited for at `now` (seconds)."""
        passed = min(now - self._looked, _LONGEST_LOOK) if self._looked is not None else 0.0
        moved = {feed for feed, clock in clocks.items() if clock != self._clocks.get(feed)}
        for feed in clocks:
            if feed in moved:
                self._silent[feed] = 0.0
            elif moved:
                self._silent[feed] += passed
        self._silent = {feed: self._silent[feed] for feed in clocks}
        self._clocks, self._looked = dict(clocks), now
        return [feed for feed, silent in self._silent.items() if silent >= self._seconds]


class SilenceWatch:
    """Looks again and again; what it decides is a record in every partition."""

    def __init__(
        self,
        log: Log,
        seconds: float,
        *,
        progress: Callable[[], Awaitable[Progress]],
        write: Callable[[int, Batch], Awaitable[None]],
        leading: Callable[[], bool],
    ) -> None:
        """`progress` is that of the partition whose owner is `leading`."""
        self._log = log
        self._seconds = seconds
        self._progress = progress
        self._write = write
        self._leading = leading
        self._silences = Silences(seconds)

    async def run(self) -> None:
        """Until cancelled, over failures of Redis and Kafka."""
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._seconds / 4))
            if not self._leading():
                self._silences = Silences(self._seconds)
                continue
            try:
                await self._look()
            except InfrastructureError as error:
                logger.info("nobody sees which feeds are silent (%s)", type(error).__name__)

    async def _look(self) -> None:
        progress = await self._progress()
        for feed in self._silences.look(progress.clocks, time.monotonic()):
            logger.warning("feed %s is silent: the log's clock waits for it no more", feed)
            metrics.feeds_passed_over.inc()
            left = Batch(
                SCHEMA_VERSION, self._log.epoch, SOURCE, max(progress.clock, 0), [FeedLeft(feed)]
            )
            for partition in range(self._log.partitions):
                await self._write(partition, left)
            self._silences = Silences(self._seconds)
