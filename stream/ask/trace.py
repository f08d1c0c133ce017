"""One subscriber's way through the rules, step by step: the service's own handler, watched (P5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from decoders.events import Event
from decoders.times import SECOND
from rules import profile as profiles
from rules import state as states
from rules.engine import RuleSet
from rules.packed import decode as state_of
from rules.profile import Profile
from rules.state import Subscriber
from rules.verdicts import Verdict
from stream.batcher import second_before
from stream.handler import Handler
from stream.log import (
    SCHEMA_VERSION,
    Batch,
    Erased,
    FeedScored,
    Item,
    OptedOut,
    ProfileChanged,
    Signal,
    Tick,
)
from stream.memory_store import MemoryStore
from stream.replay import Change, Reached
from stream.state import decode_entry

_EPOCH = "trace"
_SOURCE = "captures"
_OUTBOX = 10_000


class Moment(NamedTuple):
    """Something that was handed to the rules, and what it did."""

    time: int
    """Microseconds; of the event, or of the clock."""
    event: Event | None
    """None where the clock fired a timer, or the subscriber's profile changed."""
    before: Subscriber
    after: Subscriber
    profile: Profile | None
    """As it was asked about."""
    verdicts: list[Verdict]

    @property
    def changed(self) -> bool:
        """Whether it left anything behind."""
        return self.before != self.after or bool(self.verdicts)


class Trace:
    """Hands one subscriber's items to the handler and tells what each of them did.

    What is handed over is what the log would hold for this subscriber, in the same order, so that
    what comes out is what the service decided (P1). Ticks at which nothing is due are left out.
    """

    def __init__(self, subscriber: str) -> None:
        self.subscriber = subscriber
        self._store = MemoryStore()
        self._handler = Handler(self._store, RuleSet.load)
        self._offset = 0
        self._events = 0

    async def change(self, change: Change) -> None:
        """Takes new rules, or a change of this subscriber; changes of others do nothing."""
        if isinstance(change, ProfileChanged | OptedOut | Erased) and (
            change.subscriber != self.subscriber
        ):
            return
        await self._put(change)

    async def signals(self, signals: Iterable[Event | Reached | FeedScored]) -> list[Moment]:
        """Takes what captures hold; gives the moments of this subscriber."""
        moments: list[Moment] = []
        for signal in signals:
            if isinstance(signal, FeedScored):
                moments += await self._clock(signal.time // SECOND * SECOND)
                await self.change(signal)
                continue
            moments += await self._clock(second_before(signal.time))
            if isinstance(signal, Event) and signal.subscriber == self.subscriber:
                moments.append(await self._event(signal))
        return moments

    async def until(self, time: int) -> list[Moment]:
        """Lets the clock run on to `time`, microseconds."""
        return await self._clock(time)

    async def state(self) -> Subscriber:
        """The subscriber as they are now."""
        loaded = await self._store.load(0, [self.subscriber], None, 0)
        packed = loaded.states.get(self.subscriber)
        return state_of(packed, self.subscriber) if packed else Subscriber(self.subscriber)

    async def profile(self) -> Profile | None:
        """What the operator knows of the subscriber now."""
        loaded = await self._store.load(0, [self.subscriber], None, 0)
        packed = loaded.profiles.get(self.subscriber)
        return profiles.decode(packed) if packed else None

    async def _event(self, event: Event) -> Moment:
        self._events += 1
        return await self._moment(event.time, event, Signal(self._events, event))

    async def _clock(self, time: int) -> list[Moment]:
        """A moment for each due time up to `time`, so that the state between them is seen."""
        moments = []
        while (due := states.next_due(await self.state())) is not None and due <= time:
            moments.append(await self._moment(due, None, Tick(due)))
        return moments

    async def _moment(self, time: int, event: Event | None, item: Item) -> Moment:
        before = await self.state()
        profile = await self.profile()
        await self._put(item)
        verdicts = list(await self._taken())
        return Moment(time, event, before, await self.state(), profile, verdicts)

    async def _put(self, item: Item) -> None:
        batch = Batch(SCHEMA_VERSION, _EPOCH, _SOURCE, 0, [item])
        await self._handler.handle(0, self._offset, batch)
        self._offset += 1

    async def _taken(self) -> Iterator[Verdict]:
        waiting = await self._store.outbox(0, _OUTBOX)
        await self._store.acknowledge(0, [item.id for item in waiting])
        return (decode_entry(item.data).verdict for item in waiting)
