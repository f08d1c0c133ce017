"""SCTP (RFC 9260) as a bystander sees it: each user message once, whole, with gaps noticed.

A *stream* here is one direction of an association. It is known by where it was captured, its
addresses and ports, and its verification tag, which the receiver drew for this association alone:
an association that starts again has other tags and so another stream. The TSN tells new from seen:

    TSN is the one expected     new
    ahead of it                 new; what lies between is missing, and this is a gap
    behind it, and missing      new: it was late
    behind it                   a retransmission or a mirrored copy: not seen again
    ahead or behind absurdly    the association went on unseen: start anew, and this is a gap

A stream whose INIT passed begins at the TSN that INIT names, so that a lost first message is a gap.
One met in mid-life begins at the first TSN seen, and what comes late from just before it is new.
Messages are given in the order of capture; they are not held back until a gap closes.
The addresses that INIT and INIT ACK list belong to one association, so that a retransmission over
another path is recognised.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from decoders.endpoints import link_name, swapped
from decoders.messages import Record
from decoders.undecoded import CARRIER_BYTES, Ledger

_HEADER: Final = 12
_CHUNK: Final = struct.Struct(">BxH")
_DATA: Final = struct.Struct(">xBxxI4xI")
_INIT: Final = struct.Struct(">I8xI")
_PARAMETER: Final = struct.Struct(">HH")
_TYPE_DATA: Final = 0
_TYPE_INIT: Final = 1
_TYPE_INIT_ACK: Final = 2
_HANDSHAKE: Final = frozenset({_TYPE_INIT, _TYPE_INIT_ACK})
_TYPE_I_DATA: Final = 64
_BEGIN: Final = 2
_END: Final = 1
_WHOLE: Final = 3
_MODULUS: Final = 0xFFFFFFFF
_FAR_AHEAD: Final = 1 << 20
_FAR_BEHIND: Final = 1 << 16
_LATE_AT_START: Final = _FAR_BEHIND - 1
_MAX_HOLES: Final = 64
_MAX_FRAGMENTS: Final = 256
"""Of messages not complete, in one stream."""
_MAX_LISTED_ADDRESSES: Final = 16


class Datagram(NamedTuple):
    """One user message of an association."""

    link: str
    protocol: int
    """Payload protocol identifier, RFC 9260 3.3.1."""
    ports: bytes
    """Source and destination port, 2 octets each, then the verification tag."""
    data: bytes


class Stream:
    """One direction of an association."""

    __slots__ = ("expected", "fragment_bytes", "fragments", "holes", "last_seen", "link", "peers")

    def __init__(self, link: str, expected: int, peers: frozenset[bytes]) -> None:
        self.link = link
        self.expected = expected
        self.peers = peers
        self.holes: list[tuple[int, int]] = []
        self.fragments: dict[int, tuple[int, bytes]] = {}
        self.fragment_bytes = 0
        self.last_seen = 0

    def is_new(self, tsn: int, ledger: Ledger) -> bool:
        """Whether this TSN has not passed before; see the module's table."""
        ahead = (tsn - self.expected) & _MODULUS
        if ahead == 0:
            self.expected = (tsn + 1) & _MODULUS
            return True
        if ahead < _FAR_AHEAD:
            self._add_hole(self.expected, ahead)
            self.expected = (tsn + 1) & _MODULUS
            ledger.gap(self.link, ahead)
            return True
        if ahead > _MODULUS - _FAR_BEHIND:
            return self._fills_hole(tsn)
        self.holes.clear()
        self.expected = (tsn + 1) & _MODULUS
        ledger.gap(self.link, 1)
        return True

    def expect_late(self, count: int) -> None:
        """Take the ``count`` TSNs before the expected one for not seen."""
        self._add_hole((self.expected - count) & _MODULUS, count)

    def forget_fragments(self) -> None:
        """Drop what is waiting for its other pieces."""
        self.fragments.clear()
        self.fragment_bytes = 0

    def _add_hole(self, first: int, count: int) -> None:
        self.holes.append((first, count))
        if len(self.holes) > _MAX_HOLES:
            del self.holes[0]

    def _fills_hole(self, tsn: int) -> bool:
        for index, (first, count) in enumerate(self.holes):
            place = (tsn - first) & _MODULUS
            if place < count:
                rest = [(first, place), ((tsn + 1) & _MODULUS, count - place - 1)]
                self.holes[index : index + 1] = [hole for hole in rest if hole[1]]
                del self.holes[:-_MAX_HOLES]
                return True
        return False

    def reassemble(self, tsn: int) -> bytes | None:
        """The user message that the fragment with this TSN completes, if it does."""
        first = tsn
        while self.fragments[first][0] & _BEGIN == 0:
            first = (first - 1) & _MODULUS
            if first not in self.fragments:
                return None
        pieces = []
        at = first
        while at in self.fragments:
            flags, piece = self.fragments[at]
            pieces.append(piece)
            if flags & _END:
                self._drop(first, len(pieces))
                return b"".join(pieces)
            at = (at + 1) & _MODULUS
        return None

    def _drop(self, first: int, count: int) -> None:
        for step in range(count):
            _, piece = self.fragments.pop((first + step) & _MODULUS)
            self.fragment_bytes -= len(piece)


class _Handshake(NamedTuple):
    """What an INIT said, kept until its INIT ACK passes."""

    tag: int
    first_tsn: int
    addresses: frozenset[bytes]


_Key = tuple[str, bytes, bytes]
"""Label of the feed, addresses, and ports with the verification tag (8 octets)."""


class SctpLayer:
    """Takes SCTP packets, gives user messages.

    Args:
        ledger: where failures and gaps are counted.
        max_streams: directions of associations kept; the least recently used quarter makes room.
        max_waiting: octets of fragments that may wait; the stream waiting longest makes room.
    """

    def __init__(self, ledger: Ledger, max_streams: int, max_waiting: int) -> None:
        self._ledger = ledger
        self._max_streams = max_streams
        self._max_waiting = max_waiting
        self._waiting = 0
        self._incomplete: dict[Stream, None] = {}
        self._streams: dict[_Key, Stream] = {}
        self._paths: dict[tuple[str, bytes, bytes], None] = {}
        self._by_tag: dict[tuple[str, bytes], Stream] = {}
        self._handshakes: dict[_Key, _Handshake] = {}

    @property
    def streams(self) -> Mapping[_Key, Stream]:
        """The streams known, by path; the kernel moves their next TSNs on."""
        return self._streams

    def feed(
        self, record: Record, addresses: bytes, data: bytes, start: int, end: int
    ) -> Iterator[Datagram]:
        """User messages that the packet in ``data[start:end]`` completes, in its own order.

        To be taken one by one: a gap is told to the ledger just before the message behind it.
        """
        if end - start < _HEADER + _CHUNK.size:
            self._ledger.fail("SCTP packet cut short", record, data[start : start + CARRIER_BYTES])
            return
        tag = data[start : start + 8]
        key = (record.feed or record.source, addresses, tag)
        at = start + _HEADER
        while at + 4 <= end:
            kind, length = _CHUNK.unpack_from(data, at)
            stop = at + length
            if length < 4 or stop > end:
                self._ledger.fail("SCTP chunk malformed or cut short", record)
                break
            if kind == _TYPE_DATA:
                message = self._data(record, key, data, at, stop)
                if message is not None:
                    yield message
            elif kind in _HANDSHAKE:
                self._handshake(record, key, kind, data[at + 4 : stop])
            elif kind == _TYPE_I_DATA:
                self._ledger.skip("SCTP I-DATA chunk")
            at += (length + 3) & ~3

    def _data(self, record: Record, key: _Key, data: bytes, at: int, stop: int) -> Datagram | None:
        """The DATA chunk in ``data[at:stop]``, RFC 9260 3.3.1."""
        if stop - at <= _DATA.size:
            self._ledger.fail("SCTP DATA without user data", record)
            return None
        flags, tsn, protocol = _DATA.unpack_from(data, at)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._meet(key, tsn)
        stream.last_seen = record.time
        if not stream.is_new(tsn, self._ledger):
            self._ledger.skip("SCTP DATA seen before")
            return None
        message = data[at + _DATA.size : stop]
        if flags & _WHOLE != _WHOLE:
            whole = self._fragment(stream, tsn, flags, message)
            if whole is None:
                return None
            message = whole
        return Datagram(stream.link, protocol, key[2], message)

    def _fragment(self, stream: Stream, tsn: int, flags: int, piece: bytes) -> bytes | None:
        """A fragment of a user message; the message, if this completes it."""
        self._waiting -= stream.fragment_bytes
        stream.fragments[tsn] = (flags, piece)
        stream.fragment_bytes += len(piece)
        message = stream.reassemble(tsn)
        self._waiting += stream.fragment_bytes
        if not stream.fragments:
            self._incomplete.pop(stream, None)
            return message
        self._incomplete[stream] = None
        if len(stream.fragments) > _MAX_FRAGMENTS:
            self._forget_fragments(stream)
        while self._waiting > self._max_waiting:
            self._forget_fragments(next(iter(self._incomplete)))
        return message

    def _forget_fragments(self, stream: Stream) -> None:
        if self._incomplete.pop(stream, stream) is None:
            self._ledger.skip("SCTP fragments never completed")
            self._waiting -= stream.fragment_bytes
            stream.forget_fragments()

    def _meet(self, key: _Key, tsn: int) -> Stream:
        """The stream of a path not met before: another path of a known one, or one in mid-life."""
        source, addresses, tag = key
        stream = self._by_tag.get((source, tag))
        half = len(addresses) // 2
        if stream is not None and {addresses[:half], addresses[half:]} <= stream.peers:
            self._streams[key] = stream
            return stream
        known_path = (source, addresses, tag[:4]) in self._paths
        stream = self._open(key, tsn, frozenset())
        stream.expect_late(_LATE_AT_START)
        if known_path:
            self._ledger.gap(stream.link, 1)
        return stream

    def _open(self, key: _Key, expected: int, peers: frozenset[bytes]) -> Stream:
        source, addresses, tag = key
        if len(self._streams) >= self._max_streams:
            self._make_room()
        stream = Stream(link_name(source, "sctp", addresses, tag[:4]), expected, peers)
        self._streams[key] = stream
        self._paths[source, addresses, tag[:4]] = None
        if peers:
            self._by_tag[source, tag] = stream
        return stream

    def _make_room(self) -> None:
        """Forget the least recently used quarter, and what points to it."""
        by_age = sorted(self._streams, key=lambda key: self._streams[key].last_seen)
        for key in by_age[: max(1, self._max_streams // 4)]:
            self._forget_fragments(self._streams.pop(key))
            self._ledger.skip("SCTP association forgotten")
        self._paths = {(source, path, tag[:4]): None for source, path, tag in self._streams}
        self._by_tag = {
            (key[0], key[2]): stream for key, stream in self._streams.items() if stream.peers
        }

    def _handshake(self, record: Record, key: _Key, kind: int, body: bytes) -> None:
        """INIT and INIT ACK (RFC 9260 3.3.2, 3.3.3): tags, first TSNs and addresses to come."""
        if len(body) < 16:
            self._ledger.fail("SCTP INIT cut short", record)
            return
        source, addresses, tag = key
        own_tag, first_tsn = _INIT.unpack_from(body)
        listed = _listed_addresses(body) | _pair(addresses)
        if kind == _TYPE_INIT:
            if len(self._handshakes) >= self._max_streams:
                del self._handshakes[next(iter(self._handshakes))]
            self._handshakes[source, addresses, tag[:4]] = _Handshake(own_tag, first_tsn, listed)
            return
        backwards = (source, swapped(addresses), swapped(tag[:4]))
        init = self._handshakes.get(backwards)
        if init is None or init.tag != int.from_bytes(tag[4:], "big"):
            return
        peers = listed | init.addresses
        self._begin(key, first_tsn, peers, record.time)
        forwards = (source, backwards[1], backwards[2] + own_tag.to_bytes(4, "big"))
        self._begin(forwards, init.first_tsn, peers, record.time)

    def _begin(self, key: _Key, first_tsn: int, peers: frozenset[bytes], now: int) -> None:
        """An association opens; a copy of its INIT ACK changes nothing."""
        if key not in self._streams:
            self._open(key, first_tsn, peers).last_seen = now


def _pair(addresses: bytes) -> frozenset[bytes]:
    half = len(addresses) // 2
    return frozenset({addresses[:half], addresses[half:]})


def _listed_addresses(body: bytes) -> frozenset[bytes]:
    """IPv4 (5) and IPv6 (6) address parameters of an INIT or INIT ACK, RFC 9260 3.3.2.1."""
    listed: set[bytes] = set()
    at = 16
    while at + 4 <= len(body) and len(listed) < _MAX_LISTED_ADDRESSES:
        kind, length = _PARAMETER.unpack_from(body, at)
        if length < 4:
            break
        if (kind, length) in {(5, 8), (6, 20)} and at + length <= len(body):
            listed.add(body[at + 4 : at + length])
        at += (length + 3) & ~3
    return frozenset(listed)
