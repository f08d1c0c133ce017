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
from rules.areas import MOST_MEMO, Membership
from rules.moments import Asked, Moment
from rules.movements import Departure, PlaceTrigger
from rules.triggers import Leaf


class _Shape(NamedTuple):
    """Which things a table's triggers ask for."""

    direction: bool
    number_class: bool
    place: bool
    prefix: bool


_Table = dict[Asked, list[Moment]]
_NOWHERE: frozenset[int] = frozenset()
_ANYWHERE = (None,)


class Index:
    """Triggers by what an event must have for them.

    Attributes:
        types: of the events that complete a trigger.
        places: triggers about places, by trigger key.
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
        self._begun_by: dict[frozenset[int], tuple[PlaceTrigger, ...]] = {}
        for trigger in triggers:
            if isinstance(trigger, Moment):
                self._add_moment(trigger)
            else:
                self._add_place(trigger)
        self.types = frozenset(self._moments)

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

    def moments(
        self, event: Event, number_class: str | None, membership: Membership | None
    ) -> list[Moment]:
        """Triggers that `event`, of one of `types`, may complete."""
        found: list[Moment] = []
        selected = event.other_party.selected if event.other_party else None
        inside = membership.inside if membership else _NOWHERE
        for shape, table in self._moments[event.type].items():
            direction = event.direction if shape.direction else None
            class_ = number_class if shape.number_class else None
            prefix = selected if shape.prefix else None
            for place in inside if shape.place else _ANYWHERE:
                # A tuple is equal to the `Asked` of its values, and made in a third of the time.
                triggers = table.get((direction, class_, place, prefix))  # type: ignore[call-overload]
                if triggers is not None:
                    found += triggers
        return found

    def begins(self, membership: Membership) -> tuple[PlaceTrigger, ...]:
        """Triggers whose progress a sample there may begin."""
        inside = membership.inside
        found = self._begun_by.get(inside)
        if found is None:
            if len(self._begun_by) >= MOST_MEMO:
                self._begun_by.clear()
            found = self._begun_by[inside] = (
                *(trigger for place in inside for trigger in self._starting.get(place, ())),
                *self._starting_outside,
            )
        return found
