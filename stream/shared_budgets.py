"""Shared budgets in a replay, where all verdicts are in one order already (`rules.budget`).

What a second's candidates get is decided when every partition has passed it. Whoever was refused
as sold out gets their caps back at the next whole minute of capture time: a place in the log that
depends on the capture alone, so that the rows do too (P1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from decoders.errors import XinlingError
from decoders.times import SECOND
from rules.budget import Budgets
from rules.engine import RuleSet
from rules.reasons import SOLD_OUT
from rules.verdicts import Verdict
from stream.log import OutcomeRecorded, RulesChanged
from stream.state import OutboxEntry

MINUTE = 60 * SECOND


class SharedBudgets:
    """The allocator of one replay."""

    def __init__(self) -> None:
        self._budgets = Budgets()
        self._refused: list[OutcomeRecorded] = []
        self._minute: int | None = None

    def learn(self, change: RulesChanged) -> None:
        """Takes the budgets of new rules; rules that cannot be used change nothing."""
        try:
            self._budgets.learn(RuleSet.load(change.bundle).campaigns)
        except XinlingError:
            return

    def minute_reached(self, time: int) -> int | None:
        """The whole minute that begins a new one at `time`, if budgets ask for a pause there.

        Microseconds. `time` has been reached: everything before it has been added to the log.
        """
        minute = time // MINUTE * MINUTE
        if not self._budgets or (self._minute is not None and minute <= self._minute):
            return None
        self._minute = minute
        return minute

    def given_back(self) -> list[OutcomeRecorded]:
        """What was refused since the last call, as records for the log."""
        refused, self._refused = self._refused, []
        return refused

    def decided(self, entries: Sequence[OutboxEntry]) -> Iterator[Verdict]:
        """The entries' verdicts in their order; all entries of a second come together."""
        for second, group in groupby(entries, lambda entry: entry.second):
            for verdict in self._budgets.decide(second, [entry.verdict for entry in group]):
                if verdict.reason == SOLD_OUT:
                    self._refused.append(_returned(verdict))
                yield verdict


def _returned(verdict: Verdict) -> OutcomeRecorded:
    return OutcomeRecorded(
        verdict.subscriber, verdict.campaign, verdict.offer, SOLD_OUT, verdict.time
    )
