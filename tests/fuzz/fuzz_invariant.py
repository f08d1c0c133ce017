"""Whatever the bytes, decoding ends, raises nothing, allocates no more than a bound that the
configuration gives, and reports what it could not read, without anyone's identity or text in the
report."""

from __future__ import annotations

import re
import signal
from collections import deque
from enum import Enum
from random import Random
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import msgspec
from fuzz_corpus import Secrets, windows

from decoders.connections import Limits
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.messages import Message, Record
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.rows import row
from decoders.times import SECOND
from decoders.transport import TransportConfig
from decoders.tree import tree
from decoders.undecoded import SAMPLE_BYTES, Sample

ENDS_WITHIN = 5.0
"""Seconds of processor time for one record: a busy machine is no fault of the decoder's."""
MAX_ITEMS = 60_000
MAX_HELD_OCTETS = 2_000_000
"""What the small configuration below may hold: a few bounded tables of a few dozen entries, their
counters of at most 512 reasons, and 64 KB of waiting octets."""
SMALL = DecoderConfig(
    transport=TransportConfig(
        max_associations=32, max_datagrams=16, max_waiting_bytes=65_536, max_samples=8
    ),
    max_segmented=16,
    max_segmented_octets=2048,
    max_foreign=16,
    max_pairs=16,
    max_samples=8,
)
WITH_TREES = msgspec.structs.replace(SMALL, elements=True)
SMALL_CORRELATOR = CorrelatorConfig(
    limits=Limits(idle=20 * SECOND, call_idle=60 * SECOND, connections=32, openings=64),
    bindings=64,
    subscribers=32,
)
TREES_EVERY = 8
"""Every so many messages are read a second time, with their trees."""
_TOLD = re.compile(r"\d{6,}")


class BrokenInvariantError(AssertionError):
    """What the sentence above says does not hold for these bytes."""


class Held(NamedTuple):
    """What an object holds, all the way down."""

    items: int
    octets: int


class Life:
    """A decoder and its correlator, held to the sentence above record by record."""

    def __init__(self, secrets: Secrets, dice: Random) -> None:
        self._secrets = secrets
        self._dice = dice
        self._decoder = Decoder(SMALL)
        self._trees = Decoder(WITH_TREES)
        self._correlator = Correlator(SMALL_CORRELATOR, Pseudonyms(TEST_KEY), None)
        self._reasons: set[str] = set()
        signal.signal(signal.SIGVTALRM, _too_long)
        self._samples: tuple[Sample, ...] = ()
        self.records = 0
        self.messages = 0
        self.events = 0

    def feed(self, record: Record) -> None:
        """Read one record; raises BrokenInvariantError, or whatever decoding lets escape."""
        self.records += 1
        signal.setitimer(signal.ITIMER_VIRTUAL, ENDS_WITHIN)
        messages = self._decoded(record)
        for message in messages:
            self._told(self._correlator.feed(message))
        self._told(self._correlator.advance(record.time))
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._look(record, messages)
        self.messages += len(messages)

    def check(self) -> None:
        """What is held stays within its bound, and no counter names anybody."""
        for part in (self._decoder, self._trees, self._correlator):
            held = holdings(part)
            if held.items > MAX_ITEMS or held.octets > MAX_HELD_OCTETS:
                raise BrokenInvariantError(f"{type(part).__name__} holds {held}")
        reasons = {*self._decoder.undecoded, *self._decoder.skipped, *self._correlator.dropped}
        for reason in reasons - self._reasons:
            self._anonymous(reason)
        self._reasons = reasons

    def end(self) -> None:
        """The capture ends."""
        self._told(self._correlator.finish())
        self.check()

    def _decoded(self, record: Record) -> list[Message]:
        try:
            return self._decoder.feed(record)
        except CaptureError as error:
            if "link type" not in error.reason:
                raise BrokenInvariantError("a CaptureError about something else") from error
            return []

    def _look(self, record: Record, messages: list[Message]) -> None:
        """At what is shown of the messages and kept of what could not be read."""
        for message in messages:
            if message.error is not None:
                self._anonymous(message.error)
        samples = tuple(self._decoder.samples)
        for sample in samples:
            if sample not in self._samples:
                self._discreet(sample)
        self._samples = samples
        if self._dice.randrange(TREES_EVERY) == 0 and messages:
            self._second_reading(record, messages)

    def _second_reading(self, record: Record, messages: list[Message]) -> None:
        """Rows and trees can be made, and a tree masks what is anybody's."""
        for message in messages:
            self._anonymous(str(row(message)))
        try:
            twice = self._trees.feed(record)
        except CaptureError:
            return
        for message in twice:
            lines = tree(message)
            self._anonymous("\n".join(lines[1:]))

    def _told(self, events: list[Any]) -> None:
        self.events += len(events)
        for event in events:
            self._anonymous(msgspec.json.encode(event.row()).decode())

    def _anonymous(self, report: str) -> None:
        runs = _TOLD.findall(report)
        if any(digits in run for run in runs for digits in self._secrets.digits):
            raise BrokenInvariantError(f"a report of {len(report)} characters bears an identity")

    def _discreet(self, sample: Sample) -> None:
        if len(sample.header) > SAMPLE_BYTES:
            raise BrokenInvariantError("a sample is too long")
        if windows(sample.header) & self._secrets.octets:
            raise BrokenInvariantError(f"a sample bears an identity or text: {sample}")
        self._anonymous(sample.reason)


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise BrokenInvariantError(f"did not end within {ENDS_WITHIN} s of processor time")


def holdings(root: object) -> Held:
    """How many entries and octets an object holds, whatever it is made of."""
    seen: set[int] = set()
    waiting = [root]
    items = octets = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _LEAVES):
            continue
        seen.add(id(one))
        if isinstance(one, bytes | bytearray | str):
            octets += len(one)
            continue
        parts = _parts(one)
        items += len(parts)
        waiting += parts
    return Held(items, octets)


_LEAVES = (int, float, type(None), Enum, type, FunctionType, MethodType, ModuleType)


def _parts(one: object) -> list[Any]:
    if isinstance(one, dict):
        return [*one.keys(), *one.values()]
    if isinstance(one, list | tuple | set | frozenset | deque):
        return list(one)
    names = {*getattr(one, "__struct_fields__", ()), *getattr(one, "__dict__", ())}
    for kind in type(one).__mro__:
        slots = getattr(kind, "__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    return [getattr(one, name) for name in names if hasattr(one, name)]
