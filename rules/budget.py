"""Shared budgets: a campaign's sends in total and in a minute, which no partition decides alone.

An offer that the partition's checks let pass is a candidate. Candidates are granted in the order
of capture second and offer id, whoever decided them and when. One that finds nothing left is
refused as ``sold out``: its checks end with the budget's. Control uses up nothing. A shadow
campaign has a budget of its own, so that its rehearsal costs the live one nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from rules.campaign import Campaign
from rules.checks import BUDGETS
from rules.governance import is_shadow
from rules.reasons import SOLD_OUT
from rules.units import MINUTE
from rules.verdicts import REFUSE, SEND, Verdict


class Budget(NamedTuple):
    """What a campaign file states; None where it states nothing."""

    total: int | None
    per_minute: int | None


class _Spent:
    """What was granted of one campaign's budget."""

    def __init__(self) -> None:
        self.total = 0
        self._seconds: deque[tuple[int, int]] = deque()

    def in_minute(self, second: int) -> int:
        """Grants in the sixty seconds that end with `second`, microseconds."""
        while self._seconds and self._seconds[0][0] <= second - MINUTE:
            self._seconds.popleft()
        return sum(count for _, count in self._seconds)

    def grant(self, second: int) -> None:
        self.total += 1
        before = self._seconds.pop()[1] if self._at(second) else 0
        self._seconds.append((second, before + 1))

    def _at(self, second: int) -> bool:
        return bool(self._seconds) and self._seconds[-1][0] == second


class Budgets:
    """The allocator of all campaigns; what it keeps is bounded by campaigns and their versions."""

    def __init__(self) -> None:
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._spent: dict[tuple[str, bool], _Spent] = {}

    def learn(self, campaigns: Iterable[Campaign]) -> None:
        """Takes what campaigns state; what was spent stays spent, whatever a reload says."""
        for campaign in campaigns:
            if campaign.shared_budget:
                self._budgets[campaign.id, campaign.hash] = _budget(campaign)

    def __bool__(self) -> bool:
        """Whether any campaign has a shared budget."""
        return bool(self._budgets)

    def decide(self, second: int, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Every verdict of a capture second, in the given order, with candidates decided.

        Args:
            second: microseconds, a multiple of a million; not before that of the last call.
            verdicts: of all partitions; those that are no candidates come back as they are.
        """
        decided = list(verdicts)
        places = [place for place, each in enumerate(verdicts) if self._asked(each)]
        for place in sorted(places, key=lambda place: verdicts[place].offer):
            decided[place] = self._decided(second, verdicts[place])
        return decided

    def _asked(self, verdict: Verdict) -> bool:
        key = (verdict.campaign, verdict.campaign_hash)
        return verdict.verdict == SEND and key in self._budgets

    def _decided(self, second: int, verdict: Verdict) -> Verdict:
        budget = self._budgets[verdict.campaign, verdict.campaign_hash]
        spent = self._spent.setdefault((verdict.campaign, is_shadow(verdict)), _Spent())
        full = _full(budget, spent, second)
        if full is not None:
            return _refused(verdict, full)
        spent.grant(second)
        return _told(verdict, f"granted: {spent.total} of {budget.total or 'any number'}")


def _budget(campaign: Campaign) -> Budget:
    limits = campaign.spec.limits
    assert limits is not UNSET
    return Budget(
        None if limits.total is UNSET else limits.total,
        None if limits.per_minute is UNSET else limits.per_minute,
    )


def _full(budget: Budget, spent: _Spent, second: int) -> str | None:
    """Words for a budget of which nothing is left."""
    if budget.total is not None and spent.total >= budget.total:
        return f"total: {spent.total} of {budget.total}"
    if budget.per_minute is not None and (used := spent.in_minute(second)) >= budget.per_minute:
        return f"per minute: {used} of {budget.per_minute}"
    return None


def _told(verdict: Verdict, words: str) -> Verdict:
    checks = [(name, words if name == BUDGETS else said) for name, said in verdict.checks]
    return msgspec.structs.replace(verdict, checks=checks)


def _refused(verdict: Verdict, words: str) -> Verdict:
    names = [name for name, _ in verdict.checks]
    checks = [*verdict.checks[: names.index(BUDGETS)], (BUDGETS, words)]
    return msgspec.structs.replace(
        verdict, checks=checks, verdict=REFUSE, reason=SOLD_OUT, variant=None, text=None
    )
