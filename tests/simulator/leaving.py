"""Verdicts about `left zhengzhou` held against a simulation's truth: precision, recall, delay.

    python tests/simulator/leaving.py FOLDER VERDICTS     prints one JSON line

FOLDER is what `xinling simulate` wrote; VERDICTS what `xinling replay --clear` wrote with the
campaign two-cities-one-home alone. Every verdict counts, whatever it decided: it says that the
trigger came true. A departure counts if its person had been inside for `STAYED` seconds since the
capture began, and left early enough for the trigger to come true before the capture's end.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from decoders.times import from_text

SECOND = 1_000_000
STAYED = 12 * 3600
CONFIRMED = 20 * 60
GRACE = 30 * 60
"""A departure that near to the end, or a stay that near to twelve hours, is asked of neither."""


class Departure(NamedTuple):
    imsi: str
    left: int
    returned: int | None
    stayed: int


class Figures(NamedTuple):
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
        return self.found / self.departures if self.departures else 1.0

    @property
    def precision(self) -> float:
        return 1 - self.wrong / self.triggers if self.triggers else 1.0


def departures(folder: Path) -> list[Departure]:
    """Everybody who left for as long as it takes to confirm it."""
    with (folder / "truth" / "departures.csv").open(encoding="utf-8", newline="") as file:
        return [
            Departure(
                row["imsi"],
                from_text(row["left"]),
                from_text(row["returned"]) if row["returned"] else None,
                int(row["stayed"]),
            )
            for row in csv.DictReader(file)
            if row["kind"] == "left"
        ]


def triggers(rows: list[dict[str, object]]) -> list[tuple[str, int]]:
    """Who left, and when the trigger came true."""
    return [
        (str(row["imsi"]), from_text(str(row["time"])))
        for row in rows
        if row["step"] == 0 and row["campaign"] == "two-cities-one-home"
    ]


def compare(truth: list[Departure], fired: list[tuple[str, int]], end: int) -> Figures:
    """Which departures were seen, which triggers were of no departure."""
    by_person: dict[str, list[Departure]] = {}
    for one in truth:
        by_person.setdefault(one.imsi, []).append(one)
    seen: dict[Departure, int] = {}
    false = []
    for imsi, time in fired:
        fitting = [one for one in by_person.get(imsi, ()) if _fits(one, time)]
        if fitting:
            seen.setdefault(fitting[-1], time)
        else:
            false.append((imsi, time))
    asked = [
        one
        for one in truth
        if one.stayed >= STAYED + GRACE and one.left + (CONFIRMED + GRACE) * SECOND < end
    ]
    missed = [one for one in asked if one not in seen]
    delays = [(time - one.left) / SECOND for one, time in seen.items()]
    return Figures(
        len(asked),
        len(fired),
        len(asked) - len(missed),
        len(false),
        median(delays) if delays else 0.0,
        missed,
        false,
    )


def _fits(one: Departure, time: int) -> bool:
    """A trigger bears the moment at which the absence is confirmed."""
    back = one.returned
    return one.left <= time - CONFIRMED * SECOND and (back is None or time < back + 3600 * SECOND)


def main() -> None:
    folder, verdicts = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [json.loads(line) for line in verdicts.read_text(encoding="utf-8").splitlines()]
    truth = departures(folder)
    end = max(one.left for one in truth) + 3600 * SECOND
    figures = compare(truth, triggers(rows), end)
    line = {
        "departures": figures.departures,
        "triggers": figures.triggers,
        "recall": round(figures.recall, 4),
        "precision": round(figures.precision, 4),
        "median_delay_seconds": round(figures.delay, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    for one in figures.missed:
        sys.stderr.write(f"missed {one}\n")
    for imsi, time in figures.false:
        sys.stderr.write(f"false {imsi} {time}\n")


if __name__ == "__main__":
    main()
