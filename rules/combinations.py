"""Triggers made of triggers: any_of, sequence, count, not_followed_by.

A part comes true at an instant: of an event, or of its timer. What one instant brings is one step
at most. Progress is a person's, kept by `trigger_key`; what is too old to matter is dropped when
the person's progress is next looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rules.feed import Feeds, fallen
from rules.firing import Firing
from rules.state import Chain, Mark, Progress

MOST_MARKS = 32
"""Samples kept of what made a combination come true: the first, and the last ones."""

Came = Mapping[int, Firing]
"""What came true at an instant, by trigger key."""


class Outcome(NamedTuple):
    """What is left of a combination's progress, and what came true."""

    progress: Progress | None
    firing: Firing | None


def _joined(*parts: Sequence[Mark]) -> tuple[Mark, ...]:
    marks = tuple(dict.fromkeys(mark for part in parts for mark in part))
    return marks if len(marks) <= MOST_MARKS else (marks[0], *marks[1 - MOST_MARKS :])


class AnyOf:
    """Any of its parts; of several at one instant, the first in the file's order."""

    def __init__(self, key: int, parts: Sequence[int]) -> None:
        self.key = key
        self.parts = tuple(parts)

    def step(self, _progress: Progress | None, came: Came, _now: int) -> Outcome:
        """Passes on what came true."""
        found = next((came[part] for part in self.parts if part in came), None)
        return Outcome(
            None, None if found is None else msgspec.structs.replace(found, key=self.key)
        )


class Steps:
    """`sequence`: its parts one after another, the last within so long of the first.

    Of each number of steps made, the run that began last is kept: it stays possible longest.
    After it came true, it begins anew.
    """

    def __init__(self, key: int, parts: Sequence[int], within: int) -> None:
        self.key = key
        self.parts = tuple(parts)
        self.within = within

    def step(self, progress: Progress | None, came: Came, now: int) -> Outcome:
        """Takes the runs that go on a step further, the longest first."""
        runs = dict(progress.chains) if progress else {}
        for number in range(len(self.parts) - 1, -1, -1):
            firing = came.get(self.parts[number])
            if firing is None:
                continue
            run = self._longer(runs.get(number), number, firing, now)
            if run is None:
                continue
            if number == len(self.parts) - 1:
                return Outcome(None, Firing(self.key, firing.id, run.marks, run.gap, firing.event))
            runs[number + 1] = run
        return Outcome(Progress(runs) if runs else None, None)

    def _longer(self, run: Chain | None, number: int, firing: Firing, now: int) -> Chain | None:
        """The run of `number` steps with one more; None if there is none that may go on."""
        if number == 0:
            return Chain(now, _joined(firing.evidence), firing.gap)
        if run is None or now - run.time > self.within:
            return None
        return Chain(run.time, _joined(run.marks, firing.evidence), run.gap or firing.gap)

    def stale(self, progress: Progress, now: int) -> bool:
        """Whether no run can be completed any more."""
        return all(now - run.time > self.within for run in progress.chains.values())


class Repeated:
    """`count`: its part came true so many times within so long; then it counts anew."""

    def __init__(self, key: int, part: int, at_least: int, within: int) -> None:
        self.key = key
        self.parts = (part,)
        self.at_least = at_least
        self.within = within

    def step(self, progress: Progress | None, came: Came, now: int) -> Outcome:
        """Counts what came true."""
        firing = came[self.parts[0]]
        before = progress.chains.values() if progress else ()
        counted = [each for each in before if now - each.time <= self.within]
        counted.append(Chain(now, firing.evidence[-1:], firing.gap))
        if len(counted) < self.at_least:
            return Outcome(Progress(dict(enumerate(counted))), None)
        marks = _joined(*(each.marks for each in counted))
        gap = any(each.gap for each in counted)
        return Outcome(None, Firing(self.key, firing.id, marks, gap, firing.event))

    def stale(self, progress: Progress, now: int) -> bool:
        """Whether nothing counts any more."""
        return all(now - each.time > self.within for each in progress.chains.values())


class NotFollowedBy:
    """The first part came true, and for so long after it the second did not.

    One wait at a time: the first part coming true again meanwhile begins none. It rests on nothing
    having been seen, so that trust in the feed is asked.
    """

    def __init__(self, key: int, first: int, then: int, within: int) -> None:
        self.key = key
        self.parts = (first, then)
        self.within = within

    def step(self, progress: Progress | None, came: Came, now: int) -> Outcome:
        """Ends a wait whose time has come or that was in vain, and begins one."""
        first, then = self.parts
        done = None
        if progress is not None and progress.due is not None and progress.due <= now:
            done, progress = self._fired(progress), None
        if then in came:
            progress = None
        if progress is None and first in came:
            begun = came[first]
            chain = Chain(now, _joined(begun.evidence), begun.gap, begun.id)
            progress = Progress({0: chain}, now + self.within)
        return Outcome(progress, done)

    def _fired(self, progress: Progress) -> Firing:
        (chain,) = progress.chains.values()
        return Firing(self.key, f"not_followed_by:{chain.id}", chain.marks, chain.gap, None)

    def stale(self, _progress: Progress, _now: int) -> bool:
        """A wait ends by its timer."""
        return False


Combination = AnyOf | Steps | Repeated | NotFollowedBy


class Circuit:
    """All combinations of a set of rules, wired from parts to wholes."""

    def __init__(self, combinations: Iterable[Combination]) -> None:
        """`combinations` stand in an order in which parts come before wholes."""
        self._all = tuple(combinations)
        self._keeping = {each.key: each for each in self._all if not isinstance(each, AnyOf)}
        self._number = {each.key: number for number, each in enumerate(self._all)}
        self._wholes: dict[int, list[int]] = {}
        for number, each in enumerate(self._all):
            for part in dict.fromkeys(each.parts):
                self._wholes.setdefault(part, []).append(number)

    def run(
        self, progress: dict[int, Progress], firings: Iterable[Firing], now: int
    ) -> tuple[dict[int, Progress], list[Firing]]:
        """A person's progress after an instant, and all that came true: `firings` and wholes."""
        if not self._all and not progress:
            return progress, list(firings)
        came = {firing.key: firing for firing in firings}
        left = self._current(progress, now)
        waiting = {self._number[key] for key, each in left.items() if _due(each, now)}
        for key in came:
            waiting.update(self._wholes.get(key, ()))
        while waiting:
            number = min(waiting)
            waiting.discard(number)
            each = self._all[number]
            after, firing = each.step(left.pop(each.key, None), came, now)
            if after is not None:
                left[each.key] = after
            if firing is not None:
                came[each.key] = firing
                waiting.update(self._wholes.get(each.key, ()))
        return left, list(came.values())

    def _current(self, progress: dict[int, Progress], now: int) -> dict[int, Progress]:
        """Without progress of combinations that are gone, and without what is too old."""
        return {
            key: each
            for key, each in progress.items()
            if key in self._keeping and not self._keeping[key].stale(each, now)
        }


def _due(progress: Progress, now: int) -> bool:
    return progress.due is not None and progress.due <= now


def doubted(progress: dict[int, Progress], now: int, feeds: Feeds) -> dict[int, Progress]:
    """Progress at `now`, where what is due is not to be trusted if the feed fell meanwhile.

    Asked is the area in which the wait began, from then on.
    """
    return {
        key: _with_gap(each) if _due(each, now) and _fell(each, now, feeds) else each
        for key, each in progress.items()
    }


def _fell(progress: Progress, now: int, feeds: Feeds) -> bool:
    (chain,) = progress.chains.values()
    begun = chain.marks[-1]
    for name in fallen(feeds, chain.time, now):
        network, _, lac = name.rpartition("-")
        if begun.lac is None or (begun.network or network, begun.lac) == (network, int(lac)):
            return True
    return False


def _with_gap(progress: Progress) -> Progress:
    chains = {
        number: msgspec.structs.replace(chain, gap=True)
        for number, chain in progress.chains.items()
    }
    return Progress(chains, progress.due)
