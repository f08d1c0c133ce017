"""Records of a capture by the thousand: where each stands in one buffer, its size and its time."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.capture import CaptureParser
from decoders.kernel.compiled import COMPILED, entry
from decoders.messages import Record
from decoders.pcap import HEADER_SIZE, MAGICS, MAX_RECORD, PcapParser

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


class FrameReader:
    """A capture from octets in any portions, as `CaptureParser`, but by the thousand.

    Plain pcap is indexed where it stands, by compiled code; all other formats go through
    `CaptureParser`.

    Args:
        source: label for the records and for errors.
        feed: see `Record.feed`.
    """

    def __init__(self, source: str, feed: str = "") -> None:
        self._source = source
        self._feed = feed
        self._buffer = b""
        self._parser: CaptureParser | None = None
        self._header = b""
        self._frame = 1
        self._offset = HEADER_SIZE
        self._offsets = np.zeros(FRAMES, np.int64)
        self._sizes = np.zeros(FRAMES, np.int64)
        self._times = np.zeros(FRAMES, np.int64)

    def feed(self, data: bytes) -> Iterator[Frames]:
        """The records that these octets complete; to be taken to the end.

        What one batch refers to is overwritten by the next.

        Raises:
            CaptureError: as `CaptureParser.records`.
        """
        if self._parser is None and not self._header:
            data, self._buffer = self._buffer + data, b""
            if len(data) < HEADER_SIZE:
                self._buffer = data
                return
            if data[:4] in MAGICS and COMPILED:
                self._header, data = data[:HEADER_SIZE], data[HEADER_SIZE:]
            else:
                self._parser = CaptureParser(self._source, self._feed)
        if self._parser is not None:
            yield from frames_of(self._parser.feed(data))
        else:
            yield from self._indexed(data)

    def close(self) -> None:
        """The capture has ended.

        Raises:
            CaptureError: as `CaptureParser.close`.
        """
        if self._header:
            if self._buffer:
                raise self._pcap().cut()
            return
        parser = self._parser or CaptureParser(self._source, self._feed)
        if self._parser is None:
            parser.feed(self._buffer)
        parser.close()

    def _indexed(self, data: bytes) -> Iterator[Frames]:
        data = self._buffer + data if self._buffer else data
        order, divisor = MAGICS[self._header[:4]]
        octets = np.frombuffer(data, np.uint8)
        places = (self._offsets, self._sizes, self._times)
        at = 0
        while True:
            count, after = _index(octets, at, order == ">", divisor, *places)
            if not count:
                break
            yield Frames(
                data=data,
                offsets=self._offsets[:count],
                sizes=self._sizes[:count],
                times=self._times[:count],
                numbers=np.arange(self._frame, self._frame + count, dtype=np.int64),
                which=_NOUGHTS[:count],
                origins=(Origin(self._source, self._feed, self._link_type()),),
            )
            self._frame += count
            self._offset += after - at
            at = after
        self._buffer = data[at:]
        if len(self._buffer) >= 16:
            error = self._pcap().parse(self._buffer)[2]
            if error is not None:
                raise error

    def _link_type(self) -> int:
        order, _ = MAGICS[self._header[:4]]
        kind: int = struct.unpack(order + "20xI", self._header)[0] & 0xFFFF
        return kind

    def _pcap(self) -> PcapParser:
        """The plain parser where this one stands, for its errors."""
        return PcapParser(self._source, self._header, self._feed, self._frame - 1, self._offset)
