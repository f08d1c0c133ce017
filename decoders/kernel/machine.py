"""What compiled code works on: buffers, tables, and what it has borrowed from the plain decoder.

The kernel *learns nothing*. Streams, directions, connections of other subsystems and messages in
segments are the plain decoder's; the arrays here are copies for reading. The one thing the kernel
moves on by itself is the next TSN of a stream, for whole DATA chunks that come in order; it gives
that back before the plain decoder looks (`kernel`).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from decoders.kernel.columns import ROW, Rows, empty_row
from decoders.kernel.compiled import compiled
from decoders.kernel.program import Program

Int: TypeAlias = Any
"""An integer of compiled code: numpy's or Python's, 64 bits of either."""
OK: Final = 0
ASK: Final = -1
"""The plain decoder must read this frame."""
FULL: Final = -2
"""There is no room for another row."""

ROWS, SEEN_BEFORE, LINK_TYPE, FEED, POINT_CODE_BITS, SIGNALLING_LINK, MET, SLOT = range(8)
"""Places in `Machine.registers`: rows written, chunks seen before, what is being read, the link of
records without addresses; of the frame last read, what is known of its stream (`KEYED`: its key;
`APART`: it has none), and its slot (-1: not one known)."""
KEYED: Final = 1
APART: Final = 2

WORDS: Final = 6
"""64-bit words of a stream's key: addresses (4), ports and tag, feed and family."""
DOUBTS: Final = 1 << 20
_MIX: Final = -7046029254386353131
_MIX_2: Final = -4417276706812531889


KEY_AT: Final = 8
"""Where in `Machine.registers` the key of the frame last read stands, in `WORDS` words."""
EXPECTED, SURE, LAST_SEEN, LINK, HELD = range(5)
"""Columns of `Machine.streams`: next TSN; how many TSNs just before it have passed for certain;
time of the last one; its link; whether its frames are for the plain decoder (a gap is owed)."""


class Machine(NamedTuple):
    """One kernel's arrays; few of them, because each costs when it is passed on."""

    data: NDArray[np.uint8]
    rows: Rows
    draft: Rows
    """One row with what all messages of an SCCP message have in common."""
    words: NDArray[np.int64]
    draft_words: NDArray[np.int64]
    """Both again, word by word: so a row is copied fast."""
    kinds: NDArray[np.int16]
    messages: NDArray[np.int16]
    parts: NDArray[np.int16]
    """The tables, see `Program`."""
    registers: NDArray[np.int64]
    paths: NDArray[np.int64]
    """Keys of streams, open addressing, and after each its slot, -1 where the place is free."""
    streams: NDArray[np.int64]
    """By slot, see `EXPECTED`."""
    pairs: NDArray[np.int64]
    """Pair of point codes, open addressing, and 1 where the MSC sends, 0 the other side; -1 where
    the place is free."""
    doubts: NDArray[np.uint8]
    """By hash of (point code, reference): connections that the kernel must not judge alone."""


def _places(entries: int) -> int:
    """Places of a table in which so many entries are found fast: a power of two."""
    return 1 << (4 * entries - 1).bit_length()


def machine(program: Program, rows: int, streams: int, pairs: int) -> Machine:
    """Empty arrays for so many rows a batch, streams, and pairs of point codes."""
    buffer, draft = np.zeros(rows, ROW), empty_row()
    return Machine(
        data=np.frombuffer(b"", np.uint8),
        rows=buffer,
        draft=draft,
        words=buffer.view(np.int64).reshape(rows, -1),
        draft_words=draft.view(np.int64).reshape(1, -1),
        kinds=program.kinds,
        messages=program.rows,
        parts=program.parts,
        registers=np.zeros(KEY_AT + WORDS, np.int64),
        paths=np.full((_places(streams), WORDS + 1), -1, np.int64),
        streams=np.zeros((streams, 5), np.int64),
        pairs=np.full((_places(pairs), 2), -1, np.int64),
        doubts=np.zeros(DOUBTS, np.uint8),
    )


@compiled
def short(data: NDArray[np.uint8], at: Int) -> Int:
    """Two octets, most significant first."""
    return (np.int64(data[at]) << 8) | np.int64(data[at + 1])


@compiled
def word(data: NDArray[np.uint8], at: Int) -> Int:
    """Four octets, most significant first."""
    return (short(data, at) << 16) | short(data, at + 2)


@compiled
def little(data: NDArray[np.uint8], at: Int, octets: Int) -> Int:
    """So many octets, least significant first."""
    value = np.int64(0)
    for index in range(octets):
        value |= np.int64(data[at + index]) << (8 * index)
    return value


@compiled
def mixed(value: Int, other: Int) -> Int:
    """A hash of two numbers."""
    made = (np.int64(value) * np.int64(_MIX)) ^ (np.int64(other) * np.int64(_MIX_2))
    made ^= (made >> 29) & np.int64(0x7FFFFFFFF)
    made *= np.int64(_MIX)
    return made ^ ((made >> 32) & np.int64(0xFFFFFFFF))


@compiled
def doubt_at(side: Int, reference: Int) -> Int:
    """Where `Machine.doubts` tells of a reference that a side gave."""
    return mixed(side, reference) & np.int64(DOUBTS - 1)


@compiled
def pair_at(pairs: Any, pair: Int) -> Int:
    """The place of a pair in `Machine.pairs`, or the free one where it belongs."""
    last = np.int64(pairs.shape[0] - 1)
    at = mixed(pair, 1) & last
    while pairs[at, 1] >= 0 and pairs[at, 0] != pair:
        at = (at + 1) & last
    return at


@compiled
def sends(pairs: Any, opc: Int, dpc: Int) -> Int:
    """1 where the MSC sends from ``opc`` to ``dpc``, 0 where the other side does, -1 unknown."""
    if opc < 0:
        return np.int64(-1)
    return pairs[pair_at(pairs, (np.int64(opc) << 32) | np.int64(dpc)), 1]


@compiled
def stream_at(paths: Any, registers: Any) -> Int:
    """The place of the path whose key was read last, or the free one where it belongs."""
    made = np.int64(0)
    for index in range(WORDS):
        made = mixed(registers[KEY_AT + index], made)
    last = np.int64(paths.shape[0] - 1)
    at = made & last
    while paths[at, WORDS] >= 0:
        same = True
        for index in range(WORDS):
            same &= paths[at, index] == registers[KEY_AT + index]
        if same:
            break
        at = (at + 1) & last
    return at


@compiled
def new_row(m: Any) -> Int:
    """A row that begins as the draft; FULL where there is no room."""
    index = m.registers[ROWS]
    if index >= m.rows.size:
        return np.int64(FULL)
    for place in range(m.words.shape[1]):
        m.words[index, place] = m.draft_words[0, place]
    m.registers[ROWS] = index + 1
    return index
