"""gzip (RFC 1952) and Zstandard (RFC 8878) unpacked piece by piece, within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

import zstandard

from decoders.errors import CaptureError

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SLICE: Final = 1024
"""Octets unpacked at a time: a Zstandard block of a few octets may stand for 128 KiB."""
_MAX_WINDOW: Final = 1 << 27
"""128 MiB, what ``zstd`` itself agrees to without ``--long``."""
MAX_RATIO: Final = 256
"""A capture that unpacks to more than this many times its size, a megabyte aside, is refused."""
_ALLOWANCE: Final = 1 << 20


class _Stream(Protocol):
    """What zlib's and zstandard's incremental objects share."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Unpacker:
    """Unpacks one compressed stream, of any number of members or frames one behind the other.

    Args:
        source: label of the capture, for errors.
        magic: the first octets, by which the format is known.
    """

    def __init__(self, source: str, magic: bytes) -> None:
        self._source = source
        self._zstd = not magic.startswith(GZIP_MAGIC)
        self._stream = self._new_stream()
        self._begun = False
        self._consumed = 0
        self._produced = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these octets unpack to, piece by piece; a piece is 32 MiB at the very most.

        Raises:
            CaptureError: they are not of the format, or unpack to more than a capture can.
        """
        for at in range(0, len(data), _SLICE):
            for piece in self._slice(data[at : at + _SLICE]):
                self._produced += len(piece)
                if self._produced > self._consumed * MAX_RATIO + _ALLOWANCE:
                    raise self._error("unpacks to far more than a capture can")
                yield piece

    def close(self) -> None:
        """Raises CaptureError when the stream has not come to its end."""
        if self._begun:
            raise self._error("the compressed data is cut short")

    def _slice(self, data: bytes) -> Iterator[bytes]:
        while data:
            if not self._begun and not data.strip(b"\0"):
                return  # padding behind the last member
            self._begun = True
            try:
                piece = self._stream.decompress(data)
            except (zlib.error, zstandard.ZstdError) as error:
                raise self._error("the compressed data is damaged") from error
            rest = self._stream.unused_data if self._stream.eof else b""
            self._consumed += len(data) - len(rest)
            if self._stream.eof:
                self._stream = self._new_stream()
                self._begun = False
            data = rest
            yield piece

    def _new_stream(self) -> _Stream:
        if self._zstd:
            return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
        return zlib.decompressobj(wbits=31)

    def _error(self, reason: str) -> CaptureError:
        return CaptureError(
            reason,
            file=self._source,
            offset=self._consumed,
            remedy="unpack it with its own program, which says more, or capture again",
        )
