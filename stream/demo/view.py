"""What the demonstration shows: a line an offer as it happens, then a summary.

On a terminal with colours and a table; into a pipe plain lines, one a fact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from decoders.errors import XinlingError
from decoders.times import to_text
from simulator.departures import Figures
from stream.reading import Totals

_COLOURS = {
    "delivered": "bold green",
    "submitted": "green",
    "control": "cyan",
    "hold": "yellow",
    "refuse": "dim",
}
_WIDTHS = (10, 14, 34, 14, 9)


class Line(NamedTuple):
    """One verdict, and what became of it."""

    time: int
    """Microseconds of capture time when it was decided."""
    number: str
    """Masked."""
    what: str
    campaign: str
    verdict: str
    answer: str
    """What the SMSC said, or the reason why it was not asked."""
    state: str
    """The outcome or verdict that gives the line its colour."""


class Comparison(NamedTuple):
    """Departures that were found, where the truth is known."""

    figures: Figures
    flapped: int
    """How often somebody crossed the border and was soon back."""


class Summary(NamedTuple):
    """What a run came to."""

    totals: Totals
    events: Mapping[str, int]
    verdicts: Mapping[tuple[str, str, str], int]
    """(campaign, verdict, reason) → how many."""
    outcomes: Mapping[str, int]
    taken: int
    """Short messages that the SMSC took."""
    latencies: Sequence[float]
    """Seconds from the frame to the SMSC's answer, of each submit."""
    truth: Comparison | None
    seconds: float


class View:
    """Prints on `console`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def ready(self, captures: int, what: str, speed: float | None, seconds: float) -> None:
        """Says what is about to happen."""
        pace = "as fast as it goes" if speed is None else f"{speed:g} times as fast as it was"
        self._print(Text(f"Redis, SMSC and engine answer after {seconds:.1f} s."))
        self._print(Text(f"Playing {captures} {what}, {pace}."))
        self._print(Text("Identities are test ranges, their pseudonyms under a public key.", "dim"))
        self._print(Text())

    def damaged(self, error: XinlingError) -> None:
        """Says that a capture is damaged; what came before the damage counts."""
        self._print(Text(str(error), "red"))

    def line(self, line: Line) -> None:
        """One verdict."""
        clock = to_text(line.time)[11:19]
        cells = (clock, line.number, line.what, line.campaign, line.verdict)
        padded = [_padded(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
        text = Text("".join(padded))
        text.append(line.answer)
        text.stylize(_COLOURS.get(line.state, "red"))
        self._print(text)

    def summary(self, summary: Summary) -> None:
        """What it all came to."""
        facts = _facts(summary)
        self._print(Text())
        if not self._console.is_terminal:
            for name, value in facts:
                self._print(Text(f"{name}: {value}"))
            return
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in facts:
            table.add_row(Text(name, "bold"), Text(value))
        self._console.print(table)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _facts(summary: Summary) -> list[tuple[str, str]]:
    totals = summary.totals
    facts = [
        ("frames", f"{totals.frames:,}"),
        ("messages", f"{totals.messages:,}"),
        ("events", f"{totals.events:,} in {totals.batches:,} batches"),
    ]
    facts += [(f"  {kind}", f"{number:,}") for kind, number in sorted(summary.events.items())]
    triggers = Counter[str]()
    for (campaign, _, _), number in summary.verdicts.items():
        triggers[campaign] += number
    facts += [(f"triggers {name}", f"{number}") for name, number in sorted(triggers.items())]
    facts += [
        (f"  {campaign}", f"{number} {verdict}" + (f" ({reason})" if reason else ""))
        for (campaign, verdict, reason), number in sorted(summary.verdicts.items())
    ]
    facts += _held_against(summary.truth)
    facts.append(("outcomes", _listed(summary.outcomes)))
    facts.append(("short messages at the SMSC", f"{summary.taken}"))
    facts.append(("from frame to submit", _spread(summary.latencies)))
    facts.append(("time in all", f"{summary.seconds:.1f} s"))
    return facts


def _held_against(truth: Comparison | None) -> list[tuple[str, str]]:
    """What was found of what really happened."""
    if truth is None:
        return []
    found = truth.figures
    return [
        ("really left", f"{found.departures}, {found.found} of them found"),
        ("triggers of somebody who had not left", f"{found.wrong}"),
        ("crossed the border and were soon back", f"{truth.flapped} times"),
        ("from crossing to trigger", f"{found.delay / 60:.1f} min in the median"),
    ]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items())) or "none"


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "nothing was submitted"
    return f"{median(seconds) * 1000:.0f} ms in the median, {max(seconds) * 1000:.0f} ms at most"


def _padded(text: str, width: int) -> str:
    """`text` filled up to `width` columns of a terminal; Chinese characters take two."""
    return text + " " * max(1, width - Text(text).cell_len)
