"""Records of a capture by the thousand: where each stands in one buffer, its size and its time."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.capture import Capture, Format
from decoders.errors import CaptureError
from decoders.kernel.compiled import COMPILED, entry
from decoders.messages import Record
from decoders.pcap import HEADER_SIZE, MAGICS, MAX_RECORD, PcapParser
from decoders.pcapng import PcapngParser

FRAMES: Final = 4096
"""Records of a batch at most."""
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
        seconds: Any = np.int64(0)
        fraction: Any = np.int64(0)
        length: Any = np.int64(0)
        for place in range(4):
            by = np.int64(8 * (3 - place) if big else 8 * place)
            seconds |= np.int64(data[at + place]) << by
            fraction |= np.int64(data[at + 4 + place]) << by
            length |= np.int64(data[at + 8 + place]) << by
        if length > MAX_RECORD or end - at - 16 < length:
            break
        offsets[count] = at + 16
        sizes[count] = length
        times[count] = seconds * 1_000_000 + fraction // divisor
        count += 1
        at += 16 + length
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

    Records of a pcap file, packed or not, are indexed where they stand; those of pcapng go through
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
        return _Plain(PcapngParser(self._source, self._feed))
