"""Captures from octets in any portions: pcap and pcapng, plain or packed with gzip or zstd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar

from decoders.compression import GZIP_MAGIC, ZSTD_MAGIC, Unpacker
from decoders.errors import CaptureError
from decoders.messages import Record
from decoders.pcap import HEADER_SIZE, MAGICS, PcapParser
from decoders.pcapng import MAGIC as PCAPNG_MAGIC
from decoders.pcapng import PcapngParser

_PART: Final = 1_048_576
"""Octets parsed at a time: the records of one part are in memory at once."""


Item = TypeVar("Item")


class Format(Protocol[Item]):
    """A capture's format, as `PcapParser` and `PcapngParser` read it; what they give may vary."""

    def parse(self, buffer: bytes) -> tuple[list[Item], int, CaptureError | None]:
        """What is whole at the front of the buffer, octets taken, what stopped it."""

    def cut(self) -> CaptureError:
        """The error for a file that ends inside a record."""


class Capture(Generic[Item]):
    """One capture, without I/O: feed it what was read, take what it completes.

    What stood before damage is never lost: it is given, and the next call raises.

    Args:
        source: label for the records and for errors (a file's base name, a feed's name).
        feed: label of the point of capture, where several files follow each other from it.
    """

    def __init__(self, source: str, feed: str = "") -> None:
        self._source = source
        self._feed = feed
        self._buffer = b""
        self._unpacker: Unpacker | None = None
        self._decided = False
        self._format: Format[Item] | None = None
        self._error: CaptureError | None = None

    def _pcap(self, header: bytes) -> Format[Item]:
        raise NotImplementedError

    def _pcapng(self) -> Format[Item]:
        raise NotImplementedError

    def records(self, data: bytes) -> Iterator[Item]:
        """Records that these octets complete, one by one, so that packed octets need no room.

        To be taken to the end before the next octets are fed.

        Raises:
            CaptureError: this is no capture, or there is damage and nothing before it to give.
        """
        given = False
        if self._error is None:
            for part in self._parts(data):
                for record in self._parse(part):
                    given = True
                    yield record
        if self._error is not None and not given:
            raise self._error

    def close(self) -> None:
        """The capture has ended.

        Raises:
            CaptureError: inside a record, or before anything that is a capture. What stood before
                was given.
        """
        if self._error is not None:
            raise self._error
        if self._format is None:
            raise self._not_a_capture("is no capture: it ends before a capture's header does")
        if self._buffer or getattr(self._format, "inside_skipped", False):
            raise self._format.cut()
        if self._unpacker is not None:
            self._unpacker.close()

    def _parts(self, data: bytes) -> Iterator[bytes]:
        """The capture's own octets, unpacked, in parts of bounded size; an error ends them."""
        if not self._decided:
            data, self._buffer = self._buffer + data, b""
            if not self._decide(data):
                self._buffer = data
                return
        try:
            for piece in (data,) if self._unpacker is None else self._unpacker.feed(data):
                for at in range(0, len(piece), _PART):
                    yield piece[at : at + _PART]
                    if self._error is not None:
                        return
        except CaptureError as error:
            self._error = error

    def _decide(self, data: bytes) -> bool:
        """Whether the outermost format is known; at most four octets tell."""
        if data.startswith((GZIP_MAGIC, ZSTD_MAGIC)):
            self._unpacker = Unpacker(self._source, data)
        elif not data.startswith(_PLAIN):
            if not any(magic.startswith(data) for magic in _KNOWN):
                self._error = self._not_a_capture("is no capture: neither pcap nor pcapng")
            return False
        self._decided = True
        return True

    def _parse(self, part: bytes) -> list[Item]:
        self._buffer = self._buffer + part if self._buffer else part
        if self._format is None:
            self._format = self._open()
        if self._format is None:
            return []
        records, taken, error = self._format.parse(self._buffer)
        self._buffer = self._buffer[taken:]
        self._error = error
        return records

    def _open(self) -> Format[Item] | None:
        """Begin with the format that the first octets tell; None while there are too few."""
        head = self._buffer[:4]
        if head == PCAPNG_MAGIC:
            return self._pcapng()
        if len(head) == 4 and head not in MAGICS:
            self._error = self._not_a_capture("holds no capture: neither pcap nor pcapng inside")
        if head not in MAGICS or len(self._buffer) < HEADER_SIZE:
            return None
        header, self._buffer = self._buffer[:HEADER_SIZE], self._buffer[HEADER_SIZE:]
        return self._pcap(header)

    def _not_a_capture(self, reason: str) -> CaptureError:
        return CaptureError(
            reason, file=self._source, offset=0, remedy="give a file that a capture program wrote"
        )


class CaptureParser(Capture[Record]):
    """The records of one capture; see `Capture`."""

    def feed(self, data: bytes) -> list[Record]:
        """Records that these octets complete, in the file's order: `records` in one list."""
        return list(self.records(data))

    def _pcap(self, header: bytes) -> Format[Record]:
        return PcapParser(self._source, header, self._feed)

    def _pcapng(self) -> Format[Record]:
        return PcapngParser(self._source, self._feed)


_PLAIN: Final = (*MAGICS, PCAPNG_MAGIC)
_KNOWN: Final = (*_PLAIN, GZIP_MAGIC, ZSTD_MAGIC)
