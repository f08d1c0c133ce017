"""IPv4 (RFC 791) and IPv6 (RFC 8200): the transport payload of a packet, fragments put together."""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

from decoders.messages import Record
from decoders.undecoded import Ledger

Payload: TypeAlias = tuple[int, bytes, bytes, int, int]
"""Protocol, addresses (source then destination, 8 or 32 octets), bytes, start, end."""

TCP: Final = 6
SCTP: Final = 132
MAX_DATAGRAM: Final = 65_535

_IPV4: Final = struct.Struct(">BxHHHxB2x8s")
_IPV6: Final = struct.Struct(">4xHBx32s")
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
_OPTIONS: Final = frozenset({0, 43, 60, 135, 139, 140})
"""Extension headers of (length + 1) * 8 octets: hop by hop, routing, destination, mobility, HIP,
SHIM6 (RFC 6564, RFC 8200 4)."""


class _Datagram:
    """The fragments of one datagram seen so far."""

    __slots__ = ("began", "pieces", "total")

    def __init__(self, began: int) -> None:
        self.began = began
        self.pieces: dict[int, bytes] = {}
        self.total: int | None = None

    def whole(self) -> bytes | None:
        """The payload once every octet is there; None until then.

        Raises:
            ValueError: fragments overlap otherwise than by an exact repetition.
        """
        if self.total is None:
            return None
        at = 0
        for offset, piece in sorted(self.pieces.items()):
            if offset > at:
                return None
            if offset < at:
                raise ValueError
            at += len(piece)
        if at != self.total:
            return None
        return b"".join(piece for _, piece in sorted(self.pieces.items()))


class IpLayer:
    """Takes packets apart; keeps fragments within bounds.

    Args:
        ledger: where failures are counted.
        max_datagrams: incomplete datagrams kept at once; the oldest makes room.
        patience: microseconds of capture time after which an incomplete datagram is given up.
    """

    def __init__(self, ledger: Ledger, max_datagrams: int, patience: int) -> None:
        self._ledger = ledger
        self._max_datagrams = max_datagrams
        self._patience = patience
        self._datagrams: dict[tuple[str, bytes, int, int], _Datagram] = {}

    def v4(self, record: Record, start: int) -> Payload | None:
        """The payload of the IPv4 packet that begins at ``start``; None where there is none yet."""
        data = record.data
        if len(data) < start + 20:
            self._ledger.fail("IPv4 header cut short", record, data[start:])
            return None
        first, total, ident, fragment, protocol, addresses = _IPV4.unpack_from(data, start)
        header = (first & 15) * 4
        if first >> 4 != 4 or header < 20 or 0 < total < header:
            self._ledger.fail("IPv4 header malformed", record, data[start : start + 20])
            return None
        # A length of 0 is what segmentation offload leaves: the packet fills the record.
        end = min(start + total, len(data)) if total else len(data)
        if fragment & 0x3FFF:
            return self._fragment(
                record,
                (record.source, addresses, ident, protocol),
                (fragment & 0x1FFF) * 8,
                fragment & 0x2000 == 0,
                data[start + header : start + total],
                start + total > len(data),
            )
        return protocol, addresses, data, start + header, end

    def v6(self, record: Record, start: int) -> Payload | None:
        """The payload of the IPv6 packet that begins at ``start``, behind its extension headers."""
        data = record.data
        if len(data) < start + 40:
            self._ledger.fail("IPv6 header cut short", record, data[start:])
            return None
        length, protocol, addresses = _IPV6.unpack_from(data, start)
        if data[start] >> 4 != 6:
            self._ledger.fail("IPv6 header malformed", record, data[start : start + 40])
            return None
        at = start + 40
        end = min(at + length, len(data)) if length else len(data)
        return self._behind_extensions(
            record, protocol, addresses, at, end, at + length > len(data)
        )

    def _behind_extensions(
        self, record: Record, protocol: int, addresses: bytes, at: int, end: int, cut: bool
    ) -> Payload | None:
        data = record.data
        while protocol in _OPTIONS or protocol in {_FRAGMENT, _AUTHENTICATION}:
            if at + 8 > end:
                self._ledger.fail("IPv6 extension header cut short", record, data[at:end])
                return None
            following = data[at]
            if protocol == _FRAGMENT:
                place, ident = struct.unpack_from(">HI", data, at + 2)
                if place & 0xFFF9:
                    key = (record.source, addresses, ident, following)
                    last = place & 1 == 0
                    return self._fragment(
                        record, key, place & 0xFFF8, last, data[at + 8 : end], cut
                    )
                at += 8
            elif protocol == _AUTHENTICATION:
                at += (data[at + 1] + 2) * 4
            else:
                at += (data[at + 1] + 1) * 8
            protocol = following
        return protocol, addresses, data, min(at, end), end

    def _fragment(
        self,
        record: Record,
        key: tuple[str, bytes, int, int],
        offset: int,
        last: bool,
        piece: bytes,
        cut: bool,
    ) -> Payload | None:
        if cut or not piece or offset + len(piece) > MAX_DATAGRAM:
            self._ledger.fail("IP fragment malformed or cut short", record)
            return None
        datagram = self._datagram(key, record.time)
        datagram.pieces.setdefault(offset, piece)
        if last:
            datagram.total = offset + len(piece)
        try:
            payload = datagram.whole()
        except ValueError:
            del self._datagrams[key]
            self._ledger.fail("IP fragments overlap", record)
            return None
        if payload is None:
            return None
        del self._datagrams[key]
        protocol = key[3]
        if protocol in _OPTIONS:
            # Extension headers inside the fragmented part are legal and never seen: not followed.
            self._ledger.skip(f"IP protocol {protocol} in fragments")
            return None
        return protocol, key[1], payload, 0, len(payload)

    def _datagram(self, key: tuple[str, bytes, int, int], now: int) -> _Datagram:
        datagram = self._datagrams.get(key)
        if datagram is not None and 0 <= now - datagram.began <= self._patience:
            return datagram
        if datagram is not None:
            del self._datagrams[key]
            self._ledger.skip("IP fragments never completed")
        elif len(self._datagrams) >= self._max_datagrams:
            del self._datagrams[next(iter(self._datagrams))]
            self._ledger.skip("IP fragments never completed")
        datagram = self._datagrams[key] = _Datagram(now)
        return datagram
