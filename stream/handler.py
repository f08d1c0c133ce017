"""One record of the log after another: load, run the rules, commit; each record counts once (P2).

`Handler.handle` knows neither Kafka nor Faust. Two thin drivers call it: the Faust agent on a topic
(`stream.app`) and the embedded engine (`stream.engine`). It never raises for what is in a record;
what it raises is an `InfrastructureError`, after which the driver hands it the same record again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import NamedTuple

import msgspec

from decoders.errors import XinlingError
from stream import metrics
from stream.clocks import furthest
from stream.handled import Handled, counted
from stream.log import Batch, FeedLeft, Item, OfSubscriber, Signal, Tick
from stream.state import (
    ContendedError,
    Loaded,
    OffsetGapError,
    OutboxFullError,
    Progress,
    StateStore,
    StoredDataError,
)
from stream.step import Rules, StepRun
from stream.together import Ends

WhenDecided = Callable[[int], Awaitable[None]]


class RulesMismatchError(XinlingError):
    """A bundle of rules does not have the hash that it came under."""


class Limits(msgspec.Struct, frozen=True):
    """The bounds of a step."""

    items: int = 1000
    """Items of a record that one commit takes."""
    timers: int = 1000
    """Subscribers with a due timer that one commit takes."""
    outbox: int = 100_000
    """Entries of a partition that may wait to be published before it stops deciding."""
    conflicts: int = 5
    """Commits refused in a row before a partition is given up as another worker's."""
    rule_sets: int = 4
    """Sets of rules kept loaded."""


class Handler:
    """Handles the records of any number of partitions, one at a time each."""

    def __init__(
        self,
        store: StateStore,
        load_rules: Callable[[dict[str, bytes]], Rules],
        limits: Limits | None = None,
        *,
        when_decided: WhenDecided | None = None,
    ) -> None:
        """`load_rules` is `rules.engine.RuleSet.load`: it raises XinlingError for what is wrong.

        `when_decided` is awaited with a partition after each commit that put verdicts in its
        outbox; a record may take several.
        """
        self._when_decided = when_decided
        self._store = store
        self._limits = limits or Limits()
        self._load_rules = load_rules
        self._rules: dict[str, Rules] = {}
        self._known: dict[int, Progress] = {}
        """Of each partition, as it last was; another worker may have gone on since."""

    async def handle(
        self,
        partition: int,
        offset: int,
        batch: Batch,
        *,
        accept_gap: bool = False,
        ends: Ends | None = None,
    ) -> Handled:
        """Commits what the record at `offset` decides, once, however often it is handed over.

        `ends`: where `batch` is of several records, which stand from `offset` on.

        Raises:
            OffsetGapError: records between the last one and this are missing, and `accept_gap`
                does not say that they are lost for good.
            OutboxFullError: the relay must catch up first.
            ContendedError: another worker handles this partition.
            StoreUnavailableError: the store failed; whether it wrote shows when this is repeated.
            StoredDataError: the partition's progress or rules cannot be read.
        """
        began = perf_counter()
        record = _Record(offset, batch, ends or Ends.of([batch]), accept_gap)
        total = Handled(Progress())
        position = refused = 0
        while refused <= self._limits.conflicts:
            step = await self._step(partition, record, position)
            if isinstance(step, _Elsewhere):
                refused += step.refused
                position = step.position
                continue
            refused = 0
            total = total.then(step)
            if step.verdicts and self._when_decided is not None:
                await self._when_decided(partition)
            if step.skipped:
                return total
            reached = record.place(step.progress)
            if reached is not None:
                position = reached
            else:
                metrics.handled_batches.labels(partition).inc(len(record.ends))
                metrics.step_seconds.observe(perf_counter() - began)
                return total
        raise ContendedError(
            f"another worker commits for partition {partition}", remedy="leave it to that worker"
        )

    async def _step(self, partition: int, record: _Record, position: int) -> Handled | _Elsewhere:
        """One load and one commit of the items from `position` on."""
        batch = record.batch
        items = batch.items[position : position + self._limits.items]
        loaded = await self._load(partition, items)
        place = record.place(loaded.progress)
        if place is None:
            return Handled(loaded.progress)
        if place != position:
            return _Elsewhere(place, refused=0)
        metrics.outbox_pending.labels(partition).set(loaded.outbox)
        if loaded.outbox > self._limits.outbox:
            raise OutboxFullError(
                f"{loaded.outbox} verdicts of partition {partition} wait to be published",
                remedy="see that the relay runs and what it publishes to answers",
            )
        try:
            rules = await self._in_force(partition, loaded.progress.rules)
        except RulesMismatchError:  # another worker has changed them since the load
            return _Elsewhere(position, refused=1)
        run = StepRun(loaded, self._limits.timers, rules, self._loaded_rules)
        records, place = record.ends.record(run.run(batch.source, items, position))
        commit = run.commit(epoch=batch.epoch, offset=record.offset + records, position=place)
        if not await self._store.commit(partition, loaded.token, commit):
            metrics.commit_conflicts.inc()
            return _Elsewhere(position, refused=1)
        self._known[partition] = commit.progress
        return counted(partition, commit.progress, run)

    async def _load(self, partition: int, items: list[Item]) -> Loaded:
        """With all timers that these items may fire, and none that another feed holds back."""
        subscribers, told = _asked_of(items)
        known = self._known.get(partition, Progress())
        until = furthest(known, told)
        loaded = await self._store.load(partition, subscribers, until, self._limits.timers)
        self._known[partition] = loaded.progress
        comes = furthest(loaded.progress, told)
        if comes is None or (until is not None and comes <= until):
            return loaded
        return await self._load(partition, items)  # another worker has gone on meanwhile

    async def _in_force(self, partition: int, rules_hash: str) -> Rules | None:
        """The rules that the partition's progress names, fetched where they are not loaded yet."""
        if not rules_hash:
            return None
        if rules_hash in self._rules:
            return self._rules[rules_hash]
        bundle = await self._store.rules(partition)
        try:
            return self._loaded_rules(rules_hash, bundle)
        except RulesMismatchError:
            raise
        except XinlingError as error:
            raise StoredDataError(
                f"the rules in force in partition {partition} cannot be used: {error}",
                remedy="run the version of xinling that they were loaded with",
            ) from error

    def _loaded_rules(self, rules_hash: str, bundle: dict[str, bytes]) -> Rules:
        """The rules of a bundle, loaded once for all partitions; raises XinlingError."""
        if rules_hash not in self._rules:
            rules = self._load_rules(bundle)
            if rules.hash != rules_hash:
                raise RulesMismatchError(
                    f"the rules have hash {rules.hash} where the log says {rules_hash}",
                    remedy="run one version of xinling everywhere, then load the rules again",
                )
            while len(self._rules) >= self._limits.rule_sets:
                del self._rules[next(iter(self._rules))]
            self._rules[rules_hash] = rules
        return self._rules[rules_hash]


class _Elsewhere(NamedTuple):
    """A step that wrote nothing: another position was due, or the commit was refused."""

    position: int
    refused: int


class _Record(NamedTuple):
    """A record of the log, or several that stand from `offset` on."""

    offset: int
    batch: Batch
    ends: Ends
    accept_gap: bool

    def place(self, progress: Progress) -> int | None:
        """The item at which to go on; None where all were handled before."""
        expected = progress.offset
        if progress.epoch and self.batch.epoch != progress.epoch:
            if self.batch.epoch in progress.past_epochs:
                return None
            if self.offset in {0, expected}:  # anew; or of whoever takes this for another log
                return 0
            expected = 0
        elif self.offset <= expected:
            return self.ends.item(expected - self.offset, progress.position)
        if not self.accept_gap:  # a store that knows nothing may have forgotten everything
            raise OffsetGapError(expected, self.offset)
        return 0


def _asked_of(items: list[Item]) -> tuple[list[str], list[Tick | FeedLeft]]:
    """Whom items have to do with, and those that move a clock."""
    subscribers: dict[str, None] = {}
    told: list[Tick | FeedLeft] = []
    for item in items:
        if isinstance(item, Signal):
            subscribers[item.event.subscriber] = None
        elif isinstance(item, Tick | FeedLeft):
            told.append(item)
        elif isinstance(item, OfSubscriber):
            subscribers[item.subscriber] = None
    return list(subscribers), told
