"""Progress for a person: on a terminal, for work over two seconds; nothing into a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

T = TypeVar("T")
PATIENCE_SECONDS = 2.0
_EVERY = 4096


def counted(items: Iterable[T], what: str) -> Iterator[T]:
    """Pass `items` on, showing how many there were so far on standard error's terminal."""
    if not sys.stderr.isatty():
        return iter(items)
    from rich import progress as bars  # noqa: PLC0415  a pipe sees nothing of it

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.fields[count]:,} {task.description}"),
        bars.TimeElapsedColumn(),
    )
    return _shown(items, what, columns, lambda: (0, None))


def measured(
    items: Iterable[T], what: str, done: Callable[[], tuple[int, int | None]]
) -> Iterator[T]:
    """Pass `items` on with a bar; `done` says how much has been done, and of how much."""
    if not sys.stderr.isatty():
        return iter(items)
    from rich import progress as bars  # noqa: PLC0415  a pipe sees nothing of it

    columns = (
        bars.BarColumn(),
        bars.TextColumn("{task.percentage:>3.0f}%  {task.fields[count]:,} {task.description}"),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
    )
    return _shown(items, what, columns, done)


def _shown(
    items: Iterable[T],
    what: str,
    columns: tuple[ProgressColumn, ...],
    done: Callable[[], tuple[int, int | None]],
) -> Iterator[T]:
    from rich.console import Console  # noqa: PLC0415  as above
    from rich.progress import Progress  # noqa: PLC0415  as above

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
