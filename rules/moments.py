"""Triggers that a single event completes: called, texted, attached and their like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

from msgspec import UNSET

from decoders import events
from decoders.events import Event
from rules import format as fmt
from rules.firing import Firing, trigger_key
from rules.state import Mark
from rules.units import duration

Test = Callable[[Event], bool]

TYPES = {
    "called": (events.CALL_ATTEMPTED,),
    "answered": (events.CALL_ANSWERED,),
    "call_ended": (events.CALL_ENDED,),
    "texted": (events.MESSAGE_SENT, events.MESSAGE_RECEIVED),
    "requested": (events.SERVICE_REQUESTED,),
    "updated": (events.LOCATION_UPDATED,),
    "attached": (events.LOCATION_UPDATED,),
    "detached": (events.SUBSCRIBER_DETACHED,),
    "handed_over": (events.LOCATION_HANDOVER,),
}
"""Types of the events that complete a trigger."""

_DETAILS = {
    "call_ended": ("answered", "ended_by"),
    "requested": ("operation", "code"),
    "updated": ("kind", "outcome"),
}
"""Keys of a filter that a key of the event's detail must equal."""


class Asked(NamedTuple):
    """What a trigger asks of an event so that it can be found; None for anything."""

    direction: str | None
    number_class: str | None
    place: int | None
    prefix: str | None


class Moment:
    """A trigger that a single event completes; every condition of its filter must hold."""

    def __init__(self, kind: str, spec: fmt.Place, place: int | None) -> None:
        self.kind = kind
        self.key = trigger_key(kind, spec)
        self.place = place
        self.types = TYPES[kind]
        self._directions = _given(getattr(spec, "direction", UNSET))
        self._classes = _given(getattr(spec, "number_class", UNSET))
        self._prefixes = _given(getattr(spec, "prefix", UNSET))
        self._tests = tuple(_tests(kind, spec))

    def asks(self) -> Iterator[Asked]:
        """Under what the engine finds this trigger: an event has one of these."""
        for found in product(self._directions, self._classes, (self.place,), self._prefixes):
            yield Asked(*found)

    def matches(self, event: Event) -> bool:
        """Whether `event`, which has what the trigger `asks` for, completes it."""
        for test in self._tests:  # noqa: SIM110  asked of every event that is found
            if not test(event):
                return False
        return True

    def fired(self, event: Event) -> Firing:
        """What came true."""
        return Firing(self.key, event.id, (Mark.of(event),), False, event)


def _given(value: object) -> tuple[str | None, ...]:
    if value is UNSET:
        return (None,)
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else (str(value),)


def _tests(kind: str, spec: fmt.Place) -> Iterator[Test]:
    if isinstance(spec, fmt.CallFilter):
        yield from _prefix_tests(spec)
    if isinstance(spec, fmt.CallEnd):
        yield from _end_tests(spec)
    for name in _DETAILS.get(kind, ()):
        if getattr(spec, name) is not UNSET:
            yield _detail_is(name, getattr(spec, name))
    if kind == "attached":
        yield _detail_is("kind", "imsi attach")
        yield _detail_is("outcome", "accepted")


def _detail_is(name: str, value: object) -> Test:
    return lambda event: event.detail.get(name) == value


def _prefix_tests(spec: fmt.CallFilter) -> Iterator[Test]:
    if spec.not_prefix is not UNSET:
        unwanted = frozenset(spec.not_prefix)
        yield lambda event: event.other_party is None or event.other_party.selected not in unwanted


def _end_tests(spec: fmt.CallEnd) -> Iterator[Test]:
    if spec.cause is not UNSET:
        causes = frozenset(spec.cause)
        yield lambda event: event.detail.get("cause") in causes
    if spec.at_least is not UNSET:
        least = duration(spec.at_least)
        yield lambda event: (length := _length(event)) is not None and length >= least
    if spec.at_most is not UNSET:
        most = duration(spec.at_most)
        yield lambda event: (length := _length(event)) is not None and length <= most


def _length(event: Event) -> int | None:
    seconds = event.detail.get("duration_seconds")
    return None if seconds is None else round(seconds * 1_000_000)
