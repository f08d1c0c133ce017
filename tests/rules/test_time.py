"""Durations, zones and quiet hours, also where clocks are put forward and back."""

from __future__ import annotations

import itertools
import struct
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import HOUR, MINUTE

from decoders.times import SECOND, from_text
from rules import units
from rules.quiet import Quiet
from rules.units import DAY
from rules.zones import date_of, local, microseconds, since_midnight, zone

ZONES = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Havana",
    "UTC",
]
_minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: minute * MINUTE)


@pytest.mark.parametrize(
    ("text", "means"),
    [("0s", 0), ("90s", 90 * SECOND), ("1h30m", 90 * MINUTE), ("2d", 2 * DAY), ("1w", 7 * DAY)],
)
def test_a_duration_is_numbers_with_units(text: str, means: int) -> None:
    assert units.duration(text) == means


@pytest.mark.parametrize("text", ["", "5", "m", "-1h", "1.5h", "1y", "1 h"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        units.duration(text)


def test_a_share_is_a_percentage() -> None:
    assert [units.share(text) for text in ("0%", "2.5%", "100%")] == [0, 0.025, 1]
    for text in ("10", "101%", "-1%", "100.1%"):
        with pytest.raises(ValueError, match="no share"):
            units.share(text)


def test_a_time_of_day_is_hours_and_minutes() -> None:
    assert units.time_of_day("20:30") == 20 * HOUR + 30 * MINUTE
    for text in ("24:00", "8:00", "08:60"):
        with pytest.raises(ValueError, match="no time of day"):
            units.time_of_day(text)


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../../etc/passwd", "Asia", "asia/shanghai"])
def test_a_name_that_is_no_zone_is_none(name: str) -> None:
    assert zone(name) is None


@given(st.integers(0, 2**51), st.sampled_from(ZONES))
def test_local_time_is_the_same_instant(time: int, name: str) -> None:
    where = zone(name)
    assert where is not None
    moment = local(time, where)
    assert microseconds(moment) == time
    assert moment == datetime(1970, 1, 1, tzinfo=UTC) + (moment - datetime(1970, 1, 1, tzinfo=UTC))


@given(st.integers(0, 2**51), st.sampled_from(ZONES), _minutes, _minutes)
def test_quiet_hours_end_at_a_later_instant_that_is_not_quiet(
    now: int, name: str, start: int, end: int
) -> None:
    where, quiet = zone(name), Quiet(start, end)
    assert where is not None
    until = quiet.until(now, where)
    assert (until is not None) == quiet.at(now, where)
    if until is not None:
        assert now < until <= now + 2 * DAY
        assert not quiet.at(until, where)


@given(st.integers(0, 2**51), _minutes, _minutes)
def test_without_summer_time_it_is_quiet_right_up_to_the_end(
    now: int, start: int, end: int
) -> None:
    where, quiet = zone("Etc/GMT-8"), Quiet(start, end)
    assert where is not None
    until = quiet.until(now, where)
    if until is not None:
        assert quiet.at(until - 1, where)
        assert until <= now + DAY


@pytest.mark.parametrize(
    ("now", "quiet", "until"),
    [
        # Berlin puts its clocks forward at 02:00 and back at 03:00
        ("2008-03-30T00:30:00Z", ("01:00", "02:30"), "2008-03-30T01:30:00Z"),
        ("2008-10-26T00:10:00Z", ("02:00", "02:30"), "2008-10-26T00:30:00Z"),
        ("2008-10-26T01:10:00Z", ("02:00", "02:30"), "2008-10-26T01:30:00Z"),
        ("2008-10-25T20:00:00Z", ("20:00", "08:00"), "2008-10-26T07:00:00Z"),
    ],
)
def test_where_clocks_leap_the_end_is_what_they_show(
    now: str, quiet: tuple[str, str], until: str
) -> None:
    where = zone("Europe/Berlin")
    assert where is not None
    hours = Quiet(units.time_of_day(quiet[0]), units.time_of_day(quiet[1]))
    assert hours.until(from_text(now), where) == from_text(until)


def test_hours_without_length_are_never_quiet() -> None:
    where = zone("UTC")
    assert where is not None
    assert not any(Quiet(HOUR, HOUR).at(time, where) for time in range(0, DAY, MINUTE))


@given(st.integers(0, 2_000_000_000 * SECOND), st.sampled_from(ZONES))
def test_local_days_and_clocks_are_those_of_the_zone(time: int, name: str) -> None:
    where = zone(name)
    assert where is not None
    shown = local(time, where)
    midnight = shown.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    assert date_of(time, where) == shown.date()
    assert timedelta(microseconds=since_midnight(time, where)) == (
        shown.replace(tzinfo=None) - midnight
    )


def test_an_hour_in_which_clocks_change_is_asked_about_instant_by_instant() -> None:
    lord_howe, st_johns = zone("Australia/Lord_Howe"), zone("America/St_Johns")
    assert lord_howe is not None
    assert st_johns is not None
    half_an_hour_back = from_text("2008-04-05T15:00:00Z")
    assert since_midnight(half_an_hour_back - MINUTE, lord_howe) == 2 * HOUR - MINUTE
    assert since_midnight(half_an_hour_back, lord_howe) == HOUR + 30 * MINUTE
    over_midnight = from_text("2008-11-02T02:31:00Z")
    assert since_midnight(over_midnight - 1, st_johns) == MINUTE - 1
    assert since_midnight(over_midnight, st_johns) == 23 * HOUR + MINUTE
    assert date_of(over_midnight - 1, st_johns) > date_of(over_midnight, st_johns)


def test_no_zone_changes_its_clocks_twice_within_an_hour() -> None:
    """What `rules.zones.offset` rests on, asked of every zone of the pinned tzdata."""
    closest = [
        later - earlier
        for name in files("tzdata").joinpath("zones").read_text("utf-8").split()
        for earlier, later in itertools.pairwise(_changes(name))
    ]
    assert min(closest) > 3600


def _changes(name: str) -> tuple[int, ...]:
    """Seconds at which a zone's clocks change, RFC 8536: the second header's, of 64 bits."""
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    utc, standard, leaps, changes, types, letters = struct.unpack_from(">20x6l", data)
    second = 44 + changes * 5 + types * 6 + letters + leaps * 8 + standard + utc
    (many,) = struct.unpack_from(">l", data, second + 32)
    return struct.unpack_from(f">{many}q", data, second + 44)
