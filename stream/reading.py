"""Records to events as ingest has them: decoded, correlated, counted."""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec

from decoders import remembered
from decoders.correlator import Correlator
from decoders.decoder import Decoder
from decoders.errors import CaptureError
from decoders.events import Event
from decoders.messages import Message, Record
from decoders.quality import Quality
from decoders.remembered import Lasting
from decoders.undecoded import Sample
from stream import checkpoint, metrics
from stream.checkpoint import PLAIN, Kept, Taken
from stream.feed_metrics import FeedMetrics
from stream.sources import Report

Show = Callable[[Iterable[Sample]], None]
_Told = TypeVar("_Told")
"""Events as a correlator tells them."""
_Told_co = TypeVar("_Told_co", covariant=True)


class Totals(msgspec.Struct):
    """What an ingest has done so far."""

    frames: int = 0
    messages: int = 0
    events: int = 0
    batches: int = 0


class Undecoded:
    """What a decoder could not read, told as it grows."""

    def __init__(self, decoder: Decoder, show: Show | None) -> None:
        """`show` is given, now and then, the latest samples."""
        self._decoder = decoder
        self._show = show
        self._told: Counter[str] = Counter()

    def tell(self) -> None:
        """To Prometheus, and to who is shown samples."""
        if self._show is not None:
            self._show(self._decoder.samples)
        for reason, number in self._decoder.undecoded.items():
            metrics.undecoded.labels(reason).inc(number - self._told[reason])
            self._told[reason] = number


class Correlating(Protocol[_Told_co]):
    """A correlator, of whichever kind."""

    def advance(self, time: int) -> _Told_co:
        """What a silence up to `time` (microseconds of capture time) makes true."""

    def finish(self) -> _Told_co:
        """What is still open at the end of the captures."""


class AnyReader(ABC, Generic[_Told]):
    """What ingest asks of whoever reads for it, by records or by the thousand.

    Attributes:
        totals: what has been done so far.
        writing: of what it remembers, see `checkpoint.PLAIN`.
    """

    writing: str

    def __init__(
        self, correlating: Correlating[_Told], feed_metrics: FeedMetrics, undecoded: Undecoded
    ) -> None:
        self.totals = Totals()
        self._correlating = correlating
        self._feed_metrics = feed_metrics
        self._undecoded = undecoded

    @property
    @abstractmethod
    def now(self) -> int:
        """Capture time reached, microseconds."""

    @property
    @abstractmethod
    def quality(self) -> Quality:
        """What the feed is worth, as of the last whole minute."""

    def take_up(self, kept: Kept) -> Taken:
        """Goes on from what was kept, as far as that can be."""
        taken = checkpoint.take_up(self, kept)
        self._feed_metrics.pass_over()
        return taken

    @abstractmethod
    def restore(self, memory: bytes) -> bool:
        """See `checkpoint.Correlating.restore`."""

    @abstractmethod
    def take_lasting(self, lasting: Lasting) -> None:
        """See `checkpoint.Correlating.take_lasting`."""

    @abstractmethod
    def memory(self) -> bytes:
        """Everything that what comes next may depend on, packed (`checkpoint.packed`)."""

    @abstractmethod
    def lose(self) -> None:
        """What came since was not seen: a gap lies behind every open dialogue."""

    def advance(self, time: int) -> list[Event]:
        """What a silence up to `time` (microseconds of capture time) makes true."""
        return self._counted(self._correlating.advance(time))

    def finish(self) -> list[Event]:
        """What is still open at the end of the captures."""
        return self._counted(self._correlating.finish())

    def count(self, *, all_of_it: bool = False) -> None:
        """Tells Prometheus what could not be decoded, and what became of identities and links."""
        self._feed_metrics.tell(now=all_of_it)
        self._undecoded.tell()

    @abstractmethod
    def _counted(self, told: _Told) -> list[Event]:
        """The events that were told, once they are counted."""


class Reader(AnyReader[list[Event]]):
    """Records to events: the decoder and the correlator, counted.

    Attributes:
        correlator: what it correlates with.
    """

    writing = PLAIN

    def __init__(
        self, decoder: Decoder, correlator: Correlator, report: Report, show: Show | None = None
    ) -> None:
        """`show` is given, now and then, the latest samples of what could not be decoded."""
        feed_metrics = FeedMetrics(correlator, correlator.connections)
        super().__init__(correlator, feed_metrics, Undecoded(decoder, show))
        self.correlator = correlator
        self._decoder = decoder
        self._report = report

    @property
    def now(self) -> int:
        """See `AnyReader.now`."""
        return self.correlator.now

    @property
    def quality(self) -> Quality:
        """See `AnyReader.quality`."""
        return self.correlator.quality

    def feed(self, record: Record) -> list[Event]:
        """The events that `record` completes; a link type nobody reads goes to the report."""
        self.totals.frames += 1
        metrics.frames.labels(record.feed or record.source).inc()
        messages = self.warm(record)
        events: list[Event] = []
        for message in messages:
            metrics.messages.labels(message.protocol).inc()
            events += self.correlator.feed(message)
        events += self.correlator.advance(record.time)
        self.totals.messages += len(messages)
        return self._counted(events)

    def warm(self, record: Record) -> list[Message]:
        """The messages of a record, which may complete what earlier ones began."""
        try:
            return self._decoder.feed(record)
        except CaptureError as error:
            error.file = error.file or record.source
            self._report(error)
            return []

    def restore(self, memory: bytes) -> bool:
        """See `AnyReader.restore`."""
        remembered.restore(self.correlator, memory)
        return True

    def take_lasting(self, lasting: Lasting) -> None:
        """See `AnyReader.take_lasting`."""
        remembered.take_lasting(self.correlator, lasting)

    def memory(self) -> bytes:
        """See `AnyReader.memory`. Nothing collects garbage meanwhile: none is made."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            return checkpoint.packed(remembered.dump(self.correlator))
        finally:
            if collecting:
                gc.enable()

    def lose(self) -> None:
        """See `AnyReader.lose`."""
        remembered.lose(self.correlator)

    def _counted(self, told: list[Event]) -> list[Event]:
        self.totals.events += len(told)
        for event in told:
            metrics.events.labels(event.type, event.identity).inc()
        return told
