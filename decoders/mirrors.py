"""The same message seen twice: by two taps of one link chain, or twice by one tap.

The same SCCP bytes and references within a window are one message, whatever carried them; point
codes are compared only where both have them, because SCCPlite has none. Each link's copies are
counted: a link may show a message as often as any other link has shown it, and no more, so that a
true repeat, which its own link delivers twice, stays two messages.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

import msgspec

from decoders.messages import Message

Whose = TypeVar("Whose")
"""What a message is remembered for: its connection."""

_KEPT = 16
"""Messages of one connection that a mirror may lag behind."""

Print = tuple[str, int | None, int | None, bytes]


def fingerprint(message: Message) -> Print:
    """What two copies of a message share: SCCP type, references, bytes."""
    return message.sccp, message.slr, message.dlr, message.raw


class _Copies(msgspec.Struct):
    time: int
    links: dict[str, int]


class Recent:
    """The last messages of one connection."""

    __slots__ = ("_copies",)

    def __init__(self) -> None:
        self._copies: OrderedDict[Print, _Copies] = OrderedDict()

    def holds(self, message: Message, window: int) -> bool:
        """Seen on this connection within `window` microseconds, on whatever link."""
        copies = self._copies.get(fingerprint(message))
        return copies is not None and message.time - copies.time <= window

    def repeats(self, message: Message, jitter: int, window: int) -> str | None:
        """``repeated`` or ``mirrored`` where it is a copy of one seen before, and notes it.

        Within `jitter` microseconds even one link's second copy is a copy: no layer 3 procedure
        repeats itself that fast. Within `window` another link's is.
        """
        key = fingerprint(message)
        copies = self._copies.get(key)
        if copies is None or message.time - copies.time > window:
            self._copies[key] = _Copies(message.time, {message.link: 1})
            self._copies.move_to_end(key)
            if len(self._copies) > _KEPT:
                self._copies.popitem(last=False)
            return None
        accepted = max(copies.links.values())
        mine = copies.links.get(message.link, 0)
        copies.links[message.link] = mine + 1
        if mine < accepted:
            return "mirrored"
        if message.time - copies.time <= jitter:
            return "repeated"
        copies.time = message.time
        return None


class _Opening(NamedTuple, Generic[Whose]):
    time: int
    points: tuple[int | None, int | None]
    connection: Whose


class Openings(Generic[Whose]):
    """Messages unlike any other by content: how a mirrored connection is recognised."""

    def __init__(self, window: int, most: int) -> None:
        self._window = window
        self._most = most
        self._seen: OrderedDict[Print, _Opening[Whose]] = OrderedDict()

    def note(self, message: Message, connection: Whose) -> None:
        """Remember that this message belongs to `connection`, if it is unlike any other."""
        if not _telling(message):
            return
        key = fingerprint(message)
        points = (message.opc, message.dpc)
        self._seen[key] = _Opening(message.time, points, connection)
        self._seen.move_to_end(key)
        while self._seen and (
            len(self._seen) > self._most
            or next(iter(self._seen.values())).time < message.time - self._window
        ):
            self._seen.popitem(last=False)

    def match(self, message: Message) -> Whose | None:
        """The connection that showed the same message on another carrier within the window."""
        opening = self._seen.get(fingerprint(message)) if _telling(message) else None
        if opening is None or message.time - opening.time > self._window:
            return None
        here = (message.opc, message.dpc)
        same = None in here or None in opening.points
        return opening.connection if same else None


def _telling(message: Message) -> bool:
    """Its bytes are this subscriber's: references alone coincide between networks."""
    if message.sccp == "CR":
        return message.protocol == "BSSMAP"
    identity = message.imsi or message.tmsi or message.imei or message.imeisv
    return bool(identity or message.called or message.calling or message.layer3)
