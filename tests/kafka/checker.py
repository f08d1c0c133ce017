"""What must have been sent against what was: offer by offer, from three books.

What the captures and the rules say (`must`), what the SMSC wrote down (`taken`), and what the
ledger says (`states`). An offer is

    delivered once   the SMSC has it once, and the ledger says so
    unknown          the ledger says that nobody knows: taken once or not at all, and not sent again
    lost             the SMSC does not have it, and the ledger does not say that nobody knows
    withheld         held back at the submit, of somebody who wrote back that they want no more
    repeated         the SMSC has it more than once
    contradicted     the SMSC has it, and the ledger says that it was never submitted

and what the SMSC has that no offer explains is foreign (P2, P3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from stream.sms import outcomes

_KNOWN = frozenset({outcomes.SUBMITTED, outcomes.DELIVERED})
_NOBODY_KNOWS = frozenset({outcomes.UNKNOWN, outcomes.CLAIMED})
"""A claim is what a killed process leaves; at its deadline it is told as unknown."""


class Message(NamedTuple):
    """What tells one short message from another at the SMSC."""

    destination: str
    text: str


class Verdict(NamedTuple):
    """What became of every offer."""

    once: list[str]
    unknown_taken: list[str]
    unknown_not_taken: list[str]
    withheld: list[str]
    lost: list[str]
    repeated: list[str]
    contradicted: list[str]
    foreign: int

    @property
    def unknown(self) -> int:
        return len(self.unknown_taken) + len(self.unknown_not_taken)

    @property
    def kept(self) -> bool:
        """Whether P2 holds."""
        return not (self.lost or self.repeated or self.contradicted or self.foreign)


def check(
    must: Mapping[str, Message],
    taken: Iterable[Message],
    states: Mapping[str, str],
    refused: Container[str] = (),
) -> Verdict:
    """`must`: each offer that is to be sent; `states`: what the ledger says of each offer.

    `refused`: the offers of those who have said no, which may be withheld.
    """
    got = Counter(taken)
    verdict = Verdict([], [], [], [], [], [], [], sum((got - Counter(must.values())).values()))
    for offer, message in must.items():
        state = states.get(offer)
        if not got[message] and state == outcomes.WITHHELD and offer in refused:
            verdict.withheld.append(offer)
        else:
            _book(verdict, got[message], state).append(offer)
    repeats = sum(got[must[offer]] - 1 for offer in verdict.repeated)
    return verdict._replace(foreign=verdict.foreign - repeats)


def _book(verdict: Verdict, count: int, state: str | None) -> list[str]:
    if count > 1:
        return verdict.repeated
    if state in _NOBODY_KNOWS:
        return verdict.unknown_taken if count else verdict.unknown_not_taken
    if not count:
        return verdict.lost
    return verdict.once if state in _KNOWN else verdict.contradicted
