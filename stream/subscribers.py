"""The driver between a partition of `signalling.events` and `stream.handler`; it never raises.

A record counts as done only when it is committed in Redis or stands in the dead letters. What
neither succeeds nor passes within the configured patience ends the process: its supervisor starts
it again, and it goes on from Redis' progress.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from stream import log, metrics, topics
from stream.handled import Handled
from stream.handler import Handler
from stream.log import Batch, LogError, OfSubscriber, Signal
from stream.publisher import Publisher
from stream.relay import Relay
from stream.retry import patiently
from stream.state import (
    ContendedError,
    InfrastructureError,
    OffsetGapError,
    OutboxFullError,
    StateStore,
    StoreUnavailableError,
)
from stream.together import Ends, Raw, Read, joined, together
from stream.topics import KAFKA, KafkaUnavailableError, Log

logger = logging.getLogger(__name__)

_PASSING = (StoreUnavailableError, OutboxFullError, ContendedError)
REDIS = "redis"
OTHER_KEY = "another key"
"""Reason of a record set aside: its names are not those that the key in force makes."""

Earliest = Callable[[int], Awaitable[int]]
"""The first offset that the log still holds of a partition; raises KafkaUnavailableError."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A record set aside; its bytes stay where they are, for whoever may read them."""

    topic: str
    partition: int
    offset: int
    reason: str
    octets: int


class Subscribers:
    """Hands records to the handler, over failures that pass."""

    def __init__(  # noqa: PLR0913  the rooms it stands between
        self,
        *,
        handler: Handler,
        store: StateStore,
        relay: Relay,
        publisher: Publisher,
        log: Log,
        earliest: Earliest,
        patience: float,
        key_version: int | None = None,
    ) -> None:
        """`key_version`: of the key in force; None where any will do."""
        self._prefix = "" if key_version is None else f"{key_version}-"
        self._handler = handler
        self._store = store
        self._relay = relay
        self._publisher = publisher
        self._log = log
        self._earliest = earliest
        self._patience = patience
        self._clocks: dict[int, int] = {}

    async def take(self, partition: int, records: Sequence[Raw]) -> None:
        """Handles records, offset and value, in their order, those that may be joined as one.

        Raises only InfrastructureError, once patience is at its end.
        """
        for run in together(records, self._read):
            await self._take(partition, run)

    async def _take(self, partition: int, run: list[Read]) -> None:
        offset, value, batch = run[0]
        if batch is None:
            await self._set_aside(partition, offset, value, *_fault(value))
            return
        try:
            handled = await self._handle(partition, run)
            if handled.skipped and batch.epoch != self._log.epoch == handled.progress.epoch:
                # Its writer had not heard that the topic was made anew: it counts where it is.
                handled = await self._handle(partition, [self._here(read) for read in run])
        except InfrastructureError:
            raise
        except Exception as error:
            if len(run) > 1:  # which of them it is shows when each is taken alone
                for one in run:
                    await self._take(partition, [one])
                return
            traced = error if os.environ.get("XINLING_TRACEBACK") == "1" else None
            logger.error(  # noqa: TRY400  a trace may bear what no log may
                "partition %d: record %d failed", partition, offset, exc_info=traced
            )
            await self._set_aside(partition, offset, value, "unhandled", type(error).__name__)
            return
        clock = handled.progress.clock
        if handled.verdicts or (self._relay.listened and clock != self._clocks.get(partition)):
            self._clocks[partition] = clock
            self._relay.tell(partition)

    def _here(self, read: Read) -> Read:
        """A record as one of the log that is read."""
        assert read.batch is not None, "one that cannot be used stands alone"
        return read._replace(batch=msgspec.structs.replace(read.batch, epoch=self._log.epoch))

    def _read(self, offset: int, value: bytes) -> Read:
        """A record; without its batch where that cannot be used."""
        try:
            batch = log.decode(value)
        except LogError:
            return Read(offset, value, None)
        name = _first_name(batch)
        return Read(offset, value, batch if name.startswith(self._prefix) or not name else None)

    async def start(self, partition: int) -> int:
        """The offset from which to read a partition; 0 where Redis knows nothing of this log."""
        progress = await patiently(
            REDIS,
            lambda: self._store.progress(partition),
            (StoreUnavailableError,),
            self._patience,
        )
        return progress.offset if progress.epoch == self._log.epoch else 0

    async def _handle(self, partition: int, run: list[Read]) -> Handled:
        offset = run[0].offset
        batches = [read.batch for read in run if read.batch is not None]
        batch, ends = joined(batches), Ends.of(batches)

        async def attempt() -> Handled:
            try:
                return await self._handler.handle(partition, offset, batch, ends=ends)
            except OffsetGapError as gap:
                if await self._still_there(partition) < offset:
                    raise  # the records between are there: start again and read them
                handled = await self._handler.handle(
                    partition, offset, batch, accept_gap=True, ends=ends
                )
                logger.error(  # noqa: TRY400  the trace says nothing more
                    "partition %d: the log lost records %d to %d",
                    partition, gap.expected, offset - 1,
                )  # fmt: skip
                metrics.dead_letters.labels("lost by the log").inc(offset - gap.expected)
                return handled

        return await patiently(REDIS, attempt, _PASSING, self._patience)

    async def _still_there(self, partition: int) -> int:
        """The first offset that the log still holds, once Kafka says it."""
        return await patiently(
            KAFKA, lambda: self._earliest(partition), (KafkaUnavailableError,), self._patience
        )

    async def _set_aside(
        self, partition: int, offset: int, value: bytes, reason: str, explanation: str
    ) -> None:
        """The record to the dead letters, and the partition past it."""
        metrics.dead_letters.labels(reason).inc()
        logger.error("partition %d: record %d set aside: %s", partition, offset, explanation)
        letter = DeadLetter(topics.EVENTS, partition, offset, explanation, len(value))
        await self._publisher.send(
            topics.DEAD_LETTERS, msgspec.json.encode(letter), partition=partition
        )
        empty = Batch(log.SCHEMA_VERSION, self._log.epoch, "", 0, [])
        await self._handle(partition, [Read(offset, value, empty)])


def _fault(value: bytes) -> tuple[str, str]:
    """Reason and explanation of why a record cannot be used."""
    try:
        log.decode(value)
    except LogError as error:
        return "not a batch", str(error)
    return OTHER_KEY, "made under another key"


def _first_name(batch: Batch) -> str:
    """The first subscriber of a batch; empty where it has none. Whoever writes has one key."""
    for item in batch.items:
        if isinstance(item, Signal):
            return item.event.subscriber
        if isinstance(item, OfSubscriber):
            return item.subscriber
    return ""
