"""What a consent was given for besides its kinds: how often, until when, and what proves it.

Rules on commercial messages ask that a consent names kind, frequency and duration, and that it can
be proved. The kinds stand in `rules.profile`; what is not named here is not limited here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import msgspec

from rules.settings import Cap
from rules.units import DURATION_PATTERN, duration

FREQUENCY, UNTIL, PROOF = "consent_frequency", "consent_until", "consent_proof"
COLUMNS = frozenset({FREQUENCY, UNTIL, PROOF})
"""Of a profiles file."""
_FREQUENCY = re.compile(rf"^(?P<times>[0-9]{{1,4}})/(?P<every>{DURATION_PATTERN[1:-1]})$")


class Terms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The terms of one person's consent; an empty text says nothing."""

    frequency: str = ""
    """At most so many messages in any such time, whatever campaigns they are of: ``4/30d``."""
    until: str = ""
    """The last date, in the operator's zone: ``2008-12-31``."""
    proof: str = ""
    """Where the operator keeps the proof; no rule reads more than that there is one."""


NO_TERMS = Terms()


def from_row(row: Mapping[str, str]) -> Terms | None:
    """The terms in a row of a profiles file; raises ValueError where they cannot be understood."""
    frequency, until, proof = ((row.get(name) or "").strip() for name in (FREQUENCY, UNTIL, PROOF))
    if frequency:
        _cap(frequency)
    if until:
        try:
            date.fromisoformat(until)
        except ValueError as error:
            raise ValueError(f"the {UNTIL} column holds no date such as 2008-12-31") from error
    return Terms(frequency, until, proof) if frequency or until or proof else None


@lru_cache(maxsize=1024)
def _cap(frequency: str) -> Cap:
    match = _FREQUENCY.match(frequency)
    if match is None or duration(match["every"]) == 0:
        raise ValueError(f"the {FREQUENCY} column holds no frequency such as 4/30d")
    return Cap("agreed", int(match["times"]), duration(match["every"]), frequency)


def cap(terms: Terms) -> Cap | None:
    """How often the person agreed to hear from the operator; None where that was not named."""
    return _cap(terms.frequency) if terms.frequency else None


def ended(terms: Terms, today: date, *, proof_needed: bool) -> str | None:
    """Words for why the consent does not hold (any more); None if it does.

    Args:
        terms: the person's.
        today: by the operator's zone.
        proof_needed: a consent that nothing proves is none.
    """
    if proof_needed and not terms.proof:
        return "no proof"
    if terms.until and date.fromisoformat(terms.until) < today:
        return f"ended {terms.until}"
    return None


def window(terms: Terms) -> int:
    """Microseconds for which decisions must be kept so that the frequency can be asked."""
    agreed = cap(terms)
    return 0 if agreed is None or agreed.every is None else agreed.every
