"""Capture files that grow by whole records, rotated and compressed if wanted."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from simulator.carriers import LINK_TYPES, Frames
from simulator.scenario import Scenario

SECOND = 1_000_000
_SNAP = 262_144


class Captures:
    """Writes frames; what is in the files is always whole records."""

    def __init__(self, folder: Path, scenario: Scenario, begin: int) -> None:
        self._folder, self._scenario, self._begin = folder, scenario, begin
        self._open: dict[Path, int] = {}
        """Every file so far, with how long it is."""

    @property
    def paths(self) -> list[Path]:
        """Every file so far."""
        return sorted(self._open)

    def write(self, frames: Frames, time: int) -> int:
        """Appends the frames of the hour that begins at `time`; how many octets there were.

        When the disk is full or somebody interrupts, the files are cut back to what they were.
        """
        before = dict(self._open)
        total = 0
        try:
            for file in np.unique(frames.file):
                chosen = np.flatnonzero(frames.file == file)
                first, last = chosen[0], chosen[-1]
                begin, end = frames.offset[first], frames.offset[last] + frames.length[last]
                total += self._append(self._path(int(file), time), frames.octets[begin:end].data)
        except BaseException:
            self._cut_back(before)
            raise
        return total

    def _path(self, file: int, time: int) -> Path:
        captures = self._scenario.captures
        stem = captures.per if captures.per == "all" else f"{captures.per}-{file:02d}"
        if captures.rotate is not None:
            stem += f"-{int((time - self._begin) // (captures.rotate * SECOND)):04d}"
        return self._folder / (stem + (".pcap.gz" if captures.compress else ".pcap"))

    def _append(self, path: Path, octets: memoryview) -> int:
        new = path not in self._open
        data: list[bytes | memoryview] = [octets]
        if new:
            data.insert(0, header(self._scenario))
        if self._scenario.captures.compress:
            data = [gzip.compress(b"".join(data), 6, mtime=0)]
        with path.open("wb" if new else "ab", buffering=0) as file:
            self._open.setdefault(path, 0)
            for part in data:
                write_all(file.write, part)
        self._open[path] = path.stat().st_size
        return len(octets)

    def _cut_back(self, before: dict[Path, int]) -> None:
        for path in self._open:
            if path in before:
                with path.open("r+b") as file:
                    file.truncate(before[path])
            else:
                path.unlink(missing_ok=True)
        self._open = before


class Pipe:
    """Writes frames to a stream, such as standard output."""

    def __init__(self, stream: IO[bytes], scenario: Scenario) -> None:
        self._stream = stream
        stream.write(header(scenario))
        self.paths: list[Path] = []

    def write(self, frames: Frames, time: int) -> int:
        """Appends frames; how many octets there were."""
        del time
        if not len(frames.time):
            return 0
        octets = frames.octets[frames.offset[0] : frames.offset[-1] + frames.length[-1]]
        self._stream.write(octets.data)
        self._stream.flush()
        return len(octets)


def header(scenario: Scenario) -> bytes:
    """A pcap file's header."""
    link = LINK_TYPES[scenario.captures.link]
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _SNAP, link)


def write_all(write: Callable[[memoryview], int], data: bytes | memoryview) -> None:
    """Writes everything, however little the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[write(rest) :]
