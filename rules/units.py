"""Durations, shares and times of day as people write them in campaign files."""

from __future__ import annotations

import re

from decoders.times import SECOND

DURATION_PATTERN = r"^([0-9]{1,6}[smhdw])+$"
SHARE_PATTERN = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)%$"
TIME_OF_DAY_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def duration(text: str) -> int:
    """Microseconds of ``20m``, ``12h``, ``7d``, ``1h30m``; raises ValueError for anything else."""
    if not re.match(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is no duration such as 20m, 12h or 7d")
    parts = re.findall(r"([0-9]+)([smhdw])", text)
    return sum(int(count) * _UNITS[unit] for count, unit in parts)


def share(text: str) -> float:
    """``10%`` as 0.1; raises ValueError when it is no percentage or over a hundred."""
    if not re.match(SHARE_PATTERN, text):
        raise ValueError(f"{text!r} is no share such as 10% or 2.5%")
    return float(text[:-1]) / 100


def time_of_day(text: str) -> int:
    """Microseconds since midnight of ``20:00``; raises ValueError for anything else."""
    if not re.match(TIME_OF_DAY_PATTERN, text):
        raise ValueError(f"{text!r} is no time of day such as 20:00")
    return int(text[:2]) * HOUR + int(text[3:]) * MINUTE
