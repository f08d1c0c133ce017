"""The pcap format (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds."""

from __future__ import annotations

import struct
from typing import Final

from decoders.errors import CaptureError
from decoders.messages import Record

HEADER_SIZE: Final = 24
MAX_RECORD: Final = 262_144
"""Octets of a record; libpcap's own bound for what can carry signalling."""
_LITTLE_MICRO: Final = b"\xd4\xc3\xb2\xa1"
_BIG_MICRO: Final = b"\xa1\xb2\xc3\xd4"
_LITTLE_NANO: Final = b"\x4d\x3c\xb2\xa1"
_BIG_NANO: Final = b"\xa1\xb2\x3c\x4d"
MAGICS: Final = {
    _LITTLE_MICRO: ("<", 1),
    _BIG_MICRO: (">", 1),
    _LITTLE_NANO: ("<", 1000),
    _BIG_NANO: (">", 1000),
}


class PcapParser:
    """Records of one pcap file, from octets in any portions.

    Args:
        source: label for the records and for errors.
        header: the file's first 24 octets.
        feed: see `Record.feed`.
        frame: records before where it begins.
        offset: octets before where it begins.
    """

    def __init__(
        self, source: str, header: bytes, feed: str, frame: int = 0, offset: int = HEADER_SIZE
    ) -> None:
        order, self._divisor = MAGICS[header[:4]]
        self._source = source
        self._feed = feed
        # The upper bits tell of a frame check sequence; lengths in the packets leave it out anyway.
        self._link_type: int = struct.unpack(order + "20xI", header)[0] & 0xFFFF
        self._record = struct.Struct(order + "III4x")
        self._offset = offset
        self._frame = frame

    def parse(self, buffer: bytes) -> tuple[list[Record], int, CaptureError | None]:
        """Whole records at the front of the buffer, how many octets they took, and what stopped it.

        An error is given back, not raised, so that what was read before it is not lost.
        """
        records: list[Record] = []
        append = records.append
        unpack = self._record.unpack_from
        source, feed, link_type = self._source, self._feed, self._link_type
        divisor, frame = self._divisor, self._frame
        at, size = 0, len(buffer)
        error = None
        while size - at >= 16:
            seconds, fraction, length = unpack(buffer, at)
            end = at + 16 + length
            if length > MAX_RECORD:
                error = self._too_long(frame + 1, at, length)
                break
            if end > size:
                break
            frame += 1
            time = seconds * 1_000_000 + (fraction if divisor == 1 else fraction // divisor)
            append(Record(source, frame, time, link_type, buffer[at + 16 : end], feed))
            at = end
        self._frame = frame
        self._offset += at
        return records, at, error

    def cut(self) -> CaptureError:
        """The error for a file that ends inside a record."""
        return CaptureError(
            f"the capture ends in the middle of record {self._frame + 1}",
            file=self._source,
            offset=self._offset,
            remedy="what stands before it was read; copy the file again if it should be longer",
        )

    def _too_long(self, frame: int, at: int, length: int) -> CaptureError:
        return CaptureError(
            f"record {frame} claims {length} octets, more than {MAX_RECORD}",
            file=self._source,
            offset=self._offset + at,
            remedy="the file is damaged there; what stands before it was read",
        )
