"""The first layout in Redis: a key for each subscriber. Read, and emptied as it is written over.

A partition that an earlier version filled has no key ``layout``; its progress bears version 2 from
the first commit on, so that the earlier version refuses it and does not take it for empty.
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import Any

from stream.state import Commit, Loaded


def merged(
    loaded: Loaded, first: list[Any], subscribers: list[str], until: int | None, limit: int
) -> Loaded:
    """`loaded`, and of what it lacks what the first layout has; `first` is the script's answer."""
    states, profiles, timers, timed_states, timed_profiles = first
    timed = [name.decode() for name in timers[::2]]
    names = [*subscribers, *timed]
    dues = [int(float(due)) for due in timers[1::2]]
    due = heapq.merge(loaded.due, zip(dues, timed, strict=True))
    return loaded._replace(
        states=_known(names, [*states, *timed_states]) | loaded.states,
        profiles=_known(names, [*profiles, *timed_profiles]) | loaded.profiles,
        due=[] if until is None else list(islice(due, limit)),
    )


def moved(commit: Commit) -> list[bytes]:
    """Kind and name of whatever `commit` writes over, for ``lua/commit.lua``."""
    kinds = ((b"s:", commit.states), (b"f:", commit.profiles), (b"timers", commit.timers))
    return [part for kind, table in kinds for name in table for part in (kind, name.encode())]


def _known(names: list[str], values: list[bytes | None]) -> dict[str, bytes]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
