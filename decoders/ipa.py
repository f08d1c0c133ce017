"""IPA, the framing of SCCPlite (Osmocom "GSM A-bis/IP and A over IPA" description, 3 octets).

    length of what follows the header (2, most significant first), stream identifier (1), payload

Stream 0xFD carries SCCP. A direction met in the middle of a frame looks for the next place from
which headers follow each other plausibly to the end of the octets at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from decoders.messages import Record
from decoders.tcp import Octets
from decoders.undecoded import Ledger

SCCP: Final = 0xFD
_HEADER: Final = 3
_STREAMS: Final = frozenset({0x00, SCCP, 0xFE, 0xEE, 0xFC, 0xFB, 0xFF})
"""What may pass beside SCCP: CCM 0xFE, Osmocom's extension 0xEE, MGCP 0xFC, OML, RSL."""
_MAX_FRAME: Final = 4096
"""A frame longer than this is not IPA: SCCP fits into 272 octets, LUDT into 3952."""
_ENOUGH_FRAMES: Final = 4
_SCCP_TYPES: Final = frozenset(range(0x01, 0x15))
_Key = tuple[str, bytes, bytes]


class _Framer:
    __slots__ = ("buffer", "last_seen", "searching")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.searching = False
        self.last_seen = 0


class IpaLayer:
    """Takes octets in order, gives SCCP messages.

    Args:
        ledger: where failures are counted.
        max_directions: directions kept; the least recently used quarter makes room.
    """

    def __init__(self, ledger: Ledger, max_directions: int) -> None:
        self._ledger = ledger
        self._max_directions = max_directions
        self._framers: dict[_Key, _Framer] = {}

    def feed(self, record: Record, octets: Octets) -> Iterator[bytes]:
        """SCCP messages that these octets complete, in order.

        To be taken one by one: a gap is told to the ledger just before the message behind it.
        """
        framer = self._framer(octets.key, record.time)
        if octets.follows != "octets":
            framer.buffer.clear()
            framer.searching = octets.follows != "start"
        if octets.follows == "hole":
            self._ledger.gap(octets.link, 1)
        framer.buffer += octets.data
        while len(framer.buffer) >= _HEADER:
            if framer.searching and not self._find_header(record, framer):
                break
            length = int.from_bytes(framer.buffer[:2], "big")
            stream = framer.buffer[2]
            if not _plausible(length, stream):
                self._ledger.fail("IPA header malformed", record)
                self._ledger.gap(octets.link, 1)
                framer.searching = True
                continue
            if len(framer.buffer) < _HEADER + length:
                break
            payload = bytes(framer.buffer[_HEADER : _HEADER + length])
            del framer.buffer[: _HEADER + length]
            if stream == SCCP and payload:
                yield payload
            else:
                self._ledger.skip(f"IPA stream 0x{stream:02x}")

    def _find_header(self, record: Record, framer: _Framer) -> bool:
        """Drop what comes before the next plausible chain of frames; False when there is none."""
        for at in range(len(framer.buffer) - _HEADER + 1):
            if _chain(framer.buffer, at):
                if at:
                    self._ledger.fail("IPA octets without a frame", record)
                del framer.buffer[:at]
                framer.searching = False
                return True
        if len(framer.buffer) > _MAX_FRAME:
            self._ledger.fail("IPA octets without a frame", record)
            del framer.buffer[: -_HEADER + 1]
        return False

    def _framer(self, key: _Key, now: int) -> _Framer:
        framer = self._framers.get(key)
        if framer is None:
            if len(self._framers) >= self._max_directions:
                self._make_room()
            framer = self._framers[key] = _Framer()
        framer.last_seen = now
        return framer

    def _make_room(self) -> None:
        by_age = sorted(self._framers, key=lambda key: self._framers[key].last_seen)
        for key in by_age[: max(1, self._max_directions // 4)]:
            del self._framers[key]


def frames(segment: bytes) -> tuple[int, int]:
    """How many frames fill this TCP segment, and how many of them carry SCCP; 0, 0 for no IPA."""
    buffer = bytearray(segment)
    at = found = carrying = 0
    while at + _HEADER <= len(buffer) and _chain(buffer, at):
        found += 1
        carrying += buffer[at + 2] == SCCP
        at += _HEADER + int.from_bytes(buffer[at : at + 2], "big")
    return found, carrying


def _plausible(length: int, stream: int) -> bool:
    return stream in _STREAMS and length <= _MAX_FRAME


def _chain(buffer: bytearray, at: int) -> bool:
    """Whether frames follow each other from ``at``: to the very end, or enough of them."""
    for _ in range(_ENOUGH_FRAMES):
        if at + _HEADER > len(buffer):
            return False
        length = int.from_bytes(buffer[at : at + 2], "big")
        stream = buffer[at + 2]
        if length == 0 or not _plausible(length, stream):
            return False
        if stream == SCCP and at + _HEADER < len(buffer) and buffer[at + 3] not in _SCCP_TYPES:
            return False
        at += _HEADER + length
        if at == len(buffer):
            return True
    return True
