"""Times are integers of microseconds since 1970-01-01T00:00:00Z; this is how they look in a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(time: int) -> str:
    """RFC 3339 in UTC with six decimals, such as ``2008-01-28T09:12:33.123456Z``."""
    whole, micro = divmod(time, SECOND)
    return f"{_second(whole)}.{micro:06d}Z"


@lru_cache(maxsize=4096)
def _second(whole: int) -> str:
    """Much happens in one second."""
    return f"{_EPOCH + timedelta(seconds=whole):%Y-%m-%dT%H:%M:%S}"


def from_text(text: str) -> int:
    """Microseconds of an RFC 3339 time; raises ValueError when it has no zone or is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} has no time zone"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(microseconds=1)
