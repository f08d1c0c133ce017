"""BLAKE2b by compiled code, RFC 7693: the ids and pseudonyms of `pseudonyms`, made in columns.

A keyed hash begins with a block that holds the key alone; what it leaves is made once, in `begun`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decoders.kernel.blake2b import BLOCK, IV
from decoders.kernel.compiled import compiled, compress, entry
from decoders.kernel.machine import Int

CONTENT, SUBSCRIBER, TEMPORARY, EQUIPMENT = range(4)
"""Domains."""
PERSONS: Final = (b"content", b"imsi", b"tmsi", b"imei")
SIZES: Final = (16, 12, 12, 12)
HASH: Final = np.dtype([("state", np.uint64, (8,)), ("seeds", np.uint64, (len(PERSONS), 8))])
"""A hash: its state, and what states begin with, by domain."""


@compiled
def hashed(w: Any, size: Int, domain: Int) -> None:
    """The keyed hash of the first `size` octets of ``text``, at least one, into ``state``.

    Octets behind those, up to a whole block, are made zero.
    """
    for word in range(8):
        w.state[word] = w.seeds[domain, word]
    for place in range(size, (size + BLOCK - 1) // BLOCK * BLOCK):
        w.text[place] = 0
    at = np.int64(0)
    while size - at > BLOCK:
        compress(w.state, w.text, at, BLOCK + at + BLOCK, 0)
        at += BLOCK
    compress(w.state, w.text, at, BLOCK + size, 1)


@entry
def _absorb(state: Any, block: Any) -> None:
    """The block of a key, with more to follow."""
    compress(state, block, 0, BLOCK, 0)


def begun(seeds: Iterable[tuple[bytes, int, bytes]]) -> NDArray[np.void]:
    """One `HASH`, with a seed for each (key, digest size, person)."""
    hashes = np.zeros(1, HASH)
    h = hashes[0]
    for domain, (key, size, person) in enumerate(seeds):
        state = np.array(IV, np.uint64)
        state[0] ^= np.uint64(0x01010000 | len(key) << 8 | size)
        state[6:8] ^= np.frombuffer(person.ljust(16, b"\0"), np.uint64)
        _absorb(state, np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint8))
        h["seeds"][domain] = state
    return hashes
