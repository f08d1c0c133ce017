"""What the rules decide: one `Verdict` for each decision about a trigger that came true."""

from __future__ import annotations

from typing import Any

import msgspec

from decoders.events import Event, Frame
from decoders.messages import Cell
from decoders.times import to_text

SEND = "send"
CONTROL = "control"
HOLD = "hold"
REFUSE = "refuse"


class Sample(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An event that a trigger rests on."""

    event: str
    time: int
    cell: Cell | None = None
    frames: list[Frame] = []

    @classmethod
    def of(cls, event: Event) -> Sample:
        """The sample that `event` gives."""
        return cls(event.id, event.time, event.cell, event.frames)


class Verdict(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One decision; the attributes are the keys of a verdict row, in their order."""

    offer: str
    """Made from campaign, wave, subscriber and trigger event: the same in every replay."""
    step: int
    """0, 1, …: a hold and what became of it share an offer."""
    campaign: str
    campaign_hash: str
    wave: int
    subscriber: str
    imsi: str | None = None
    """Only with clear output."""
    time: int
    """Microseconds; the capture time at which it was decided."""
    since: int | None = None
    """Microseconds when the trigger came true; only of what was held before."""
    trigger: str
    """Id of the event or timer that completed the trigger."""
    evidence: list[Sample] = []
    checks: list[tuple[str, str]] = []
    """(name, result) of each check, in the order they were asked."""
    verdict: str
    reason: str | None = None
    not_before: int | None = None
    """Microseconds; only of a hold."""
    variant: str | None = None
    text: str | None = None

    def row(self) -> dict[str, Any]:
        """The row of the contracts: plain values, times as text, absent keys left out."""
        row: dict[str, Any] = msgspec.to_builtins(self)
        row["time"] = to_text(self.time)
        for sample in row.setdefault("evidence", []):
            sample["time"] = to_text(sample["time"])
        if self.since is not None:
            row["since"] = to_text(self.since)
        if self.not_before is not None:
            row["not_before"] = to_text(self.not_before)
        return row
