"""Digits as the octets that telephony puts them in, a column at a time.

A number is two columns: its value as an integer, and how many digits it has (leading zeros count).
Up to 19 digits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.templates import Octets

Integers = npt.NDArray[np.int64]

_TENS = 10 ** np.arange(18, -1, -1, dtype=np.int64)


def columns(values: Integers, count: int) -> Octets:
    """The last `count` digits of each value, (n, count), most significant first."""
    return ((values[:, None] // _TENS[19 - count :]) % 10).astype(np.uint8)


def swapped(values: Integers, count: int) -> Octets:
    """BCD with the first digit in the low half and a filler ``f`` (TS 24.008 10.5.4.7)."""
    digits = columns(values, count)
    if count % 2:
        digits = np.hstack([digits, np.full((len(digits), 1), 15, np.uint8)])
    return (digits[:, ::2] | digits[:, 1::2] << 4).astype(np.uint8)


def identity(values: Integers, count: int, kind: int) -> Octets:
    """A mobile identity's value (TS 24.008 10.5.1.4): `kind` 1 IMSI, 2 IMEI, 3 IMEISV."""
    digits = columns(values, count)
    if not count % 2:
        digits = np.hstack([digits, np.full((len(digits), 1), 15, np.uint8)])
    first = (digits[:, :1] << 4) | np.uint8(kind | (count % 2) << 3)
    return np.hstack([first, digits[:, 1::2] | digits[:, 2::2] << 4])


def address(values: Integers, count: int) -> Octets:
    """An address in a short message (TS 23.040 9.1.2.5): digits, type, digits swapped."""
    head = np.tile(np.array([count, 0x81], np.uint8), (len(values), 1))
    return np.hstack([head, swapped(values, count)])


def big_endian(values: Integers, width: int) -> Octets:
    """The last `width` octets of each value, (n, width)."""
    return values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]


def little_endian(values: Integers, width: int) -> Octets:
    """As `big_endian`, the other way round: point codes in SCCP addresses."""
    return values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
