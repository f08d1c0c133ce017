"""Records, hash tables and ordered maps in the memory of compiled correlation.

An *ordered map* is what an `OrderedDict` is: records found by a key of one word, in the order in
which they were added, the oldest first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled, entry, inlined, memory, mixed, soon
from decoders.kernel.events.layout import (
    BASE,
    COUNT,
    ENDS,
    ENDS_USED,
    FREE,
    HEAD,
    LEFT,
    M_KEY,
    M_NEXT,
    M_PREVIOUS,
    MAPS,
    POOLS,
    SIZE,
    TAIL,
    USED,
    WIDTH,
)
from decoders.kernel.machine import Int


@inlined
def record(s: Any, region: Int, number: Int) -> Int:
    """Where a record stands."""
    at = POOLS + 6 * region
    return s[at + BASE] + number * s[at + WIDTH]


@compiled
def take(s: Any, region: Int) -> Int:
    """The number of a free record, all zero."""
    at = POOLS + 6 * region
    number = s[at + FREE]
    width = s[at + WIDTH]
    if number >= 0:
        place = s[at + BASE] + number * width
        s[at + FREE] = s[place]
    else:
        number = s[at + USED]
        s[at + USED] = number + 1
        place = s[at + BASE] + number * width
    s[at + LEFT] -= 1
    for word in range(width):
        s[place + word] = 0
    return number


@compiled
def give(s: Any, region: Int, number: Int) -> None:
    """A record is free."""
    at = POOLS + 6 * region
    s[s[at + BASE] + number * s[at + WIDTH]] = s[at + FREE]
    s[at + FREE] = number
    s[at + LEFT] += 1


@inlined
def room(s: Any, region: Int) -> Int:
    """How many records are free."""
    return s[POOLS + 6 * region + LEFT]


@compiled
def _slot(s: Any, region: Int, key: Int) -> Int:
    """The place of a key in the table of an ordered map, or the free one where it belongs."""
    at = POOLS + 6 * (region + 1)
    base, last = s[at + BASE], s[at + SIZE] - 1
    records, width = s[POOLS + 6 * region + BASE], s[POOLS + 6 * region + WIDTH]
    place = mixed(key, 1) & last
    while s[base + place] != 0 and s[records + (s[base + place] - 1) * width + M_KEY] != key:
        place = (place + 1) & last
    return base + place


@inlined
def announce(s: Any, region: Int, key: Int) -> None:
    """A key is going to be looked up: its place takes longer to come from memory than the rest."""
    at = POOLS + 6 * (region + 1)
    soon(s, s[at + BASE] + (mixed(key, 1) & (s[at + SIZE] - 1)))


@compiled
def find(s: Any, region: Int, key: Int) -> Int:
    """Where the record of a key stands in the memory; -1 where there is none."""
    number = s[_slot(s, region, key)] - 1
    return np.int64(-1) if number < 0 else record(s, region, number)


@compiled
def add(s: Any, region: Int, key: Int) -> Int:
    """Where the record of a new key stands, which is the youngest now."""
    number = take(s, region)
    s[_slot_of_new(s, region, key)] = number + 1
    at = record(s, region, number)
    order = MAPS + 3 * region
    last = s[order + TAIL]
    s[at + M_KEY] = key
    s[at + M_PREVIOUS] = last
    s[at + M_NEXT] = -1
    if last < 0:
        s[order + HEAD] = number
    else:
        s[record(s, region, last) + M_NEXT] = number
    s[order + TAIL] = number
    s[order + COUNT] += 1
    return at


@compiled
def _slot_of_new(s: Any, region: Int, key: Int) -> Int:
    at = POOLS + 6 * (region + 1)
    base, last = s[at + BASE], s[at + SIZE] - 1
    place = mixed(key, 1) & last
    while s[base + place] != 0:
        place = (place + 1) & last
    return base + place


@compiled
def remove(s: Any, region: Int, at: Int) -> None:
    """Forget the record that stands here."""
    order = MAPS + 3 * region
    number = (at - record(s, region, 0)) // s[POOLS + 6 * region + WIDTH]
    before, after = s[at + M_PREVIOUS], s[at + M_NEXT]
    if before < 0:
        s[order + HEAD] = after
    else:
        s[record(s, region, before) + M_NEXT] = after
    if after < 0:
        s[order + TAIL] = before
    else:
        s[record(s, region, after) + M_PREVIOUS] = before
    s[order + COUNT] -= 1
    _erase(s, region, _slot(s, region, s[at + M_KEY]))
    give(s, region, number)


@compiled
def _erase(s: Any, region: Int, hole: Int) -> None:
    """Frees a place of a table; what had to give way to it moves back."""
    at = POOLS + 6 * (region + 1)
    base, last = s[at + BASE], s[at + SIZE] - 1
    hole -= base
    place = hole
    while True:
        place = (place + 1) & last
        number = s[base + place] - 1
        if number < 0:
            break
        home = mixed(s[record(s, region, number) + M_KEY], 1) & last
        if ((place - home) & last) >= ((place - hole) & last):
            s[base + hole] = s[base + place]
            hole = place
    s[base + hole] = 0


@inlined
def oldest(s: Any, region: Int) -> Int:
    """Where the oldest record of an ordered map stands; -1 where it is empty."""
    number = s[MAPS + 3 * region + HEAD]
    return np.int64(-1) if number < 0 else record(s, region, number)


@inlined
def count(s: Any, region: Int) -> Int:
    """Records of an ordered map."""
    return s[MAPS + 3 * region + COUNT]


@entry
def rebuild(words: Any, region: Int) -> None:
    """The table of an ordered map, empty in a new size, gets its records again."""
    s = memory(words)
    number = s[MAPS + 3 * region + HEAD]
    while number >= 0:
        at = record(s, region, number)
        s[_slot_of_new(s, region, s[at + M_KEY])] = number + 1
        number = s[at + M_NEXT]


@compiled
def end_at(s: Any, key: Int) -> Int:
    """The place of an end in the table of ends, or the free one where it belongs."""
    at = POOLS + 6 * ENDS
    base, last = s[at + BASE], s[at + SIZE] - 1
    place = mixed(key, 2) & last
    while s[base + 2 * place] != 0 and s[base + 2 * place] != key:
        place = (place + 1) & last
    return base + 2 * place


@inlined
def end_of(s: Any, key: Int) -> Int:
    """The connection of an end; -1 where there is none, or no end."""
    if key == 0:
        return np.int64(-1)
    at = end_at(s, key)
    return np.int64(-1) if s[at] == 0 else s[at + 1]


@compiled
def put_end(s: Any, key: Int, connection: Int) -> None:
    """An end is this connection's."""
    at = end_at(s, key)
    if s[at] == 0:
        s[at] = key
        s[ENDS_USED] += 1
    s[at + 1] = connection


@compiled
def drop_end(s: Any, key: Int) -> None:
    """An end is nobody's any more."""
    pool = POOLS + 6 * ENDS
    base, last = s[pool + BASE], s[pool + SIZE] - 1
    hole = (end_at(s, key) - base) // 2
    if s[base + 2 * hole] == 0:
        return
    s[ENDS_USED] -= 1
    place = hole
    while True:
        place = (place + 1) & last
        other = s[base + 2 * place]
        if other == 0:
            break
        home = mixed(other, 2) & last
        if ((place - home) & last) >= ((place - hole) & last):
            s[base + 2 * hole] = other
            s[base + 2 * hole + 1] = s[base + 2 * place + 1]
            hole = place
    s[base + 2 * hole] = 0


@entry
def rehash_ends(words: Any, entries: Any) -> None:
    """The table of ends, empty in a new size, gets its entries again."""
    s = memory(words)
    for index in range(entries.size // 2):
        if entries[2 * index] != 0:
            at = end_at(s, entries[2 * index])
            s[at] = entries[2 * index]
            s[at + 1] = entries[2 * index + 1]


@entry
def add_one(words: Any, region: Int, key: Int) -> Int:
    """`add` for Python."""
    return add(memory(words), region, key)
