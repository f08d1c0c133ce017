"""From the outbox to wherever verdicts go: published, then taken out; at least once.

A verdict that was published and not yet taken out when the process died is published again; its
offer and step are the same, and whoever reads recognises the copy (the ledger does).
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Protocol

from stream import metrics
from stream.state import (
    InfrastructureError,
    OutboxEntry,
    StateStore,
    StoredDataError,
    Waiting,
    decode_entry,
)

BATCH = 500
"""Entries published before they are taken out together."""
AT_ONCE = 8
"""Partitions whose outboxes are published side by side."""
POLL_SECONDS = 1.0
"""How long an entry may wait that nobody told of: one left by a worker that died."""

Publish = Callable[[int, list[OutboxEntry]], Awaitable[None]]
"""Partition and entries in order; returns when they are safe, raises InfrastructureError."""


class Listener(Protocol):
    """Wants to know how far what was published reaches (`stream.budgets.candidates`)."""

    @property
    def listening(self) -> bool:
        """Whether it does just now."""

    async def reached(self, partition: int, clock: int) -> None:
        """What the partition decided before `clock` has all been published."""


logger = logging.getLogger(__name__)


class Relay:
    """Publishes the outboxes of the partitions that this process owns.

    A `listener` is told of each flush how far it reaches.
    """

    def __init__(
        self,
        store: StateStore,
        publish: Publish,
        partitions: Iterable[int] = (),
        listener: Listener | None = None,
    ) -> None:
        self._listener = listener
        self._store = store
        self._publish = publish
        self._owned = set(partitions)
        self._told: set[int] = set()
        self._wake = asyncio.Event()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._flushing: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def listened(self) -> bool:
        """Whether somebody wants to know how far what was published reaches."""
        return self._listener is not None and self._listener.listening

    def own(self, partitions: Iterable[int]) -> None:
        """From now on these partitions are this process's, and no others."""
        self._owned = set(partitions)
        self.tell(*self._owned)

    def tell(self, *partitions: int) -> None:
        """Verdicts were committed: do not wait for the next look."""
        self._told.update(partitions)
        self._wake.set()

    async def flush(self, partition: int) -> int:
        """Publishes everything that waits in one partition; gives the number of entries.

        Raises what publishing raises and `StoreUnavailableError`; nothing is lost by that.
        """
        published = 0
        async with self._flushing[partition]:  # two at once would publish everything twice
            while True:
                moved = await self._flush_some(partition)
                published += moved
                if moved < BATCH:
                    break
        metrics.outbox_pending.labels(partition).set(0)
        return published

    async def _flush_some(self, partition: int) -> int:
        """Publishes the oldest entries; how many, 0 where that was all."""
        listener = self._listener if self.listened else None
        # asked before the entries: what is decided later lies later
        clock = (await self._store.progress(partition)).clock if listener else 0
        waiting = await self._store.outbox(partition, BATCH)
        if waiting:
            entries = [entry for item in waiting if (entry := _read(item)) is not None]
            await self._publish(partition, entries)
            await self._store.acknowledge(partition, [item.id for item in waiting])
        if listener and len(waiting) < BATCH:
            await listener.reached(partition, clock)
        return len(waiting)

    async def run(self) -> None:
        """Publishes as entries come, over failures of either side, until it is cancelled."""
        self.tell(*self._owned)
        while True:
            told, self._told = self._told & self._owned, set()
            self._wake.clear()
            await asyncio.gather(*map(self._try, sorted(told)))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            if not self._wake.is_set():
                self._told.update(self._owned)

    async def _try(self, partition: int) -> None:
        try:
            async with self._turns:
                await self.flush(partition)
        except InfrastructureError as error:
            metrics.retries.labels("relay").inc()
            logger.warning("verdicts of partition %d wait: %s", partition, error)


def _read(item: Waiting) -> OutboxEntry | None:
    """The entry; None for one that cannot be read, which is counted and passed over."""
    try:
        return decode_entry(item.data)
    except StoredDataError as error:
        metrics.dead_letters.labels("outbox entry unreadable").inc()
        logger.error("outbox entry %s is passed over: %s", item.id, error)  # noqa: TRY400
        return None
