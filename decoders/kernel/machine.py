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
from decoders.kernel.compiled import copy_row, entry, inlined, mixed, octet
from decoders.kernel.program import Program

Int: TypeAlias = Any
"""An integer of compiled code: numpy's or Python's, 64 bits of either."""
OK: Final = 0
ASK: Final = -1
"""The plain decoder must read this frame."""
FULL: Final = -2
"""There is no room for another row."""

LINK_TYPE, FEED, SIGNALLING_LINK = range(3)
"""Columns of origins: where a frame is from, and the link of records without addresses."""
KEYED: Final = 1
APART: Final = 2
"""What is known of a frame's stream: its key is read; it has none. 0: neither."""

WORDS: Final = 6
"""64-bit words of a stream's key: addresses (4), ports and tag, feed and family."""
DOUBTS: Final = 1 << 20
MOST_STREAMS: Final = 4096
MOST_PAIRS: Final = 4096
"""What the tables here hold; the plain decoder may hold more."""
_PLACES: Final = 4 * MOST_STREAMS

EXPECTED, SURE, LAST_SEEN, LINK, HELD = range(5)
"""Columns of `State.streams`: next TSN; how many TSNs just before it have passed for certain;
time of the last one; its link; whether its frames are for the plain decoder (a gap is owed)."""


def _state(program: Program) -> np.dtype[np.void]:
    """All scalars and tables of a kernel as one record: compiled code passes it on as one pointer.

    ``count``: rows written. ``seen_before``: chunks seen before. ``link_type``, ``feed``,
    ``signalling_link``: origin of the frame being read, and ``met``, ``slot``, ``key``: what is
    known of its stream (`KEYED`), its slot (-1: not one known) and its key. ``paths``: keys of
    streams, open addressing, and after each its slot, -1 where the place is free. ``streams``: by
    slot, see `EXPECTED`. ``pairs``: pair of point codes, open addressing, and 1 where the MSC
    sends, 0 the other side; -1 where the place is free. ``crowded``: 1 where there were too many
    pairs, so that each message is for the plain decoder. ``doubts``: by hash of (point code,
    reference) connections that the kernel must not judge alone. The rest is `Program`'s.
    """
    names = ("count", "seen_before", "link_type", "feed", "signalling_link", "met", "slot")
    return np.dtype(
        [
            *((name, np.int64) for name in (*names, "point_code_bits", "crowded")),
            ("key", np.int64, (WORDS,)),
            ("paths", np.int64, (_PLACES, WORDS + 1)),
            ("streams", np.int64, (MOST_STREAMS, 5)),
            ("pairs", np.int64, (4 * MOST_PAIRS, 2)),
            ("doubts", np.uint8, (DOUBTS,)),
            ("kinds", np.int16, program.kinds.shape),
            ("messages", np.int16, program.rows.shape),
            ("parts", np.int16, program.parts.shape),
        ],
        align=True,
    )


class Machine(NamedTuple):
    """What compiled functions work on; few members, because each costs when it is passed on."""

    data: NDArray[np.uint8]
    rows: Rows
    draft: Any
    """A row with what all messages of an SCCP message have in common."""
    state: Any
    """See `_state`."""


def machine(program: Program, rows: int) -> Machine:
    """Empty arrays for so many rows a batch; draft and state as arrays of one record each."""
    state = np.zeros(1, _state(program))
    made = state[0]
    made["kinds"], made["messages"], made["parts"] = program.kinds, program.rows, program.parts
    made["paths"], made["pairs"] = -1, -1
    made["slot"], made["met"] = -1, APART
    return Machine(np.frombuffer(b"", np.uint8), np.zeros(rows, ROW), empty_row(), state)


@inlined
def little(data: NDArray[np.uint8], at: Int, octets: Int) -> Int:
    """So many octets, least significant first."""
    value = np.int64(0)
    for index in range(octets):
        value |= octet(data, at + index) << (8 * index)
    return value


@inlined
def doubt_at(side: Int, reference: Int) -> Int:
    """Where `_state`'s ``doubts`` tells of a reference that a side gave."""
    return mixed(side, reference) & np.int64(DOUBTS - 1)


@inlined
def pair_at(state: Any, pair: Int) -> Int:
    """The place of a pair among the pairs, or the free one where it belongs."""
    last = np.int64(4 * MOST_PAIRS - 1)
    at = mixed(pair, 1) & last
    while state.pairs[at, 1] >= 0 and state.pairs[at, 0] != pair:
        at = (at + 1) & last
    return at


@inlined
def sends(state: Any, opc: Int, dpc: Int) -> Int:
    """1 where the MSC sends from ``opc`` to ``dpc``, 0 where the other side does, -1 unknown."""
    if opc < 0:
        return np.int64(-1)
    return state.pairs[pair_at(state, (np.int64(opc) << 32) | np.int64(dpc)), 1]


@inlined
def stream_at(state: Any) -> Int:
    """The place of the path whose key was read last, or the free one where it belongs."""
    made = np.int64(0)
    for index in range(WORDS):
        made = mixed(state.key[index], made)
    last = np.int64(_PLACES - 1)
    at = made & last
    while state.paths[at, WORDS] >= 0:
        same = True
        for index in range(WORDS):
            same &= state.paths[at, index] == state.key[index]
        if same:
            break
        at = (at + 1) & last
    return at


@inlined
def new_row(m: Any) -> Int:
    """A row that begins as the draft; FULL where there is no room."""
    index = m.state.count
    if index >= m.rows.size:
        return np.int64(FULL)
    copy_row(m.rows[index], m.draft)
    m.state.count = index + 1
    return index


@entry
def find_stream(states: Any) -> Int:
    """`stream_at` for Python."""
    return stream_at(states[0])


@entry
def find_pair(states: Any, pair: Int) -> Int:
    """`pair_at` for Python."""
    return pair_at(states[0], pair)


@entry
def find_doubt(side: Int, reference: Int) -> Int:
    """`doubt_at` for Python."""
    return doubt_at(side, reference)
