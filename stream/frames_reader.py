"""Captures as files and standard input, read by the thousand: frames merged by time, and batches.

`sources.merged` and `Decoder` with the kernel in their place: the same messages in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import BufferedReader

from decoders.decoder import DecoderConfig
from decoders.kernel import Batch, FrameReader, Frames, Kernel
from decoders.kernel.ordered import in_order, merged
from decoders.ordering import WINDOW
from stream import sources
from stream.sources import Report, read_through


def frames_of(paths: Sequence[str], report: Report, window: int = WINDOW) -> Iterator[Frames]:
    """The frames of all captures, by time: what `sources.merged` gives as records.

    A capture that is not there raises CaptureError at once. One that turns out to be damaged gives
    what comes before the damage, its error goes to `report`, and the others go on.
    """
    with ExitStack() as stack:
        files = [sources.opened(path, stack) for path in paths]
        labels = sources.labels(paths)
        captures = [
            in_order(_frames(file, path, label, report), window)
            for file, path, label in zip(files, paths, labels, strict=True)
        ]
        yield from merged(captures)


def batches(
    paths: Sequence[str],
    report: Report,
    config: DecoderConfig | None = None,
    window: int = WINDOW,
    counted: Counter[str] | None = None,
) -> Iterator[Batch]:
    """The messages of all captures, in the order in which the plain decoder would give them.

    A batch is overwritten by the next; `Batch.reached` tells how far the captures have been read,
    and `counted` how many frames each of them had.

    Raises:
        CaptureError: as `frames_of`; what else is wrong goes to `report`.
    """
    kernel = Kernel(config)
    for frames in frames_of(paths, report, window):
        if counted is not None:
            for origin, number in frames.from_each():
                counted[origin.source] += number
        yield from kernel.feed(frames, report)


def _frames(file: BufferedReader, path: str, label: str, report: Report) -> Iterator[Frames]:
    reader = FrameReader(label)
    return read_through(file, path, report, reader.feed, reader.close)
