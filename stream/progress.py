"""Progress for a person: on a terminal, for work over two seconds; nothing into a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")
PATIENCE_SECONDS = 2.0
_EVERY = 4096


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """Pass `items` on, showing how many there were so far on standard error's terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    began = time.monotonic()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,} {task.description}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(what, total=None)
    started = False
    try:
        for count, item in enumerate(items, 1):
            if count % _EVERY == 0:
                if not started and time.monotonic() - began > PATIENCE_SECONDS:
                    progress.start()
                    started = True
                progress.update(task, completed=count)
            yield item
    finally:
        if started:
            progress.stop()
