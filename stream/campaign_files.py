"""`xinling campaigns`: what is wrong with campaign files, and what they are."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from decoders.errors import XinlingError
from rules.engine import RuleSet
from stream import rule_files

SHIPPED = Path(__file__).resolve().parent.parent / "rules" / "campaigns"


def check(folder: Path | None, areas: Path | None, cells: Path | None) -> None:
    """Say that every campaign of `folder` is right; raises CampaignErrors with every mistake."""
    rules = _load(folder, areas, cells)
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
    Console(highlight=False).print(table)


def _load(folder: Path | None, areas: Path | None, cells: Path | None) -> RuleSet:
    place = folder or SHIPPED
    bundle = rule_files.bundle(place, areas or _beside(place, rule_files.AREAS), cells)
    if not any(name.startswith(rule_files.CAMPAIGNS) for name in bundle):
        raise XinlingError(
            "no campaign file (*.yaml) in it", file=str(place), remedy="name the campaigns' folder"
        )
    return RuleSet.load(bundle)


def _beside(folder: Path, name: str) -> Path | None:
    """An areas file that lies with the campaigns or in the folder above them."""
    places = (folder / name, folder.parent / name)
    return next((path for path in places if path.is_file()), None)
