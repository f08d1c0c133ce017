"""Records to Kafka, acknowledged by all replicas in sync, over outages of the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, UnknownError  # type: ignore[import-untyped]

from decoders.errors import XinlingError
from stream import topics
from stream.config import Kafka as KafkaConfig
from stream.retry import patiently

logger = logging.getLogger(__name__)

Keyed = tuple[bytes | None, bytes]
"""A record's key and its value."""

_OVERHEAD = 4096
"""Of a record in a request, at most; keys are pseudonyms."""


class Publisher:
    """One producer, made anew after a failure.

    After a send that failed nobody knows whether the record was written; it is sent again, and
    whoever reads must recognise the copy. A producer that failed once is not used again: what its
    buffers still hold would overtake what is sent again.
    """

    def __init__(self, config: KafkaConfig, patience: float) -> None:
        self._config = config
        self._patience = patience
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self._idempotent = True

    async def send(
        self, topic: str, value: bytes, *, partition: int, key: bytes | None = None
    ) -> int:
        """The offset at which the record stands, once it is safe; raises like `send_all`."""
        return await self.send_all(topic, partition, [(key, value)])

    async def send_all(self, topic: str, partition: int, records: Sequence[Keyed]) -> int:
        """Several of a partition in their order; the offset of the last, once all are safe.

        They share requests to the broker. After a failure all of them are sent again.

        Raises:
            KafkaUnavailableError: the broker stayed away for as long as patience lasts.
            XinlingError: a record is larger than the topic takes.
        """
        largest = max(len(value) for _, value in records)
        if largest > topics.MAX_RECORD_BYTES - _OVERHEAD:
            raise XinlingError(
                f"a record of {largest} octets is too large for topic {topic}",
                remedy=f"keep the rules' files under {topics.MAX_RECORD_BYTES} octets in all",
            )

        async def attempt() -> int:
            producer = await self._ready()
            try:
                return await _sent(producer, topic, partition, records)
            except (KafkaError, OSError):
                await self._discard(producer)
                raise

        try:
            return await patiently(topics.KAFKA, attempt, (KafkaError, OSError), self._patience)
        except (KafkaError, OSError) as error:
            raise topics.unavailable(self._config, error) from error

    async def close(self) -> None:
        """Gives up the connection; everything acknowledged is safe already."""
        if self._producer is not None:
            await self._discard(self._producer)

    async def _ready(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                self._producer = await self._started()
            return self._producer

    async def _started(self) -> AIOKafkaProducer:
        producer = self._new()
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await _stopped(producer)
            if not (self._idempotent and isinstance(error, UnknownError)):
                raise
            logger.warning("this broker has no idempotent producers; a retry may write twice")
            self._idempotent = False
            return await self._started()
        return producer

    def _new(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._config.brokers,
            acks="all",
            enable_idempotence=self._idempotent,
            max_request_size=topics.MAX_RECORD_BYTES,
            request_timeout_ms=int(self._config.request_seconds * 1000),
        )

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        async with self._lock:
            if self._producer is producer:
                self._producer = None
        await _stopped(producer)


async def _sent(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Keyed]
) -> int:
    """The offset of the last; raises what any of them raised, once nothing is on its way."""
    answers: list[asyncio.Future[Any]] = []
    try:
        for key, value in records:
            answers.append(await producer.send(topic, value, key=key, partition=partition))
    except (KafkaError, OSError):
        await asyncio.gather(*answers, return_exceptions=True)
        raise
    found = await asyncio.gather(*answers, return_exceptions=True)
    for answer in found:
        if isinstance(answer, BaseException):
            raise answer
    last: Any = found[-1]
    return int(last.offset)


async def _stopped(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, OSError, asyncio.TimeoutError):
        await asyncio.wait_for(producer.stop(), 1.0)
