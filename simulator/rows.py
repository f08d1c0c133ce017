"""What people do, as rows: one array of records, sorted into hours on disk.

A day is planned in slices of people; the hours of a day are then played one after the other. The
rows in between lie in one temporary file an hour, so that memory does not grow with people.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt


class Act(IntEnum):
    """What a row says."""

    CAMP = 0
    """The phone changes to `cell`."""
    OFF = 1
    ON = 2
    CALL_OUT = 3
    CALL_IN = 4
    TEXT_OUT = 5
    TEXT_IN = 6
    REQUEST = 7
    EMERGENCY = 8
    LOST = 9
    """Out of coverage: nobody is told."""
    FOUND = 10
    AWAY = 11
    """Served by another network from now on: nobody here is told."""
    BACK = 12
    """From another network into this one."""


ROW = np.dtype(
    [
        ("time", "<i8"),  # microseconds since 1970
        ("person", "<i4"),
        ("peer", "<i4"),  # the other person, or -1
        ("number", "<i8"),  # the other party's number ...
        ("digits", "<u1"),  # ... and how many digits it has
        ("act", "<u1"),
        ("cell", "<i2"),
        ("pair", "<i8"),  # what ties both sides of a call or text; 0 for one side alone
    ]
)
Rows = npt.NDArray[np.void]
HOUR = 3_600_000_000


def rows(  # noqa: PLR0913  a column each
    time: npt.NDArray[np.float64],
    person: npt.NDArray[np.int64],
    act: Act,
    *,
    cell: npt.NDArray[np.int64] | int = -1,
    peer: npt.NDArray[np.int64] | int = -1,
    number: npt.NDArray[np.int64] | int = 0,
    digits: npt.NDArray[np.int64] | int = 0,
    pair: npt.NDArray[np.int64] | int = 0,
) -> Rows:
    """Rows of one kind; `time` in seconds since 1970."""
    made = np.zeros(len(time), ROW)
    made["time"] = (np.asarray(time) * 1e6).astype(np.int64)
    made["person"], made["peer"], made["act"], made["cell"] = person, peer, act, cell
    made["number"], made["digits"], made["pair"] = number, digits, pair
    return made


class Hours:
    """Rows by the hour they are played in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: set[int] = set()

    def add(self, made: Rows) -> None:
        """Puts rows into their hours; both sides of a call go into the hour of the earlier."""
        if not len(made):
            return
        hours = made["time"] // HOUR
        order = np.argsort(hours, kind="stable")
        made, hours = made[order], hours[order]
        numbers, starts = np.unique(hours, return_index=True)
        for number, part in zip(numbers, np.split(made, starts[1:]), strict=True):
            with self._path(int(number)).open("ab") as file:
                part.tofile(file)
            self._kept.add(int(number))

    def take(self, hour: int) -> Rows:
        """The rows of an hour, by person and time; they are then gone from here."""
        if hour not in self._kept:
            return np.zeros(0, ROW)
        self._kept.discard(hour)
        path = self._path(hour)
        made: Rows = np.fromfile(path, ROW)
        path.unlink()
        return made[np.lexsort((made["time"], made["person"]))]

    def _path(self, hour: int) -> Path:
        return self._folder / f"{hour}.rows"
