"""A subscriber's state in few bytes, with the version of its layout; a newer one is never guessed.

A mark that several parts share is packed once, and most of them without network and source, which
are the last mark's; times are distances from it. A subscriber inside a watched area takes 110
octets, one who has just left it 150 (a test says so).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from rules import first_versions
from rules.errors import StateError
from rules.state import Chain, Hold, Mark, Progress, Sent, Stay, Subscriber, Wave

VERSION = 3
_FIRST_VERSIONS = frozenset({1, 2})
"""Version 1 had neither progress of combinations nor waves; 2 had all names and times whole."""
_DAMAGED = f"not a state of version {VERSION}: damaged or foreign"
_ARRAY, _ARRAY_OF, _FIRST_LONG = 0xF0, 0x90, 0x80
"""MessagePack: how an array of up to fifteen and a number below 128 begin."""
_DONE = 2
"""Flag of a stay; 1 was once that a gap touched it."""

_Place = Annotated[int, msgspec.Meta(ge=0)]
_Time = Annotated[int, msgspec.Meta(ge=-(2**54), le=2**54)]
"""Microseconds, or a number as harmless."""


class _Mark(msgspec.Struct, array_like=True, gc=False):
    event: bytes
    time: _Time
    """Microseconds before the last mark."""
    lac: int | None
    ci: int | None
    frames: tuple[str | _Time, ...]
    network: str | None = None
    """None: that of the state, and before the frames stands the state's source."""


class _Stay(msgspec.Struct, array_like=True, gc=False):
    first: _Place
    last: _Place
    out: _Place | None
    due: _Time | None
    """Microseconds after the last mark."""
    flags: int


class _Chain(msgspec.Struct, array_like=True):
    time: int
    marks: list[_Place]
    gap: bool
    id: str


class _Progress(msgspec.Struct, array_like=True):
    chains: dict[int, _Chain]
    due: int | None


class _Packed(msgspec.Struct, array_like=True, gc=False):
    version: int
    subscriber: str | None
    """None where what it lies under says it."""
    base: _Time
    """Microseconds: the last mark's time, from which others are counted."""
    network: str
    source: str
    """These two are the last mark's."""
    marks: list[_Mark]
    last: _Place | None
    stays: dict[int, _Stay]
    sent: tuple[Sent, ...]
    holds: tuple[Hold, ...] = ()
    progress: dict[int, _Progress] = {}
    waves: tuple[Wave, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


class _Table:
    """The marks of a state that is being packed."""

    __slots__ = ("base", "marks", "network", "packed", "source")

    def __init__(self, last: Mark | None) -> None:
        self.base, self.network, self.source = 0, "", ""
        if last is not None:
            self.base, self.network = last.time, last.network
            if last.frames:
                self.source = str(last.frames[0])
        self.marks: dict[Mark, int] = {}
        self.packed: list[tuple[object, ...]] = []

    def place(self, mark: Mark) -> int:
        """Of a mark in the list of marks."""
        new = len(self.packed)
        place = self.marks.setdefault(mark, new)
        if place == new:
            frames, time = mark.frames, self.base - mark.time
            if frames and frames[0] == self.source and mark.network == self.network:
                self.packed.append((mark.event, time, mark.lac, mark.ci, frames[1:]))
            else:
                self.packed.append((mark.event, time, mark.lac, mark.ci, frames, mark.network))
        return place

    def stay(self, stay: Stay) -> tuple[int, int, int | None, int | None, int]:
        """Its marks as places."""
        first = self.place(stay.first)
        last = first if stay.last is stay.first else self.place(stay.last)
        out = None if stay.out is None else self.place(stay.out)
        due = None if stay.due is None else stay.due - self.base
        return first, last, out, due, _DONE * stay.done

    def progress(self, progress: Progress) -> _Progress:
        """Its marks as places."""
        chains = {
            number: _Chain(
                chain.time, [self.place(mark) for mark in chain.marks], chain.gap, chain.id
            )
            for number, chain in progress.chains.items()
        }
        return _Progress(chains, progress.due)


def encode(state: Subscriber, *, keyed: bool = False) -> bytes:
    """MessagePack of a state; `keyed` leaves out the subscriber, for `decode` to be told."""
    last = state.last
    table = _Table(last)
    place = None if last is None else table.place(last)
    stays = {key: table.stay(stay) for key, stay in state.stays.items()}
    further: tuple[object, ...] = ()
    if state.holds or state.progress or state.waves:
        progress = {key: table.progress(each) for key, each in state.progress.items()}
        further = (state.holds, progress, state.waves)
    name = None if keyed else state.subscriber
    common = (table.base, table.network, table.source)
    return _encode((VERSION, name, *common, table.packed, place, stays, state.sent, *further))


def decode(data: bytes, subscriber: str = "") -> Subscriber:
    """The state in `data`, which lay under `subscriber` if it was packed `keyed`.

    Raises StateError for a newer version or damaged bytes.
    """
    try:
        if data[1] == VERSION:
            return _unpacked(_decode(data), subscriber)
        version = _version(data)
        if version in _FIRST_VERSIONS:
            return first_versions.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as error:
        raise StateError(_DAMAGED) from error
    raise StateError(f"a state of version {version}, and this version reads {VERSION}")


def _version(data: bytes) -> int:
    """The first element of an array of up to fifteen; raises StateError where that is no number."""
    if data[0] & _ARRAY == _ARRAY_OF and data[1] < _FIRST_LONG:
        return data[1]
    raise StateError(_DAMAGED)


def _unpacked(packed: _Packed, subscriber: str) -> Subscriber:
    base, network, source = packed.base, packed.network, packed.source
    marks = [
        Mark(mark.event, base - mark.time, network, mark.lac, mark.ci, (source, *mark.frames))
        if mark.network is None
        else Mark(mark.event, base - mark.time, mark.network, mark.lac, mark.ci, mark.frames)
        for mark in packed.marks
    ]
    stays = {
        key: Stay(
            marks[stay.first],
            marks[stay.last],
            None if stay.out is None else marks[stay.out],
            None if stay.due is None else base + stay.due,
            stay.flags & _DONE > 0,
        )
        for key, stay in packed.stays.items()
    }
    return Subscriber(
        subscriber if packed.subscriber is None else packed.subscriber,
        None if packed.last is None else marks[packed.last],
        stays,
        packed.holds,
        packed.sent,
        {key: _progress(each, marks) for key, each in packed.progress.items()},
        packed.waves,
    )


def _progress(progress: _Progress, marks: list[Mark]) -> Progress:
    chains = {
        number: Chain(chain.time, tuple(marks[place] for place in chain.marks), chain.gap, chain.id)
        for number, chain in progress.chains.items()
    }
    return Progress(chains, progress.due)
