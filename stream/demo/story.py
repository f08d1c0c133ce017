"""What a verdict of the demonstration is about, in a few words for a person."""

from __future__ import annotations

from collections.abc import Mapping

from decoders.events import Event
from decoders.messages import Cell
from rules.cells import CellTable, LocationArea
from rules.engine import RuleSet
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
        return f"{kind} {self._way(cells)}"

    def _called(self, call: Event) -> str:
        number_class = self._rules.number_class(call, self._people.get(call.subscriber))
        there = call.other_party.destination.city if call.other_party else None
        return f"called {number_class or 'unknown'}" + (f": {there}" if there else "")

    def _way(self, cells: list[Cell]) -> str:
        """From the last cell inside to the first outside."""
        if not cells:
            return ""
        return f"{self._place(cells[0])} for {self._place(cells[-1])}"

    def _place(self, cell: Cell) -> str:
        if cell.mcc is None or cell.mnc is None or cell.lac is None:
            return f"LAC {cell.lac}"
        area = LocationArea(int(cell.mcc), int(cell.mnc), cell.lac)
        city = self._cells.city(area, cell.ci)
        return f"{city} ({cell.lac})" if city else f"LAC {cell.lac}"
