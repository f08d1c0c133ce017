"""Time zones from the pinned ``tzdata`` package: the machine's own files decide nothing (P1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from rules.units import DAY, HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name such as ``Asia/Shanghai``; None for a name that is none."""
    if name not in _names():
        return None
    resource = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with resource.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@lru_cache(maxsize=256)
def local(time: int, where: tzinfo) -> datetime:
    """The local date and time of `time` (microseconds since the epoch), aware."""
    return (_EPOCH + time * _MICROSECOND).astimezone(where)


def since_midnight(time: int, where: tzinfo) -> int:
    """Microseconds since local midnight that the clocks of `where` show at `time`."""
    return (time + offset(time, where)) % DAY


def date_of(time: int, where: tzinfo) -> date:
    """The local date of `time`, microseconds since the epoch."""
    return date_of_day(day_of(time, where))


def day_of(time: int, where: tzinfo) -> int:
    """The number of the local day of `time`; 0 is 1970-01-01."""
    return (time + offset(time, where)) // DAY


@lru_cache(maxsize=64)
def date_of_day(day: int) -> date:
    """The date of a day of that number."""
    return date.fromordinal(_EPOCH_DAY + day)


def offset(time: int, where: tzinfo) -> int:
    """Microseconds by which the clocks of `where` are ahead of UTC at `time`.

    An hour within which they are not changed is asked about once: between two changes of any zone
    lies more than an hour (a test says so).
    """
    known = _offset_of_hour(time // HOUR, where)
    return _offset(time, where) if known is None else known


@lru_cache(maxsize=4096)
def _offset_of_hour(hour: int, where: tzinfo) -> int | None:
    """The offset all through an hour of UTC; None where it changes within it."""
    before, after = _offset(hour * HOUR, where), _offset((hour + 1) * HOUR, where)
    return before if before == after else None


def _offset(time: int, where: tzinfo) -> int:
    ahead = (_EPOCH + time * _MICROSECOND).astimezone(where).utcoffset()
    assert ahead is not None
    return ahead // _MICROSECOND


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware `moment`."""
    return (moment - _EPOCH) // _MICROSECOND
