"""A simulated network, its capture replayed, and what came of it held against the truth.

One replay gives both: the events that it makes on its way, and its verdicts about `left zhengzhou`.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from leaving import triggers
from made import simulated
from typer.testing import CliRunner

from decoders.events import Event
from decoders.times import SECOND, from_text
from rules.reasons import FEED_NOT_TRUSTED
from simulator import departures, world
from stream import kernel_cache
from stream.cli import app
from stream.kernel_signals import Signal
from stream.offline import Captures, Correlation

_ROOT = Path(__file__).parents[2]
_CAMPAIGN = "two-cities-one-home.yaml"
_PEOPLE = """
kinds:
  {office: 28%, student: 10%, migrant: 40%, traveller: 5%, resident: 13%, machine: 3%, visitor: 1%}
movement:
  leave: {since: SINCE, until: UNTIL, share: 50%}
  flappers: 4%
  day_trips: 1%
  abroad: 1%
  uncovered: 1%
  new_phones: 1%
"""
A_DAY = "lasts: 21h\ntraffic: {calls: 1, texts: 0.7}" + _PEOPLE.replace(
    "SINCE", "2008-01-30 17:00"
).replace("UNTIL", "2008-01-30 19:30")
"""`spring-festival` in one day, with little talk. At five all have been seen for twelve hours and
more, though the first update was lost: T3212 is two hours."""
TWO_DAYS = "lasts: 44h\ntraffic: {calls: 2, texts: 2}" + _PEOPLE.replace(
    "SINCE", "2008-01-31 10:00"
).replace("UNTIL", "2008-01-31 18:00")
"""The same with a day before it, on which people are paged: nothing else tells who they are in a
network without COMMON ID."""
KINDS = {
    "location.updated": ("update",),
    "call.attempted": ("call", "emergency"),
    "message.sent": ("text out",),
    "message.received": ("text in",),
    "service.requested": ("request",),
    "subscriber.detached": ("detach",),
}
"""Which dialogues of the truth begin which event."""
_SHORTEST = 3600 * SECOND
_CONFIRMED = departures.CONFIRMED * SECOND
_STAYED = (departures.STAYED + departures.GRACE) * SECOND


Moves = dict[str, list[tuple[int, bool]]]
"""By person: times in microseconds, and whether they were inside then."""


class Figures(NamedTuple):
    """What a comparison came to."""

    happened: int
    found: int
    """Of those."""
    seen: int
    right: int
    """Of those."""

    @property
    def recall(self) -> float:
        """Of what happened, how much was found."""
        return self.found / self.happened if self.happened else 1.0

    @property
    def precision(self) -> float:
        """Of what was seen, how much is right."""
        return self.right / self.seen if self.seen else 1.0


class Sample(NamedTuple):
    """An event, as little of it as is compared."""

    type: str
    imsi: str
    time: int
    ci: int | None


class Visit(NamedTuple):
    """Somebody in the area; microseconds."""

    imsi: str
    since: int
    until: int


class Held:
    """One simulation that was replayed."""

    def __init__(self, folder: Path, samples: list[Sample], rows: list[dict[str, Any]]) -> None:
        self._folder = folder
        self._truth = folder / "truth"
        self._samples = samples
        self._rows = rows

    def events(self, kind: str) -> Figures:
        """Events of a type, each of whom it happened to; one of nobody known was not seen."""
        happened = Counter(
            row["imsi"]
            for row in _read(self._truth / "dialogues.csv")
            if row["kind"].startswith(KINDS[kind])
        )
        seen = Counter(one.imsi for one in self._samples if one.type == kind and one.imsi)
        both = (happened & seen).total()
        return Figures(happened.total(), both, seen.total(), both)

    def visits(self) -> Figures:
        """Visits to Zhengzhou, found where one that was seen begins in them.

        Asked is after those of an hour and more. A second one seen in the same visit is wrong.
        """
        happened = _visits(self._moved(), self._end)
        seen = _visits(self._sampled(), self._end)
        by_person: dict[str, list[Visit]] = {}
        for one in happened:
            by_person.setdefault(one.imsi, []).append(one)
        found = {
            each
            for one in seen
            for each in by_person.get(one.imsi, ())
            if each.since <= one.since <= each.until
        }
        asked = {one for one in happened if one.until - one.since >= _SHORTEST}
        return Figures(len(asked), len(asked & found), len(seen), len(found))

    def left(self, *, named: bool = False) -> departures.Figures:
        """Verdicts about `left zhengzhou`, whatever they decided.

        Asked is after departures that the network saw: who switched the phone off before and not on
        again is gone without a sign. With `named` only after people whom it had named when their
        stay began to count.
        """
        truth = departures.read(self._truth / "departures.csv").departures
        asked = [one for one in truth if one.left < self._last.get(one.imsi, 0)]
        if named:
            asked = [one for one in asked if one.left - self._named[one.imsi] >= _STAYED]
        fired = triggers(self._rows)
        found = departures.compare(asked, fired, self._end)
        return departures.compare(truth, fired, self._end)._replace(
            departures=found.departures, found=found.found, missed=found.missed
        )

    @property
    def distrusted(self) -> int:
        """Departures that were refused since the feed was not trusted."""
        return sum(row.get("reason") == FEED_NOT_TRUSTED for row in self._rows)

    @cached_property
    def _end(self) -> int:
        return max(one.time for one in self._samples)

    @cached_property
    def _last(self) -> dict[str, int]:
        """When each last did anything, by the truth."""
        rows = _read(self._truth / "dialogues.csv")  # in order of time
        return {row["imsi"]: from_text(row["time"]) for row in rows}

    @cached_property
    def _named(self) -> dict[str, int]:
        """When it was first known who each is; those alone of whom it was."""
        named: dict[str, int] = defaultdict(lambda: self._end)
        for one in reversed(self._samples):
            named[one.imsi] = one.time
        return named

    @cached_property
    def _inside(self) -> dict[int, bool]:
        """Whether a cell lies in the area."""
        cells = list(_read(self._folder / "cells.csv"))
        lon, lat = (np.array([float(row[name]) for row in cells]) for name in ("lon", "lat"))
        numbers = (int(row["cell"]) for row in cells)
        return dict(zip(numbers, world.inside(lon, lat).tolist(), strict=True))

    def _moved(self) -> Moves:
        """Whether each was inside, from when on; at first known by what they do there."""
        rows = [*_read(self._truth / "visits.csv"), *_read(self._truth / "dialogues.csv")]
        return self._placed((row["imsi"], from_text(row["time"]), int(row["ci"])) for row in rows)

    def _sampled(self) -> Moves:
        """The same by what was seen."""
        known = [one for one in self._samples if one.imsi and one.ci is not None]
        return self._placed((one.imsi, one.time, one.ci or 0) for one in known)

    def _placed(self, placed: Iterable[tuple[str, int, int]]) -> Moves:
        moves: Moves = {}
        for imsi, time, ci in sorted(placed, key=itemgetter(1)):
            moves.setdefault(imsi, []).append((time, self._inside[ci]))
        return moves


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _visits(moved: Moves, end: int) -> list[Visit]:
    """Everybody's visits; an excursion shorter than `confirmed_by` does not end one."""
    return [visit for imsi, moves in moved.items() for visit in _visits_of(imsi, moves, end)]


def _visits_of(imsi: str, moves: Iterable[tuple[int, bool]], end: int) -> Iterator[Visit]:
    since = out = None
    for time, inside in moves:
        if since is not None and out is not None and inside and time - out >= _CONFIRMED:
            yield Visit(imsi, since, out)
            since = None
        if inside:
            since, out = time if since is None else since, None
        elif out is None:
            out = time
    if since is not None:
        yield Visit(imsi, since, end if out is None else out)


def replayed(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, *options: str) -> Held:
    """Plays a scenario into a new folder, and replays it with the campaign that ships.

    By compiled code wherever it can be made, however long the captures are.
    """
    simulated(folder, text)
    samples: list[Sample] = []
    monkeypatch.setattr(Captures, "signals", _noting(samples))
    monkeypatch.setattr(kernel_cache, "pays_for", lambda *_, **__: kernel_cache.there())
    (folder / "campaigns").mkdir()
    draft = (_ROOT / "rules" / "campaigns" / _CAMPAIGN).read_text(encoding="utf-8")
    live = draft.replace("status: draft", "status: live")
    (folder / "campaigns" / _CAMPAIGN).write_text(live, encoding="utf-8")
    verdicts = folder / "verdicts.jsonl"
    names = ("cells.csv", "plan.csv", "profiles.csv", "areas.geojson", "settings.json", "campaigns")
    files = [word for name in names for word in (f"--{Path(name).stem}", str(folder / name))]
    captures = [str(path) for path in sorted(folder.glob("*.pcap"))]
    arguments = ["replay", *captures, *files, "--offers", str(verdicts), "--clear", *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in verdicts.read_text(encoding="utf-8").splitlines()]
    return Held(folder, samples, rows)


def _noting(samples: list[Sample]) -> Callable[[Captures, Correlation], Iterator[Signal]]:
    """`Captures.signals` that keeps what it gives."""
    real = Captures.signals

    def signals(captures: Captures, correlation: Correlation) -> Iterator[Signal]:
        for one in real(captures, correlation):
            if isinstance(one, Event):
                ci = None if one.cell is None else one.cell.ci
                samples.append(Sample(one.type, one.imsi or "", one.time, ci))
            yield one

    return signals


Told = Callable[[str, Held], None]
"""Says what a comparison came to."""


def told(name: str, held: Held) -> list[str]:
    """What the comparison came to, in lines for a person."""
    left = held.left()
    minutes, seconds = divmod(left.delay, 60)
    delay = f"median delay {minutes:.0f} min {seconds:.1f} s"
    lines = [f"{name}: left zhengzhou {left.departures:,}, {_shares(left)}, {delay}"]
    compared = [("area visits", held.visits())]
    compared += [(kind, held.events(kind)) for kind in KINDS]
    lines += [f"    {what} {one.happened:,}, {_shares(one)}" for what, one in compared]
    return lines


def _shares(figures: Figures | departures.Figures) -> str:
    return f"recall {figures.recall:.2%}, precision {figures.precision:.2%}"
