"""States as versions 1 and 2 of their layout packed them: read, and never written again."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from rules.state import Chain, Hold, Mark, Progress, Sent, Stay, Subscriber, Wave

_Place = Annotated[int, msgspec.Meta(ge=0)]


class _PackedStay(msgspec.Struct, array_like=True):
    """A stay whose marks are places in the table of marks."""

    first: _Place
    last: _Place
    out: _Place | None
    due: int | None
    flags: int


class _PackedChain(msgspec.Struct, array_like=True):
    time: int
    marks: list[_Place]
    gap: bool
    id: str


class _PackedProgress(msgspec.Struct, array_like=True):
    chains: dict[int, _PackedChain]
    due: int | None


class _Packed(msgspec.Struct, array_like=True):
    version: int
    subscriber: str
    marks: list[Mark]
    last: _Place | None
    stays: dict[int, _PackedStay]
    holds: tuple[Hold, ...] = ()
    sent: tuple[Sent, ...] = ()
    progress: dict[int, _PackedProgress] = {}
    waves: tuple[Wave, ...] = ()


_decoder = msgspec.msgpack.Decoder(_Packed)


def decode(data: bytes) -> Subscriber:
    """The state in `data`; raises what msgspec does, and IndexError, for damaged bytes."""
    return _unpacked(_decoder.decode(data))


def _unpacked(packed: _Packed) -> Subscriber:
    marks = [_distant(mark) for mark in packed.marks]
    return Subscriber(
        packed.subscriber,
        None if packed.last is None else marks[packed.last],
        {key: _stay(stay, marks) for key, stay in packed.stays.items()},
        tuple(_with_evidence(hold) for hold in packed.holds),
        packed.sent,
        {key: _progress(each, marks) for key, each in packed.progress.items()},
        tuple(_with_evidence(wave) for wave in packed.waves),
    )


def _stay(stay: _PackedStay, marks: list[Mark]) -> Stay:
    return Stay(
        marks[stay.first],
        marks[stay.last],
        None if stay.out is None else marks[stay.out],
        stay.due,
        bool(stay.flags & 2),
    )


def _progress(progress: _PackedProgress, marks: list[Mark]) -> Progress:
    chains = {
        number: Chain(chain.time, tuple(marks[place] for place in chain.marks), chain.gap, chain.id)
        for number, chain in progress.chains.items()
    }
    return Progress(chains, progress.due)


def _distant(mark: Mark) -> Mark:
    """The mark with distances between its frames: these versions had all frames whole."""
    frames: list[str | int] = []
    source, before = "", 0
    for item in mark.frames:
        if isinstance(item, str):
            source, before = item, 0
            frames.append(item)
            continue
        if item < before:
            frames.append(source)
            before = 0
        frames.append(item - before)
        before = item
    return msgspec.structs.replace(mark, frames=tuple(frames))


_Held = TypeVar("_Held", Hold, Wave)


def _with_evidence(held: _Held) -> _Held:
    return msgspec.structs.replace(held, evidence=tuple(_distant(mark) for mark in held.evidence))
