"""Records of a capture by the thousand: where each stands in one buffer, its size and its time."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.capture import Capture, Format
from decoders.errors import CaptureError
from decoders.kernel.compiled import COMPILED, entry, inlined, little_word, word
from decoders.messages import Record
from decoders.pcap import HEADER_SIZE, MAGICS, MAX_RECORD, PcapParser
from decoders.pcapng import LATEST, MAX_BLOCK, PACKET, SMALLEST_BLOCK, Interface, PcapngParser
from decoders.times import SECOND

FRAMES: Final = 4096
"""Records of a batch at most."""
_PACKET: Final = PACKET
_LEAST_PACKET: Final = 32
_LATE_STAMP: Final = 1 << 30
"""Upper halves of time stamps that 64 bits hold whatever is done with them are below it."""
_NEVER: Final = 1 << 62
_NOUGHTS: Final = np.zeros(FRAMES, np.int64)


class Origin(NamedTuple):
    """Where records are from."""

    source: str
    feed: str
    """See `Record.feed`."""
    link_type: int


class Frames(NamedTuple):
    """Records in one buffer, in the order in which they are to be read."""

    data: bytes
    """Holds all of them."""
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    times: NDArray[np.int64]
    """Microseconds."""
    numbers: NDArray[np.int64]
    """Their indexes in their captures, from 1."""
    which: NDArray[np.int64]
    """Indexes into `origins`."""
    origins: tuple[Origin, ...]

    def record(self, index: int) -> Record:
        """One of them as the plain decoder takes it."""
        at = int(self.offsets[index])
        data = self.data[at : at + int(self.sizes[index])]
        source, feed, link_type = self.origins[int(self.which[index])]
        number, time = int(self.numbers[index]), int(self.times[index])
        return Record(source, number, time, link_type, data, feed)

    def from_each(self, begin: int = 0, end: int | None = None) -> Iterator[tuple[Origin, int]]:
        """How many of the records from `begin` to `end` are from each origin."""
        numbers = np.bincount(self.which[begin:end], minlength=len(self.origins))
        return zip(self.origins, numbers.tolist(), strict=True)


def frames_of(records: Sequence[Record]) -> Iterator[Frames]:
    """Batches of records, in their order."""
    for begin in range(0, len(records), FRAMES):
        part = records[begin : begin + FRAMES]
        origins: dict[Origin, int] = {}
        which = [
            origins.setdefault(Origin(r.source, r.feed, r.link_type), len(origins)) for r in part
        ]
        sizes = np.array([len(record.data) for record in part], np.int64)
        yield Frames(
            data=b"".join([record.data for record in part]),
            offsets=np.cumsum(sizes) - sizes,
            sizes=sizes,
            times=np.array([record.time for record in part], np.int64),
            numbers=np.array([record.frame for record in part], np.int64),
            which=np.array(which, np.int64),
            origins=tuple(origins),
        )


@inlined
def _number(data: Any, at: Any, big: Any) -> Any:
    """Four octets in the capture's order."""
    return word(data, at) if big else little_word(data, at)


@entry
def _index(  # noqa: PLR0913, PLR0917  compiled code has no objects
    data: NDArray[np.uint8],
    at: int,
    big: bool,  # noqa: FBT001  compiled code has no keywords
    divisor: int,
    offsets: NDArray[np.int64],
    sizes: NDArray[np.int64],
    times: NDArray[np.int64],
) -> tuple[int, int]:
    """Fills in the records that stand whole from ``at`` on.

    Returns:
        How many, and where the next one begins.
    """
    count = 0
    end = data.size
    while count < offsets.size and end - at >= 16:
        length = _number(data, at + 8, big)
        if length > MAX_RECORD or end - at - 16 < length:
            break
        offsets[count] = at + 16
        sizes[count] = length
        times[count] = _number(data, at, big) * 1_000_000 + _number(data, at + 4, big) // divisor
        count += 1
        at += 16 + length
    return count, at


@entry
def _packets(  # noqa: PLR0913, PLR0917  compiled code has no objects
    data: NDArray[np.uint8],
    at: int,
    big: bool,  # noqa: FBT001  compiled code has no keywords
    interfaces: NDArray[np.int64],
    offsets: NDArray[np.int64],
    sizes: NDArray[np.int64],
    times: NDArray[np.int64],
    which: NDArray[np.int64],
) -> tuple[int, int]:
    """Fills in the enhanced packets that stand whole from ``at`` on, up to anything else.

    ``interfaces``: of each what a time stamp is multiplied and divided by, 0 where only Python's
    numbers will do, and microseconds to add.

    Returns:
        How many, and where the next block begins.
    """
    count = 0
    end = data.size
    while count < offsets.size and end - at >= _LEAST_PACKET:
        length = _number(data, at + 4, big)
        if _number(data, at, big) != _PACKET or length < _LEAST_PACKET or length % 4:
            break
        if length > MAX_BLOCK or end - at < length:
            break
        interface = _number(data, at + 8, big)
        octets = _number(data, at + 20, big)
        high = _number(data, at + 12, big)
        if interface >= interfaces.shape[0] or octets > length - _LEAST_PACKET:
            break
        multiplied, divided, added = interfaces[interface]
        if octets > MAX_RECORD or high >= _LATE_STAMP or not divided:
            break
        stamp = (high << 32) | _number(data, at + 16, big)
        if multiplied > 1 and stamp > LATEST // multiplied:
            break
        offsets[count] = at + 28
        sizes[count] = octets
        times[count] = min(max(stamp * multiplied // divided + added, 0), LATEST)
        which[count] = interface
        count += 1
        at += length
    return count, at


class _Pcap:
    """`PcapParser` by the thousand: records are indexed where they stand, by compiled code."""

    def __init__(self, source: str, header: bytes, feed: str) -> None:
        order, self._divisor = MAGICS[header[:4]]
        self._big = order == ">"
        kind: int = struct.unpack(order + "20xI", header)[0] & 0xFFFF
        self._origins = (Origin(source, feed, kind),)
        self._header = header
        self._frame, self._offset = 0, HEADER_SIZE
        self._places = tuple(np.zeros(FRAMES, np.int64) for _ in range(3))

    def parse(self, buffer: bytes) -> tuple[list[Frames], int, CaptureError | None]:
        """As `PcapParser.parse`."""
        octets = np.frombuffer(buffer, np.uint8)
        found: list[Frames] = []
        at = 0
        while True:
            count, after = _index(octets, at, self._big, self._divisor, *self._places)
            if not count:
                break
            numbers = np.arange(self._frame + 1, self._frame + 1 + count, dtype=np.int64)
            offsets, sizes, times = (place[:count].copy() for place in self._places)
            which = _NOUGHTS[:count]
            found.append(Frames(buffer, offsets, sizes, times, numbers, which, self._origins))
            self._frame += count
            at = after
        self._offset += at
        error = self._plain().parse(buffer[at : at + 16])[2] if len(buffer) - at >= 16 else None
        return found, at, error

    def cut(self) -> CaptureError:
        """As `PcapParser.cut`."""
        return self._plain().cut()

    def _plain(self) -> PcapParser:
        """The plain parser where this one stands, for its errors."""
        source, feed, _ = self._origins[0]
        return PcapParser(source, self._header, feed, self._frame, self._offset)


class _Pcapng(PcapngParser):
    """`PcapngParser` by the thousand: packets of the usual kind are indexed where they stand."""

    def __init__(self, source: str, feed: str) -> None:
        super().__init__(source, feed)
        self._known: list[Interface] = []
        self._origins: tuple[Origin, ...] = ()
        self._scales = np.zeros((0, 3), np.int64)
        self._places = tuple(np.zeros(FRAMES, np.int64) for _ in range(4))

    def parse(  # type: ignore[override]
        self, buffer: bytes
    ) -> tuple[list[Frames], int, CaptureError | None]:
        """As `PcapngParser.parse`, of the same records, by the thousand."""
        octets = np.frombuffer(buffer, np.uint8)
        found: list[Frames] = []
        rare: list[Record] = []
        at = self._skipped(len(buffer))
        error = None
        while not self._skip and len(buffer) - at >= SMALLEST_BLOCK:
            count, after = _packets(octets, at, self._order == ">", self._scales, *self._places)
            if count:
                found += frames_of(rare)
                rare.clear()
                found.append(self._frames(buffer, count))
                at = after
                continue
            try:
                end = self._block(buffer, at, rare)
            except CaptureError as stop:
                error = stop
                break
            if end is None:
                break
            self._describe()
            at = end + self._skipped(len(buffer) - end)
        self._offset += at
        return [*found, *frames_of(rare)], at, error

    def _frames(self, buffer: bytes, count: int) -> Frames:
        numbers = np.arange(self._frame + 1, self._frame + 1 + count, dtype=np.int64)
        offsets, sizes, times, which = (place[:count].copy() for place in self._places)
        self._frame += count
        self._time = int(times[-1])
        return Frames(buffer, offsets, sizes, times, numbers, which, self._origins)

    def _describe(self) -> None:
        """Takes over what blocks have told of interfaces."""
        interfaces = self._interfaces
        if interfaces == self._known:
            return
        self._known = list(interfaces)
        self._origins = tuple(Origin(self._source, self._feed, one.link_type) for one in interfaces)
        self._scales = np.array([_scale(one) for one in interfaces], np.int64).reshape(-1, 3)


def _scale(interface: Interface) -> tuple[int, int, int]:
    """By what a time stamp is multiplied and divided, and what is added."""
    ticks, offset = interface.ticks, interface.offset * SECOND
    if abs(offset) > LATEST:
        return 1, 0, 0
    if ticks % SECOND == 0 and ticks // SECOND < _NEVER:
        return 1, ticks // SECOND, offset
    return (SECOND // ticks, 1, offset) if SECOND % ticks == 0 else (1, 0, 0)


class _Plain:
    """Records of a plain parser as frames."""

    def __init__(self, parser: Format[Record]) -> None:
        self._parser = parser

    @property
    def inside_skipped(self) -> bool:
        """As `PcapngParser.inside_skipped`."""
        return bool(getattr(self._parser, "inside_skipped", False))

    def parse(self, buffer: bytes) -> tuple[list[Frames], int, CaptureError | None]:
        """As the plain parser's."""
        records, taken, error = self._parser.parse(buffer)
        return list(frames_of(records)), taken, error

    def cut(self) -> CaptureError:
        """As the plain parser's."""
        return self._parser.cut()


class FrameReader(Capture[Frames]):
    """A capture from octets in any portions, as `CaptureParser`, but by the thousand.

    Records, packed or not, are indexed where they stand; what is rare in pcapng goes through
    `PcapngParser`.
    """

    def feed(self, data: bytes) -> Iterator[Frames]:
        """The records that these octets complete; to be taken to the end.

        Raises:
            CaptureError: as `CaptureParser.records`.
        """
        return self.records(data)

    def _pcap(self, header: bytes) -> Format[Frames]:
        if COMPILED:
            return _Pcap(self._source, header, self._feed)
        return _Plain(PcapParser(self._source, header, self._feed))

    def _pcapng(self) -> Format[Frames]:
        if COMPILED:
            return _Pcapng(self._source, self._feed)
        return _Plain(PcapngParser(self._source, self._feed))
