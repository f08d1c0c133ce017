"""A reader that remembers when it read what, and which calls began: for the demonstration."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, OrderedDict, deque

from decoders.correlator import Correlator
from decoders.decoder import Decoder
from decoders.events import CALL_ATTEMPTED, Event
from decoders.messages import Record
from stream.reading import Reader
from stream.sources import Report

_RECORDS_KEPT = 100_000
_CALLS_KEPT = 10_000


class TimedReader(Reader):
    """A `stream.ingest.Reader` for one run in one process.

    Attributes:
        types: events by type.
        calls: the latest calls begun, by the event's id.
    """

    def __init__(self, decoder: Decoder, correlator: Correlator, report: Report) -> None:
        super().__init__(decoder, correlator, report)
        self.types: Counter[str] = Counter()
        self.calls: OrderedDict[str, Event] = OrderedDict()
        self._read: deque[tuple[int, float]] = deque(maxlen=_RECORDS_KEPT)

    def feed(self, record: Record) -> list[Event]:
        """See `Reader.feed`."""
        if not self._read or record.time > self._read[-1][0]:
            self._read.append((record.time, time.perf_counter()))
        return self._noted(super().feed(record))

    def finish(self) -> list[Event]:
        """See `Reader.finish`."""
        return self._noted(super().finish())

    def seconds_since(self, moment: int) -> float | None:
        """Seconds since the first record at or after `moment` (capture time) was read."""
        place = bisect_left(self._read, (moment, 0.0))
        return time.perf_counter() - self._read[place][1] if place < len(self._read) else None

    def _noted(self, events: list[Event]) -> list[Event]:
        for event in events:
            self.types[event.type] += 1
            if event.type == CALL_ATTEMPTED:
                self.calls[event.id] = event
                if len(self.calls) > _CALLS_KEPT:
                    self.calls.popitem(last=False)
        return events
