"""Triggers about places: left, entered, stayed, absent. Samples make progress, timers come true."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec

from rules import format as fmt
from rules.areas import Membership
from rules.firing import Firing, trigger_key
from rules.state import Mark, Stay
from rules.units import duration


class Seen(msgspec.Struct, frozen=True):
    """A sample and the one before it, and where they lie by the areas of now."""

    mark: Mark
    membership: Membership
    before: Mark | None
    before_membership: Membership | None


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
        self.by_arrival = self._mirrored and self.after_staying == 0
        # Of `entered` without a stay before, the arrival begins the progress: otherwise there
        # would be progress to keep for everybody who is elsewhere.
        self.starts_inside = not self._mirrored or self.by_arrival

    def here(self, membership: Membership) -> bool | None:
        """Whether a cell is where the stay is; None if nobody can say."""
        if self.place in membership.unknown:
            return None
        return (self.place in membership.inside) != self._mirrored

    def advance(self, stay: Stay | None, seen: Seen) -> Stay | None:
        """Progress after a sample that somebody can place."""
        if stay is not None and seen.before is not None and seen.before_membership is not None:
            stay = self._rebased(stay, seen.before, seen.before_membership)
        here = self.here(seen.membership)
        if here is None:
            return stay
        if stay is None:
            return self._begun(seen, here=here)
        return self._inside(stay, seen) if here else self._outside(stay, seen)

    def _rebased(self, stay: Stay, before: Mark, membership: Membership) -> Stay | None:
        """Progress as if areas and cells had always been what they are now.

        Where the last sample's cell lies elsewhere than the progress says, the table changed and
        not the phone.
        """
        here = self.here(membership)
        if stay.out is not None:
            return Stay(stay.first, before) if here else stay
        return None if here is False and stay.last == before else stay

    def _begun(self, seen: Seen, *, here: bool) -> Stay | None:
        if not self.by_arrival:
            return Stay(seen.mark, seen.mark) if here else None
        if here or seen.before is None or seen.before_membership is None:
            return None
        if not self.here(seen.before_membership):
            return None
        return self._left(Stay(seen.before, seen.before), seen)

    def _inside(self, stay: Stay, seen: Seen) -> Stay | None:
        if self.by_arrival:
            return None
        mark = seen.mark
        if stay.out is not None and mark.time - stay.out.time >= self.confirmed_by:
            return Stay(mark, mark)
        return Stay(stay.first, mark)

    def _outside(self, stay: Stay, seen: Seen) -> Stay | None:
        if stay.out is None:
            return self._left(stay, seen)
        if stay.due is None and seen.mark.time - stay.out.time >= self.confirmed_by:
            return None
        return stay

    def _left(self, stay: Stay, seen: Seen) -> Stay:
        stayed = stay.last.time - stay.first.time
        due = seen.mark.time + self.confirmed_by if stayed >= self.after_staying else None
        return Stay(stay.first, stay.last, seen.mark, due)

    def still_true(
        self, stay: Stay, _last: Mark | None, place: Callable[[Mark], Membership]
    ) -> bool:
        """Whether, by the areas of now, the marks of a due stay are where they were."""
        assert stay.out is not None
        return self.here(place(stay.last)) is True and self.here(place(stay.out)) is False

    def fired(self, stay: Stay) -> Firing:
        """What came true when the stay's timer fired."""
        assert stay.out is not None
        evidence = tuple(dict.fromkeys((stay.first, stay.last, stay.out)))
        return Firing(self.key, f"{self.kind}:{stay.out.event_id}", evidence, False, None)

    def after_firing(self, _stay: Stay) -> Stay | None:
        """Only a new stay can be left."""
        return None

    def after_detach(self, stay: Stay) -> Stay | None:
        """A detach does not cancel a departure and is none."""
        return stay


class _Sojourn:
    """A trigger about a visit to a place, or the time since one; it begins with a sample there."""

    kind: ClassVar[str]
    starts_inside = True

    def __init__(self, spec: fmt.Presence, place: int) -> None:
        self.key = trigger_key(self.kind, spec)
        self.place = place
        self.duration = duration(spec.for_)
        self.confirmed_by = duration(spec.confirmed_by)

    def here(self, membership: Membership) -> bool | None:
        """Whether a cell is in the place; None if nobody can say."""
        return None if self.place in membership.unknown else self.place in membership.inside

    def still_true(
        self, stay: Stay, _last: Mark | None, place: Callable[[Mark], Membership]
    ) -> bool:
        """Whether, by the areas of now, the visit was in the place."""
        return self.here(place(stay.last)) is True

    def _evidence(self, stay: Stay) -> tuple[Mark, ...]:
        return tuple(dict.fromkeys((stay.first, stay.last)))


class Presence(_Sojourn):
    """`stayed`: in the place for so long, shown by a first sample and none elsewhere since.

    An excursion shorter than `confirmed_by` does not interrupt it, but nothing fires during one.
    A detach ends it. It comes true once a stay.
    """

    kind = "stayed"

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

    def fired(self, stay: Stay) -> Firing:
        """What came true when the stay's timer fired."""
        identifier = f"stayed:{stay.first.event_id}"
        return Firing(self.key, identifier, self._evidence(stay), False, None)

    def after_firing(self, stay: Stay) -> Stay | None:
        """The stay goes on, and does not come true again."""
        return Stay(stay.first, stay.last, done=True)

    def after_detach(self, _stay: Stay) -> Stay | None:
        """Nobody stays who is switched off."""
        return None


class Absence(_Sojourn):
    """`absent`: not in the place for so long after the last sample there.

    A visit shorter than `confirmed_by` does not interrupt an absence, but nothing fires during
    one. A detach changes nothing. It comes true once an absence; who never was in the place is not
    absent from it. It rests on nothing having been seen, so that trust in the feed is asked.
    """

    kind = "absent"

    def advance(self, stay: Stay | None, seen: Seen) -> Stay | None:
        """Progress after a sample: `first` and `last` are of the last visit that counts."""
        here = self.here(seen.membership)
        if here is None:
            return stay
        if here:
            return self._inside(stay, seen)
        assert stay is not None  # only a sample inside begins it
        return self._outside(stay, seen)

    def _inside(self, stay: Stay | None, seen: Seen) -> Stay:
        mark = seen.mark
        if stay is None:
            return self._counted(mark, mark)
        goes_on = self._was_inside(seen)
        if goes_on and stay.out is None and not stay.done:
            return self._counted(stay.first, mark)
        begun = stay.out if goes_on and stay.out is not None else mark
        if mark.time - begun.time >= self.confirmed_by:
            return self._counted(begun, mark)
        return Stay(stay.first, stay.last, begun, None, stay.done)

    def still_true(
        self, stay: Stay, last: Mark | None, place: Callable[[Mark], Membership]
    ) -> bool:
        """Whether, by the areas of now, the visit was in the place and no sample after it is."""
        if self.here(place(stay.last)) is not True:
            return False
        return last is None or last == stay.last or self.here(place(last)) is not True

    def _counted(self, first: Mark, mark: Mark) -> Stay:
        return Stay(first, mark, due=mark.time + self.duration)

    def _was_inside(self, seen: Seen) -> bool:
        return seen.before_membership is None or self.here(seen.before_membership) is not False

    def _outside(self, stay: Stay, seen: Seen) -> Stay:
        if stay.out is None:
            return stay
        due = None if stay.done else max(stay.last.time + self.duration, seen.mark.time)
        return Stay(stay.first, stay.last, None, due, stay.done)

    def fired(self, stay: Stay) -> Firing:
        """What came true when the absence's timer fired."""
        identifier = f"absent:{stay.last.event_id}"
        return Firing(self.key, identifier, self._evidence(stay), False, None)

    def after_firing(self, stay: Stay) -> Stay | None:
        """Only a new visit can be followed by a new absence."""
        return Stay(stay.first, stay.last, done=True) if self.confirmed_by else None

    def after_detach(self, stay: Stay) -> Stay | None:
        """Who is switched off is absent too."""
        return stay


PlaceTrigger = Departure | Presence | Absence
