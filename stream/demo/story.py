"""What a verdict of the demonstration is about, in a few words for a person."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from decoders.events import Event
from decoders.messages import Cell
from rules.cells import CellTable, LocationArea
from rules.engine import RuleSet
from rules.format import Move
from rules.profile import Profile
from rules.verdicts import Verdict


class Story:
    """Knows the rules, the cells and the people of one run."""

    def __init__(self, rules: RuleSet, cells: CellTable, people: Mapping[str, Profile]) -> None:
        self._rules = rules
        self._cells = cells
        self._people = people

    def of(self, verdict: Verdict, call: Event | None) -> str:
        """The place that was left, or the class of number that was called.

        `call` is the event that completed the trigger, if it was a call.
        """
        if call is not None:
            return self._called(call)
        campaign = self._rules.campaign(verdict.campaign)
        kind = campaign.kind if campaign else "?"
        cells = [sample.cell for sample in verdict.evidence if sample.cell is not None]
        return f"{kind} {self._way(cells, self._area(verdict.campaign))}"

    def _called(self, call: Event) -> str:
        number_class = self._rules.number_class(call, self._people.get(call.subscriber))
        there = call.other_party.destination.city if call.other_party else None
        return f"called {number_class or 'unknown'}" + (f": {there}" if there else "")

    def _way(self, cells: list[Cell], area: str | None) -> str:
        """From the last cell inside to the first outside.

        A city's name stands on both sides of its border, where the area's name says more.
        """
        if not cells:
            return ""
        last, out = cells[-2:] if len(cells) > 1 else cells * 2
        if area is not None and self._city(last) == self._city(out):
            return f"{area}: LAC {last.lac}, now {out.lac}"
        return f"{self._place(last)} for {self._place(out)}"

    def _area(self, campaign: str) -> str | None:
        """The area that the campaign's trigger names, if it names one."""
        known = self._rules.campaign(campaign)
        move = known.spec.trigger.left if known else UNSET
        return move.area if isinstance(move, Move) and isinstance(move.area, str) else None

    def _place(self, cell: Cell) -> str:
        city = self._city(cell)
        return f"{city} ({cell.lac})" if city else f"LAC {cell.lac}"

    def _city(self, cell: Cell) -> str | None:
        if cell.mcc is None or cell.mnc is None or cell.lac is None:
            return None
        return self._cells.city(LocationArea(int(cell.mcc), int(cell.mnc), cell.lac), cell.ci)
