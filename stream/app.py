"""Faust: one app a role, each with one agent that takes raw records one by one.

Faust gives at-least-once and order within a partition. An agent that raises would have its record
acknowledged (`docs/decisions`), so an agent here never does: it hands its failure to the process,
which ends, and does not return from the record.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import faust
from faust.types import TP
from yarl import URL

from stream.config import Config
from stream.fetching import PARTITION_OCTETS, SeekingTransport, Start
from stream.lanes import Lanes
from stream.sms.in_flight import InFlight

logger = logging.getLogger(__name__)

Take = Callable[[int, int, bytes], Awaitable[None]]
"""Handles the record of a partition at an offset; a return means that it is done."""
Fail = Callable[[BaseException], None]
"""Ends the process."""
Assigned = Callable[[set[int]], None]
"""Told of the partitions that this process has now."""

_BUFFER_RECORDS = 32
_COMMIT_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class Role:
    """One Faust app with one agent on one topic."""

    def __init__(  # noqa: PLR0913  what an agent hangs on
        self,
        config: Config,
        topic: str,
        take: Take | None,
        fail: Fail,
        *,
        start: Start | None = None,
        assigned: Assigned | None = None,
        window: int = 0,
        lanes: Lanes | None = None,
    ) -> None:
        """`window`: so many records in hand at once; 0 for one after another, each in its turn.

        `lanes` take records in place of `take`: partitions side by side, for a topic whose progress
        Kafka is not asked for.
        """
        self.topic = topic
        self.group = _group(config, topic)
        self._take = take
        self._fail = fail
        self._assigned = assigned
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.in_flight = InFlight(window, take, fail) if window and take else None
        self.lanes = lanes
        self.app = _app(config, topic)
        self.app.start_at = start
        self.app.transport = SeekingTransport(self.app.conf.broker_consumer, self.app)
        self.app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        source = self.app.topic(
            topic,
            key_serializer="raw",
            value_serializer="raw",
            value_type=bytes,
            key_type=bytes,
            allow_empty=True,
        )
        agent = self._side_by_side if lanes else self._several if window else self._agent
        self.app.agent(source, name=f"xinling.{topic}", concurrency=1)(agent)

    async def start(self) -> None:
        """Starts consuming; returns when Faust is up."""
        await self.app.start()
        self.app.sensors.remove(self.app.monitor)  # it notes each record six times, for nobody

    async def stop(self, patience: float) -> None:
        """Takes no more, waits for the record in hand for at most `patience` seconds, and stops.

        A record that is not done by then is handed over again to whoever comes next.
        """
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._idle.wait()
                if self.in_flight is not None:
                    await self.in_flight.settled()
                if self.lanes is not None:
                    await self.lanes.settled()
        if self.in_flight is not None:
            await self.in_flight.cancel()
        if self.lanes is not None:
            await self.lanes.cancel()
        await self.app.stop()

    async def watch(self) -> None:
        """Until cancelled; tells of what ended Faust, if something does."""
        while not self.app.crashed:  # noqa: ASYNC110  Faust gives no event to wait for
            await asyncio.sleep(_LOOK_SECONDS)
        self._fail(self.app.crash_reason or RuntimeError("Faust has stopped"))

    def partitions(self) -> set[int]:
        """The partitions that this process has now."""
        return {tp.partition for tp in self.app.consumer.assignment() if tp.topic == self.topic}

    async def earliest(self, partition: int) -> int:
        """The first offset that the topic still holds."""
        tp = TP(self.topic, partition)
        first: Mapping[TP, int] = await self.app.consumer.earliest_offsets(tp)
        return first[tp]

    async def _on_assigned(self, app: Any, assigned: Iterable[TP], **_: Any) -> None:
        del app
        if self._assigned is not None:
            self._assigned({tp.partition for tp in assigned if tp.topic == self.topic})

    async def _agent(self, stream: Any) -> None:
        assert self._take is not None
        async for event in stream.events():
            if self._stopping:
                await asyncio.Event().wait()
            message = event.message
            self._idle.clear()
            try:
                await self._take(message.partition, message.offset, message.value or b"")
            except Exception as error:  # noqa: BLE001  an agent that raised would acknowledge
                self._fail(error)
                await asyncio.Event().wait()
            self._idle.set()

    async def _side_by_side(self, stream: Any) -> None:
        """As `_agent`, a partition not waiting for another."""
        assert self.lanes is not None
        async for event in stream.events():
            if self._stopping:
                await asyncio.Event().wait()
            message = event.message
            await self.lanes.put(message.partition, message.offset, message.value or b"")

    async def _several(self, stream: Any) -> None:
        """As `_agent`, with a window of records in hand; each acknowledged in its turn."""
        assert self.in_flight is not None
        async for event in stream.noack().events():
            if self._stopping:
                await asyncio.Event().wait()
            message = event.message
            await self.in_flight.put(
                (message.partition, message.offset),
                message.key or b"",
                message.value or b"",
                event.ack,
            )


def _group(config: Config, topic: str) -> str:
    return f"{config.kafka.group}-{topic}"


def _app(config: Config, topic: str) -> Any:
    kafka = config.kafka
    brokers = [URL(f"kafka://{address.strip()}") for address in kafka.brokers.split(",")]
    return faust.App(
        _group(config, topic),
        broker=brokers,
        autodiscover=False,
        datadir=config.service.data_dir,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        broker_session_timeout=kafka.session_seconds,
        broker_heartbeat_interval=kafka.session_seconds / 5,
        broker_request_timeout=max(kafka.request_seconds, kafka.session_seconds),
        broker_commit_interval=_COMMIT_SECONDS,
        broker_max_poll_records=_BUFFER_RECORDS,
        broker_max_poll_interval=config.service.retry_seconds * 2 + 60,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=PARTITION_OCTETS,
        stream_buffer_maxsize=_BUFFER_RECORDS,
        stream_wait_empty=False,
        cython_optimizations=True,
    )
