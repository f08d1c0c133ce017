"""SCTP's checksum (RFC 4960 appendix B) of many packets at once, 16 bits a step."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]

_POLYNOMIAL = 0x82F63B78


@cache
def _tables() -> tuple[Words, Words]:
    """What the upper and the lower half of a word come to, four and two octets on."""
    one = np.arange(65536, dtype=np.uint32)
    for _ in range(16):
        one = np.where(one & 1, (one >> 1) ^ np.uint32(_POLYNOMIAL), one >> 1).astype(np.uint32)
    return one, (one >> 16) ^ one[one & 0xFFFF]


def checksums(octets: npt.NDArray[np.uint8], offset: Integers, length: Integers) -> Words:
    """The checksum of each packet at `offset`, `length` octets of it (multiples of four).

    In the octet order of the packet when written as little-endian.
    """
    upper, lower = _tables()
    order = np.argsort(-length, kind="stable")
    offset, words = offset[order], length[order] // 4
    value = np.full(len(order), 0xFFFFFFFF, np.uint32)
    span = np.arange(4)
    many = np.searchsorted(-words, -np.arange(int(words.max(initial=0))), side="left")
    for index, active in enumerate(many):
        at = offset[:active, None] + (4 * index + span)
        value[:active] ^= octets[at].view("<u4").ravel()
        part = value[:active]
        value[:active] = lower[part & 0xFFFF] ^ upper[part >> 16]
    result = np.empty_like(value)
    result[order] = ~value
    return result
