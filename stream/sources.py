"""Captures as files and standard input: their records, merged by time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from heapq import merge
from io import BufferedReader
from operator import attrgetter
from pathlib import Path
from typing import TypeVar, cast

from decoders.capture import CaptureParser
from decoders.errors import CaptureError
from decoders.messages import Record
from decoders.ordering import WINDOW, in_order

CHUNK = 1 << 20
"""Octets read at a time."""

STDIN = "-"

Item = TypeVar("Item")

Report = Callable[[CaptureError], None]
"""Takes the error of a capture whose records up to there were given all the same."""


def labels(paths: Sequence[str]) -> list[str]:
    """A label for each capture: its base name, or the whole path where base names coincide."""
    names = ["stdin" if path == STDIN else Path(path).name for path in paths]
    return [
        path if names.count(name) > 1 else name for path, name in zip(paths, names, strict=True)
    ]


def merged(paths: Sequence[str], report: Report, window: int = WINDOW) -> Iterator[Record]:
    """The records of all captures, by time; of equal times, in the order of `paths`.

    Each capture's records are put in order within `window` microseconds (see `ordering`).
    A capture that is not there raises CaptureError at once. One that turns out to be damaged gives
    what comes before the damage, its error goes to `report`, and the others go on.
    """
    with ExitStack() as stack:
        files = [opened(path, stack) for path in paths]
        streams = [
            in_order(_records(file, path, label, report), window)
            for file, path, label in zip(files, paths, labels(paths), strict=True)
        ]
        yield from merge(*streams, key=attrgetter("time"))


def opened(path: str, stack: ExitStack) -> BufferedReader:
    """A capture's octets, until the stack is left; raises CaptureError where there are none."""
    if path == STDIN:
        return cast("BufferedReader", sys.stdin.buffer)
    try:
        return stack.enter_context(Path(path).open("rb"))
    except OSError as error:
        raise CaptureError(
            error.strerror or str(error), file=path, remedy="name a capture file that can be read"
        ) from error


def _records(file: BufferedReader, path: str, label: str, report: Report) -> Iterator[Record]:
    parser = CaptureParser(label)
    return read_through(file, path, report, parser.records, parser.close)


def read_through(
    file: BufferedReader,
    path: str,
    report: Report,
    read: Callable[[bytes], Iterable[Item]],
    close: Callable[[], None],
) -> Iterator[Item]:
    """What a parser's `read` makes of a capture, to its end; what is wrong goes to `report`."""
    try:
        while chunk := file.read1(CHUNK):
            yield from read(chunk)
        close()
    except CaptureError as error:
        error.file = path
        report(error)
    except OSError as error:
        report(CaptureError(error.strerror or str(error), file=path))
