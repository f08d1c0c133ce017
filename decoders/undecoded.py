"""What could not be read, and what was not ours to read: counted, with a few discreet samples.

Nothing here holds a subscriber's identity or a person's text: a sample is the header bytes of the
layer that failed, cut before the value that failed (P4, P6).
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from decoders.messages import Record

SAMPLE_BYTES = 64
"""A sample is never longer than this, whatever failed."""
CARRIER_BYTES = 2
"""What a sample of a carrier's failure may hold: the first octets of a header tell its version and
type. No more, because bytes that do not parse as a header may be anybody's number or text."""
MAX_REASONS = 512
"""Different reasons kept apart; what comes after them is counted as ``other``."""


MOST_MISSING: Final = 32_767
"""What a gap counts for at most: more is a feed that was away."""
_MAX_GAPPED: Final = 8192
"""Links remembered whose next unit follows a gap."""


class Sample(NamedTuple):
    """One case of something that could not be read."""

    reason: str
    source: str
    """Label of the capture."""
    frame: int
    """1-based record in that capture."""
    header: bytes
    """The failing layer's own bytes, up to where it failed."""
    link_type: int
    size: int
    """Octets of the whole record."""


class Ledger:
    """Counts by reason, gaps by link, and the latest few samples.

    Attributes:
        undecoded: by reason, what is broken.
        skipped: by kind, what is whole but holds no SCCP (other protocols, management messages).
        gaps: by link, how many pieces are visibly missing (TSNs, FSNs; 1 where only that
            something is missing can be told).
        samples: the latest of each kind of failure, bounded.
    """

    def __init__(self, max_samples: int) -> None:
        self.undecoded: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.gaps: Counter[str] = Counter()
        self.samples: deque[Sample] = deque(maxlen=max_samples)
        self._gapped: dict[str, int] = {}

    def fail(self, reason: str, record: Record, header: bytes = b"") -> None:
        """Count something broken; ``header`` must not reach into anybody's data."""
        _count(self.undecoded, reason)
        header = header[:SAMPLE_BYTES]
        size = len(record.data)
        self.samples.append(
            Sample(reason, record.source, record.frame, header, record.link_type, size)
        )

    def skip(self, kind: str) -> None:
        """Count something whole that carries no SCCP."""
        _count(self.skipped, kind)

    def gap(self, link: str, missing: int) -> None:
        """Something is missing on this link before what comes next."""
        _count(self.gaps, link, missing)
        if link in self._gapped or len(self._gapped) < _MAX_GAPPED:
            self._gapped[link] = min(self._gapped.get(link, 0) + missing, MOST_MISSING)

    def owes_gap(self, link: str) -> bool:
        """Whether a gap on this link is still to be told with its next unit."""
        return link in self._gapped

    def take_gap(self, link: str) -> int:
        """How much is missing before the unit about to be delivered on this link.

        To be asked once a unit.
        """
        return self._gapped.pop(link, 0)


def _count(counter: Counter[str], key: str, number: int = 1) -> None:
    if key not in counter and len(counter) >= MAX_REASONS:
        key = "other"
    counter[key] += number
