"""Quiet hours: local hours of the subscriber in which nothing is sent."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from rules.units import DAY, MINUTE
from rules.zones import date_of, microseconds, offset, since_midnight


class Quiet(NamedTuple):
    """From the first time of day to before the second, over midnight where it is the later.

    Where both are the same, nothing is quiet.
    """

    start: int
    """Microseconds since local midnight."""
    end: int
    """Microseconds since local midnight."""

    def covers(self, clock: int) -> bool:
        """Whether `clock`, in microseconds since local midnight, is quiet."""
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def contains(self, other: Quiet) -> bool:
        """Whether every quiet minute of `other` is quiet here too."""
        return all(self.covers(clock) for clock in range(0, DAY, MINUTE) if other.covers(clock))

    def at(self, now: int, where: tzinfo) -> bool:
        """Whether it is quiet at `now` (microseconds since the epoch) by the clocks of `where`."""
        return self.covers(since_midnight(now, where))

    def until(self, now: int, where: tzinfo) -> int | None:
        """Microseconds when the quiet hours around `now` are over; None if it is not quiet.

        Clocks that are put forward or back move the end: it is the first instant at which they
        show `end`, and at which it is not quiet. An `end` that they leap over is taken to come by
        the clocks of before.
        """
        if not self.covers((now + offset(now, where)) % DAY):
            return None
        return min(end for end in _shown(self.end, now, where) if not self.at(end, where))

    def begins(self, now: int, where: tzinfo) -> int | None:
        """Microseconds when quiet hours next begin; `now` within them, None if there are none."""
        if self.start == self.end:
            return None
        return now if self.at(now, where) else min(_shown(self.start, now, where))


def _shown(clock: int, now: int, where: tzinfo) -> list[int]:
    """The instants after `now` and before three days later at which the clocks show `clock`.

    A time of day that the clocks leap over counts as shown by those of before and of after.
    """
    return [instant for instant in _around(clock, date_of(now, where), where) if instant > now]


@lru_cache(maxsize=1024)
def _around(clock: int, day: date, where: tzinfo) -> tuple[int, ...]:
    """The instants of a local day and the two after it at which the clocks show `clock`."""
    midnight = datetime.combine(day, time(), where)
    return tuple(
        microseconds((midnight + timedelta(days=days, microseconds=clock)).replace(fold=fold))
        for days in (0, 1, 2)
        for fold in (0, 1)
    )
