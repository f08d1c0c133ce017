"""Triggers of `left zhengzhou` held against a simulation's truth: precision, recall, delay."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from decoders.times import from_text

SECOND = 1_000_000
STAYED = 12 * 3600
CONFIRMED = 20 * 60
"""Seconds, as the campaign two-cities-one-home has them."""
GRACE = 30 * 60
"""A departure that near to the end, or a stay that near to twelve hours, is asked of neither."""


class Departure(NamedTuple):
    """Somebody left the area; times in microseconds."""

    imsi: str
    left: int
    returned: int | None
    stayed: int
    """Seconds inside before."""


class Truth(NamedTuple):
    """What really happened."""

    departures: list[Departure]
    """Of those who stayed away for as long as it takes to confirm it."""
    flapped: int
    """How often somebody crossed the border and was back before that."""


class Figures(NamedTuple):
    """What came of the comparison."""

    departures: int
    triggers: int
    found: int
    wrong: int
    delay: float
    """Median seconds from crossing to trigger."""
    missed: list[Departure]
    false: list[tuple[str, int]]

    @property
    def recall(self) -> float:
        """Of the departures, how many were found; 1 where there were none."""
        return self.found / self.departures if self.departures else 1.0

    @property
    def precision(self) -> float:
        """Of the triggers, how many were departures; 1 where there were none."""
        return 1 - self.wrong / self.triggers if self.triggers else 1.0


def read(path: Path) -> Truth:
    """The file ``truth/departures.csv`` of a simulation."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Truth(
        [_departure(row) for row in rows if row["kind"] == "left"],
        sum(row["kind"] == "flapped" for row in rows),
    )


def _departure(row: dict[str, str]) -> Departure:
    back = row["returned"]
    return Departure(
        row["imsi"], from_text(row["left"]), from_text(back) if back else None, int(row["stayed"])
    )


def compare(truth: Iterable[Departure], fired: Iterable[tuple[str, int]], end: int) -> Figures:
    """Which departures were seen, and which triggers (person, moment) were of no departure.

    A departure counts if its person had been inside for `STAYED` seconds since the beginning, and
    left early enough for the trigger to come true before `end` (microseconds).
    """
    truth, fired = list(truth), list(fired)
    by_person: dict[str, list[Departure]] = {}
    for one in truth:
        by_person.setdefault(one.imsi, []).append(one)
    seen: dict[Departure, int] = {}
    false = []
    for person, time in fired:
        fitting = [one for one in by_person.get(person, ()) if _fits(one, time)]
        if fitting:
            seen.setdefault(fitting[-1], time)
        else:
            false.append((person, time))
    asked = [
        one
        for one in truth
        if one.stayed >= STAYED + GRACE and one.left + (CONFIRMED + GRACE) * SECOND < end
    ]
    missed = [one for one in asked if one not in seen]
    delays = [(time - one.left) / SECOND for one, time in seen.items()]
    return Figures(
        departures=len(asked),
        triggers=len(fired),
        found=len(asked) - len(missed),
        wrong=len(false),
        delay=median(delays) if delays else 0.0,
        missed=missed,
        false=false,
    )


def _fits(one: Departure, time: int) -> bool:
    """A trigger bears the moment at which the absence is confirmed."""
    back = one.returned
    return one.left <= time - CONFIRMED * SECOND and (back is None or time < back + 3600 * SECOND)
