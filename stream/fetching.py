"""How Faust's consumer is made to read: from Redis' progress, and every partition in its turn.

What aiokafka has fetched it gives out partition by partition: all of the first, then all of the
next. A worker that is behind would then work off one partition at a time, and wait for Redis after
each record with nothing else to do, whatever it could do side by side (docs/decisions/0040).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

from aiokafka.consumer.fetcher import FetchResult  # type: ignore[import-untyped]
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

Start = Callable[[int], Awaitable[int]]
"""The offset from which a partition is read."""
_Records = dict[TP, list[Any]]

FETCH_WAIT_MS = 100
"""How long a fetch may wait for records: while one waits, partitions it did not ask for wait too.

Faust's 1.5 seconds made those wait for as long that were read out just after the fetch had gone.
"""


FETCH_OCTETS = 8 << 20
"""Of an answer to a fetch, unless one record alone is larger: fifty megabytes at once, which
aiokafka would take, hold everything up while they are copied."""
PARTITION_OCTETS = 1 << 20
"""Of one partition in it, unless its next record alone is larger."""


class FairThread(driver.AIOKafkaConsumerThread):
    """Takes of each partition a part of what is wanted."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001  Faust has no setting for it
        consumer._fetch_max_bytes = FETCH_OCTETS  # noqa: SLF001  nor for it
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109  Faust's interface
        max_records: int | None = None,
    ) -> _Records:
        """Up to `max_records` of what is there; where nothing is, waits `timeout` for a record."""
        wanted = max_records or 1

        async def taken(partitions: set[TP], count: int, patience: float | None) -> _Records:
            return dict(
                await super(FairThread, self)._fetch_records(
                    consumer, partitions, timeout=patience, max_records=count
                )
            )

        async def shares(left: int) -> _Records:
            found: _Records = {}
            waiting = fetched(consumer, active_partitions)
            for place, partition in enumerate(waiting):
                share = -(-left // (len(waiting) - place))
                some = await taken({partition}, share, 0)
                left -= sum(map(len, some.values()))
                found |= some
            return found

        found = await shares(wanted)
        if found or not timeout:
            return found
        found = await taken(active_partitions, 1, timeout)
        return joined(found, await shares(wanted - 1)) if found else found


class SeekingConsumer(driver.Consumer):
    """A consumer that begins where Redis' progress stands, whatever was committed to Kafka.

    Faust asks for the committed offsets after every rebalance and whenever it falls back.
    """

    def _new_consumer_thread(self) -> FairThread:
        return FairThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: whoever puts a record into a full buffer waits for room.

        Faust would pass the partition over, and sleep a second once it has passed over them all.
        """

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """The offsets from which the partitions are read now."""
        committed = dict(await super().seek_to_committed())
        start: Start | None = getattr(self.app, "start_at", None)
        if start is None:
            return committed
        wanted = {partition: await start(partition.partition) for partition in self.assignment()}
        first = await self.earliest_offsets(*wanted)
        for partition, offset in wanted.items():
            wanted[partition] = max(offset, first.get(partition, 0))
        if wanted:
            await self.seek_wait(wanted)
        return {**committed, **wanted}


class SeekingTransport(driver.Transport):
    """Faust's aiokafka transport with `SeekingConsumer`."""

    Consumer: ClassVar[type[Any]] = SeekingConsumer


def fetched(consumer: Any, wanted: Iterable[TP]) -> list[TP]:
    """The partitions of which records are there; an error is left to the next plain question."""
    records = consumer._fetcher._records  # noqa: SLF001  aiokafka has no way to ask
    return [tp for tp in wanted if type(records.get(tp)) is FetchResult]


def joined(first: _Records, then: _Records) -> _Records:
    """Records of both, those of a partition in their order."""
    return {tp: [*first.get(tp, ()), *then.get(tp, ())] for tp in {**first, **then}}
