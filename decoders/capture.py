"""Captures from octets in any portions: pcap and pcapng, plain or packed with gzip or zstd."""

from __future__ import annotations

from typing import Final

from decoders.compression import GZIP_MAGIC, ZSTD_MAGIC, Unpacker
from decoders.errors import CaptureError
from decoders.messages import Record
from decoders.pcap import HEADER_SIZE, MAGICS, PcapParser
from decoders.pcapng import MAGIC as PCAPNG_MAGIC
from decoders.pcapng import PcapngParser

PORTION: Final = 65_536
"""A good number of octets to feed at a time: what a portion unpacks to is in memory at once."""


class CaptureParser:
    """One capture, without I/O: feed it what was read, take the records it completes.

    What stood before damage is never lost: `feed` returns it, and the next call to `feed` or
    `close` raises.

    Args:
        source: label for the records and for errors (a file's base name, a feed's name).
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._buffer = b""
        self._unpacker: Unpacker | None = None
        self._decided = False
        self._format: PcapParser | PcapngParser | None = None
        self._error: CaptureError | None = None

    def feed(self, data: bytes) -> list[Record]:
        """Records that these octets complete, in the file's order.

        Raises:
            CaptureError: this is no capture, or the last call met damage.
        """
        if self._error is not None:
            raise self._error
        if not self._decided:
            data = self._buffer + data
            self._buffer = b""
            if not self._decide(data):
                self._buffer = data
                return []
        if self._unpacker is not None:
            data = self._unpacker.feed(data)
        self._buffer = self._buffer + data if self._buffer else data
        return self._records()

    def close(self) -> None:
        """The capture has ended.

        Raises:
            CaptureError: inside a record, or before anything that is a capture. What stood before
                was given by `feed`.
        """
        if self._error is not None:
            raise self._error
        if self._format is None:
            raise self._not_a_capture("is no capture: it ends before a capture's header does")
        inside = isinstance(self._format, PcapngParser) and self._format.inside_skipped
        if self._buffer or inside:
            raise self._format.cut()
        if self._unpacker is not None:
            self._unpacker.close()

    def _decide(self, data: bytes) -> bool:
        """Whether the outermost format is known; at most four octets tell."""
        if data.startswith((GZIP_MAGIC, ZSTD_MAGIC)):
            self._unpacker = Unpacker(self._source, data)
        elif not data.startswith(_PLAIN):
            if any(magic.startswith(data) for magic in _KNOWN):
                return False
            raise self._not_a_capture("is no capture: neither pcap nor pcapng, gzip nor zstd")
        self._decided = True
        return True

    def _records(self) -> list[Record]:
        if self._format is None and not self._open():
            return []
        assert self._format is not None
        records, taken, error = self._format.parse(self._buffer)
        if error is not None:
            if not records:
                self._error = error
                raise error
            self._error = error
        self._buffer = self._buffer[taken:] if taken else self._buffer
        return records

    def _open(self) -> bool:
        """Begin with the format that the first octets tell; False while there are too few."""
        head = self._buffer[:4]
        if len(head) < 4:
            return False
        if head == PCAPNG_MAGIC:
            self._format = PcapngParser(self._source)
            return True
        if head not in MAGICS:
            self._error = self._not_a_capture("holds no capture: neither pcap nor pcapng inside")
            raise self._error
        if len(self._buffer) < HEADER_SIZE:
            return False
        self._format = PcapParser(self._source, self._buffer[:HEADER_SIZE])
        self._buffer = self._buffer[HEADER_SIZE:]
        return True

    def _not_a_capture(self, reason: str) -> CaptureError:
        return CaptureError(
            reason, file=self._source, offset=0, remedy="give a file that a capture program wrote"
        )


_PLAIN: Final = (*MAGICS, PCAPNG_MAGIC)
_KNOWN: Final = (*_PLAIN, GZIP_MAGIC, ZSTD_MAGIC)
