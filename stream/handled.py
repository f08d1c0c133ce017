"""What became of a record of the log, step by step, and what Prometheus is told of it."""

from __future__ import annotations

import logging
from collections import Counter
from typing import NamedTuple

from decoders.times import SECOND
from stream import metrics
from stream.state import Progress
from stream.step import StepRun

_LOGGED = 5
"""Faults of one step that are logged; all are counted."""

logger = logging.getLogger(__name__)


class Handled(NamedTuple):
    """What became of a record, or of one step of it."""

    progress: Progress
    """Of the partition, afterwards."""
    skipped: bool = True
    """It had been handled before; nothing was written."""
    events: int = 0
    """Events that the rules saw."""
    repeated: int = 0
    """Events that had been seen before, under another offset."""
    fired: int = 0
    """Timers that the clock fired."""
    verdicts: int = 0
    """Decided; they go out through the outbox, not through here."""
    faults: Counter[str] = Counter()
    """Items and states that could not be used, by reason; set aside, counted and logged."""

    def then(self, step: Handled) -> Handled:
        """Both together."""
        return Handled(
            step.progress,
            self.skipped and step.skipped,
            self.events + step.events,
            self.repeated + step.repeated,
            self.fired + step.fired,
            self.verdicts + step.verdicts,
            self.faults + step.faults,
        )


def counted(partition: int, progress: Progress, run: StepRun) -> Handled:
    """What a step came to, once it is committed; tells Prometheus and the log of it."""
    metrics.partition_clock.labels(partition).set(max(progress.clock, 0) / SECOND)
    metrics.handled_events.inc(run.events)
    metrics.repeated_events.inc(run.repeated)
    metrics.timers_fired.inc(run.fired)
    metrics.late_events.inc(run.late)
    decided = Counter(
        (entry.verdict.campaign, entry.verdict.verdict, entry.verdict.reason or "")
        for entry in run.decided
        if entry.budget is None  # else the allocator decides, and counts
    )
    for labels, count in decided.items():
        metrics.verdicts.labels(*labels).inc(count)
    faults = Counter(fault.reason for fault in run.faults)
    for reason, count in faults.items():
        metrics.dead_letters.labels(reason).inc(count)
    for fault in run.faults[:_LOGGED]:
        logger.warning(
            "partition %d, item %d: %s: %s",
            partition,
            fault.position,
            fault.reason,
            fault.explanation,
        )
    return Handled(progress, False, run.events, run.repeated, run.fired, len(run.decided), faults)
