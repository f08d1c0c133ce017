"""`xinling campaigns`: what is wrong with campaign files, and what they are."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from decoders.errors import XinlingError
from decoders.times import SECOND
from rules import lint
from rules.campaign import LIVE, Campaign
from rules.engine import RuleSet
from stream import conflicts, printed, rule_files
from stream.offline import say

_MOST_SHOWN = 200
SHIPPED = Path(__file__).resolve().parent.parent / "rules" / "campaigns"


def check(folder: Path | None, areas: Path | None, cells: Path | None) -> None:
    """Say that every campaign of `folder` is right; raises CampaignErrors with every mistake.

    What is right and yet not wise is said on standard error.
    """
    bundle = _bundle(folder, areas, cells)
    rules = RuleSet.load(bundle)
    for warning in (*rules.doubts, *lint.warnings(bundle, rules.campaigns)):
        say(f"warning: {warning}")
    named = [campaign.id for campaign in rules.campaigns]
    Console(highlight=False).print(f"{len(named)} campaigns are right: {', '.join(named)}")


def show(folder: Path | None) -> None:
    """Print a table of the campaigns of `folder`."""
    table = Table("campaign", "title", "status", "priority", "runs", "trigger", box=None)
    for campaign in sorted(_load(folder, None, None).campaigns, key=lambda one: -one.priority):
        runs = f"{campaign.starts or '…'} to {campaign.ends or '…'}"
        table.add_row(
            campaign.id,
            campaign.title,
            campaign.status,
            str(campaign.priority),
            runs,
            campaign.kind,
        )
    printed.console().print(table)


def meet(folder: Path | None, areas: Path | None, cells: Path | None) -> None:
    """Print which campaigns of `folder` could meet in one subscriber; most likely ones first."""
    rules = _load(folder, areas, cells)
    order = (conflicts.SAME_EVENT, conflicts.SAME_MOMENT, conflicts.LATER)
    found = sorted(conflicts.conflicts(rules.campaigns), key=lambda one: order.index(one.how))
    console = printed.console()
    if not found:
        console.print("no two of these campaigns could meet")
        return
    table = Table("goes first", "priority", "stands back", "priority", "they meet", "", box=None)
    for one in found[:_MOST_SHOWN]:
        table.add_row(*_named(one.first), *_named(one.second), one.how, _remark(one))
    console.print(table)
    if len(found) > _MOST_SHOWN:
        console.print(f"and {len(found) - _MOST_SHOWN:,} further pairs")
    for line in conflicts.picture(found):
        console.print(line, highlight=False, markup=False)
    if rules.settings.apart:
        seconds = rules.settings.apart // SECOND
        console.print(f"besides, all of them meet within {seconds:,} s after one was sent")


def _named(campaign: Campaign) -> tuple[str, str]:
    status = "" if campaign.status == LIVE else f" ({campaign.status})"
    return campaign.id + status, str(campaign.priority)


def _remark(conflict: conflicts.Conflict) -> str:
    if conflict.excludes:
        return "one excludes the other"
    return "same priority: their names decide" if conflict.tie else ""


def _load(folder: Path | None, areas: Path | None, cells: Path | None) -> RuleSet:
    return RuleSet.load(_bundle(folder, areas, cells))


def _bundle(folder: Path | None, areas: Path | None, cells: Path | None) -> dict[str, bytes]:
    place = folder or SHIPPED
    bundle = rule_files.bundle(
        place,
        areas or _beside(place, rule_files.AREAS),
        cells or _beside(place, rule_files.CELLS),
        _beside(place, rule_files.SETTINGS),
    )
    if not any(name.startswith(rule_files.CAMPAIGNS) for name in bundle):
        raise XinlingError(
            "no campaign file (*.yaml) in it", file=str(place), remedy="name the campaigns' folder"
        )
    return bundle


def _beside(folder: Path, name: str) -> Path | None:
    """A file that lies with the campaigns or in the folder above them."""
    places = (folder / name, folder.parent / name)
    return next((path for path in places if path.is_file()), None)
