"""What a replay comes to for each campaign: triggered, sent, held back by reason and by hour."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from rules.units import HOUR
from rules.verdicts import CONTROL, HOLD, REFUSE, SEND, Verdict

MOST_PEOPLE = 1_000_000
"""People remembered to see whom two campaigns share; beyond, the comparison is left out."""


class Campaign(NamedTuple):
    """A campaign as it was replayed."""

    id: str
    title: str
    status: str
    """As in its file: a draft is called one, whatever it was replayed as."""


class Meeting(NamedTuple):
    """Two campaigns that would both have gone out to some of the same people."""

    one: str
    other: str
    people: int


class Outlook:
    """Counts verdicts.

    Attributes:
        campaigns: in the order to show them.
        triggered: campaign → triggers that came true.
        ends: campaign → verdict → how many ended so (a hold is followed by another end).
        reasons: campaign → reason → refusals.
        hours: campaign → (hour, verdict) → how many; the hour as microseconds, in UTC.
    """

    def __init__(self, campaigns: list[Campaign]) -> None:
        self.campaigns = campaigns
        self.triggered: Counter[str] = Counter()
        self.ends: dict[str, Counter[str]] = defaultdict(Counter)
        self.reasons: dict[str, Counter[str]] = defaultdict(Counter)
        self.hours: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
        self._people: dict[str, set[str]] = defaultdict(set)
        self._known = 0

    def take(self, verdict: Verdict) -> None:
        """Counts one row."""
        campaign = verdict.campaign
        self.triggered[campaign] += verdict.step == 0
        self.ends[campaign][verdict.verdict] += 1
        if verdict.verdict == REFUSE:
            self.reasons[campaign][verdict.reason or "no reason"] += 1
        if verdict.verdict != HOLD:
            self.hours[campaign][verdict.time // HOUR * HOUR, verdict.verdict] += 1
        if verdict.verdict == SEND and self.comparable:
            before = len(self._people[campaign])
            self._people[campaign].add(verdict.subscriber)
            self._known += len(self._people[campaign]) - before

    @property
    def comparable(self) -> bool:
        """Whether everybody who was sent something is still remembered."""
        return self._known < MOST_PEOPLE

    def waiting(self, campaign: str) -> int:
        """Holds that had not ended when the clock stopped, or when the rows did."""
        ends = self.ends[campaign]
        return max(0, self.triggered[campaign] - ends[SEND] - ends[CONTROL] - ends[REFUSE])

    def people(self, campaign: str) -> int:
        """To how many people it would have gone out."""
        return len(self._people[campaign])

    def meetings(self) -> Iterator[Meeting]:
        """Pairs of campaigns that share people, as far as these are remembered."""
        if not self.comparable:
            return
        for one, other in combinations([campaign.id for campaign in self.campaigns], 2):
            shared = len(self._people[one] & self._people[other])
            if shared:
                yield Meeting(one, other, shared)


def by_hour(hours: Mapping[tuple[int, str], int]) -> dict[int, Counter[str]]:
    """Hour → verdict → how many, in the order of hours."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for (hour, verdict), number in sorted(hours.items()):
        found[hour][verdict] += number
    return dict(found)
