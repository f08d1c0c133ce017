"""What became of an offer: the rows of the topic ``outcomes``, and which may follow which.

The table below is the ledger's state machine. ``claimed`` is never told to anybody: it is what an
offer is while its submit is in flight, and what a killed process leaves behind.
"""

from __future__ import annotations

from typing import Any

import msgspec

from decoders.times import to_text

CLAIMED = "claimed"
SUBMITTED = "submitted"
DELIVERED = "delivered"
FAILED = "failed"
UNKNOWN = "unknown"
WITHHELD = "withheld"
EXPIRED = "expired"
REPLIED = "replied"
OPTED_OUT = "opted out"

MAY_FOLLOW: dict[str, frozenset[str | None]] = {
    CLAIMED: frozenset({None}),
    WITHHELD: frozenset({None}),
    EXPIRED: frozenset({None}),
    SUBMITTED: frozenset({CLAIMED, UNKNOWN}),
    UNKNOWN: frozenset({CLAIMED, SUBMITTED}),
    FAILED: frozenset({CLAIMED, SUBMITTED, UNKNOWN}),
    DELIVERED: frozenset({CLAIMED, SUBMITTED, UNKNOWN}),
}
"""State → the states it may follow; None is an offer the ledger has never seen.

What is unknown may become known (a late answer or receipt); it is never sent again (P2).
"""


class Outcome(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One outcome of one offer. Rows may repeat; (offer, outcome) tells them apart."""

    offer: str
    campaign: str
    wave: int
    subscriber: str
    time: int
    """Microseconds of the clock that delivery goes by: wall time live, the log's in a replay."""
    outcome: str
    reason: str | None = None
    """Why it was withheld or failed, in the words of the contracts or of SMPP."""
    test: bool = False
    """Of a test number of the seed list: no offer to a subscriber, and in no report."""

    def row(self) -> dict[str, Any]:
        """The row as plain values, time as text, absent keys left out."""
        row: dict[str, Any] = msgspec.to_builtins(self)
        row["time"] = to_text(self.time)
        return row
