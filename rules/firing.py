"""What a trigger that came true says, and the key under which its progress is kept.

Triggers of one meaning share their progress, whatever campaigns they serve, and a reload loses
nobody's progress through a trigger that did not change: progress is kept by `trigger_key`, which
is made from the trigger's content.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from decoders.events import Event
from rules.state import Mark


def trigger_key(kind: str, spec: object) -> int:
    """32 bits made from what a trigger means; the key of its progress in a subscriber's state."""
    content = msgspec.json.encode((kind, spec), order="deterministic")
    return int.from_bytes(blake2b(content, digest_size=4, person=b"trigger").digest(), "big")


class Firing(msgspec.Struct, frozen=True):
    """A trigger that came true."""

    key: int
    id: str
    """Of the event that completed it, or of the timer."""
    evidence: tuple[Mark, ...]
    gap: bool
    """It rests on an absence or a departure, and the feed had a gap there."""
    event: Event | None
    """None where a timer fired it."""
