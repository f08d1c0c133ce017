"""The kernel and the plain decoder side by side, with one owner of everything that is remembered.

The rule: the plain decoder owns all state, and the kernel only reads copies of it (`machine`). A
frame that would change anything but the next TSN of its stream, or of which anything is broken,
rare or unclear, is undone and handed over; the plain decoder reads it in its place, in order, and
tells what has changed. So the rows are those the plain decoder alone would give, and a doubt costs
time, never a message.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
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
from decoders.kernel.frames import Frames
from decoders.kernel.machine import (
    APART,
    ASK,
    DOUBTS,
    EXPECTED,
    FEED,
    FULL,
    HELD,
    KEY_AT,
    KEYED,
    LAST_SEEN,
    LINK,
    LINK_TYPE,
    MET,
    POINT_CODE_BITS,
    ROWS,
    SEEN_BEFORE,
    SIGNALLING_LINK,
    SLOT,
    SURE,
    Machine,
    doubt_at,
    machine,
    pair_at,
    stream_at,
)
from decoders.messages import Message, Record, SccpUnit
from decoders.sctp import Stream

ROWS_A_BATCH: Final = 16_384
_FORGOTTEN: Final = "SCTP association forgotten"
_REPEATED: Final = "SCTP DATA seen before"
_DIRECTION: Final = 4
"""Parts of the key of a direction of a connection: link, point codes, reference."""
_SIGNALLING: Final = {link.MTP3: "mtp3", link.SCCP: "sccp"}


class _Reference(Decoder):
    """The plain decoder, which tells the kernel what it learns."""

    def __init__(self, config: DecoderConfig, m: Machine, links: _Links) -> None:
        super().__init__(config)
        self._m = m
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
                self._m.pairs.fill(-1)
                changed = cast("list[tuple[int | None, int | None]]", list(self._pairs))
            for pair in changed:
                self._publish(cast("tuple[int, int]", pair))
        return learned

    def _publish(self, pair: tuple[int, int]) -> None:
        value = self._pairs.get(pair)
        if value is not None:
            packed = _signed(pair[0] << 32 | pair[1])
            at = pair_at(self._m.pairs, packed)
            self._m.pairs[at] = packed, int(value)

    def _doubt(self, key: Hashable) -> None:
        """From now on messages of this connection are for the plain decoder."""
        side, reference = cast("tuple[int | str, int | None]", key)
        if reference is None:
            return
        number = -2 - self._links.number(side) if isinstance(side, str) else side
        at = doubt_at(number, reference)
        if self._m.doubts[at]:
            return
        self._m.doubts[at] = 1
        self._doubts += 1
        if self._doubts > DOUBTS // 8:
            self._forget_doubts()

    def _forget_doubts(self) -> None:
        """Only what still stands is doubted, when too much is."""
        self._doubts = 0
        self._m.doubts.fill(0)
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
        self._most = config.transport.max_associations
        self._m = machine(_tables(), rows, self._most, config.max_pairs)
        self._m.registers[POINT_CODE_BITS] = config.transport.point_code_bits
        self._m.registers[SLOT], self._m.registers[MET] = -1, APART
        self.decoder: Decoder = _Reference(config, self._m, self._links)
        self.asked = 0
        self._feeds: dict[str, int] = {}
        self._streams: list[Stream] = []
        self._slots: dict[Stream, int] = {}
        self._paths = 0
        self._forgotten = 0

    def feed(self, frames: Frames) -> Iterator[Batch]:
        """The messages that these frames complete, in the order of the capture.

        To be taken to the end; the rows of a batch are overwritten by the next.

        Raises:
            CaptureError: after the last batch, if nobody reads a record's link type
                (`Transport.feed`).
        """
        m = self._begin(frames)
        batch = self._batch(m, frames)
        at, count = 0, len(frames.sizes)
        places = (frames.offsets, frames.sizes, frames.times)
        begun, error = 0, None
        while at < count:
            why = ASK
            if COMPILED:
                at, why = run(m, *places, frames.first, at, count)
            if why == FULL and m.registers[ROWS]:
                yield self._filled(batch, at - begun)
                batch, begun = self._batch(m, frames), at
            elif why:
                try:
                    messages = self._ask(frames.record(at))
                except CaptureError as failure:
                    messages, error = [], error or failure
                at += 1
                for message in messages:
                    if m.registers[ROWS] == m.rows.size:
                        yield self._filled(batch, at - begun)
                        batch, begun = self._batch(m, frames), at
                    self._put(batch, message)
        yield self._filled(batch, at - begun)
        if error is not None:
            raise error

    def _begin(self, frames: Frames) -> Machine:
        feed = frames.feed or frames.source
        registers = self._m.registers
        registers[FEED] = self._feeds.setdefault(feed, len(self._feeds))
        registers[LINK_TYPE] = frames.link_type
        kind = _SIGNALLING.get(frames.link_type)
        registers[SIGNALLING_LINK] = -1 if kind is None else self._links.number(f"{feed} {kind}")
        return self._m._replace(data=np.frombuffer(frames.data, np.uint8))

    def _batch(self, m: Machine, frames: Frames) -> Batch:
        m.registers[ROWS] = 0
        return Batch(m.rows, frames.data, self._links.names, frames.source)

    def _filled(self, batch: Batch, frames: int) -> Batch:
        registers = self._m.registers
        batch.rows = self._m.rows[: int(registers[ROWS])]
        batch.frames = frames
        if registers[SEEN_BEFORE]:
            self.decoder.transport.skipped[_REPEATED] += int(registers[SEEN_BEFORE])
            registers[SEEN_BEFORE] = 0
        return batch

    def _put(self, batch: Batch, message: Message) -> None:
        index = int(self._m.registers[ROWS])
        batch.put(index, message, self._links.number(message.link))
        self._m.registers[ROWS] = index + 1

    def _ask(self, record: Record) -> list[Message]:
        """The plain decoder reads a frame, with the streams it may touch as they now are."""
        self.asked += 1
        slot, met = int(self._m.registers[SLOT]), int(self._m.registers[MET])
        transport = self.decoder.transport
        streams = transport.sctp.streams
        full = len(streams) + 2 >= self._most
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
        key = [int(word) for word in self._m.registers[KEY_AT:]]
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
        m = self._m
        if slot == len(self._streams):
            self._streams.append(stream)
        link_number = self._links.number(stream.link)
        owes = self.decoder.transport.owes_gap(stream.link)
        m.streams[slot] = stream.expected, 0, stream.last_seen, link_number, owes
        m.paths[stream_at(m.paths, m.registers)] = *m.registers[KEY_AT:], slot
        self._paths += 1

    def _give_back(self, slot: int) -> None:
        stream = self._streams[slot]
        stream.expected = int(self._m.streams[slot, EXPECTED])
        stream.last_seen = int(self._m.streams[slot, LAST_SEEN])

    def _borrow(self, slot: int) -> None:
        streams, stream = self._m.streams, self._streams[slot]
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
        self._m.paths.fill(-1)
        self._paths = 0


def _signed(number: int) -> int:
    """Its lower 64 bits as compiled code has them."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
