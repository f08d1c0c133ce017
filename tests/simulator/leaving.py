"""Verdicts about `left zhengzhou` held against a simulation's truth: precision, recall, delay.

    python tests/simulator/leaving.py FOLDER VERDICTS     prints one JSON line

FOLDER is what `xinling simulate` wrote; VERDICTS what `xinling replay --clear` wrote with the
campaign two-cities-one-home alone. Every verdict counts, whatever it decided: it says that the
trigger came true; how many of them were refused since the feed could not be trusted is said beside
it. Who was missed and who was false is named on standard error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from decoders.times import from_text
from rules.reasons import FEED_NOT_TRUSTED
from simulator.departures import SECOND, compare, read


def triggers(rows: list[dict[str, object]]) -> list[tuple[str, int]]:
    """Who left, and when the trigger came true."""
    return [
        (str(row["imsi"]), from_text(str(row["time"])))
        for row in rows
        if row["step"] == 0 and row["campaign"] == "two-cities-one-home"
    ]


def main() -> None:
    folder, verdicts = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [json.loads(line) for line in verdicts.read_text(encoding="utf-8").splitlines()]
    truth = read(folder / "truth" / "departures.csv").departures
    end = max(one.left for one in truth) + 3600 * SECOND
    figures = compare(truth, triggers(rows), end)
    line = {
        "departures": figures.departures,
        "triggers": figures.triggers,
        "recall": round(figures.recall, 4),
        "precision": round(figures.precision, 4),
        "median_delay_seconds": round(figures.delay, 1),
        "refused_as_feed_not_trusted": sum(row.get("reason") == FEED_NOT_TRUSTED for row in rows),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    for one in figures.missed:
        sys.stderr.write(f"missed {one}\n")
    for imsi, time in figures.false:
        sys.stderr.write(f"false {imsi} {time}\n")


if __name__ == "__main__":
    main()
