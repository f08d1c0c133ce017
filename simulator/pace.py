"""Frames written when they are due: as a probe would write them, or so many times as fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from simulator.captures import Captures, Pipe
from simulator.carriers import Frames

_STEP = 0.05
"""Seconds that a frame may be late."""
SECOND = 1_000_000


class Clock(NamedTuple):
    """What the machine's clock is asked for."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Paced:
    """Hands frames on to captures or a pipe when they are due."""

    def __init__(self, written: Captures | Pipe, pace: float, clock: Clock = Clock()) -> None:  # noqa: B008  immutable
        """`pace`: seconds of the scenario a second."""
        self._written, self._pace, self._clock = written, pace, clock
        self._zero: float | None = None
        """When the scenario's beginning was due, by the clock."""

    def write(self, frames: Frames, time: int) -> int:
        """Appends frames of the hour that begins at `time`; how many octets there were."""
        if self._zero is None and len(frames.time):
            first = int(frames.time.min())
            self._zero = self._clock.now() - first / SECOND / self._pace
        total, left = 0, frames
        while len(left.time):
            reached = (self._clock.now() - (self._zero or 0.0)) * self._pace * SECOND
            due = left.time <= reached
            if due.any():
                total += self._written.write(_those(left, due), time)
                left = _those(left, ~due)
            else:
                wait = (int(left.time.min()) - reached) / SECOND / self._pace
                self._clock.sleep(max(wait, _STEP))
        return total


def _those(frames: Frames, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Frames:
    """Some of the frames; their octets stay where they are."""
    return Frames(
        frames.time[chosen],
        frames.file[chosen],
        frames.offset[chosen],
        frames.length[chosen],
        frames.octets,
    )
