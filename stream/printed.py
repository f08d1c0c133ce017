"""Tables for a person: as wide as the terminal; into a pipe as wide as they are."""

from __future__ import annotations

from rich.console import Console

_PIPE_COLUMNS = 240


def console() -> Console:
    """A console on standard output that cuts nothing short where nobody's window is too narrow."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)
