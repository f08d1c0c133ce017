"""A campaign file's trigger as the classes that watch for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import UNSET

from rules import format as fmt
from rules.areas import Where
from rules.combinations import AnyOf, Combination, NotFollowedBy, Repeated, Steps
from rules.firing import trigger_key
from rules.moments import TYPES, Moment
from rules.movements import Absence, Departure, PlaceTrigger, Presence
from rules.tree import branches, given
from rules.units import duration

Leaf = PlaceTrigger | Moment
"""A trigger without parts."""


def where(spec: fmt.Place) -> Where | None:
    """The place a trigger names; None if it names none."""
    areas, tags = _names(spec.area), _names(spec.tag)
    return Where(areas, tags) if areas or tags else None


def _names(value: object) -> tuple[str, ...]:
    if value is UNSET:
        return ()
    return tuple(value) if isinstance(value, list) else (str(value),)


class Wiring:
    """The triggers of several campaigns; those of one meaning are one.

    Attributes:
        leaves: triggers without parts, by key.
        combinations: triggers made of triggers, by key; parts stand before wholes.
    """

    def __init__(self, number: Callable[[Where], int]) -> None:
        """`number` gives a place its number."""
        self.leaves: dict[int, Leaf] = {}
        self.combinations: dict[int, Combination] = {}
        self._number = number

    def add(self, kind: str, spec: Any) -> int:
        """Takes a trigger, the file's key and what stands under it; gives its `trigger_key`."""
        key = trigger_key(kind, spec)
        if isinstance(spec, fmt.Place):
            self.leaves.setdefault(key, self._leaf(kind, spec))
            return key
        parts = [self._part(branch.trigger) for branch in branches(spec)]
        self.combinations.setdefault(key, _combined(key, spec, parts))
        return key

    def _part(self, trigger: fmt.Trigger) -> int:
        (kind,) = given(trigger)
        return self.add(kind, getattr(trigger, kind))

    def _leaf(self, kind: str, spec: fmt.Place) -> Leaf:
        place = where(spec)
        number = None if place is None else self._number(place)
        if isinstance(spec, fmt.Move):
            assert number is not None
            return Departure(kind, spec, number)
        if isinstance(spec, fmt.Presence):
            assert number is not None
            return Presence(spec, number) if kind == "stayed" else Absence(spec, number)
        return Moment(kind, spec, number)


def _combined(key: int, spec: Any, parts: list[int]) -> Combination:
    if isinstance(spec, list):
        return AnyOf(key, parts)
    within = duration(spec.within)
    if isinstance(spec, fmt.Sequence):
        return Steps(key, parts, within)
    if isinstance(spec, fmt.Repeated):
        return Repeated(key, parts[0], spec.at_least, within)
    return NotFollowedBy(key, parts[0], parts[1], within)


def completing(kind: str, spec: Any) -> frozenset[str] | None:
    """Types of the events that can complete a trigger; None where a timer can."""
    if isinstance(spec, fmt.Place):
        return frozenset(TYPES[kind]) if kind in TYPES else None
    if isinstance(spec, fmt.NotFollowedBy):
        return None
    parts = [branch.trigger for branch in branches(spec)]
    found: set[str] = set()
    for part in parts[-1:] if isinstance(spec, fmt.Sequence) else parts:
        (of_part,) = given(part)
        types = completing(of_part, getattr(part, of_part))
        if types is None:
            return None
        found |= types
    return frozenset(found)


def keys(kind: str, spec: Any) -> Iterator[int]:
    """The `trigger_key` of a trigger and of all its parts."""
    yield trigger_key(kind, spec)
    for branch in branches(spec):
        for part in given(branch.trigger):
            yield from keys(part, getattr(branch.trigger, part))
