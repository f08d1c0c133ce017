"""TCP (RFC 9293) as a bystander sees it: each direction's octets once, in order, holes noticed.

Segments that come early wait, within bounds, for the ones before them. A hole is given up when
the peer acknowledges what it holds (then the peer has it and the capture lost it), when too much
is waiting, or when the capture has moved on by the patience; what follows is a gap.
"""

from __future__ import annotations

import struct
from typing import Final, Literal, NamedTuple, TypeAlias

from decoders.endpoints import link_name, swapped
from decoders.messages import Record
from decoders.undecoded import Ledger

_HEADER: Final = struct.Struct(">4sIIBB")
_SYN: Final = 2
_RST: Final = 4
_ACK: Final = 16
_MODULUS: Final = 0xFFFFFFFF
_HALF: Final = 1 << 31
_MAX_EARLY: Final = 256


Follows: TypeAlias = Literal["octets", "start", "unknown", "hole"]
"""The octets before them; the start of the connection; what passed before the capture began; or
what the capture lost."""
_Key: TypeAlias = tuple[str, bytes, bytes]
"""Label of the capture, addresses, ports: one direction of a connection."""


class Octets(NamedTuple):
    """The next octets of one direction of a connection."""

    key: _Key
    link: str
    ports: bytes
    """Source and destination port, 2 octets each."""
    data: bytes
    follows: Follows
    """What they come after."""


class _Direction:
    __slots__ = ("early", "early_bytes", "early_since", "expected", "follows", "last_seen", "link")

    def __init__(self, link: str, expected: int, follows: Follows) -> None:
        self.link = link
        self.expected = expected
        self.follows: Follows = follows
        self.early: dict[int, bytes] = {}
        self.early_bytes = 0
        self.early_since = 0
        self.last_seen = 0

    def ahead(self, sequence: int) -> int:
        """How far a sequence number lies ahead of the expected one; negative when behind."""
        distance = (sequence - self.expected) & _MODULUS
        return distance - _MODULUS - 1 if distance >= _HALF else distance

    def keep(self, sequence: int, payload: bytes, now: int) -> int:
        """Let a segment wait that came before the ones it follows; how many octets more wait."""
        if not self.early:
            self.early_since = now
        more = len(payload) - len(self.early.get(sequence, b""))
        if more <= 0:
            return 0
        self.early[sequence] = payload
        self.early_bytes += more
        return more

    def advance(self, sequence: int, payload: bytes) -> bytes:
        """What of this segment is new; it begins at or before the expected octet."""
        new = payload[-self.ahead(sequence) :]
        self.expected = (self.expected + len(new)) & _MODULUS
        return new

    def ready(self) -> list[bytes]:
        """Segments that waited and now follow on."""
        following: list[bytes] = []
        while self.early:
            sequence = min(self.early, key=self.ahead)
            if self.ahead(sequence) > 0:
                break
            payload = self.early.pop(sequence)
            self.early_bytes -= len(payload)
            following.append(self.advance(sequence, payload))
        return following


class TcpLayer:
    """Takes TCP segments of the configured ports, gives octets in order.

    Args:
        ledger: where failures are counted.
        ports: a segment is ours when either port is one of these.
        max_directions: directions of connections kept; the least recently used quarter makes room.
        max_waiting: octets that may wait for holes to close; the direction waiting longest makes
            room.
        patience: microseconds of capture time that they may wait.
    """

    def __init__(
        self,
        ledger: Ledger,
        ports: tuple[int, ...],
        max_directions: int,
        max_waiting: int,
        patience: int,
    ) -> None:
        self._ledger = ledger
        self._ports = frozenset(port.to_bytes(2, "big") for port in ports)
        self._max_directions = max_directions
        self._max_waiting = max_waiting
        self._patience = patience
        self._directions: dict[_Key, _Direction] = {}
        self._early: dict[_Key, None] = {}
        self._waiting = 0

    def feed(
        self, record: Record, addresses: bytes, data: bytes, start: int, end: int
    ) -> list[Octets]:
        """Octets that the segment in ``data[start:end]`` makes available, in either direction."""
        if end - start < 20:
            self._ledger.fail("TCP header cut short", record)
            return []
        ports, sequence, acknowledged, offset, flags = _HEADER.unpack_from(data, start)
        if ports[:2] not in self._ports and ports[2:] not in self._ports:
            self._ledger.skip("TCP on other ports")
            return []
        body = start + (offset >> 4) * 4
        if body < start + 20 or body > end:
            self._ledger.fail("TCP header malformed", record)
            return []
        key = (record.feed or record.source, addresses, ports)
        found: list[Octets] = []
        if flags & _ACK:
            self._acknowledge(key, acknowledged, found)
        self._lose_patience(record.time, found)
        if flags & _RST:
            self._close(key)
            self._close(_backwards(key))
        elif flags & _SYN:
            self._open(key, (sequence + 1) & _MODULUS, record.time, "start")
        elif body < end:
            self._segment(key, sequence, data[body:end], record.time, found)
        return found

    def _segment(
        self,
        key: _Key,
        sequence: int,
        payload: bytes,
        now: int,
        found: list[Octets],
    ) -> None:
        direction = self._directions.get(key)
        if direction is None:
            direction = self._open(key, sequence, now, "unknown")
        direction.last_seen = now
        ahead = direction.ahead(sequence)
        if ahead + len(payload) <= 0:
            self._ledger.skip("TCP segment seen before")
            return
        if ahead > 0:
            self._waiting += direction.keep(sequence, payload, now)
            self._early.setdefault(key)
            if len(direction.early) > _MAX_EARLY:
                self._give_up_hole(key, found)
            while self._waiting > self._max_waiting:
                self._give_up_hole(next(iter(self._early)), found)
            return
        self._hand_over(key, direction, direction.advance(sequence, payload), found)
        self._follow_up(key, direction, found)

    def _lose_patience(self, now: int, found: list[Octets]) -> None:
        """Give up the hole that has been open longest, when that is too long."""
        if self._early:
            key = next(iter(self._early))
            if abs(now - self._directions[key].early_since) > self._patience:
                self._give_up_hole(key, found)

    def _acknowledge(self, key: _Key, acknowledged: int, found: list[Octets]) -> None:
        """The other end has everything before ``acknowledged``: a hole before it stays one."""
        backwards = _backwards(key)
        if backwards not in self._early:
            return
        direction = self._directions[backwards]
        while direction.early and direction.ahead(acknowledged) > 0:
            self._give_up_hole(backwards, found)

    def _give_up_hole(self, key: _Key, found: list[Octets]) -> None:
        direction = self._directions[key]
        direction.expected = min(direction.early, key=direction.ahead)
        direction.follows = "hole"
        self._follow_up(key, direction, found)

    def _follow_up(self, key: _Key, direction: _Direction, found: list[Octets]) -> None:
        """Hand over what waited for what has just come, or was given up."""
        before = direction.early_bytes
        for waiting in direction.ready():
            self._hand_over(key, direction, waiting, found)
        self._waiting -= before - direction.early_bytes
        if not direction.early:
            self._early.pop(key, None)

    def _hand_over(
        self,
        key: _Key,
        direction: _Direction,
        payload: bytes,
        found: list[Octets],
    ) -> None:
        if payload:
            found.append(Octets(key, direction.link, key[2], payload, direction.follows))
            direction.follows = "octets"

    def _open(self, key: _Key, expected: int, now: int, follows: Follows) -> _Direction:
        known = self._directions.get(key)
        if known is not None and known.expected == expected and not known.early:
            return known  # a repeated SYN of a connection that has not spoken yet
        if known is None and len(self._directions) >= self._max_directions:
            self._make_room()
        direction = _Direction(link_name(key[0], "tcp", key[1], key[2]), expected, follows)
        direction.last_seen = now
        self._close(key)
        self._directions[key] = direction
        return direction

    def _close(self, key: _Key) -> None:
        direction = self._directions.pop(key, None)
        if direction is not None:
            self._waiting -= direction.early_bytes
            self._early.pop(key, None)

    def _make_room(self) -> None:
        by_age = sorted(self._directions, key=lambda key: self._directions[key].last_seen)
        for key in by_age[: max(1, self._max_directions // 4)]:
            self._close(key)
            self._ledger.skip("TCP connection forgotten")


def _backwards(key: _Key) -> _Key:
    return key[0], swapped(key[1]), swapped(key[2])
