"""Sees a worker that has stopped making progress, which Faust itself may not, and ends it.

It asks Kafka and Redis on its own connections: a partition of ours with records behind Redis'
progress that does not move for long means that this process no longer does its work.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from prometheus_client import Gauge

from decoders.errors import XinlingError
from stream import metrics
from stream.app import Fail
from stream.cancelling import closed
from stream.config import Kafka as KafkaConfig
from stream.state import InfrastructureError

logger = logging.getLogger(__name__)

LONGEST_LOOK_SECONDS = 5.0


class StalledError(XinlingError):
    """This process owns partitions that it does not work on."""


class Place(NamedTuple):
    """How far a partition is, and how far it could be."""

    offset: int
    end: int


class Stalls:
    """Which partitions have had work and made no progress for `seconds`. Pure."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moved: dict[int, tuple[int, float]] = {}

    def look(self, places: Mapping[int, Place], now: float) -> list[int]:
        """The partitions stalled at `now` (seconds of any one clock)."""
        moved: dict[int, tuple[int, float]] = {}
        for partition, place in places.items():
            offset, since = self._moved.get(partition, (-1, now))
            idle = place.offset >= place.end or offset != place.offset
            moved[partition] = (place.offset, now if idle else since)
        self._moved = moved
        return sorted(
            partition for partition, (_, since) in moved.items() if now - since >= self._seconds
        )

    def forget(self) -> None:
        """Begin anew: what stood still meanwhile had a reason."""
        self._moved = {}


class Ends:
    """The ends of a topic's partitions, asked on a connection of its own.

    `group` is the one whose committed places may be asked for too.
    """

    def __init__(self, config: KafkaConfig, topic: str, group: str | None = None) -> None:
        self._config = config
        self._topic = topic
        self._group = group
        self._consumer: AIOKafkaConsumer | None = None

    async def of(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset after the last record of each; raises KafkaError and OSError."""
        consumer = await self._connected()
        wanted = [TopicPartition(self._topic, partition) for partition in partitions]
        found = await consumer.end_offsets(wanted)
        return {where.partition: end for where, end in found.items()}

    async def committed(self, partition: int) -> int:
        """The offset from which the group would go on; raises KafkaError and OSError."""
        consumer = await self._connected()
        place = TopicPartition(self._topic, partition)
        return int(await consumer.committed(place) or 0)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            milliseconds = int(self._config.request_seconds * 1000)
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._config.brokers,
                group_id=self._group,
                enable_auto_commit=False,
                request_timeout_ms=milliseconds,
            )
            try:
                await consumer.start()
            except BaseException:
                await closed(consumer.stop())
                raise
            self._consumer = consumer
        return self._consumer

    async def close(self) -> None:
        """Gives up the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await closed(consumer.stop())


class Watchdog:
    """Looks every few seconds; tells `fail` what it saw."""

    def __init__(  # noqa: PLR0913  what it looks at
        self,
        *,
        owned: Callable[[], set[int]],
        progress: Callable[[int], Awaitable[int]],
        ends: Ends,
        stall_seconds: float,
        fail: Fail,
        lag: Gauge = metrics.partition_lag,
        excused: Callable[[], bool] = lambda: False,
    ) -> None:
        """`excused`: whether somebody else is being waited for just now; nobody is blamed then."""
        self._lag = lag
        self._excused = excused
        self._owned = owned
        self._progress = progress
        self._ends = ends
        self._fail = fail
        self._every = min(LONGEST_LOOK_SECONDS, stall_seconds / 4)
        self._stalls = Stalls(stall_seconds)

    async def run(self) -> None:
        """Until cancelled. While Kafka or Redis is away nobody is blamed: others wait for them."""
        while True:
            await asyncio.sleep(self._every)
            try:
                places = await self._places()
            except (InfrastructureError, KafkaError, OSError, TimeoutError) as error:
                logger.info("the watchdog cannot see (%s)", type(error).__name__)
                self._stalls.forget()
                continue
            if self._excused():
                self._stalls.forget()
                continue
            stalled = self._stalls.look(places, time.monotonic())
            if stalled:
                self._fail(StalledError(f"no progress in partitions {stalled}; starting again"))

    async def _places(self) -> dict[int, Place]:
        owned = sorted(self._owned())
        if not owned:
            return {}
        ends = await self._ends.of(owned)
        places = {}
        for partition in owned:
            places[partition] = Place(await self._progress(partition), ends.get(partition, 0))
            lag = max(0, places[partition].end - places[partition].offset)
            self._lag.labels(partition).set(lag)
        return places
