"""The allocator of shared budgets in a running service: one for all campaigns (`rules.budget`).

It runs where partition 0 is. Two that believe so do no harm: whoever decides must have read what
the other one left, else the decision is refused and writes nothing. Candidates come out of the
partitions' outboxes; they are decided in the order of capture second and offer id, once every
partition has said that it passed the second. Decisions are kept first, with what they used up, and
then published: a copy of a row bears the same offer and step.

At each whole minute of capture time the log is told what was refused, so that the partitions give
caps back, and which totals are used up. Ingest waits there for a moment (`settling`), so that these
records have the place in the log that a replay gives them (P1).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby

import msgspec

from rules.budget import Budgets
from rules.reasons import SOLD_OUT
from stream import metrics
from stream.batcher import Addressed
from stream.budgets.budget_store import MOST_WAITING, BudgetStore, Look, record_of
from stream.budgets.shared_budgets import MINUTE, Desk, Told
from stream.log import SCHEMA_VERSION, Batch, BudgetSpent, partition_of
from stream.state import (
    BEGINNING,
    PUBLICATION,
    InfrastructureError,
    OutboxEntry,
    Waiting,
    decode_entry,
)
from stream.topics import Log

SOURCE = PUBLICATION + "budgets"
"""Of the records that the allocator writes onto the log."""
AT_ONCE = 1000
"""Candidates decided in one commit, and the rest of the last one's second."""
BATCH = 500
LOOK_SECONDS = 0.1
IDLE_SECONDS = 1.0

logger = logging.getLogger(__name__)

Publish = Callable[[list[OutboxEntry]], Awaitable[None]]
"""Takes decided verdicts in order; returns when they are safe, raises InfrastructureError."""
Write = Callable[[int, Batch], Awaitable[None]]
"""Puts a batch onto a partition of the log; returns when it is safe."""


class Allocator:
    """Decides, publishes and tells, as long as `leading` says that it is this process's to do."""

    def __init__(
        self,
        store: BudgetStore,
        log: Log,
        publish: Publish,
        write: Write,
        leading: Callable[[], bool],
    ) -> None:
        self._store = store
        self._log = log
        self._publish = publish
        self._write = write
        self._leading = leading

    async def run(self) -> None:
        """Until cancelled, over failures of Redis and Kafka."""
        used = False
        while True:
            moved = False
            try:
                used = used or await self._store.used()
                leading = used and self._leading()
                if not leading:
                    metrics.budget_waiting.set(0)
                moved = leading and await self.once()
            except InfrastructureError as error:
                metrics.retries.labels("allocator").inc()
                logger.warning("offers with a shared budget wait: %s", error)
            if not moved:
                await asyncio.sleep(LOOK_SECONDS if used else IDLE_SECONDS)

    async def once(self) -> bool:
        """One step of the work; False where there was nothing to do.

        Raises InfrastructureError; nothing is lost by that, and nothing granted twice.
        """
        if waiting := await self._store.rows(BATCH):
            await self._publish([decode_entry(each.data) for each in waiting])
            await self._store.rows_out([each.id for each in waiting])
            return True
        look = await self._store.look(AT_ONCE)
        safe = min(look.reached.get(p, BEGINNING) for p in range(self._log.partitions))
        metrics.budget_waiting.set(len(look.candidates))
        until = min(safe, _minute_after(look.kept.settled, look, safe))
        ready = [each for each in look.candidates if each.second < until]
        if ready and look.rows < MOST_WAITING:
            all_of_them = look.whole or len(ready) < len(look.candidates)
            return await self._decide(look, ready, until if all_of_them else BEGINNING)
        return not ready and await self._settle(look, until)

    async def _decide(self, look: Look, ready: list[OutboxEntry], until: int) -> bool:
        """Decides whole seconds; False where somebody else did since `look`."""
        budgets, kept = Budgets(look.kept.granted), look.kept
        for entry in ready:
            if entry.budget is not None:
                budgets.take(entry.verdict.campaign, entry.verdict.campaign_hash, entry.budget)
        desk = Desk(budgets, kept.told)
        rows: list[OutboxEntry] = []
        records: list[Told] = []
        for second, group in groupby(ready, lambda entry: entry.second):
            verdicts, told = desk.decide(second, [entry.verdict for entry in group])
            rows += [OutboxEntry(second, verdict) for verdict in verdicts]
            numbers = range(kept.seq + len(records) + 1, kept.seq + len(records) + len(told) + 1)
            records += [_numbered(one, seq) for one, seq in zip(told, numbers, strict=True)]
        after = msgspec.structs.replace(
            kept,
            decided=max(until, ready[-1].second + 1),
            seq=kept.seq + len(records),
            granted=budgets.granted(),
            told=desk.told,
        )
        if not await self._store.commit(look.token, after, ready, rows, records):
            return False
        for row in rows:
            _count(row)
        return True

    async def _settle(self, look: Look, minute: int) -> bool:
        """Tells the log what was decided before `minute`, if that is one and was not told yet."""
        if minute % MINUTE or minute <= look.kept.settled:
            return False
        while waiting := await self._store.records(BATCH):
            for partition, batch in self._batches(waiting, minute):
                await self._write(partition, batch)
            await self._store.records_out([each.id for each in waiting])
        kept = msgspec.structs.replace(
            look.kept, settled=minute, decided=max(minute, look.kept.decided)
        )
        return await self._store.commit(look.token, kept)

    def _batches(self, waiting: Sequence[Waiting], minute: int) -> list[Addressed]:
        items: list[list[Told]] = [[] for _ in range(self._log.partitions)]
        for each in waiting:
            record = record_of(each.data)
            if isinstance(record, BudgetSpent):
                for one in items:
                    one.append(record)
            else:
                items[partition_of(record.subscriber, self._log.partitions)].append(record)
        return [
            Addressed(partition, Batch(SCHEMA_VERSION, self._log.epoch, SOURCE, minute, [*records]))
            for partition, records in enumerate(items)
            if records
        ]


def _minute_after(settled: int, look: Look, safe: int) -> int:
    """The whole minute before which to decide, and at which to tell the log.

    The one after that told last; a later one where nothing lies between.
    """
    first = look.candidates[0].second if look.candidates else safe
    passed = min(first, safe) // MINUTE * MINUTE
    return max(settled + MINUTE, passed) if settled > BEGINNING else max(passed, BEGINNING)


def _numbered(record: Told, seq: int) -> Told:
    return msgspec.structs.replace(record, seq=seq)


def _count(row: OutboxEntry) -> None:
    verdict = row.verdict
    metrics.verdicts.labels(verdict.campaign, verdict.verdict, verdict.reason or "").inc()
    answer = "sold out" if verdict.reason == SOLD_OUT else "granted"
    metrics.budget_decided.labels(verdict.campaign, answer).inc()
