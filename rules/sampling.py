"""From samples to progress: what an event's cell does to the stays of a person, and what is due.

Of whoever makes no progress nothing is kept, unless somebody asks for arrivals.
"""

from __future__ import annotations

import msgspec

from decoders.events import Event
from rules.areas import Membership
from rules.feed import Feeds, fallen
from rules.firing import Firing
from rules.index import Index
from rules.movements import PlaceTrigger, Seen
from rules.state import Mark, Stay, Subscriber
from rules.whereabouts import Whereabouts

ABSENCES = frozenset({"left", "absent"})
"""Triggers that rest on nothing having been seen: a feed that fell silent makes them come true."""


class Sampling:
    """The triggers about places of a set of rules, at work."""

    def __init__(self, index: Index, whereabouts: Whereabouts) -> None:
        self._index = index
        self._whereabouts = whereabouts

    def sampled(self, state: Subscriber, event: Event, membership: Membership) -> Subscriber:
        """The state after a sample; one older than the last changes nothing."""
        begins = self._index.begins(membership)
        if not (state.stays or begins or self._index.arrivals):
            return state if state.last is None else _moved(state, None, {})
        before = state.last
        if before is not None and event.time < before.time:
            return state
        mark = Mark.of(event)
        placed = None if before is None else self._whereabouts.placed(before)
        seen = Seen(mark, membership, before, placed)
        stays = self._advanced(state.stays, begins, seen)
        return _moved(state, mark if stays or self._index.arrivals else None, stays)

    def _advanced(
        self, before: dict[int, Stay], begins: tuple[PlaceTrigger, ...], seen: Seen
    ) -> dict[int, Stay]:
        """Progress after a sample, that of triggers which are gone left out."""
        stays: dict[int, Stay] = {}
        places = self._index.places
        for key, stay in before.items():
            trigger = places.get(key)
            if trigger is not None and (after := trigger.advance(stay, seen)) is not None:
                stays[key] = after
        for trigger in begins:
            if trigger.key not in before and (begun := trigger.advance(None, seen)) is not None:
                stays[trigger.key] = begun
        return stays

    def detached(self, state: Subscriber) -> Subscriber:
        """The state after a detach."""
        stays: dict[int, Stay] = {}
        for key, stay in state.stays.items():
            trigger = self._index.places.get(key)
            after = trigger.after_detach(stay) if trigger else None
            if after is not None:
                stays[key] = after
        return _moved(state, state.last, stays)

    def fired(
        self, state: Subscriber, now: int, feeds: Feeds
    ) -> tuple[list[Firing], dict[int, Stay]]:
        """Triggers whose timers are due, and the progress that is left."""
        firings: list[Firing] = []
        before = state.stays
        due = [key for key, stay in before.items() if stay.due is not None and stay.due <= now]
        if not due:
            return firings, before
        stays = {key: stay for key, stay in before.items() if key not in due}
        placed = self._whereabouts.placed
        for key in due:
            stay, trigger = before[key], self._index.places.get(key)
            if trigger is None or not trigger.still_true(stay, state.last, placed):
                continue
            firing = trigger.fired(stay)
            if trigger.kind in ABSENCES and self._fallen(trigger.place, stay, now, feeds):
                firing = msgspec.structs.replace(firing, gap=True)
            firings.append(firing)
            if (after := trigger.after_firing(stay)) is not None:
                stays[key] = after
        return firings, stays

    def _fallen(self, place: int, stay: Stay, now: int, feeds: Feeds) -> bool:
        """Whether the feed of a place could not be trusted at some moment since the last sample."""
        for name in fallen(feeds, stay.last.time, now) if feeds else ():
            network, _, lac = name.rpartition("-")
            membership = self._whereabouts.places.at(network, int(lac), None)
            if place in membership.inside or place in membership.unknown:
                return True
        return False


def _moved(state: Subscriber, last: Mark | None, stays: dict[int, Stay]) -> Subscriber:
    """A replacement, made by position: `msgspec.structs.replace` costs three times as much."""
    return Subscriber(
        state.subscriber, last, stays, state.holds, state.sent, state.progress, state.waves
    )
