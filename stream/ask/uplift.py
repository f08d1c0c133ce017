"""Shares and their difference, with intervals: what a campaign changed, and how sure that is."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

Z = 1.959963984540054
"""Of a two-sided interval of 95 %."""


class Share(NamedTuple):
    """`part` of `whole`, and where the share behind it lies with 95 % confidence."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share seen; 0 of nobody."""
        return self.part / self.whole if self.whole else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval (1927); of nobody anything may be true."""
        if not self.whole:
            return 0.0, 1.0
        number, square = self.whole, Z * Z
        middle = (self.part + square / 2) / (number + square)
        reach = Z * sqrt(self.value * (1 - self.value) / number + square / (4 * number * number))
        reach /= 1 + square / number
        return max(0.0, middle - reach), min(1.0, middle + reach)


class Difference(NamedTuple):
    """How much one share is above another, with its interval."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves no difference out."""
        return self.low > 0 or self.high < 0


def difference(treated: Share, control: Share) -> Difference:
    """Treated less control; Newcombe's hybrid score interval (1998, method 10)."""
    low_1, high_1 = treated.interval
    low_2, high_2 = control.interval
    value = treated.value - control.value
    low = value - sqrt((treated.value - low_1) ** 2 + (high_2 - control.value) ** 2)
    high = value + sqrt((high_1 - treated.value) ** 2 + (control.value - low_2) ** 2)
    return Difference(value, low, high)
