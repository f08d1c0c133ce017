"""The memory that compiled correlation works on: one array of integers, laid out in regions.

A record is named by its number in its pool, so that a pool can grow: `Store.grow` copies everything
into a larger array and moves the bases.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decoders.kernel.events.layout import (
    BASE,
    COUNT,
    ENDS,
    ENDS_USED,
    FIRST,
    FREE,
    GIVER,
    GROWING,
    HEAD,
    HEAP,
    HEAPED,
    LAST_OF_ALL,
    LATEST,
    LATEST_TABLE,
    LEFT,
    LINK,
    M_NEXT,
    MAPPED,
    MAPS,
    NEEDED,
    POOLED,
    POOLS,
    RECORD_WORDS,
    REGIONS,
    REGISTERS,
    SCRATCH,
    SCRATCHES,
    SIZE,
    TAIL,
    USED,
    WIDTH,
)
from decoders.kernel.events.memory import rebuild, rehash_ends

ROOM: Final = 16_384
"""Records of each kind that there is room for at first; what is not used takes no memory."""
_ENDS: Final = 8192
"""Places of the table of ends at first, which is small, to stay in the processor's caches."""


def _table(entries: int) -> int:
    """Places of a table for so many entries: a power of two, less than half full."""
    return 1 << (2 * entries - 1).bit_length()


class Store:
    """Owns the array.

    Attributes:
        words: the memory; another array after `grow`.
    """

    def __init__(self, fixed: dict[int, int], room: int = ROOM) -> None:
        """Takes the sizes of the ordered maps that are bounded, and of what grows at first."""
        sizes = dict.fromkeys(range(REGIONS), 0)
        sizes |= dict.fromkeys(GROWING, room)
        sizes |= {LINK: 1024, SCRATCH: SCRATCHES, ENDS: _ENDS, GIVER: 1024}
        sizes |= fixed
        self.words = laid_out(sizes, sparse=True)
        for region in range(REGIONS):
            words = self.described(region)
            words[FREE], words[LEFT] = -1, words[SIZE]
        for region in MAPPED:
            at = MAPS + 3 * region
            self.words[at + HEAD] = self.words[at + TAIL] = -1
        self.words[FIRST] = self.words[LAST_OF_ALL] = -1

    def described(self, region: int) -> NDArray[np.int64]:
        """The description of a region, see `BASE`."""
        at = POOLS + 6 * region
        return self.words[at : at + 6]

    def records(self, region: int) -> NDArray[np.int64]:
        """The records of a region that were ever used; shape (records, words)."""
        base, width, _, _, used, _ = self.described(region).tolist()
        return self.words[base : base + width * used].reshape(used, width)

    def ordered(self, region: int) -> Iterator[NDArray[np.int64]]:
        """The records of an ordered map, in its order."""
        records = self.records(region)
        number = int(self.words[MAPS + 3 * region + HEAD])
        while number >= 0:
            yield records[number]
            number = int(records[number, M_NEXT])

    def clear(self, region: int) -> None:
        """An ordered map is empty."""
        described, table = self.described(region), self.described(region + 1)
        described[FREE], described[USED], described[LEFT] = -1, 0, described[SIZE]
        begin, size = int(table[BASE]), int(table[SIZE])
        self.words[begin : begin + size] = 0
        at = MAPS + 3 * region
        self.words[at : at + 3] = -1, -1, 0

    def grow(self) -> None:
        """Twice the room for everything of which little is left."""
        sizes = {region: int(self.described(region)[SIZE]) for region in range(REGIONS)}
        for region in (*GROWING, LINK):
            if self.described(region)[LEFT] <= 2 * NEEDED:
                sizes[region] *= 2
        if self.words[HEAPED] + 4 * NEEDED > sizes[HEAP]:
            sizes[HEAP] *= 2
        if 2 * (self.words[ENDS_USED] + 4 * NEEDED) > sizes[ENDS]:
            sizes[ENDS] *= 2
        old, words = self.words, laid_out(sizes)
        words[:POOLS] = old[:POOLS]
        words[MAPS:REGISTERS] = old[MAPS:REGISTERS]
        for region, grown in sizes.items():
            base, width, size, free, used, left = old[POOLS + 6 * region :][:6].tolist()
            at = POOLS + 6 * region
            begin = int(words[at + BASE])
            words[at + FREE], words[at + USED], words[at + LEFT] = free, used, left + grown - size
            if region == ENDS and grown != size:
                rehash_ends(words, old[base : base + width * size])
                continue
            if region == LATEST_TABLE and grown != size:
                continue
            if region - 1 in MAPPED and not old[MAPS + 3 * (region - 1) + COUNT]:
                continue  # nothing stands in it, and perhaps none of it was ever touched
            kept = width * (used if region in POOLED else size)
            words[begin : begin + kept] = old[base : base + kept]
        if words[POOLS + 6 * LATEST + SIZE] != old[POOLS + 6 * LATEST + SIZE]:
            rebuild(words, LATEST)
        self.words = words


def laid_out(sizes: dict[int, int], *, sparse: bool = False) -> NDArray[np.int64]:
    """Empty memory in which regions have these sizes; descriptions say no more than that.

    With `sparse` a little of each region is going to be used: numpy asks for pages of two
    megabytes, and clearing one for each region takes longer than a hundred thousand messages.
    """
    for region in MAPPED:
        sizes[region + 1] = _table(sizes[region])
    total = REGISTERS + sum(size * RECORD_WORDS.get(region, 1) for region, size in sizes.items())
    words = (
        np.frombuffer(_small_pages(8 * total), np.int64) if sparse else np.zeros(total, np.int64)
    )
    base = REGISTERS
    for region in range(REGIONS):
        at, width = POOLS + 6 * region, RECORD_WORDS.get(region, 1)
        words[at + BASE], words[at + WIDTH], words[at + SIZE] = base, width, sizes[region]
        base += width * sizes[region]
    return words


def _small_pages(octets: int) -> mmap:
    return mmap(-1, octets, flags=MAP_PRIVATE | MAP_ANONYMOUS)
