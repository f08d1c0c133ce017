"""Shared budgets in a replay, where all verdicts are in one order already (`rules.budget`).

What a second's candidates get is decided when every partition has passed it. Whoever was refused
as sold out gets their caps back at the next whole minute of capture time, and what is used up is
told to the partitions: a place in the log that depends on the capture alone, so that the rows do
too (P1). The service does the same (`stream.budgets.allocator`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from decoders.errors import XinlingError
from decoders.times import SECOND
from rules.budget import Budgets, spender
from rules.engine import RuleSet
from rules.governance import is_shadow
from rules.reasons import SOLD_OUT
from rules.verdicts import Verdict
from stream.log import BudgetSpent, OutcomeRecorded, RulesChanged
from stream.state import OutboxEntry

MINUTE = 60 * SECOND
Told = OutcomeRecorded | BudgetSpent
"""What the allocator says to the log."""


class SharedBudgets:
    """The allocator of one replay."""

    def __init__(self) -> None:
        self._budgets = Budgets()
        self._desk = Desk(self._budgets)
        self._told: list[Told] = []
        self._minute: int | None = None

    def learn(self, change: RulesChanged) -> None:
        """Takes the budgets of new rules; rules that cannot be used change nothing."""
        try:
            self._budgets.learn(RuleSet.load(change.bundle).campaigns)
        except XinlingError:
            return

    def minute_reached(self, time: int, *, always: bool = False) -> int | None:
        """The whole minute that begins a new one at `time`, if something waits for one.

        Microseconds. `time` has been reached: everything before it has been added to the log.
        """
        minute = time // MINUTE * MINUTE
        if not (self._budgets or always) or (self._minute is not None and minute <= self._minute):
            return None
        self._minute = minute
        return minute

    def told(self) -> list[Told]:
        """What was refused and what was used up since the last call, as records for the log."""
        told, self._told = self._told, []
        return told

    def decided(self, entries: Sequence[OutboxEntry]) -> Iterator[Verdict]:
        """The entries' verdicts in their order; all entries of a second come together."""
        for second, group in groupby(entries, lambda entry: entry.second):
            verdicts, told = self._desk.decide(second, [entry.verdict for entry in group])
            self._told += told
            yield from verdicts


class Desk:
    """Decides a second's candidates, and says what the log must be told of it.

    Attributes:
        told: what was told to be used up, by `rules.budget.spender`: sends granted.
    """

    def __init__(self, budgets: Budgets, told: Mapping[str, int] | None = None) -> None:
        self._budgets = budgets
        self.told = dict(told or {})

    def decide(self, second: int, verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Told]]:
        """The verdicts in their order, and what to tell at the next whole minute."""
        decided = self._budgets.decide(second, verdicts)
        asked = [
            after
            for before, after in zip(verdicts, decided, strict=True)
            if self._budgets.asked(before)
        ]
        returned = [_returned(each) for each in asked if each.reason == SOLD_OUT]
        return decided, [*returned, *self._used_up(asked)]

    def _used_up(self, asked: Iterable[Verdict]) -> Iterator[BudgetSpent]:
        for verdict in asked:
            key, spent = spender(verdict), self._budgets.used_up(verdict)
            if spent is not None and self.told.get(key) != spent:
                self.told[key] = spent
                yield BudgetSpent(verdict.campaign, is_shadow(verdict), spent)


def _returned(verdict: Verdict) -> OutcomeRecorded:
    return OutcomeRecorded(
        verdict.subscriber, verdict.campaign, verdict.offer, SOLD_OUT, verdict.time
    )
