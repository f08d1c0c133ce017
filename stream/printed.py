"""Tables for a person: as wide as the terminal; into a pipe as wide as they are."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

from rich.console import Console

from decoders.errors import XinlingError

_PIPE_COLUMNS = 240


def console() -> Console:
    """A console on standard output that cuts nothing short where nobody's window is too narrow."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)


def page(show: Callable[[Console], None], file: Path) -> None:
    """Writes what `show` prints as a page of HTML; raises XinlingError where that cannot be."""
    console = Console(record=True, width=120, file=StringIO(), highlight=False)
    show(console)
    try:
        file.write_text(console.export_html(inline_styles=True), encoding="utf-8")
    except OSError as error:
        raise XinlingError(error.strerror or str(error), file=str(file), key="--html") from error
