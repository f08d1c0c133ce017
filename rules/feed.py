"""How far the feed could be trusted, area by area, as the log tells it: scores from 0 to 100.

A dead probe looks like a city leaving, so whatever rests on an absence or a departure asks here
whether anything fell between what it last saw and now. Each source of events tells of the areas
that have fallen (`decoders.quality`); an area that nobody speaks of stands at 100.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decoders.times import SECOND

TRUSTED = 70
"""From this score on a departure is believed."""
FULL = 100
_REMEMBERED = 24 * 3600 * SECOND
"""Microseconds for which a fall is remembered after it is over, or after it was last told of."""
_NEVER = -(2**53)


class Fall(msgspec.Struct, frozen=True, array_like=True):
    """An area that has fallen."""

    worst: int
    """Its lowest score."""
    told: int
    """Microseconds: when it was last told of."""
    over: int | None = None
    """Microseconds: when it was told of no more; None while it lasts."""


class Feed(msgspec.Struct, frozen=True, array_like=True):
    """What one source of events has told."""

    told: int = _NEVER
    """Microseconds of capture time of the latest word."""
    falls: dict[str, Fall] = {}
    """By area, ``46000-17104``."""

    def after(self, time: int, areas: Mapping[str, int]) -> Feed:
        """What is known once the source says that at `time` exactly `areas` have fallen.

        A word that is not newer than the latest one is the same word again, and changes nothing.
        """
        if time <= self.told:
            return self
        falls = {
            name: fall if fall.over is not None else Fall(fall.worst, fall.told, time)
            for name, fall in self.falls.items()
            if name not in areas and time - (fall.over or fall.told) < _REMEMBERED
        }
        for name, score in areas.items():
            before = self.falls.get(name)
            worst = min(score, before.worst) if before and before.over is None else score
            falls[name] = Fall(worst, time)
        return Feed(time, falls)


Feeds = Mapping[str, Feed]
"""By source."""
NO_FEEDS: Feeds = {}


def fallen(feeds: Feeds, since: int, now: int) -> set[str]:
    """The areas that could not be trusted at some moment from `since` to `now`, microseconds."""
    return {
        name
        for feed in feeds.values()
        for name, fall in feed.falls.items()
        if fall.worst < TRUSTED and _touches(fall, since, now)
    }


def _touches(fall: Fall, since: int, now: int) -> bool:
    if fall.over is not None:
        return fall.over >= since
    return now - fall.told < _REMEMBERED
