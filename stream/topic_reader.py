"""Reading topics without a group: backwards from their end, or along as records come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from stream import topics
from stream.cancelling import closed
from stream.config import Kafka as KafkaConfig

CHUNK = 2_000
"""Records of a partition read at a time on the way back; what is held in memory."""
_POLL_MS = 1000


class Record(NamedTuple):
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    written: int
    """Milliseconds of wall time at which it was written."""
    value: bytes
    key: bytes = b""


class TopicReader:
    """A consumer that belongs to no group and commits nothing; an asynchronous context."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._partitions: dict[str, int] = {}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=config.brokers,
            enable_auto_commit=False,
            max_partition_fetch_bytes=topics.MAX_RECORD_BYTES,
            request_timeout_ms=int(config.request_seconds * 1000),
        )

    async def __aenter__(self) -> Self:
        """Connects; raises KafkaUnavailableError."""
        try:
            await self._consumer.start()
            self._partitions = await topics.partitions(self._config)
        except (KafkaError, OSError) as error:
            await closed(self._consumer.stop())
            raise topics.unavailable(self._config, error) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Lets go of the broker."""
        await closed(self._consumer.stop())

    def partitions(self, topic: str = topics.VERDICTS) -> range:
        """Of a topic; those of rows may have more than the log, which may have had more once."""
        return range(self._partitions.get(topic, 0))

    async def beginnings(self, topic: str) -> dict[int, int]:
        """The first offset that is still there, by partition; raises KafkaUnavailableError."""
        places = [TopicPartition(topic, number) for number in self.partitions(topic)]
        try:
            found = await self._consumer.beginning_offsets(places)
        except (KafkaError, OSError) as error:
            raise topics.unavailable(self._config, error) from error
        return {place.partition: offset for place, offset in found.items()}

    async def backwards(
        self, topic: str, partition: int, *, before: int | None = None, chunk: int = CHUNK
    ) -> AsyncIterator[Record]:
        """The records of a partition, the latest first; raises KafkaUnavailableError.

        Args:
            topic: its name.
            partition: its number.
            before: milliseconds of wall time; what was written later is passed over.
            chunk: how many are read at a time, and so held in memory.
        """
        place = TopicPartition(topic, partition)
        try:
            self._consumer.assign([place])
            first = (await self._consumer.beginning_offsets([place]))[place]
            end = await self._end(place, before)
            while end > first:
                begin = max(first, end - chunk)
                for record in reversed(await self._between(place, begin, end)):
                    yield record
                end = begin
        except (KafkaError, OSError) as error:
            raise topics.unavailable(self._config, error) from error

    async def follow(self, names: Sequence[str]) -> AsyncIterator[Record]:
        """The records of topics as they come, from now on, until the caller stops.

        Raises KafkaUnavailableError.
        """
        places = [
            TopicPartition(name, number) for name in names for number in self.partitions(name)
        ]
        try:
            self._consumer.assign(places)
            await self._consumer.seek_to_end(*places)
            while True:
                found = await self._consumer.getmany(timeout_ms=_POLL_MS)
                for records in found.values():
                    for record in _records(records):
                        yield record
        except (KafkaError, OSError) as error:
            raise topics.unavailable(self._config, error) from error

    async def _end(self, place: TopicPartition, before: int | None) -> int:
        """The first offset written after `before`, or that of the next record."""
        if before is not None:
            found = (await self._consumer.offsets_for_times({place: before + 1}))[place]
            if found is not None:
                return int(found.offset)
        return int((await self._consumer.end_offsets([place]))[place])

    async def _between(self, place: TopicPartition, begin: int, end: int) -> list[Record]:
        """The records at offsets from `begin` to before `end`, in order."""
        self._consumer.seek(place, begin)
        found: list[Record] = []
        while await self._consumer.position(place) < end:
            got = await self._consumer.getmany(place, timeout_ms=_POLL_MS, max_records=CHUNK)
            found += _records(got.get(place, []))
        return [record for record in found if record.offset < end]


def _records(found: Iterable[Any]) -> list[Record]:
    return [
        Record(
            one.topic,
            one.partition,
            one.offset,
            one.timestamp,
            one.value or b"",
            one.key or b"",
        )
        for one in found
    ]
