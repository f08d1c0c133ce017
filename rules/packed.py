"""A subscriber's state in few bytes, with the version of its layout; a newer one is never guessed.

A mark that several parts share is packed once, names (networks, sources) once, times as distances
from the first mark's, and frames as distances from the frame before. A subscriber inside a watched
area takes 110 octets, one who has just left it 150 (a test says so).
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
_ARRAY, _ARRAY_OF, _FIRST_LONG = 0xF0, 0x90, 0x80
"""MessagePack: how an array of up to fifteen and a number below 128 begin."""

_Place = Annotated[int, msgspec.Meta(ge=0)]
_Time = Annotated[int, msgspec.Meta(ge=-(2**54), le=2**54)]
"""Microseconds, or a number as harmless."""


class _Mark(msgspec.Struct, array_like=True, gc=False):
    event: bytes
    time: _Time
    """Microseconds before the last mark."""
    network: _Place
    lac: int | None
    ci: int | None
    frames: list[_Time]
    """A source as its name's place from -1 downwards, its first frame, then distances."""


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
    names: dict[str, int]
    """Each with its place."""
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
    """What the parts of a state that is being packed have in common."""

    __slots__ = ("base", "marks", "names", "packed")

    def __init__(self, base: int) -> None:
        self.base = base
        self.names: dict[str, int] = {}
        self.marks: dict[Mark, int] = {}
        self.packed: list[tuple[bytes, int, int, int | None, int | None, list[int]]] = []

    def place(self, mark: Mark) -> int:
        """Of a mark in the list of marks."""
        place = self.marks.get(mark)
        if place is None:
            place = self.marks[mark] = len(self.packed)
            names = self.names
            network = names.setdefault(mark.network, len(names))
            frames = _distances(mark.frames, names)
            time = self.base - mark.time
            self.packed.append((mark.event, time, network, mark.lac, mark.ci, frames))
        return place

    def stay(self, stay: Stay) -> tuple[int, int, int | None, int | None, int]:
        """Its marks as places."""
        first = self.place(stay.first)
        last = first if stay.last is stay.first else self.place(stay.last)
        out = None if stay.out is None else self.place(stay.out)
        due = None if stay.due is None else stay.due - self.base
        return first, last, out, due, stay.gap + 2 * stay.done

    def progress(self, progress: Progress) -> _Progress:
        """Its marks as places."""
        chains = {
            number: _Chain(
                chain.time, [self.place(mark) for mark in chain.marks], chain.gap, chain.id
            )
            for number, chain in progress.chains.items()
        }
        return _Progress(chains, progress.due)


def _distances(runs: tuple[str | int, ...], names: dict[str, int]) -> list[int]:
    before = 0
    found = []
    for item in runs:
        if isinstance(item, str):
            found.append(~names.setdefault(item, len(names)))
            before = 0
        else:
            found.append(2 * (item - before) if item >= before else 2 * (before - item) - 1)
            before = item
    return found


def encode(state: Subscriber, *, keyed: bool = False) -> bytes:
    """MessagePack of a state; `keyed` leaves out the subscriber, for `decode` to be told."""
    last = state.last
    table = _Table(last.time if last else 0)
    packed: tuple[object, ...] = (
        VERSION,
        None if keyed else state.subscriber,
        table.base,
        table.names,
        table.packed,
        None if last is None else table.place(last),
        {key: table.stay(stay) for key, stay in state.stays.items()},
        state.sent,
    )
    if state.holds or state.progress or state.waves:
        progress = {key: table.progress(each) for key, each in state.progress.items()}
        packed += (state.holds, progress, state.waves)
    return _encode(packed)


def decode(data: bytes, subscriber: str = "") -> Subscriber:
    """The state in `data`, which lay under `subscriber` if it was packed `keyed`.

    Raises StateError for a newer version or damaged bytes.
    """
    try:
        version = _version(data)
        if version in _FIRST_VERSIONS:
            return first_versions.decode(data)
        if version != VERSION:
            raise StateError(f"a state of version {version}, and this version reads {VERSION}")
        return _unpacked(_decode(data), subscriber)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError) as error:
        raise StateError(f"not a state of version {VERSION}: damaged or foreign") from error


def _version(data: bytes) -> int:
    """The first element of an array of up to fifteen; raises StateError where that is no number."""
    if len(data) > 1 and data[0] & _ARRAY == _ARRAY_OF and data[1] < _FIRST_LONG:
        return data[1]
    raise StateError(f"not a state of version {VERSION}: damaged or foreign")


def _unpacked(packed: _Packed, subscriber: str) -> Subscriber:
    base, names = packed.base, list(packed.names)
    marks = [
        Mark(
            mark.event,
            base - mark.time,
            names[mark.network],
            mark.lac,
            mark.ci,
            _runs(mark.frames, names),
        )
        for mark in packed.marks
    ]
    return Subscriber(
        subscriber if packed.subscriber is None else packed.subscriber,
        None if packed.last is None else marks[packed.last],
        {key: _stay(stay, marks, base) for key, stay in packed.stays.items()},
        packed.holds,
        packed.sent,
        {key: _progress(each, marks) for key, each in packed.progress.items()},
        packed.waves,
    )


def _runs(frames: list[int], names: list[str]) -> tuple[str | int, ...]:
    before = 0
    runs: list[str | int] = []
    for item in frames:
        if item < 0:
            runs.append(names[~item])
            before = 0
        else:
            before += -((item + 1) // 2) if item & 1 else item // 2
            runs.append(before)
    return tuple(runs)


def _stay(stay: _Stay, marks: list[Mark], base: int) -> Stay:
    return Stay(
        marks[stay.first],
        marks[stay.last],
        None if stay.out is None else marks[stay.out],
        None if stay.due is None else base + stay.due,
        bool(stay.flags & 1),
        bool(stay.flags & 2),
    )


def _progress(progress: _Progress, marks: list[Mark]) -> Progress:
    chains = {
        number: Chain(chain.time, tuple(marks[place] for place in chain.marks), chain.gap, chain.id)
        for number, chain in progress.chains.items()
    }
    return Progress(chains, progress.due)
