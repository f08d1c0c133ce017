"""The whole path from events to verdict rows in this process, as fast as it goes.

No broker, no clock but the captures': events through the batcher, the embedded engine and the same
handler as the service's, on a store in memory. For one input the verdicts come out the same and in
the same order, however many partitions and workers there are (P1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from decoders.correlator import Correlator
from decoders.events import Event
from decoders.messages import Message, Record
from decoders.quality import Quality
from rules.engine import RuleSet
from rules.verdicts import Verdict
from stream.batcher import MAX_ITEMS, Addressed, Batcher, second_before
from stream.budgets.shared_budgets import SharedBudgets
from stream.engine import Engine
from stream.handled import Handled
from stream.handler import Handler
from stream.log import BudgetSpent, FeedScored, OfSubscriber, RulesChanged
from stream.memory_store import MemoryStore
from stream.ordered import InOrder
from stream.relay import Relay
from stream.state import OutboxEntry, StateStore
from stream.step import Rules

_EPOCH = "replay"
_SOURCE = "captures"

Change = RulesChanged | BudgetSpent | OfSubscriber | FeedScored
LoadRules = Callable[[dict[str, bytes]], Rules]
Answers = Callable[[int], Sequence[OfSubscriber]]
"""What people did up to a whole minute (microseconds), every verdict before it being known."""
Write = Callable[[Verdict], None]


class Replayed(NamedTuple):
    """What a replay came to."""

    events: int
    verdicts: int
    pending: int
    """Timers that had not fired when the clock stopped."""
    faults: int
    """Items that could not be used: counted and logged as they came."""


class Reached(NamedTuple):
    """Capture time has come to this moment, whether or not anything happened."""

    time: int


_MOMENTS = (Event, Reached)


def signals_of(
    records: Iterable[Record], decode: Callable[[Record], list[Message]], correlator: Correlator
) -> Iterator[Event | Reached | FeedScored]:
    """Every event of `records`, and after each record the time that the captures have reached.

    What ingest does with the same records: frames without a message move the clock too.
    """
    for record in records:
        events = [event for message in decode(record) for event in correlator.feed(message)]
        events += correlator.advance(record.time)
        yield from scored(events, correlator.quality, correlator.now)
        yield Reached(record.time)
    yield from scored(correlator.finish(), correlator.quality)


def scored(
    events: Sequence[Event], quality: Quality, now: int | None = None
) -> Sequence[Event | FeedScored]:
    """`events`, and where they belong among them the words on how far the feed can be trusted.

    Those of before `now` only, the time that has been reached, where more events may come.
    """
    changes = [FeedScored(one.time, one.areas) for one in quality.changes(now)]
    if not changes:
        return events
    return sorted([*events, *changes], key=lambda one: (one.time, isinstance(one, FeedScored)))


def events_of(messages: Iterable[Message], correlator: Correlator) -> Iterator[Event]:
    """Every event of `messages`, up to what is still open at their end."""
    for message in messages:
        yield from correlator.feed(message)
    yield from correlator.finish()


class Replay:
    """One run; `write` takes each verdict as soon as its place in the order is certain."""

    def __init__(  # noqa: PLR0913  each has its default
        self,
        write: Write,
        *,
        partitions: int = 1,
        workers: int | None = None,
        store: StateStore | None = None,
        load_rules: LoadRules = RuleSet.load,
        max_items: int = MAX_ITEMS,
        answers: Answers | None = None,
    ) -> None:
        """`max_items` is how many items make a batch, which nothing depends on.

        `answers` is asked at every whole minute that is reached, and goes into the log there.
        """
        self._write = write
        self._partitions = partitions
        self._workers = workers
        self._store = store or MemoryStore()
        self._handler = Handler(self._store, load_rules, when_decided=self._relayed)
        self._batcher = Batcher(_SOURCE, _EPOCH, partitions, max_items=max_items)
        self._flush_every = max_items * partitions
        self._relay = Relay(self._store, self._publish, range(partitions))
        self._ordered = InOrder(partitions)
        self._budgets = SharedBudgets()
        self._answers = answers
        self._imsis: dict[str, str] = {}
        self._verdicts = 0
        self._faults = 0

    async def run(
        self,
        events: Iterable[Event | Reached | Change],
        changes: Sequence[Change] = (),
        *,
        until: int | None = None,
    ) -> Replayed:
        """Replays `changes` and then `events`, among which further changes may stand.

        The clock ends with the last of them, or runs on to `until` (microseconds); the end of a
        capture fires nothing. Where events bear an IMSI (clear output), so do the verdicts.
        """
        count = 0
        async with Engine(
            self._handler,
            self._partitions,
            workers=self._workers,
            when_handled=self._when_handled,
        ) as engine:
            for change in changes:
                await _put(engine, self._change(change))
            paused = None
            for item in events:
                if isinstance(item, _MOMENTS):
                    if (second := second_before(item.time)) != paused:
                        await self._pause(engine, second)
                        paused = second
                    if isinstance(item, Reached):
                        self._batcher.tick(second)
                        continue
                    count += 1
                    if filled := self._event(item, count):
                        await _put(engine, filled)
                else:
                    await _put(engine, self._change(item))
                    paused = None
            if until is not None:
                self._batcher.tick(until)
            await _put(engine, self._batcher.flush())
        self._give(self._ordered.rest())
        pending = [await self._store.pending(number) for number in range(self._partitions)]
        return Replayed(count, self._verdicts, sum(pending), self._faults)

    async def _pause(self, engine: Engine, reached: int) -> None:
        """At a whole minute, gives back what shared budgets refused, and says what is used up."""
        minute = self._budgets.minute_reached(reached, always=self._answers is not None)
        if minute is None:
            return
        self._batcher.tick(minute)
        await _put(engine, self._batcher.flush())
        await engine.drain()
        for returned in self._budgets.told():
            await _put(engine, self._change(returned))
        for answer in self._answers(minute) if self._answers is not None else ():
            await _put(engine, self._change(answer))

    def _event(self, event: Event, count: int) -> list[Addressed]:
        if event.imsi is not None:
            self._imsis[event.subscriber] = event.imsi
        filled = self._batcher.add(event)
        return filled + self._batcher.flush() if count % self._flush_every == 0 else filled

    def _change(self, change: Change) -> list[Addressed]:
        if isinstance(change, RulesChanged):
            self._budgets.learn(change)
        if isinstance(change, RulesChanged | BudgetSpent):
            return self._batcher.change_everywhere(change)
        if isinstance(change, FeedScored):
            return self._batcher.score(change)
        return self._batcher.change(change)

    async def _when_handled(self, partition: int, handled: Handled) -> None:
        self._faults += handled.faults.total()
        self._give(self._ordered.reached(partition, handled.progress.clock))

    async def _relayed(self, partition: int) -> None:
        await self._relay.flush(partition)

    async def _publish(self, _partition: int, entries: list[OutboxEntry]) -> None:
        self._ordered.add(entries)

    def _give(self, entries: list[OutboxEntry]) -> None:
        for verdict in self._budgets.decided(entries):
            verdict.imsi = self._imsis.get(verdict.subscriber)
            self._write(verdict)
        self._verdicts += len(entries)


async def _put(engine: Engine, filled: list[Addressed]) -> None:
    for partition, batch in filled:
        await engine.put(partition, batch)
