"""Outcomes that decide something, from their topic onto the log: one owner, ingest's control.

A record of `outcomes` that ends a campaign's waves (`rules.waves.ENDING`) becomes an
`OutcomeRecorded` in its subscriber's partition; what decides nothing is passed over. Its sequence
number is its offset, under a source that names topic and partition: carried twice, after a kill or
by two ingests, it is applied once. How far the topic has been carried stands in Redis under the
log's epoch, and is written down only when everything before it is safe on the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rules.waves import ENDING
from stream import metrics, topics
from stream.config import Kafka as KafkaConfig
from stream.ingest import Writer
from stream.log import SCHEMA_VERSION, Batch, OutcomeRecorded, partition_of
from stream.publisher import Publisher
from stream.publishing import outcome_of
from stream.retry import patiently
from stream.sms.outcomes import Outcome
from stream.state import BEGINNING, PUBLICATION
from stream.subscribers import REDIS, DeadLetter
from stream.topics import KAFKA, Log

logger = logging.getLogger(__name__)

_POLL_MS = 300
_MOST_RECORDS = 500
"""Carried at a time: no batch is larger."""
_CLOSE_SECONDS = 1.0
_FAILURES = (KafkaError, OSError, topics.KafkaUnavailableError)


class _StartedAnewError(Exception):
    """The topic's offsets went back: it is another topic of the same name."""


class OutcomeBridge:
    """Carries outcomes onto the log for as long as the process runs."""

    def __init__(  # noqa: PLR0913  the rooms it stands between
        self,
        config: KafkaConfig,
        log: Log,
        *,
        writer: Writer,
        publisher: Publisher,
        redis: Redis,
        patience: float,
    ) -> None:
        self._config = config
        self._log = log
        self._writer = writer
        self._publisher = publisher
        self._redis = redis
        self._patience = patience
        self._consumer: AIOKafkaConsumer | None = None
        self._topic = ""
        self._next: dict[int, int] = {}

    async def run(self, ended: asyncio.Event) -> None:
        """Until `ended`; raises what stays away longer than patience lasts."""
        try:
            while not ended.is_set():
                consumer = await patiently(KAFKA, self._open, _FAILURES, self._patience)
                try:
                    while not ended.is_set():
                        found = await consumer.getmany(
                            timeout_ms=_POLL_MS, max_records=_MOST_RECORDS
                        )
                        for place, records in found.items():
                            await self._carry(place.partition, records)
                except (KafkaError, OSError, _StartedAnewError) as error:
                    logger.warning("outcomes are read anew (%s)", type(error).__name__)
                await self._close()
        finally:
            await self._close()

    async def _open(self) -> AIOKafkaConsumer:
        """A consumer at the places that were reached."""
        found = await topics.identity(self._config, topics.OUTCOMES)
        self._topic = found.epoch
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._config.brokers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=topics.MAX_RECORD_BYTES,
            request_timeout_ms=int(self._config.request_seconds * 1000),
        )
        self._consumer = consumer
        try:
            await consumer.start()
            places = [TopicPartition(topics.OUTCOMES, each) for each in range(found.partitions)]
            consumer.assign(places)
            first = await consumer.beginning_offsets(places)
            reached = await self._reached()
            for place in places:
                start = max(reached.get(place.partition, 0), first[place])
                self._next[place.partition] = start
                consumer.seek(place, start)
        except BaseException:
            await self._close()
            raise
        return consumer

    async def _carry(self, partition: int, records: Sequence[Any]) -> None:
        """Records of one partition of the topic, in order, safe on the log when it returns."""
        if records[0].offset < self._next[partition]:
            raise _StartedAnewError
        items: defaultdict[int, list[Any]] = defaultdict(list)
        for record in records:
            outcome = await self._read(record)
            if outcome is None or outcome.test or outcome.outcome not in ENDING:
                continue
            metrics.outcomes_carried.labels(outcome.outcome).inc()
            log_partition = partition_of(outcome.subscriber, self._log.partitions)
            items[log_partition].append(_recorded(outcome, record.offset + 1))
        source = f"{PUBLICATION}outcomes/{self._topic[:12]}/{partition}"
        for log_partition, some in items.items():
            batch = Batch(SCHEMA_VERSION, self._log.epoch, source, BEGINNING, some)
            await self._writer.write(log_partition, batch)
        if items:
            await self._writer.flush()
        await self._reach(partition, records[-1].offset + 1)

    async def _read(self, record: Any) -> Outcome | None:
        """The outcome of a record; None for what is none, which goes to the dead letters."""
        try:
            return outcome_of(record.value or b"")
        except (ValueError, msgspec.MsgspecError) as error:
            metrics.dead_letters.labels("not an outcome").inc()
            letter = DeadLetter(
                topics.OUTCOMES,
                record.partition,
                record.offset,
                type(error).__name__,
                len(record.value or b""),
            )
            await self._publisher.send(
                topics.DEAD_LETTERS, msgspec.json.encode(letter), partition=record.partition
            )
            return None

    @property
    def _key(self) -> str:
        return f"xl:outcomes:{self._log.epoch}:{self._topic}"

    async def _reached(self) -> dict[int, int]:
        found = await self._asked(lambda: self._redis.hgetall(self._key))
        return {int(partition): int(offset) for partition, offset in found.items()}

    async def _reach(self, partition: int, offset: int) -> None:
        self._next[partition] = offset
        await self._asked(lambda: self._redis.hset(self._key, str(partition), str(offset)))

    async def _asked(self, ask: Any) -> Any:
        return await patiently(REDIS, ask, (RedisError, OSError), self._patience)

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(consumer.stop(), _CLOSE_SECONDS)


def _recorded(outcome: Outcome, seq: int) -> OutcomeRecorded:
    return OutcomeRecorded(
        subscriber=outcome.subscriber,
        campaign=outcome.campaign,
        offer=outcome.offer,
        outcome=outcome.outcome,
        time=outcome.time,
        seq=seq,
    )
