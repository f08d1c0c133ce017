"""Frames of one or several captures in the order of their times: `ordering` by the thousand.

Gives exactly the order of `ordering.in_order` and `heapq.merge`, for a stable sort of what is held
is what they do, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.kernel.frames import Frames, Origin
from decoders.ordering import MOST, WINDOW, InOrder

_NEVER: Final = -1 << 61


class _Place(NamedTuple):
    """A frame's time and index."""

    time: int
    place: int


class FramesInOrder:
    """`ordering.InOrder` for frames."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._held: Frames | None = None
        self._reached = _NEVER

    def feed(self, frames: Frames) -> Iterator[Frames]:
        """Take some; give those that no straggler can come before."""
        before = 0 if self._held is None else len(self._held.times)
        reached = np.maximum.accumulate(frames.times)
        np.maximum(reached, self._reached, out=reached)
        earlier = np.concatenate(([self._reached], reached[:-1]))
        set_back = bool((frames.times < earlier - self._window).any())
        whole = frames if self._held is None else joined([self._held, frames])
        if set_back or before + len(frames.times) > MOST:
            yield from self._one_by_one(whole, before)
            return
        self._reached = int(reached[-1])
        order = _sorted(whole.times)
        limit = self._reached - self._window
        free = int(np.searchsorted(whole.times[order], limit, "right"))
        yield from self._split(whole, order, free)

    def rest(self) -> Iterator[Frames]:
        """All that is still held: at the end, or where nothing has come for long enough."""
        if self._held is not None:
            yield self._held
        self._held = None

    def _one_by_one(self, whole: Frames, before: int) -> Iterator[Frames]:
        """Where a clock was set back, or too many come at once: as the plain reading has it."""
        known = None if self._reached == _NEVER else self._reached
        plain: InOrder[_Place] = InOrder(self._window, reached=known)
        places = [_Place(time, place) for place, time in enumerate(whole.times.tolist())]
        held = [place for one in places[:before] for place in plain.feed(one)]
        assert not held, "what was held is later than the window"
        free = [place for one in places[before:] for place in plain.feed(one)]
        self._reached = plain.reached or 0
        order = np.array([one.place for one in (*free, *plain.rest())], np.int64)
        yield from self._split(whole, order, len(free))

    def _split(self, whole: Frames, order: NDArray[np.int64], free: int) -> Iterator[Frames]:
        if free:
            yield selected(whole, order[:free])
        self._held = selected(whole, order[free:]) if free < len(order) else None


def in_order(blocks: Iterable[Frames], window: int = WINDOW) -> Iterator[Frames]:
    """As `ordering.in_order`."""
    order = FramesInOrder(window)
    for frames in blocks:
        yield from order.feed(frames)
    yield from order.rest()


class _Waiting:
    """What one capture has given and the merged order has not."""

    def __init__(self, blocks: Iterator[Frames]) -> None:
        self._blocks = blocks
        self._frames: list[Frames] = []
        self._keys = np.zeros(0, np.int64)
        self.ended = False

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def last(self) -> int:
        """The latest time there is."""
        return int(self._keys[-1])

    def more(self) -> None:
        """Another block, or the end."""
        frames = next(self._blocks, None)
        if frames is None:
            self.ended = True
            return
        # A capture of which the clock was set back goes on from where it was: so heads are merged.
        keys = np.maximum.accumulate(frames.times)
        if len(self):
            np.maximum(keys, self.last, out=keys)
        self._frames.append(frames)
        self._keys = np.concatenate((self._keys, keys)) if len(self) else keys

    def until(self, time: int, *, included: bool) -> tuple[Frames, NDArray[np.int64]] | None:
        """Takes what comes before that time, with its keys."""
        count = int(np.searchsorted(self._keys, time, "right" if included else "left"))
        if not count:
            return None
        whole = joined(self._frames)
        keys, self._keys = self._keys[:count], self._keys[count:]
        self._frames = [selected(whole, slice(count, None))] if len(self._keys) else []
        return selected(whole, slice(0, count)), keys


def merged(captures: Sequence[Iterator[Frames]]) -> Iterator[Frames]:
    """Frames of captures by time; of equal times, in the order of the captures."""
    if len(captures) == 1:
        yield from captures[0]
        return
    waiting = [_Waiting(blocks) for blocks in captures]
    while True:
        for one in waiting:
            while not len(one) and not one.ended:
                one.more()
        open_ended = [one for one in waiting if not one.ended]
        if not open_ended:
            break
        time = min(one.last for one in open_ended)
        slowest = next(i for i, one in enumerate(waiting) if not one.ended and one.last == time)
        taken = [one.until(time, included=i <= slowest) for i, one in enumerate(waiting)]
        yield _interleaved([one for one in taken if one is not None])
    taken = [one.until(one.last, included=True) for one in waiting if len(one)]
    yield from [_interleaved([one for one in taken if one is not None])] if taken else []


def _interleaved(taken: list[tuple[Frames, NDArray[np.int64]]]) -> Frames:
    if len(taken) == 1:
        return taken[0][0]
    whole = joined([frames for frames, _ in taken])
    return selected(whole, _sorted(np.concatenate([keys for _, keys in taken])))


def _sorted(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indexes in the order of times, stable."""
    return np.argsort(times, kind="stable")


_NOUGHT: Final = np.zeros(0, np.int64)
NONE: Final = Frames(b"", _NOUGHT, _NOUGHT, _NOUGHT, _NOUGHT, _NOUGHT, ())
"""No frames."""


def joined(blocks: Sequence[Frames]) -> Frames:
    """Blocks one after the other as one."""
    if not blocks:
        return NONE
    if len(blocks) == 1:
        return blocks[0]
    origins: dict[Origin, int] = {}
    offsets, which, at = [], [], 0
    for frames in blocks:
        numbers = [origins.setdefault(origin, len(origins)) for origin in frames.origins]
        which.append(np.array(numbers, np.int64)[frames.which])
        offsets.append(frames.offsets + at)
        at += len(frames.data)
    return Frames(
        data=b"".join([frames.data for frames in blocks]),
        offsets=np.concatenate(offsets),
        sizes=np.concatenate([frames.sizes for frames in blocks]),
        times=np.concatenate([frames.times for frames in blocks]),
        numbers=np.concatenate([frames.numbers for frames in blocks]),
        which=np.concatenate(which),
        origins=tuple(origins),
    )


def selected(frames: Frames, order: NDArray[np.int64] | slice) -> Frames:
    """Some of the frames, in that order, and no more octets than they span."""
    offsets, sizes = frames.offsets[order], frames.sizes[order]
    first, last = int(offsets.min()), int((offsets + sizes).max())
    data = frames.data if last - first == len(frames.data) else frames.data[first:last]
    return Frames(
        data=data,
        offsets=offsets - first,
        sizes=sizes,
        times=frames.times[order],
        numbers=frames.numbers[order],
        which=frames.which[order],
        origins=frames.origins,
    )
