"""Two writings of correlation over the same messages: compiled, and the plain correlator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.errors import CaptureError
from decoders.events import Event
from decoders.kernel import Batch, Kernel, frames_of
from decoders.kernel.columns import ROW
from decoders.kernel.events.kernel import EventKernel
from decoders.kernel.plain import message
from decoders.messages import Message, Record
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from tests.decoders.kernel.readings import PCAP

PLAN = PCAP.parent / "plans" / "labs.csv"


def plan() -> NumberingPlan:
    return NumberingPlan.load(PLAN.read_text(encoding="utf-8"), PLAN.name)


class Both:
    """Feeds both, and holds the events of either."""

    def __init__(self, config: CorrelatorConfig | None = None) -> None:
        config = config or CorrelatorConfig()
        self.compiled = EventKernel(config, Pseudonyms(TEST_KEY), plan(), clear=True, room=1024)
        self.plain = Correlator(config, Pseudonyms(TEST_KEY), plan(), clear=True)
        self.ours: list[Event] = []
        self.theirs: list[Event] = []

    def feed(self, batch: Batch) -> None:
        for index in range(len(batch.rows)):
            self.theirs += self.plain.feed(message(batch, index))
        self.ours += self.compiled.feed(batch).events()

    def advance(self, time: int) -> None:
        self.theirs += self.plain.advance(time)
        self.ours += self.compiled.advance(time).events()

    def finish(self) -> None:
        self.theirs += self.plain.finish()
        self.ours += self.compiled.finish().events()

    def agree(self) -> list[Event]:
        """All events in their order, each row byte for byte, and every counter."""
        for mine, other in zip(self.ours, self.theirs, strict=False):
            assert mine == other
            assert mine.row() == other.row()
        assert len(self.ours) == len(self.theirs)
        assert self.compiled.now == self.plain.now
        assert self.compiled.events == self.plain.events
        assert +self.compiled.dropped == +self.plain.dropped
        assert dict(self.compiled.gaps) == dict(self.plain.gaps)
        assert self.compiled.counts == +self.plain.connections.counts
        assert +self.compiled.bindings.counts == +self.plain.bindings.counts
        assert len(self.compiled.bindings) == len(self.plain.bindings)
        assert self.compiled.quality.links == self.plain.quality.links
        assert self.compiled.quality.areas == self.plain.quality.areas
        assert self.compiled.quality.changes() == self.plain.quality.changes()
        return self.ours


def of_records(
    records: Sequence[Record], config: CorrelatorConfig | None = None, rows: int = 4096
) -> list[Event]:
    """Events of records that the kernel reads."""
    both, kernel = Both(config), Kernel(rows=rows)
    for frames in frames_of(records):
        try:
            for batch in kernel.feed(frames):
                both.feed(batch)
        except CaptureError:
            continue
    both.finish()
    return both.agree()


def of_messages(
    messages: Sequence[Message], config: CorrelatorConfig | None = None, rows: int = 300
) -> list[Event]:
    """Events of messages that the plain decoder has read, so many a batch."""
    both = Both(config)
    for batch in batches(messages, rows):
        both.feed(batch)
    both.finish()
    return both.agree()


def batches(messages: Iterable[Message], rows: int) -> Iterator[Batch]:
    """Messages as rows."""
    left = list(messages)
    links: list[str] = []
    sources: list[str] = []
    while left:
        part, left = left[:rows], left[rows:]
        batch = Batch(np.zeros(len(part), ROW), b"", links, sources)
        for index, one in enumerate(part):
            batch.put(index, one, _number(links, one.link), _number(sources, one.source))
        yield batch


def _number(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)
