"""Shared budgets: a campaign's sends in total and in a minute, which no partition decides alone.

An offer that the partition's checks let pass is a candidate. Candidates are granted in the order
of capture second and offer id, whoever decided them and when. One that finds nothing left is
refused as ``sold out``: its checks end with the budget's. Control uses up nothing. A shadow
campaign has a budget of its own, so that its rehearsal costs the live one nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rules.campaign import Campaign
from rules.checks import BUDGETS, spender_of, total_used_up
from rules.governance import is_shadow
from rules.reasons import SOLD_OUT
from rules.units import MINUTE
from rules.verdicts import REFUSE, SEND, Verdict


class Budget(NamedTuple):
    """What a campaign file states; None where it states nothing."""

    total: int | None
    per_minute: int | None


class Granted(NamedTuple):
    """What was granted of one campaign's budget, to be kept over a restart."""

    total: int
    seconds: list[tuple[int, int]]
    """(second, grants) of the latest minute."""


class _Spent:
    """What was granted of one campaign's budget."""

    def __init__(self, granted: Granted = Granted(0, [])) -> None:  # noqa: B008  it is immutable
        self.total = granted.total
        self._seconds: deque[tuple[int, int]] = deque(granted.seconds)

    def granted(self) -> Granted:
        return Granted(self.total, list(self._seconds))

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

    def __init__(self, granted: Mapping[str, Granted] | None = None) -> None:
        """`granted` is what `granted` gave before a restart."""
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._spent = {key: _Spent(each) for key, each in (granted or {}).items()}

    def learn(self, campaigns: Iterable[Campaign]) -> None:
        """Takes what campaigns state; what was spent stays spent, whatever a reload says."""
        for campaign in campaigns:
            if campaign.shared_budget:
                self.take(campaign.id, campaign.hash, budget_of(campaign))

    def take(self, campaign: str, campaign_hash: str, budget: Budget) -> None:
        """Takes what one version of a campaign states."""
        self._budgets[campaign, campaign_hash] = budget

    def granted(self) -> dict[str, Granted]:
        """What was granted so far, by `spender`."""
        return {key: each.granted() for key, each in self._spent.items()}

    def used_up(self, verdict: Verdict) -> int | None:
        """How many a candidate's campaign was granted, if that is all of its total; else None."""
        budget = self._budgets.get((verdict.campaign, verdict.campaign_hash))
        spent = self._spent.get(spender(verdict))
        if budget is None or spent is None or budget.total is None or spent.total < budget.total:
            return None
        return spent.total

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
        places = [place for place, each in enumerate(verdicts) if self.asked(each)]
        for place in sorted(places, key=lambda place: verdicts[place].offer):
            decided[place] = self._decided(second, verdicts[place])
        return decided

    def asked(self, verdict: Verdict) -> bool:
        """Whether a verdict is a candidate."""
        key = (verdict.campaign, verdict.campaign_hash)
        return verdict.verdict == SEND and key in self._budgets

    def _decided(self, second: int, verdict: Verdict) -> Verdict:
        budget = self._budgets[verdict.campaign, verdict.campaign_hash]
        spent = self._spent.setdefault(spender(verdict), _Spent())
        full = _full(budget, spent, second)
        if full is not None:
            return _refused(verdict, full)
        spent.grant(second)
        return _told(verdict, f"granted: {spent.total} of {budget.total or 'any number'}")


def spender(verdict: Verdict) -> str:
    """Whose budget a candidate uses up: a campaign's, or that of its rehearsal in the shadow."""
    return spender_of(verdict.campaign, shadow=is_shadow(verdict))


def budget_of(campaign: Campaign) -> Budget:
    """What a campaign states."""
    return Budget(campaign.total, campaign.per_minute)


def _full(budget: Budget, spent: _Spent, second: int) -> str | None:
    """Words for a budget of which nothing is left."""
    if budget.total is not None and spent.total >= budget.total:
        return total_used_up(spent.total, budget.total)
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
