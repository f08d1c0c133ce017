"""Numbers as octets, and octets into a capture, for many rows at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.templates import Octets

Integers = npt.NDArray[np.int64]


def big(values: npt.NDArray[np.integer], width: int) -> Octets:
    """Big-endian, (n, width)."""
    return values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]


def little(values: npt.NDArray[np.integer], width: int) -> Octets:
    """Little-endian, (n, width)."""
    return values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]


def put(octets: npt.NDArray[np.uint8], offset: Integers, matrix: Octets) -> None:
    """Each row of `matrix` at its offset."""
    octets[offset[:, None] + np.arange(matrix.shape[1])] = matrix


def rank(sorted_values: Integers) -> Integers:
    """The place of each within its run of equal values."""
    order = np.arange(len(sorted_values))
    first = np.ones(len(order), bool)
    first[1:] = sorted_values[1:] != sorted_values[:-1]
    return order - np.maximum.accumulate(np.where(first, order, 0))


def internet_sum(octets: npt.NDArray[np.uint8], offset: Integers, length: Integers) -> Integers:
    """The sum of RFC 1071 over each piece, not yet complemented; pieces follow each other."""
    if not len(offset):
        return np.zeros(0, np.int64)
    weight = np.full(len(octets), 256, np.int64)
    owner = np.repeat(np.arange(len(offset)), length)
    at = np.repeat(offset - np.cumsum(length) + length, length) + np.arange(int(length.sum()))
    weight[at[((at - offset[owner]) & 1) == 1]] = 1
    return folded(np.bincount(owner, octets[at] * weight[at], len(offset)).astype(np.int64))


def folded(total: Integers) -> Integers:
    """Carries added until 16 bits are left."""
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return total
