"""An evaluation as tables: on a terminal, into a pipe, or as a page."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from rules.verdicts import CONTROL
from stream.ask.evaluation import CONVERTED, Evaluation
from stream.ask.uplift import Share
from stream.printed import page as write_page

_SENT = "sent"


def show(evaluation: Evaluation, console: Console) -> None:
    """Prints the arms, what became of them, and the uplift with its interval."""
    console.print(f"campaign {evaluation.campaign}: people, each once, in the arm they came into\n")
    console.print(_arms(evaluation))
    variants = evaluation.variants()
    if variants:
        console.print("\nuptake by variant")
        console.print(_variants(variants))
    console.print()
    for line in _uplift(evaluation):
        console.print(line)
    if not evaluation.complete:
        console.print("more people than can be remembered: the figures are of the latest ones")


def page(evaluation: Evaluation, file: Path) -> None:
    """Writes the same as a page of its own; raises XinlingError where it cannot be written."""
    write_page(lambda console: show(evaluation, console), file)


def _arms(evaluation: Evaluation) -> Table:
    table = Table("arm", box=None)
    outcomes = [name for name in evaluation.outcomes if name != CONVERTED]
    for name in ("people", *outcomes, CONVERTED, "uptake"):
        table.add_column(name, justify="right")
    for arm in (_SENT, CONTROL):
        taken = evaluation.share(arm)
        counts = [evaluation.share(arm, name).part for name in outcomes]
        shown = [f"{number:,}" for number in (taken.whole, *counts, taken.part)]
        table.add_row(arm, *shown, _percent(taken))
    return table


def _variants(variants: dict[str, Share]) -> Table:
    table = Table("variant", box=None)
    for name in ("people", CONVERTED, "uptake"):
        table.add_column(name, justify="right")
    for name, share in variants.items():
        table.add_row(name, f"{share.whole:,}", f"{share.part:,}", _percent(share))
    return table


def _uplift(evaluation: Evaluation) -> list[str]:
    sent, control = evaluation.share(_SENT), evaluation.share(CONTROL)
    found = evaluation.uplift()
    if found is None:
        return ["no uplift: there is nobody in one of the arms (experiment.control)"]
    interval = f"{100 * found.low:+.2f} to {100 * found.high:+.2f}"
    more = f"{found.value * sent.whole:,.0f} of {sent.part:,} orders"
    lines = [f"uplift {100 * found.value:+.2f} percentage points (95 %: {interval}), some {more}"]
    if control.part:
        lines.append(f"uptake {sent.value / control.value:.2f} times that of the control")
    if not found.certain:
        lines.append("too few people to say that the campaign changed anything")
    return lines


def _percent(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.2f} % ({100 * low:.2f} to {100 * high:.2f})"
