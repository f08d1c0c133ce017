"""Time zones from the pinned ``tzdata`` package: the machine's own files decide nothing (P1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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


def date_of(time: int, where: tzinfo) -> date:
    """The local date of `time`, microseconds since the epoch."""
    return local(time, where).date()


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware `moment`."""
    return (moment - _EPOCH) // _MICROSECOND
