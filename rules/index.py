"""From an event to the few triggers that could care: what 1,000 campaigns cost is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from decoders.events import Event
from rules.areas import Membership
from rules.moments import IndexKey, Moment
from rules.movements import PlaceTrigger
from rules.state import Stay
from rules.triggers import Leaf


class Index:
    """Triggers by what an event must have for them.

    Attributes:
        places: triggers about places, by trigger key.
        watches: whether anybody asks where people are.
        classes: whether anybody asks for the class of the number called.
    """

    def __init__(self, triggers: Iterable[Leaf]) -> None:
        self.places: dict[int, PlaceTrigger] = {}
        self.classes = False
        self._moments: dict[IndexKey, list[Moment]] = {}
        self._types: set[str] = set()
        self._starting: dict[int, list[PlaceTrigger]] = {}
        self._starting_outside: list[PlaceTrigger] = []
        for trigger in triggers:
            if isinstance(trigger, Moment):
                self._add_moment(trigger)
            else:
                self._add_place(trigger)
        self.watches = bool(self.places)

    def _add_moment(self, trigger: Moment) -> None:
        for key in trigger.index_keys():
            self._moments.setdefault(key, []).append(trigger)
            self._types.add(key[0])
            self.classes = self.classes or key[2] is not None

    def _add_place(self, trigger: PlaceTrigger) -> None:
        self.places[trigger.key] = trigger
        if trigger.starts_inside:
            self._starting.setdefault(trigger.place, []).append(trigger)
        else:
            self._starting_outside.append(trigger)

    def asks(self, event_type: str) -> bool:
        """Whether any trigger is completed by events of this type."""
        return event_type in self._types

    def moments(self, event: Event, number_class: str | None) -> Iterator[Moment]:
        """Triggers that `event` may complete."""
        for direction in dict.fromkeys((None, event.direction)):
            for name in dict.fromkeys((None, number_class)):
                yield from self._moments.get((event.type, direction, name), ())

    def concerned(self, membership: Membership, stays: dict[int, Stay]) -> dict[int, PlaceTrigger]:
        """Triggers whose progress a sample may begin or change, by key."""
        found = {key: self.places[key] for key in stays if key in self.places}
        for place in membership.inside:
            for trigger in self._starting.get(place, ()):
                found[trigger.key] = trigger
        for trigger in self._starting_outside:
            found[trigger.key] = trigger
        return found
