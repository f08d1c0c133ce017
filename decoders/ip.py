"""IPv4 (RFC 791) and IPv6 (RFC 8200): the transport payload of a packet, fragments put together."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple, TypeAlias

from decoders.messages import Record
from decoders.undecoded import CARRIER_BYTES, Ledger

Payload: TypeAlias = tuple[int, bytes, bytes, int, int]
"""Protocol, addresses (source then destination, 8 or 32 octets), bytes, start, end."""

TCP: Final = 6
SCTP: Final = 132
MAX_DATAGRAM: Final = 65_535

_IPV4: Final = struct.Struct(">BxHHHxB2x8s")
_IPV6: Final = struct.Struct(">4xHBx32s")
_PLACE: Final = struct.Struct(">HI")
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
_OPTIONS: Final = frozenset({0, 43, 60, 135, 139, 140})
"""Extension headers of (length + 1) * 8 octets: hop by hop, routing, destination, mobility, HIP,
SHIM6 (RFC 6564, RFC 8200 4)."""
_FOLLOWED: Final = _OPTIONS | {_FRAGMENT, _AUTHENTICATION}
_COPY_WITHIN: Final = 1_000_000
"""Microseconds within which the same fragments again are a mirrored copy, not a new datagram."""
_Key: TypeAlias = tuple[str, bytes, int, int]
"""Label of the capture, addresses, identification, protocol."""


class _Piece(NamedTuple):
    """A fragment: where it belongs, and whether nothing comes after it."""

    offset: int
    last: bool
    data: bytes


class _Datagram:
    """The fragments of one datagram seen so far."""

    __slots__ = ("began", "pieces", "size", "total")

    def __init__(self, began: int) -> None:
        self.began = began
        self.pieces: dict[int, bytes] = {}
        self.size = 0
        self.total: int | None = None

    def add(self, piece: _Piece) -> bool:
        """Take a fragment in; False when another of the same place has other octets."""
        held = self.pieces.get(piece.offset)
        if held is not None:
            return held == piece.data
        self.pieces[piece.offset] = piece.data
        self.size += len(piece.data)
        if piece.last:
            self.total = piece.offset + len(piece.data)
        return self.total is None or self.size <= self.total

    def whole(self) -> bytes | None:
        """The payload once every octet is there; None until then."""
        if self.size != self.total:
            return None
        at = 0
        in_order = sorted(self.pieces.items())
        for offset, piece in in_order:
            if offset != at:
                return None
            at += len(piece)
        return b"".join(piece for _, piece in in_order)


class IpLayer:
    """Takes packets apart; keeps fragments within bounds.

    Args:
        ledger: where failures are counted.
        max_datagrams: incomplete datagrams kept at once; the oldest makes room.
        max_waiting: octets of fragments kept at once; likewise.
        patience: microseconds of capture time after which an incomplete datagram is given up.
    """

    def __init__(self, ledger: Ledger, max_datagrams: int, max_waiting: int, patience: int) -> None:
        self._ledger = ledger
        self._max_datagrams = max_datagrams
        self._max_waiting = max_waiting
        self._patience = patience
        self._datagrams: dict[_Key, _Datagram] = {}
        self._waiting = 0
        self._complete: dict[_Key, int] = {}

    def v4(self, record: Record, start: int) -> Payload | None:
        """The payload of the IPv4 packet that begins at ``start``; None where there is none yet."""
        data = record.data
        if len(data) < start + 20:
            self._ledger.fail("IPv4 header cut short", record, data[start : start + CARRIER_BYTES])
            return None
        first, total, ident, fragment, protocol, addresses = _IPV4.unpack_from(data, start)
        header = (first & 15) * 4
        if first >> 4 != 4 or header < 20 or 0 < total < header:
            self._ledger.fail("IPv4 header malformed", record, data[start : start + CARRIER_BYTES])
            return None
        # A length of 0 is what segmentation offload leaves: the packet fills the record.
        end = min(start + total, len(data)) if total else len(data)
        if fragment & 0x3FFF:
            last = fragment & 0x2000 == 0
            body = data[start + header : start + total]
            piece = _Piece((fragment & 0x1FFF) * 8, last, body)
            cut = start + total > len(data)
            key = (record.feed or record.source, addresses, ident, protocol)
            return self._fragment(record, key, piece, cut=cut)
        return protocol, addresses, data, start + header, end

    def v6(self, record: Record, start: int) -> Payload | None:
        """The payload of the IPv6 packet that begins at ``start``, behind its extension headers."""
        data = record.data
        if len(data) < start + 40:
            self._ledger.fail("IPv6 header cut short", record, data[start : start + CARRIER_BYTES])
            return None
        length, protocol, addresses = _IPV6.unpack_from(data, start)
        if data[start] >> 4 != 6:
            self._ledger.fail("IPv6 header malformed", record, data[start : start + CARRIER_BYTES])
            return None
        at = start + 40
        stop = at + length if length else len(data)
        return self._behind_extensions(record, protocol, addresses, at, stop)

    def _behind_extensions(
        self, record: Record, protocol: int, addresses: bytes, at: int, stop: int
    ) -> Payload | None:
        data = record.data
        end = min(stop, len(data))
        while protocol in _FOLLOWED:
            if at + 8 > end:
                self._ledger.fail("IPv6 extension header cut short", record)
                return None
            following = data[at]
            if protocol == _FRAGMENT:
                place, ident = _PLACE.unpack_from(data, at + 2)
                if place & 0xFFF9:
                    piece = _Piece(place & 0xFFF8, place & 1 == 0, data[at + 8 : end])
                    key = (record.feed or record.source, addresses, ident, following)
                    return self._fragment(record, key, piece, cut=stop > end)
                at += 8
            elif protocol == _AUTHENTICATION:
                at += (data[at + 1] + 2) * 4
            else:
                at += (data[at + 1] + 1) * 8
            protocol = following
        return protocol, addresses, data, min(at, end), end

    def _fragment(self, record: Record, key: _Key, piece: _Piece, *, cut: bool) -> Payload | None:
        if cut or not piece.data or piece.offset + len(piece.data) > MAX_DATAGRAM:
            self._ledger.fail("IP fragment malformed or cut short", record)
            return None
        done = self._complete.get(key)
        if done is not None and abs(record.time - done) <= _COPY_WITHIN:
            self._ledger.skip("IP fragment seen before")
            return None
        datagram = self._datagram(key, record.time)
        before = datagram.size
        if not datagram.add(piece):
            # The identification came round to another datagram, or somebody plays games (RFC 5722).
            self._ledger.fail("IP fragments overlap", record)
            self._give_up(key)
            datagram, before = self._datagram(key, record.time), 0
            datagram.add(piece)
        self._waiting += datagram.size - before
        payload = datagram.whole()
        if payload is None:
            while self._waiting > self._max_waiting:
                self._give_up(next(iter(self._datagrams)))
            return None
        self._finish(key, record.time)
        if key[3] in _FOLLOWED:
            # Extension headers inside the fragmented part are legal and never seen: not followed.
            self._ledger.skip(f"IP protocol {key[3]} in fragments")
            return None
        return key[3], key[1], payload, 0, len(payload)

    def _finish(self, key: _Key, now: int) -> None:
        """A datagram is whole; copies of its fragments may still come."""
        self._waiting -= self._datagrams.pop(key).size
        self._complete.pop(key, None)
        if len(self._complete) >= self._max_datagrams:
            del self._complete[next(iter(self._complete))]
        self._complete[key] = now

    def _give_up(self, key: _Key) -> None:
        self._waiting -= self._datagrams.pop(key).size
        self._ledger.skip("IP fragments never completed")

    def _datagram(self, key: _Key, now: int) -> _Datagram:
        datagram = self._datagrams.get(key)
        if datagram is not None and abs(now - datagram.began) <= self._patience:
            return datagram
        if datagram is not None:
            self._give_up(key)
        elif len(self._datagrams) >= self._max_datagrams:
            self._give_up(next(iter(self._datagrams)))
        datagram = self._datagrams[key] = _Datagram(now)
        return datagram
