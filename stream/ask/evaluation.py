"""What became of a campaign's people: who was sent it, who was kept as control, who answered.

A person counts once, in the arm of their first verdict, whatever happened to the message afterwards
(intention to treat): an arm that leaves out whom the network did not reach is no longer comparable.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from rules.verdicts import CONTROL, Verdict
from stream.ask.uplift import Difference, Share, difference
from stream.publishing import is_offer
from stream.sms.outcomes import Outcome

MOST_PEOPLE = 5_000_000
"""People of one campaign that are remembered; beyond, nobody is added, and it says so."""
CONVERTED = "converted"


class Evaluation:
    """Takes rows in any order; rows may repeat.

    Attributes:
        campaign: its id.
        complete: whether everybody could be remembered.
    """

    def __init__(self, campaign: str) -> None:
        self.campaign = campaign
        self.complete = True
        self._arms: dict[str, tuple[int, str, str]] = {}
        """Person → (time of the first verdict, arm, variant)."""
        self._outcomes: defaultdict[str, set[str]] = defaultdict(set)
        """Outcome → people."""

    def verdict(self, verdict: Verdict) -> None:
        """Takes a row of the topic `verdicts`."""
        if verdict.campaign != self.campaign:
            return
        if verdict.verdict == CONTROL:
            arm = CONTROL
        elif is_offer(verdict):
            arm = "sent"
        else:
            return
        known = self._arms.get(verdict.subscriber)
        if known is None and len(self._arms) >= MOST_PEOPLE:
            self.complete = False
        elif known is None or verdict.time < known[0]:
            self._arms[verdict.subscriber] = verdict.time, arm, verdict.variant or ""

    def outcome(self, outcome: Outcome) -> None:
        """Takes a row of the topic `outcomes`."""
        if outcome.campaign != self.campaign or outcome.test:
            return
        people = self._outcomes[outcome.outcome]
        if len(people) < MOST_PEOPLE:
            people.add(outcome.subscriber)
        else:
            self.complete = False

    @property
    def outcomes(self) -> list[str]:
        """Those that were seen, in the order of the alphabet."""
        return sorted(self._outcomes)

    def people(self) -> Counter[str]:
        """Arm (``sent``, ``control``) → people."""
        return Counter(arm for _, arm, _ in self._arms.values())

    def variants(self) -> dict[str, Share]:
        """Variant → how many of those it was sent to converted; empty where there are none."""
        sent: Counter[str] = Counter()
        bought: Counter[str] = Counter()
        converted = self._with(CONVERTED)
        for person, (_, arm, variant) in self._arms.items():
            if arm == "sent" and variant:
                sent[variant] += 1
                bought[variant] += person in converted
        return {name: Share(bought[name], sent[name]) for name in sorted(sent)}

    def share(self, arm: str, outcome: str = CONVERTED) -> Share:
        """How many people of an arm had this outcome."""
        people = self._with(outcome)
        within = [person for person, (_, whose, _) in self._arms.items() if whose == arm]
        return Share(sum(person in people for person in within), len(within))

    def uplift(self) -> Difference | None:
        """Uptake of those who were sent it above that of the control; None where one is empty."""
        sent, control = self.share("sent"), self.share(CONTROL)
        return difference(sent, control) if sent.whole and control.whole else None

    def _with(self, outcome: str) -> set[str]:
        return self._outcomes.get(outcome, set())
