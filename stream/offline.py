"""`decode` and `dissect`: captures on this machine, read to their end, as rows and as trees."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import msgspec

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError, XinlingError
from decoders.events import Event
from decoders.messages import Message, Record
from decoders.numbers import NumberingPlan
from decoders.ordering import WINDOW
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.rows import KEYS as MESSAGE_COLUMNS
from decoders.rows import row as message_row
from decoders.transport import TransportConfig
from decoders.tree import tree
from stream import kernel_cache, rule_files, sources, writers
from stream.log import FeedScored
from stream.progress import counted
from stream.writers import Row

if TYPE_CHECKING:
    from decoders.kernel import Batch
    from stream.kernel_signals import Read
    from stream.replay import Reached

logger = logging.getLogger(__name__)

COLUMNS: dict[str, Sequence[str]] = {
    "messages": MESSAGE_COLUMNS,
    "events": Event.__struct_fields__,
}
PHONES = 4_000_000
"""Remembered where `Reading.learn_phones` asks for it."""
INTEGERS = frozenset(
    {"frame", "opc", "dpc", "slr", "dlr", "code", "service", "ti", "ti_flag", "cause"}
)
"""Columns of integers, in Parquet."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How captures are to be read."""

    captures: Sequence[str]
    clear: bool = False
    cells: Path | None = None
    plan: Path | None = None
    learn_phones: bool = False
    point_code_bits: int = 14
    ipa_ports: tuple[int, ...] = ()

    def transport(self) -> TransportConfig:
        """The decoder's configuration; raises XinlingError for a width that no point code has."""
        if self.point_code_bits not in (14, 24):
            raise XinlingError("a point code has 14 or 24 bits", key="--point-code-bits")
        bits = cast("Literal[14, 24]", self.point_code_bits)
        if not self.ipa_ports:
            return TransportConfig(point_code_bits=bits)
        return TransportConfig(point_code_bits=bits, ipa_ports=self.ipa_ports)


class Correlation(NamedTuple):
    """What `Correlator` and the compiled `EventKernel` are made with."""

    config: CorrelatorConfig
    pseudonyms: Pseudonyms
    plan: NumberingPlan | None
    clear: bool = False


class Captures:
    """Messages of captures merged by time, and in the end what was wrong with which of them."""

    def __init__(self, reading: Reading, *, elements: bool = False) -> None:
        self._reading = reading
        self._labels = dict(zip(sources.labels(reading.captures), reading.captures, strict=True))
        self._config = DecoderConfig(transport=reading.transport(), elements=elements)
        self._decoder = Decoder(self._config)
        self._window = 0 if elements else WINDOW  # trees are shown as the capture has them
        self._problems: dict[str, CaptureError] = {}
        self._frames: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()

    @property
    def many(self) -> bool:
        """Whether these are so long that compiled code reads them sooner, its start included."""
        octets = self._octets()
        return octets is not None and kernel_cache.pays_for(octets)

    @property
    def long(self) -> bool:
        """Whether these are so long that compiled code, once it is made, reads them sooner."""
        return (self._octets() or 0) >= kernel_cache.READY_OCTETS

    @property
    def many_events(self) -> bool:
        """The same of their events."""
        octets = self._octets()
        return octets is not None and kernel_cache.pays_for(octets, events=True)

    def _octets(self) -> int | None:
        """How long they are; None where that is not known before they are read."""
        paths = self._reading.captures
        if sources.STDIN in paths or not all(Path(path).is_file() for path in paths):
            return None
        return sum(Path(path).stat().st_size for path in paths)

    @property
    def read(self) -> int:
        """How many messages have been read so far."""
        return self._messages.total()

    def messages(self) -> Iterator[Message]:
        """Every message, in the order of its records' times."""
        for record in counted(self._records(), "frames"):
            yield from self._decoded(record)

    def batches(self) -> Iterator[Batch]:
        """The same messages by compiled code, a batch at a time; the next one overwrites it."""
        from stream import frames_reader  # noqa: PLC0415  its imports take longer than a few frames

        found = frames_reader.batches(
            self._reading.captures, self._report, self._config, self._window, self._frames
        )
        for batch in found:
            for label, count in batch.messages_of():
                self._messages[label] += count
            yield batch

    def signals(self, correlation: Correlation) -> Iterator[Event | Reached | FeedScored]:
        """Every event, what the feed is worth, and the time that the captures have reached.

        By compiled code where these are so long that it is sooner, and it can (`kernel_cache`).
        """
        if self.many_events:
            return counted(self._signals_by_kernel(correlation), "events")
        from stream.replay import signals_of  # noqa: PLC0415  rows of messages do without

        self._say_what_is_missing()
        records = counted(self._records(), "frames")
        return signals_of(records, self._decoded, Correlator(*correlation))

    def _signals_by_kernel(
        self, correlation: Correlation
    ) -> Iterator[Event | Reached | FeedScored]:
        from decoders.kernel import Kernel  # noqa: PLC0415  loads numba
        from decoders.kernel.events.kernel import EventKernel  # noqa: PLC0415
        from stream import frames_reader, kernel_signals  # noqa: PLC0415

        reading = kernel_signals.Reading(Kernel(self._config), EventKernel(*correlation))
        blocks = frames_reader.frames_of(self._reading.captures, self._report, self._window)
        return kernel_signals.signals_of(blocks, reading, self._report, self._count)

    def _count(self, read: Read) -> None:
        """Counts frames and messages by capture."""
        for origin, count in read.frames.from_each(read.begin, read.begin + read.batch.frames):
            self._frames[origin.source] += count
        for label, count in read.batch.messages_of():
            self._messages[label] += count

    def _say_what_is_missing(self) -> None:
        octets = self._octets()
        if octets is not None and octets >= kernel_cache.MAKING_OCTETS:
            logger.warning("captures are read without compiled code, which is slow: no numba")

    def _records(self) -> Iterator[Record]:
        return sources.merged(self._reading.captures, self._report, self._window)

    def _decoded(self, record: Record) -> list[Message]:
        self._frames[record.source] += 1
        try:
            messages = self._decoder.feed(record)
        except CaptureError as error:
            self._report(error)
            return []
        self._messages[record.source] += len(messages)
        return messages

    def _report(self, error: CaptureError) -> None:
        error.file = self._labels.get(error.file or "", error.file)
        self._problems.setdefault(error.file or "", error)

    def check(self) -> None:
        """Raise what was wrong: damaged captures, and those without any A-interface traffic."""
        for label, path in self._labels.items():
            if path not in self._problems and not self._messages[label]:
                self._problems[path] = CaptureError(
                    f"no A-interface (BSSAP) traffic in its {self._frames[label]} frames",
                    file=path,
                    offset=None if path == sources.STDIN else Path(path).stat().st_size,
                    remedy="try --point-code-bits 24, or --ipa-port for SCCPlite",
                )
        if len(self._problems) == 1:
            raise next(iter(self._problems.values()))
        if self._problems:
            raise ExceptionGroup("captures", list(self._problems.values()))


def decode(
    reading: Reading,
    rows: Literal["messages", "events"],
    form: Literal["jsonl", "csv", "parquet"],
    output: Path | None,
) -> None:
    """Write a row for each message or event; raises for what is damaged at the end."""
    captures = Captures(reading)
    if not reading.clear:
        say("pseudonyms are made with the public test key; --clear shows identities")
    if rows == "messages":
        made = _message_rows(captures, clear=reading.clear)
    else:
        made = _event_rows(captures, reading)
    with writers.opened(output, form, COLUMNS[rows], INTEGERS) as writer:
        for row in made:
            writer.write(row)
    captures.check()


def _message_rows(captures: Captures, *, clear: bool) -> Iterator[Row]:
    pseudonyms = Pseudonyms(TEST_KEY)
    if captures.many:
        from decoders.kernel.rows import rows_of  # noqa: PLC0415  as above

        for batch in captures.batches():
            yield from rows_of(batch, clear=clear, pseudonyms=pseudonyms)
        return
    for message in captures.messages():
        yield message_row(message, clear=clear, pseudonyms=pseudonyms)


def _event_rows(captures: Captures, reading: Reading) -> Iterator[Row]:
    classified = Classifier(reading.cells)
    for event in _events(captures, reading):
        yield classified.row(event)


def _events(captures: Captures, reading: Reading) -> Iterator[Event]:
    if captures.many_events:
        from decoders.kernel.events.kernel import EventKernel  # noqa: PLC0415  loads numba

        kernel = EventKernel(*correlation(reading))
        for batch in captures.batches():
            yield from kernel.feed(batch).events()
        yield from kernel.finish().events()
        return
    from stream.replay import events_of  # noqa: PLC0415  rows of messages do without

    yield from events_of(captures.messages(), Correlator(*correlation(reading)))


def correlation(reading: Reading) -> Correlation:
    """Correlation under the public test key, with the plan asked for."""
    config = CorrelatorConfig(phones=PHONES if reading.learn_phones else 0)
    plan = rule_files.plan(reading.plan)
    return Correlation(config, Pseudonyms(TEST_KEY), plan, reading.clear)


class Classifier:
    """Completes a call's number class from the city of the present cell: no profile is known."""

    def __init__(self, cells: Path | None) -> None:
        """Raises CampaignError, FileError for a cell table that cannot be used."""
        from rules.engine import RuleSet  # noqa: PLC0415  loads CEL and shapely: half a second

        files = rule_files.bundle(None, cells=cells)
        self._rules = RuleSet.load(files)

    def row(self, event: Event) -> Row:
        """The row of `event`."""
        if event.type.startswith("call.") and event.other_party is not None:
            event.number_class = self._rules.number_class(event, None)
        return event.row()


def dissect(reading: Reading, frame: int | None) -> None:
    """Print the tree of every message, or of those completed in record `frame`."""
    captures = Captures(reading, elements=True)
    shown = 0
    for message in captures.messages():
        if frame is None or message.frame == frame:
            sys.stdout.write("\n".join(tree(message, clear=reading.clear)) + "\n\n")
            shown += 1
        if frame is not None and message.frame > frame:
            break
    else:
        captures.check()
    if frame is not None and not shown:
        raise CaptureError(
            f"no A-interface message is completed in record {frame}",
            file=reading.captures[0],
            remedy="`xinling decode` lists the records that complete one",
        )


def say(text: str) -> None:
    """A remark for the person at the terminal."""
    sys.stderr.write(f"xinling: {text}\n")
