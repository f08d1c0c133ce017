"""Progress for a person: on a terminal, for work over two seconds; nothing into a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")
PATIENCE_SECONDS = 2.0
_EVERY = 4096


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """Pass `items` on, showing how many there were so far on standard error's terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[count]:,} {task.description}"),
        TimeElapsedColumn(),
    )
    return _shown(items, what, columns, lambda: (0, None))


def measured(
    items: Iterable[T], what: str, done: Callable[[], tuple[int, int | None]]
) -> Iterator[T]:
    """Pass `items` on with a bar; `done` says how much has been done, and of how much."""
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[count]:,} {task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return _shown(items, what, columns, done)


def _shown(
    items: Iterable[T],
    what: str,
    columns: tuple[ProgressColumn, ...],
    done: Callable[[], tuple[int, int | None]],
) -> Iterator[T]:
    if not sys.stderr.isatty():
        yield from items
        return
    began = time.monotonic()
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(what, total=None, count=0)
    started = False
    try:
        for count, item in enumerate(items, 1):
            if count % _EVERY == 0:
                if not started and time.monotonic() - began > PATIENCE_SECONDS:
                    progress.start()
                    started = True
                completed, total = done()
                progress.update(task, completed=completed, total=total, count=count)
            yield item
    finally:
        if started:
            progress.stop()
