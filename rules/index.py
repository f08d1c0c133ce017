"""From an event to the few triggers that could care: what 1,000 campaigns cost is decided here.

Triggers that one event completes are found by what they ask of it. Those that ask for the same
things (a place, a prefix, …) have one table, so that an event costs a look-up for each kind of
question that anybody asks, and not for each campaign.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from decoders.events import Event
from rules.areas import Membership
from rules.moments import Asked, Moment
from rules.movements import Departure, PlaceTrigger
from rules.state import Stay
from rules.triggers import Leaf


class _Shape(NamedTuple):
    """Which things a table's triggers ask for."""

    direction: bool
    number_class: bool
    place: bool
    prefix: bool


_Table = dict[Asked, list[Moment]]


class Index:
    """Triggers by what an event must have for them.

    Attributes:
        places: triggers about places, by trigger key.
        watches: whether anybody asks where people are.
        classes: whether anybody asks for the class of the number called.
        arrivals: whether anybody asks where people were before, of everybody.
    """

    def __init__(self, triggers: Iterable[Leaf]) -> None:
        self.places: dict[int, PlaceTrigger] = {}
        self.classes = False
        self.arrivals = False
        self._moments: dict[str, dict[_Shape, _Table]] = {}
        self._starting: dict[int, list[PlaceTrigger]] = {}
        self._starting_outside: list[PlaceTrigger] = []
        for trigger in triggers:
            if isinstance(trigger, Moment):
                self._add_moment(trigger)
            else:
                self._add_place(trigger)
        self.watches = bool(self.places)

    def _add_moment(self, trigger: Moment) -> None:
        for kind, asked in product(trigger.types, trigger.asks()):
            shape = _Shape(*(value is not None for value in asked))
            table = self._moments.setdefault(kind, {}).setdefault(shape, {})
            table.setdefault(asked, []).append(trigger)
            self.classes = self.classes or shape.number_class

    def _add_place(self, trigger: PlaceTrigger) -> None:
        self.places[trigger.key] = trigger
        if isinstance(trigger, Departure) and trigger.by_arrival:
            self.arrivals = True
        if trigger.starts_inside:
            self._starting.setdefault(trigger.place, []).append(trigger)
        else:
            self._starting_outside.append(trigger)

    def asks(self, event_type: str) -> bool:
        """Whether any trigger is completed by events of this type."""
        return event_type in self._moments

    def moments(
        self, event: Event, number_class: str | None, membership: Membership | None
    ) -> list[Moment]:
        """Triggers that `event` may complete."""
        found: list[Moment] = []
        selected = event.other_party.selected if event.other_party else None
        inside: Iterable[int] = membership.inside if membership else ()
        for shape, table in self._moments[event.type].items():
            direction = event.direction if shape.direction else None
            class_ = number_class if shape.number_class else None
            prefix = selected if shape.prefix else None
            for place in inside if shape.place else (None,):
                found += table.get(Asked(direction, class_, place, prefix), ())
        return found

    def concerned(self, membership: Membership, stays: dict[int, Stay]) -> dict[int, PlaceTrigger]:
        """Triggers whose progress a sample may begin or change, by key."""
        found = {key: self.places[key] for key in stays if key in self.places}
        for place in membership.inside:
            for trigger in self._starting.get(place, ()):
                found[trigger.key] = trigger
        for trigger in self._starting_outside:
            found[trigger.key] = trigger
        return found

    def begins(self, membership: Membership) -> bool:
        """Whether a sample may begin any progress, or must be kept for one to begin."""
        if self.arrivals or self._starting_outside:
            return True
        return not self._starting.keys().isdisjoint(membership.inside)
