"""Sources of captures by the thousand: `feeds.Feed` for the kernel, in the same order.

feed, kernel = FramesFeed(names, report), Kernel(config)
while (blocks := await feed.take(seconds)) is not None:
    for frames in blocks:
        for batch in kernel.feed(frames, report):
            ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from decoders.capture import Capture
from decoders.kernel import FrameReader, Frames
from decoders.kernel.frames import FRAMES
from decoders.kernel.ordered import FramesInOrder, joined, selected
from stream import frames_reader
from stream.feeds import HELD_RECORDS, AnyFeed, Hold
from stream.sources import Report

BLOCKS = 256
"""Blocks that may wait to be taken, of a quarter of a megabyte each at most."""


class FramesFeed(AnyFeed[Frames]):
    """Frames, as many at a time as there are: a few where a feed is followed as it comes."""

    most = BLOCKS

    def _size(self, item: Frames) -> int:
        return len(item.times)

    def _merged(self, files: Sequence[str], report: Report, window: int) -> Iterator[Frames]:
        return frames_reader.frames_of(files, report, window)

    def _reader(self, source: str, feed: str) -> Capture[Frames]:
        return FrameReader(source, feed)

    def _alone(self, seconds: float) -> Hold[Frames]:
        return _Alone(seconds)

    def _side_by_side(self, seconds: float) -> Hold[Frames]:
        return _SideBySide(seconds)


class _Alone:
    """`feeds._Alone` by the thousand."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._order = FramesInOrder()
        self._heard = 0.0

    def passed(self, blocks: list[Frames], now: float) -> list[Frames]:
        if blocks:
            self._heard = now
            return [free for some in _together(blocks) for free in self._order.feed(some)]
        return self.all() if now - self._heard >= self._seconds else []

    def all(self) -> list[Frames]:
        return list(self._order.rest())


def _together(blocks: list[Frames]) -> Iterator[Frames]:
    """Small blocks joined, to no more than what is put in order at once."""
    waiting: list[Frames] = []
    for frames in blocks:
        waiting.append(frames)
        if sum(len(one.times) for one in waiting) >= FRAMES:
            yield joined(waiting)
            waiting = []
    if waiting:
        yield joined(waiting)


class _SideBySide:
    """`feeds._SideBySide` by the thousand."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held: Frames | None = None
        self._came: NDArray[np.float64] = np.zeros(0)

    def passed(self, blocks: list[Frames], now: float) -> list[Frames]:
        whole = joined([*([] if self._held is None else [self._held]), *blocks])
        if not len(whole.times):
            return []
        came = np.append(self._came, np.full(len(whole.times) - len(self._came), now))
        order = np.argsort(whole.times, kind="stable")
        came = came[order]
        must = max(0, len(came) - HELD_RECORDS)
        young = np.flatnonzero(came[must:] + self._seconds > now)
        free = must + int(young[0]) if len(young) else len(came)
        self._came = came[free:]
        self._held = selected(whole, order[free:]) if free < len(order) else None
        return [selected(whole, order[:free])] if free else []

    def all(self) -> list[Frames]:
        held, self._held, self._came = self._held, None, np.zeros(0)
        return [] if held is None else [held]
