"""The kernel and the plain decoder side by side, with one owner of everything that is remembered.

The rule: the plain decoder owns all state, and the kernel only reads copies of it (`machine`). A
frame that would change anything but the next TSN of its stream, or of which anything is broken,
rare or unclear, is undone and handed over; the plain decoder reads it in its place, in order, and
tells what has changed. So the rows are those the plain decoder alone would give, and a doubt costs
time, never a message.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import cache
from typing import Any, Final, cast

import numpy as np

from decoders import link
from decoders.decoder import DATA_FORMS, Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.kernel import program
from decoders.kernel.carriers import run
from decoders.kernel.columns import Batch
from decoders.kernel.compiled import COMPILED
from decoders.kernel.frames import Frames, Origin
from decoders.kernel.machine import (
    APART,
    ASK,
    DOUBTS,
    EXPECTED,
    FULL,
    HELD,
    KEYED,
    LAST_SEEN,
    LINK,
    MOST_PAIRS,
    MOST_STREAMS,
    SURE,
    find_doubt,
    find_pair,
    find_stream,
    machine,
)
from decoders.messages import Message, Record, SccpUnit
from decoders.sctp import Stream

Report = Callable[[CaptureError], None]
_run: Any = run
ROWS_A_BATCH: Final = 16_384
_FORGOTTEN: Final = "SCTP association forgotten"
_REPEATED: Final = "SCTP DATA seen before"
_DIRECTION: Final = 4
"""Parts of the key of a direction of a connection: link, point codes, reference."""
_SIGNALLING: Final = {link.MTP3: "mtp3", link.SCCP: "sccp"}


class _Reference(Decoder):
    """The plain decoder, which tells the kernel what it learns."""

    def __init__(self, config: DecoderConfig, states: Any, links: _Links) -> None:
        super().__init__(config)
        self._states = states
        self._state = states[0]
        self._links = links
        self._doubts = 0

    def _mark(self, key: Hashable, *, foreign: bool) -> None:
        super()._mark(key, foreign=foreign)
        if foreign:
            self._doubt(key)

    def _whole(self, place: Any) -> bytes | None:
        whole = super()._whole(place)
        if whole is None and place.sccp.code in DATA_FORMS:
            unit = place.unit
            self._doubt((unit.link if unit.dpc is None else unit.dpc, place.sccp.dlr))
        return whole

    def _learn(self, unit: SccpUnit, *, from_msc: bool) -> bool:
        known = self._from_msc(unit)
        learned = super()._learn(unit, from_msc=from_msc)
        if known is not from_msc and unit.opc is not None:
            changed = [(unit.opc, unit.dpc), (unit.dpc, unit.opc)]
            if len(self._pairs) >= self.config.max_pairs:
                self._state["pairs"] = -1
                changed = cast("list[tuple[int | None, int | None]]", list(self._pairs))
            for pair in changed:
                self._publish(cast("tuple[int, int]", pair))
        return learned

    def _publish(self, pair: tuple[int, int]) -> None:
        value = self._pairs.get(pair)
        if len(self._pairs) > 2 * MOST_PAIRS:
            self._state["crowded"] = 1
        elif value is not None:
            packed = _signed(pair[0] << 32 | pair[1])
            self._state["pairs"][find_pair(self._states, packed)] = packed, int(value)

    def _doubt(self, key: Hashable) -> None:
        """From now on messages of this connection are for the plain decoder."""
        side, reference = cast("tuple[int | str, int | None]", key)
        if reference is None:
            return
        number = -2 - self._links.number(side) if isinstance(side, str) else side
        at = find_doubt(number, reference)
        if self._state["doubts"][at]:
            return
        self._state["doubts"][at] = 1
        self._doubts += 1
        if self._doubts > DOUBTS // 8:
            self._forget_doubts()

    def _forget_doubts(self) -> None:
        """Only what still stands is doubted, when too much is."""
        self._doubts = 0
        self._state["doubts"] = 0
        for key in self._foreign:
            self._doubt(key)
        for waiting in self._segments.waiting():
            key = cast("tuple[Any, ...]", waiting)
            if len(key) == _DIRECTION:
                self._doubt((key[0] if key[2] is None else key[2], key[3]))


class _Links:
    """Names of links, numbered."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The number of a name, a new one if need be."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number


@cache
def _tables() -> program.Program:
    return program.build()


class Kernel:
    """Decodes frames by the thousand into columns.

    Feed the frames of one capture in their order; frames of several captures may alternate.

    Args:
        config: as of `Decoder`; trees of elements are not made here.
        rows: rows of a batch at most.

    Attributes:
        decoder: the plain decoder, with its counters of what could not be read.
        asked: frames that were handed to it.
    """

    def __init__(self, config: DecoderConfig | None = None, rows: int = ROWS_A_BATCH) -> None:
        config = config or DecoderConfig()
        self._links = _Links()
        self._associations = config.transport.max_associations
        self._most = min(self._associations, MOST_STREAMS)
        self._m = machine(_tables(), rows)
        self._state = self._m.state[0]
        self._state["point_code_bits"] = config.transport.point_code_bits
        self.decoder: Decoder = _Reference(config, self._m.state, self._links)
        self.asked = 0
        self._feeds: dict[str, int] = {}
        self._streams: list[Stream] = []
        self._slots: dict[Stream, int] = {}
        self._paths = 0
        self._forgotten = 0

    def feed(self, frames: Frames, report: Report | None = None) -> Iterator[Batch]:
        """The messages that these frames complete, in the order of the capture.

        To be taken to the end; the rows of a batch are overwritten by the next.

        Raises:
            CaptureError: after the last batch, if nobody reads a record's link type
                (`Transport.feed`); to `report` instead, where that is given.
        """
        given = self._given(frames)
        state, most = self._state, self._m.rows.size
        batch = self._batch(frames)
        at, count = 0, len(frames.sizes)
        begun, error = 0, None
        while at < count:
            why = ASK
            if COMPILED:
                at, why = _run(*given, at, count)
            if why == FULL and state["count"]:
                yield self._filled(batch, frames, begun, at)
                batch, begun = self._batch(frames), at
            elif why:
                try:
                    messages = self._ask(frames.record(at))
                except CaptureError as failure:
                    messages, error = [], error or failure
                    if report is not None:
                        report(failure)
                at += 1
                for message in messages:
                    if state["count"] == most:
                        yield self._filled(batch, frames, begun, at)
                        batch, begun = self._batch(frames), at
                    self._put(batch, message, int(frames.which[at - 1]))
        yield self._filled(batch, frames, begun, at)
        if error is not None and report is None:
            raise error

    def _given(self, frames: Frames) -> tuple[Any, ...]:
        """What compiled code takes, but for where to begin and to end."""
        m = self._m
        origins = np.array([self._origin(origin) for origin in frames.origins], np.int64)
        octets = np.frombuffer(frames.data, np.uint8)
        places = (frames.offsets, frames.sizes, frames.times, frames.numbers, frames.which)
        return octets, m.rows, m.draft, m.state, *places, origins

    def _origin(self, origin: Origin) -> tuple[int, int, int]:
        feed = origin.feed or origin.source
        kind = _SIGNALLING.get(origin.link_type)
        link_number = -1 if kind is None else self._links.number(f"{feed} {kind}")
        return origin.link_type, self._feeds.setdefault(feed, len(self._feeds)), link_number

    def _batch(self, frames: Frames) -> Batch:
        self._state["count"] = 0
        sources = [origin.source for origin in frames.origins]
        return Batch(self._m.rows, frames.data, self._links.names, sources)

    def _filled(self, batch: Batch, frames: Frames, begun: int, at: int) -> Batch:
        state = self._state
        batch.rows = self._m.rows[: int(state["count"])]
        batch.frames = at - begun
        if at > begun:
            batch.reached = int(frames.times[begun:at].max())
        if state["seen_before"]:
            self.decoder.transport.skipped[_REPEATED] += int(state["seen_before"])
            state["seen_before"] = 0
        return batch

    def _put(self, batch: Batch, message: Message, source: int) -> None:
        index = int(self._state["count"])
        batch.put(index, message, self._links.number(message.link), source)
        self._state["count"] = index + 1

    def _ask(self, record: Record) -> list[Message]:
        """The plain decoder reads a frame, with the streams it may touch as they now are."""
        self.asked += 1
        slot, met = int(self._state["slot"]), int(self._state["met"])
        transport = self.decoder.transport
        streams = transport.sctp.streams
        full = len(streams) + 2 >= self._associations
        touched = range(slot, slot + 1) if slot >= 0 else range(len(self._streams))
        if met == APART:
            touched = range(0)
        for index in range(len(self._streams)) if full else touched:
            self._give_back(index)
        try:
            return self.decoder.feed(record)
        finally:
            if transport.skipped[_FORGOTTEN] != self._forgotten:
                self._forgotten = transport.skipped[_FORGOTTEN]
                self._forget_all()
            for index in touched if self._streams else ():
                self._borrow(index)
            if slot < 0 and met == KEYED:
                self._meet(streams.get(self._key()))

    def _key(self) -> tuple[str, bytes, bytes]:
        """The key of the frame last read, as `SctpLayer` has it."""
        key = [int(word) for word in self._state["key"]]
        words = [word.to_bytes(8, "big", signed=True) for word in key[:5]]
        addresses = b"".join(words[:4]) if key[5] & 1 else words[0]
        return list(self._feeds)[key[5] >> 1], addresses, words[4]

    def _meet(self, stream: Stream | None) -> None:
        """The kernel may read a stream of the plain decoder's from now on."""
        if stream is None:
            return
        if self._paths >= 2 * self._most or len(self._streams) >= self._most:
            self._forget_all()
        slot = self._slots.setdefault(stream, len(self._streams))
        state = self._state
        if slot == len(self._streams):
            self._streams.append(stream)
        link_number = self._links.number(stream.link)
        owes = self.decoder.transport.owes_gap(stream.link)
        state["streams"][slot] = stream.expected, 0, stream.last_seen, link_number, owes
        state["paths"][find_stream(self._m.state)] = *state["key"], slot
        self._paths += 1

    def _give_back(self, slot: int) -> None:
        stream = self._streams[slot]
        stream.expected = int(self._state["streams"][slot, EXPECTED])
        stream.last_seen = int(self._state["streams"][slot, LAST_SEEN])

    def _borrow(self, slot: int) -> None:
        streams, stream = self._state["streams"], self._streams[slot]
        if streams[slot, EXPECTED] != stream.expected:
            streams[slot, EXPECTED] = stream.expected
            streams[slot, SURE] = 0
        streams[slot, LAST_SEEN] = stream.last_seen
        owes = self.decoder.transport.owes_gap(stream.link)
        if owes != streams[slot, HELD]:
            streams[streams[:, LINK] == streams[slot, LINK], HELD] = owes

    def _forget_all(self) -> None:
        """All streams are the plain decoder's alone again; it has been given them back."""
        self._streams.clear()
        self._slots.clear()
        self._state["paths"] = -1
        self._paths = 0


def _signed(number: int) -> int:
    """Its lower 64 bits as compiled code has them."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
