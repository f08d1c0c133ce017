"""`places` by the thousand: which frames were handled before a restart, and which were now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.kernel import Frames
from decoders.messages import Record
from stream.places import FilePlace, Places, head_of

HANDLED: Final = "handled"
WARM: Final = "warm"
NEW: Final = "new"


class Part(NamedTuple):
    """Frames that follow each other, of one kind."""

    kind: str
    begin: int
    end: int
    lost: list[str]
    """Sources of which something was not seen, before these."""


def parts(places: Places, frames: Frames) -> Iterator[Part]:
    """What is to become of frames: as `Places.handled` and `is_warm` say, one by one.

    What is new must be noted when all parts were taken.
    """
    count = len(frames.times)
    if not places.catching_up:
        if count:
            yield Part(NEW, 0, count, [])
        return
    begin, kind, before = 0, "", list[str]()
    for at in range(count):
        now = _kind(places, frames, at) if places.catching_up else NEW
        if now != kind or places.lost:
            if at > begin:
                yield Part(kind, begin, at, before)
            begin, kind, before = at, now, [places.lost.pop() for _ in range(len(places.lost))]
    if count > begin:
        yield Part(kind, begin, count, before)


def _kind(places: Places, frames: Frames, at: int) -> str:
    record = record_of(frames, at)
    if not places.handled(record):
        return NEW
    return WARM if places.is_warm(record) else HANDLED


def record_of(frames: Frames, at: int) -> Record:
    """A frame's record, with its octets only where it is the first of its file."""
    number = int(frames.numbers[at])
    if number == 1:
        return frames.record(at)
    source, feed, link_type = frames.origins[int(frames.which[at])]
    return Record(source, number, int(frames.times[at]), link_type, b"", feed)


def note(places: Places, frames: Frames) -> None:
    """Frames were handled, in their order."""
    for numbers, record in _by_file(frames):
        place = places.place_of(record)
        if place is None or _is_odd(numbers, place):
            for at in range(len(frames.times)):
                places.note(record_of(frames, at))
            return
        if numbers[0] == 1:
            place.head = head_of(record)
    for numbers, record in _by_file(frames):
        place = places.place_of(record)
        assert place is not None, "it was there"
        _note(place, numbers)


def _is_odd(numbers: NDArray[np.int64], place: FilePlace) -> bool:
    """Where another file has taken its name, or the first record is not the first that comes."""
    again = bool((numbers <= place.low).any()) or (
        bool(place.above) and not place.above.isdisjoint(numbers.tolist())
    )
    return again or bool((numbers[1:] == 1).any())


def _note(place: FilePlace, numbers: NDArray[np.int64]) -> None:
    """`FilePlace.note` of all of them."""
    waiting = np.sort(np.concatenate((numbers, np.array(sorted(place.above), np.int64))))
    expected = place.low + 1 + np.arange(len(waiting))
    whole = int((waiting == expected).argmin()) if (waiting != expected).any() else len(waiting)
    place.low += whole
    place.above = set(waiting[whole:].tolist())


def _by_file(frames: Frames) -> Iterator[tuple[NDArray[np.int64], Record]]:
    """The numbers of each file's frames, and the first of its records; files as they come."""
    files: dict[tuple[str, str], list[int]] = {}
    for number, origin in enumerate(frames.origins):
        files.setdefault((origin.feed, origin.source), []).append(number)
    found = []
    for numbers in files.values():
        own = np.flatnonzero(np.isin(frames.which, numbers))
        if len(own):
            found.append((int(own[0]), frames.numbers[own]))
    for first, own_numbers in sorted(found, key=lambda one: one[0]):
        yield own_numbers, record_of(frames, first)
