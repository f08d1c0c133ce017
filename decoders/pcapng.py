"""The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, packets of three kinds."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from decoders.errors import CaptureError
from decoders.messages import Record
from decoders.pcap import MAX_RECORD

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE_PACKET: Final = 3
PACKET: Final = 6
_BYTE_ORDER: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_OPTION_END: Final = 0
_OPTION_RESOLUTION: Final = 9
_OPTION_OFFSET: Final = 14
SMALLEST_BLOCK: Final = 12
MAX_BLOCK: Final = MAX_RECORD + 65_536
"""A packet's block: its record and options."""
_MAX_INTERFACES: Final = 4096
LATEST: Final = 253_402_300_799_999_999
"""The last microsecond of the year 9999, the last one that can be written down."""


class Interface(NamedTuple):
    """An interface description block."""

    link_type: int
    snap_length: int
    """0 for none."""
    ticks: int
    """Time stamp units a second."""
    offset: int
    """Seconds to add."""

    def time(self, stamp: int) -> int:
        """Microseconds since 1970, clamped to what can be written down."""
        whole = stamp * 1_000_000 // self.ticks + self.offset * 1_000_000
        return min(max(whole, 0), LATEST)


class PcapngParser:
    """Records of one pcapng file, from octets in any portions.

    Args:
        source: label for the records and for errors.
        feed: see `Record.feed`.
    """

    def __init__(self, source: str, feed: str) -> None:
        self._source = source
        self._feed = feed
        self._order = "<"
        self._interfaces: list[Interface] = []
        self._frame = 0
        self._time = 0
        self._offset = 0
        self._skip = 0

    def parse(self, buffer: bytes) -> tuple[list[Record], int, CaptureError | None]:
        """Whole records at the front of the buffer, octets taken, what stopped it."""
        records: list[Record] = []
        at = self._skipped(len(buffer))
        error = None
        while not self._skip and len(buffer) - at >= SMALLEST_BLOCK:
            try:
                end = self._block(buffer, at, records)
            except CaptureError as stop:
                error = stop
                break
            if end is None:
                break
            at = end + self._skipped(len(buffer) - end)
        self._offset += at
        return records, at, error

    def cut(self) -> CaptureError:
        """The error for a file that ends inside a block."""
        return CaptureError(
            f"the capture ends in the middle of a block, after record {self._frame}",
            file=self._source,
            offset=self._offset,
            remedy="what stands before it was read; copy the file again if it should be longer",
        )

    @property
    def inside_skipped(self) -> bool:
        """Octets of a block that nobody needs are still to come."""
        return self._skip > 0

    def _skipped(self, available: int) -> int:
        taken = min(self._skip, available)
        self._skip -= taken
        return taken

    def _block(self, buffer: bytes, at: int, records: list[Record]) -> int | None:
        """Read the block at ``at``; its end, or None when it is not all there yet."""
        if buffer[at : at + 4] == MAGIC:
            order = _BYTE_ORDER.get(buffer[at + 8 : at + 12])
            if order is None:
                raise self._damaged(at, "a section header has no byte order")
            self._order = order
        kind: int
        length: int
        kind, length = struct.unpack_from(self._order + "II", buffer, at)
        if length < SMALLEST_BLOCK or length % 4:
            raise self._damaged(at, f"a block claims {length} octets")
        if kind not in {_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, PACKET}:
            self._skip = length
            return at
        if length > MAX_BLOCK:
            raise self._damaged(at, f"a block claims {length} octets, more than {MAX_BLOCK}")
        if at + length > len(buffer):
            return None
        body = buffer[at + 8 : at + length - 4]
        if kind == _SECTION:
            self._interfaces = []
        elif kind == _INTERFACE:
            self._interface(body, at)
        else:
            records.append(self._record(kind, body, at))
        return at + length

    def _interface(self, body: bytes, at: int) -> None:
        if len(body) < 8:
            raise self._damaged(at, "an interface description is cut short")
        if len(self._interfaces) >= _MAX_INTERFACES:
            raise self._damaged(at, f"a section has more than {_MAX_INTERFACES} interfaces")
        link_type, snap_length = struct.unpack_from(self._order + "HxxI", body)
        ticks, offset = 1_000_000, 0
        for code, value in self._options(body, 8):
            if code == _OPTION_RESOLUTION and value:
                ticks = _ticks(value[0])
            elif code == _OPTION_OFFSET and len(value) == 8:
                offset = struct.unpack(self._order + "q", value)[0]
        self._interfaces.append(Interface(link_type, snap_length, ticks, offset))

    def _options(self, body: bytes, at: int) -> list[tuple[int, bytes]]:
        options: list[tuple[int, bytes]] = []
        while at + 4 <= len(body):
            code, length = struct.unpack_from(self._order + "HH", body, at)
            if code == _OPTION_END:
                break
            options.append((code, body[at + 4 : at + 4 + length]))
            at += 4 + (length + 3 & ~3)
        return options

    def _record(self, kind: int, body: bytes, at: int) -> Record:
        if kind == _SIMPLE_PACKET:
            return self._simple(body, at)
        if len(body) < 20:
            raise self._damaged(at, "a packet is cut short")
        layout = "IIIII" if kind == PACKET else "HxxIIII"
        number, high, low, length, _ = struct.unpack_from(self._order + layout, body)
        if length > len(body) - 20 or length > MAX_RECORD:
            raise self._damaged(at, f"a packet claims {length} octets")
        interface = self._of(number, at)
        self._time = interface.time(high << 32 | low)
        return self._made(interface, body[20 : 20 + length])

    def _simple(self, body: bytes, at: int) -> Record:
        """A packet without a time of its own gets that of the one before it."""
        if len(body) < 4:
            raise self._damaged(at, "a packet is cut short")
        interface = self._of(0, at)
        original: int = struct.unpack_from(self._order + "I", body)[0]
        length = min(original, interface.snap_length or original, len(body) - 4)
        return self._made(interface, body[4 : 4 + length])

    def _made(self, interface: Interface, data: bytes) -> Record:
        self._frame += 1
        return Record(self._source, self._frame, self._time, interface.link_type, data, self._feed)

    def _of(self, number: int, at: int) -> Interface:
        if number >= len(self._interfaces):
            raise self._damaged(at, f"a packet is of interface {number}, which nobody described")
        return self._interfaces[number]

    def _damaged(self, at: int, reason: str) -> CaptureError:
        return CaptureError(
            f"{reason}, after record {self._frame}",
            file=self._source,
            offset=self._offset + at,
            remedy="the file is damaged there; what stands before it was read",
        )


def _ticks(resolution: int) -> int:
    """Units a second of an if_tsresol: a power of 2 with the top bit set, else of 10."""
    exponent = resolution & 0x7F
    return 1 << exponent if resolution & 0x80 else 10**exponent
