"""What makes a campaign's moment: triggers about places, and triggers about single events.

Triggers of one meaning share their progress, whatever campaigns they serve, and a reload loses
nobody's progress through a trigger that did not change: progress is kept by `trigger_key`, which
is made from the trigger's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import product
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from decoders import events
from decoders.events import Event
from rules import format as fmt
from rules.areas import Membership, Where
from rules.state import Mark, Stay
from rules.units import duration

UNSUPPORTED = frozenset({"absent", "any_of", "sequence", "count", "not_followed_by"})
"""In the format, refused when loaded: a campaign that can never come true must not look live."""


def trigger_key(kind: str, spec: msgspec.Struct) -> int:
    """32 bits made from what a trigger means; the key of its progress in a subscriber's state."""
    content = msgspec.json.encode((kind, spec), order="deterministic")
    return int.from_bytes(blake2b(content, digest_size=4, person=b"trigger").digest(), "big")


class Firing(NamedTuple):
    """A trigger that came true."""

    key: int
    id: str
    """Of the event that completed it, or of the timer."""
    evidence: tuple[Mark, ...]
    gap: bool
    """It rests on an absence or a departure, and the feed had a gap there."""
    event: Event | None
    """None where a timer fired it."""


class Departure:
    """`left`, and `entered` as its mirror: leaving the outside.

    A stay is from the first sample in the place to the last; an excursion shorter than
    `confirmed_by` does not interrupt it. Leaving is the first sample elsewhere with none in the
    place for `confirmed_by`, and only after a stay of at least `after_staying`. A sample that
    nobody can place does not count. After leaving, only a new stay can be left.
    """

    def __init__(self, kind: str, spec: fmt.Move, place: int) -> None:
        self.kind = kind
        self.key = trigger_key(kind, spec)
        self.place = place
        self.after_staying = duration(spec.after_staying)
        self.confirmed_by = duration(spec.confirmed_by)
        self._mirrored = kind == "entered"
        self._by_arrival = self._mirrored and self.after_staying == 0
        # Of `entered` without a stay before, the arrival begins the progress: otherwise there
        # would be progress to keep for everybody who is elsewhere.
        self.starts_inside = not self._mirrored or self._by_arrival

    def here(self, membership: Membership) -> bool | None:
        """Whether a cell is where the stay is; None if nobody can say."""
        if self.place in membership.unknown:
            return None
        return (self.place in membership.inside) != self._mirrored

    def advance(self, stay: Stay | None, seen: Seen) -> Stay | None:
        """Progress after a sample that somebody can place."""
        stay = self._rebased(stay, seen)
        here = self.here(seen.membership)
        if here is None:
            return stay
        if stay is None:
            return self._begun(seen, here=here)
        return self._inside(stay, seen) if here else self._outside(stay, seen)

    def _rebased(self, stay: Stay | None, seen: Seen) -> Stay | None:
        """Progress as if areas and cells had always been what they are now.

        Where the last sample's cell lies elsewhere than the progress says, the table changed and
        not the phone.
        """
        if stay is None or seen.before is None or seen.before_membership is None:
            return stay
        before = self.here(seen.before_membership)
        if stay.out is not None:
            return Stay(stay.first, seen.before, gap=stay.gap) if before else stay
        return None if before is False and stay.last == seen.before else stay

    def _begun(self, seen: Seen, *, here: bool) -> Stay | None:
        if not self._by_arrival:
            return Stay(seen.mark, seen.mark) if here else None
        if here or seen.before is None or seen.before_membership is None:
            return None
        if not self.here(seen.before_membership):
            return None
        return self._left(Stay(seen.before, seen.before), seen)

    def _inside(self, stay: Stay, seen: Seen) -> Stay | None:
        if self._by_arrival:
            return None
        mark = seen.mark
        if stay.out is not None and mark.time - stay.out.time >= self.confirmed_by:
            return Stay(mark, mark, gap=seen.gap)
        return Stay(stay.first, mark, gap=seen.gap)

    def _outside(self, stay: Stay, seen: Seen) -> Stay | None:
        if stay.out is None:
            return self._left(stay, seen)
        if stay.due is None and seen.mark.time - stay.out.time >= self.confirmed_by:
            return None
        return msgspec.structs.replace(stay, gap=True) if seen.gap else stay

    def _left(self, stay: Stay, seen: Seen) -> Stay:
        stayed = stay.last.time - stay.first.time
        due = seen.mark.time + self.confirmed_by if stayed >= self.after_staying else None
        return Stay(stay.first, stay.last, seen.mark, due, stay.gap or seen.gap)

    def still_true(self, stay: Stay, place: Callable[[Mark], Membership]) -> bool:
        """Whether, by the areas of now, the marks of a due stay are where they were."""
        assert stay.out is not None
        return self.here(place(stay.last)) is True and self.here(place(stay.out)) is False

    def fired(self, stay: Stay) -> Firing:
        """What came true when the stay's timer fired."""
        assert stay.out is not None
        evidence = tuple(dict.fromkeys((stay.first, stay.last, stay.out)))
        gap = stay.gap and self.kind == "left"
        return Firing(self.key, f"{self.kind}:{stay.out.event_id}", evidence, gap, None)

    def after_firing(self, _stay: Stay) -> Stay | None:
        """Only a new stay can be left."""
        return None

    def after_detach(self, stay: Stay) -> Stay | None:
        """A detach does not cancel a departure and is none."""
        return stay


class Presence:
    """`stayed`: in the place for so long, shown by a first sample and none elsewhere since.

    An excursion shorter than `confirmed_by` does not interrupt it, but nothing fires during one.
    A detach ends it. It comes true once a stay.
    """

    def __init__(self, spec: fmt.Presence, place: int) -> None:
        self.kind = "stayed"
        self.key = trigger_key(self.kind, spec)
        self.place = place
        self.duration = duration(spec.for_)
        self.confirmed_by = duration(spec.confirmed_by)
        self.starts_inside = True

    def here(self, membership: Membership) -> bool | None:
        """Whether a cell is in the place; None if nobody can say."""
        return None if self.place in membership.unknown else self.place in membership.inside

    def advance(self, stay: Stay | None, seen: Seen) -> Stay | None:
        """Progress after a sample."""
        here = self.here(seen.membership)
        if here is None:
            return stay
        if here:
            return self._inside(stay, seen.mark)
        assert stay is not None  # only a sample inside begins it
        out = stay.out or seen.mark
        if seen.mark.time - out.time >= self.confirmed_by:
            return None
        return Stay(stay.first, stay.last, out, None, done=stay.done)

    def _inside(self, stay: Stay | None, mark: Mark) -> Stay:
        if stay is None or (stay.out and mark.time - stay.out.time >= self.confirmed_by):
            return Stay(mark, mark, due=mark.time + self.duration)
        due = None if stay.done else max(stay.first.time + self.duration, mark.time)
        return Stay(stay.first, mark, due=due, done=stay.done)

    def still_true(self, stay: Stay, place: Callable[[Mark], Membership]) -> bool:
        """Whether, by the areas of now, the stay is in the place."""
        return self.here(place(stay.last)) is True

    def fired(self, stay: Stay) -> Firing:
        """What came true when the stay's timer fired."""
        evidence = tuple(dict.fromkeys((stay.first, stay.last)))
        return Firing(self.key, f"stayed:{stay.first.event_id}", evidence, False, None)

    def after_firing(self, stay: Stay) -> Stay | None:
        """The stay goes on, and does not come true again."""
        return Stay(stay.first, stay.last, done=True)

    def after_detach(self, _stay: Stay) -> Stay | None:
        """Nobody stays who is switched off."""
        return None


PlaceTrigger = Departure | Presence


class Seen(NamedTuple):
    """A sample and the one before it, and where they lie by the areas of now."""

    mark: Mark
    membership: Membership
    before: Mark | None
    before_membership: Membership | None
    gap: bool


Test = Callable[[Event], bool]

_TYPES = {
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

_DETAILS = {
    "call_ended": ("answered", "ended_by"),
    "requested": ("operation", "code"),
    "updated": ("kind", "outcome"),
}
"""Keys of a filter that a key of the event's detail must equal."""

IndexKey = tuple[str, str | None, str | None]
"""Event type, direction and number class; None for any."""


class Moment:
    """A trigger that a single event completes; every condition of its filter must hold."""

    def __init__(self, kind: str, spec: fmt.Place, place: int | None) -> None:
        self.kind = kind
        self.key = trigger_key(kind, spec)
        self.place = place
        self._directions = _given(getattr(spec, "direction", UNSET))
        self._classes = _given(getattr(spec, "number_class", UNSET))
        self._tests = tuple(_tests(kind, spec))

    def index_keys(self) -> Iterator[IndexKey]:
        """Under which keys the engine finds this trigger."""
        return product(_TYPES[self.kind], self._directions, self._classes)

    def matches(self, event: Event, membership: Membership | None) -> bool:
        """Whether `event`, found under one of the index keys, completes the trigger.

        Args:
            event: the event.
            membership: where its cell lies; None if it has none.
        """
        if self.place is not None and (membership is None or self.place not in membership.inside):
            return False
        return all(test(event) for test in self._tests)

    def fired(self, event: Event) -> Firing:
        """What came true."""
        return Firing(self.key, event.id, (Mark.of(event),), False, event)


def _given(value: object) -> tuple[str | None, ...]:
    if value is UNSET:
        return (None,)
    return tuple(value) if isinstance(value, list) else (str(value),)


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


def _selected(event: Event) -> str | None:
    return event.other_party.selected if event.other_party else None


def _prefix_tests(spec: fmt.CallFilter) -> Iterator[Test]:
    if spec.prefix is not UNSET:
        wanted = frozenset(spec.prefix)
        yield lambda event: _selected(event) in wanted
    if spec.not_prefix is not UNSET:
        unwanted = frozenset(spec.not_prefix)
        yield lambda event: _selected(event) not in unwanted


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


AnyTrigger = Departure | Presence | Moment


def where(spec: fmt.Place) -> Where | None:
    """The place a trigger names; None if it names none."""
    areas, tags = _names(spec.area), _names(spec.tag)
    return Where(areas, tags) if areas or tags else None


def _names(value: object) -> tuple[str, ...]:
    if value is UNSET:
        return ()
    return tuple(value) if isinstance(value, list) else (str(value),)


def build(kind: str, spec: fmt.Place, place: int | None) -> AnyTrigger:
    """The trigger of a campaign file's key `kind`; `place` is the number of its place."""
    if isinstance(spec, fmt.Move):
        assert place is not None
        return Departure(kind, spec, place)
    if isinstance(spec, fmt.Presence):
        assert place is not None
        return Presence(spec, place)
    return Moment(kind, spec, place)
