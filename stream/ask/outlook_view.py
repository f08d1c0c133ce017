"""An outlook as tables and bars: on a terminal, into a pipe, or as a page."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from decoders.times import SECOND
from rules.units import DAY, HOUR
from rules.verdicts import CONTROL, REFUSE, SEND
from stream import printed
from stream.ask.outlook import Campaign, Outlook, by_hour

_WIDTH = 40
"""Of the longest bar, in characters."""
_MOST_HOURS = 48
"""Hours shown one by one; beyond, hours of the day."""
_PARTS = ((SEND, "█", "green"), (CONTROL, "▓", "cyan"), (REFUSE, "░", "yellow"))


def show(outlook: Outlook, zone: tzinfo, console: Console) -> None:
    """Prints the tables and bars; hours are of `zone`."""
    console.print(_summary(outlook))
    for title, table in (("held back, by reason", _reasons(outlook)), ("together", _met(outlook))):
        if table.row_count:
            console.print(f"\n{title}")
            console.print(table)
    if not outlook.comparable:
        console.print("\nmore people than can be compared: whom campaigns share is left out")
    for campaign in outlook.campaigns:
        if outlook.triggered[campaign.id]:
            console.print()
            for line in _bars(outlook, campaign, zone):
                console.print(line)


def page(outlook: Outlook, zone: tzinfo, file: Path) -> None:
    """Writes the same as a page of its own; raises XinlingError where it cannot be written."""
    printed.page(lambda console: show(outlook, zone, console), file)


def _summary(outlook: Outlook) -> Table:
    table = Table("campaign", "status", box=None)
    for name in ("triggered", "sent", "people", "control", "held back", "waiting"):
        table.add_column(name, justify="right")
    for campaign in outlook.campaigns:
        ends = outlook.ends[campaign.id]
        numbers = (
            outlook.triggered[campaign.id],
            ends[SEND],
            outlook.people(campaign.id),
            ends[CONTROL],
            ends[REFUSE],
            outlook.waiting(campaign.id),
        )
        shown = [f"{number:,}" for number in numbers]
        table.add_row(campaign.id, campaign.status, *shown)
    return table


def _reasons(outlook: Outlook) -> Table:
    table = Table("campaign", "reason", box=None)
    table.add_column("offers", justify="right")
    for campaign in outlook.campaigns:
        for reason, number in outlook.reasons[campaign.id].most_common():
            table.add_row(campaign.id, reason, f"{number:,}")
    return table


def _met(outlook: Outlook) -> Table:
    table = Table("campaign", "and", box=None)
    table.add_column("people sent both", justify="right")
    for meeting in outlook.meetings():
        table.add_row(meeting.one, meeting.other, f"{meeting.people:,}")
    return table


def _bars(outlook: Outlook, campaign: Campaign, zone: tzinfo) -> list[Text]:
    """A line an hour: its bar, and the numbers it is made of."""
    hours = by_hour(outlook.hours[campaign.id])
    rows = _hours_of_day(hours, zone) if len(hours) > _MOST_HOURS else _hours(hours, zone)
    longest = max((counts.total() for counts in rows.values()), default=0)
    lines = [Text(f"{campaign.id} ({campaign.status}) by hour: █ sent ▓ control ░ held back")]
    lines += [_bar(name, counts, longest) for name, counts in rows.items()]
    return lines


def _bar(name: str, counts: Counter[str], longest: int) -> Text:
    line = Text(f"{name:>16}  ")
    for verdict, character, style in _PARTS:
        wide = -(-counts[verdict] * _WIDTH // longest)
        line.append(character * wide, style)
    return line.append(f" {counts[SEND]:,} / {counts[CONTROL]:,} / {counts[REFUSE]:,}")


def _hours(hours: dict[int, Counter[str]], zone: tzinfo) -> dict[str, Counter[str]]:
    return {f"{_local(hour, zone):%Y-%m-%d %H:00}": counts for hour, counts in hours.items()}


def _hours_of_day(hours: dict[int, Counter[str]], zone: tzinfo) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {f"{hour:02}:00": Counter() for hour in range(DAY // HOUR)}
    for hour, counts in hours.items():
        found[f"{_local(hour, zone):%H}:00"] += counts
    return found


def _local(time: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(time // SECOND, UTC).astimezone(zone)
