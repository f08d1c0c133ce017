"""BLAKE2b by compiled code, RFC 7693: the ids and pseudonyms of `pseudonyms`, made in columns.

A keyed hash begins with a block that holds the key alone; what it leaves is made once, in `begun`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decoders.kernel.compiled import compiled, entry, inlined
from decoders.kernel.machine import Int

BLOCK: Final = 128
_IV: Final = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
_SIGMA: Final = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.uint64,
)
CONTENT, SUBSCRIBER, TEMPORARY, EQUIPMENT = range(4)
"""Domains."""
PERSONS: Final = (b"content", b"imsi", b"tmsi", b"imei")
SIZES: Final = (16, 12, 12, 12)
HASH: Final = np.dtype(
    [
        ("state", np.uint64, (8,)),
        ("block", np.uint64, (16,)),
        ("schedule", np.uint64, (160,)),
        ("seeds", np.uint64, (len(PERSONS), 8)),
    ]
)
"""A hash: its state, the block in hand, in which order each round takes that, and what the states
begin with, by domain. A record, since the sizes of its parts are known to who compiles it."""


@inlined
def _turned(word: Any, bits: Any) -> Any:
    return (word >> bits) | (word << (np.uint64(64) - bits))


@inlined
def _mix(h: Any, at: Int, a: Any, b: Any, c: Any, d: Any) -> Any:  # noqa: PLR0913, PLR0917  the standard's G
    """RFC 7693 3.1, with the two words of the block that stand next in the schedule."""
    a += b + h.block[np.int64(h.schedule[at]) & 15]
    d = _turned(d ^ a, np.uint64(32))
    c += d
    b = _turned(b ^ c, np.uint64(24))
    a += b + h.block[np.int64(h.schedule[at + 1]) & 15]
    d = _turned(d ^ a, np.uint64(16))
    c += d
    b = _turned(b ^ c, np.uint64(63))
    return a, b, c, d


@compiled
def _compress(h: Any, counted: Int, last: Any) -> None:
    """One block, RFC 7693 3.2; what it works on is sixteen variables, to stay in registers."""
    v0 = h.state[0]
    v1 = h.state[1]
    v2 = h.state[2]
    v3 = h.state[3]
    v4 = h.state[4]
    v5 = h.state[5]
    v6 = h.state[6]
    v7 = h.state[7]
    v8 = np.uint64(0x6A09E667F3BCC908)
    v9 = np.uint64(0xBB67AE8584CAA73B)
    v10 = np.uint64(0x3C6EF372FE94F82B)
    v11 = np.uint64(0xA54FF53A5F1D36F1)
    v12 = np.uint64(0x510E527FADE682D1) ^ np.uint64(counted)
    v13 = np.uint64(0x9B05688C2B3E6C1F)
    v14 = np.uint64(0x1F83D9ABFB41BD6B)
    v15 = np.uint64(0x5BE0CD19137E2179)
    if last:
        v14 = ~v14
    for turn in range(12):
        at = 16 * (turn % 10)
        v0, v4, v8, v12 = _mix(h, at + 0, v0, v4, v8, v12)
        v1, v5, v9, v13 = _mix(h, at + 2, v1, v5, v9, v13)
        v2, v6, v10, v14 = _mix(h, at + 4, v2, v6, v10, v14)
        v3, v7, v11, v15 = _mix(h, at + 6, v3, v7, v11, v15)
        v0, v5, v10, v15 = _mix(h, at + 8, v0, v5, v10, v15)
        v1, v6, v11, v12 = _mix(h, at + 10, v1, v6, v11, v12)
        v2, v7, v8, v13 = _mix(h, at + 12, v2, v7, v8, v13)
        v3, v4, v9, v14 = _mix(h, at + 14, v3, v4, v9, v14)
    h.state[0] ^= v0 ^ v8
    h.state[1] ^= v1 ^ v9
    h.state[2] ^= v2 ^ v10
    h.state[3] ^= v3 ^ v11
    h.state[4] ^= v4 ^ v12
    h.state[5] ^= v5 ^ v13
    h.state[6] ^= v6 ^ v14
    h.state[7] ^= v7 ^ v15


@compiled
def hashed(h: Any, octets: Any, size: Int, domain: Int) -> None:
    """The keyed hash of the first `size` octets, which are at least one; see `STATE`."""
    for word in range(8):
        h.state[word] = h.seeds[domain, word]
    at = np.int64(0)
    while True:
        left = size - at
        for word in range(16):
            made = np.uint64(0)
            begin = at + 8 * word
            if begin + 8 <= size:
                for place in range(8):
                    made |= np.uint64(octets[begin + place]) << np.uint64(8 * place)
            elif begin < size:
                for place in range(size - begin):
                    made |= np.uint64(octets[begin + place]) << np.uint64(8 * place)
            h.block[word] = made
        if left <= BLOCK:
            _compress(h, BLOCK + size, True)
            return
        at += BLOCK
        _compress(h, BLOCK + at, False)


@entry
def _key(hashes: Any) -> None:
    """The block of the key, with more to follow."""
    _compress(hashes[0], BLOCK, False)


def begun(seeds: Iterable[tuple[bytes, int, bytes]]) -> NDArray[np.void]:
    """One `HASH`, with a seed for each (key, digest size, person)."""
    hashes = np.zeros(1, HASH)
    h = hashes[0]
    h["schedule"] = _SIGMA.ravel()
    for domain, (key, size, person) in enumerate(seeds):
        h["state"] = _IV
        h["state"][0] ^= np.uint64(0x01010000 | len(key) << 8 | size)
        h["state"][6:8] ^= np.frombuffer(person.ljust(16, b"\0"), np.uint64)
        h["block"] = np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint64)
        _key(hashes)
        h["seeds"][domain] = h["state"]
    return hashes
