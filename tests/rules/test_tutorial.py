"""The campaigns that ship, on made-up movements in Zhengzhou."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from rules_kit import DAY, HOUR, MINUTE, NOON, SHANGHAI, Life, call, seen, told

from decoders.events import LOCATION_UPDATED
from decoders.messages import Cell
from decoders.times import to_text
from rules.campaign import DRAFT
from rules.engine import RuleSet
from rules.profile import Profile

SHIPPED = Path(__file__).resolve().parents[2] / "rules" / "campaigns"
FILES = {path.name: path.read_bytes() for path in SHIPPED.iterdir() if path.is_file()}
SALT = {"settings.json": json.dumps({"control_salt": "a secret"}).encode()}
STUDENT = Profile(home_city="洛阳", consent=("sms",), time_zone=SHANGHAI, seed="someone")
MONDAY = DAY
"""2008-01-21 noon; `NOON` is the Sunday before."""
EVENING = 7 * HOUR + 30 * MINUTE
"""19:30, after noon."""


def at(lac: int, ci: int) -> Cell:
    return Cell("460", "00", lac, ci)


ERQI, ZIJINGSHAN, HALL = at(17104, 10001), at(17104, 10002), at(17104, 10003)
CAMPUS, ALSO_CAMPUS = at(17104, 10004), at(17104, 10005)
STADIUM, ALSO_STADIUM = at(17105, 20001), at(17105, 20002)
OFFICE, LUOYANG = at(17105, 20003), at(17301, 30001)


def living(name: str, profile: Profile = STUDENT) -> Life:
    """A life under one of the campaigns, launched."""
    campaign = RuleSet.load({**FILES, **SALT}).campaign(name)
    assert campaign is not None
    live = msgspec.structs.replace(campaign.spec, status="live", experiment=msgspec.UNSET)
    areas_and_cells = {key: FILES[key] for key in ("areas.geojson", "cells.csv")}
    files = {**areas_and_cells, **SALT, campaign.file: msgspec.json.encode(live)}
    return Life(RuleSet.load(files), profile)


def test_all_that_ship_are_drafts_so_that_nothing_goes_out_unasked() -> None:
    rules = RuleSet.load(FILES, running=True)
    assert {each.status for each in rules.campaigns} == {DRAFT}
    assert not rules.doubts
    elsewhere = RuleSet.load(
        {name: data for name, data in FILES.items() if name.endswith(".yaml")}, running=True
    )
    assert {doubt.file for doubt in elsewhere.doubts} >= {"campus.yaml", "concert.yaml"}


# Two cities, one home


def test_two_cities_reaches_who_has_left_zhengzhou_and_not_who_is_at_home_there() -> None:
    guest, local = (
        living("two-cities-one-home", msgspec.structs.replace(STUDENT, home_city=home))
        for home in ("洛阳", "郑州")
    )
    for life in (guest, local):
        life.walk((-DAY, OFFICE), (-HOUR, ERQI), (0, LUOYANG), (10 * MINUTE, LUOYANG))
        life.clock(HOUR)
    assert told(guest.verdicts) == [("two-cities-one-home", "send", None)]
    assert told(local.verdicts) == [("two-cities-one-home", "refuse", "not in audience")]


# 12593


@pytest.mark.parametrize(("city", "selected", "offered"), [
    ("北京", None, True), ("洛阳", None, False), ("北京", "12593", False)
])  # fmt: skip
def test_12593_reaches_who_dials_long_distance_without_it(
    city: str, selected: str | None, *, offered: bool
) -> None:
    life = living("cheap-long-distance")
    assert len(life.event(call(0, city, selected=selected, cell=ERQI))) == offered


# Subway riders


def test_subway_riders_reaches_who_waits_at_a_named_station_at_rush_hour() -> None:
    life = living("subway-riders")
    life.walk((MONDAY + 5 * HOUR, ERQI), (MONDAY + 5 * HOUR + 2 * MINUTE, ERQI))
    (verdict,) = life.clock(MONDAY + 5 * HOUR + 5 * MINUTE)
    assert told([verdict]) == [("subway-riders", "send", None)]
    assert to_text(verdict.time) == "2008-01-21T09:04:00.000000Z"


@pytest.mark.parametrize(
    "begin", [MONDAY, 5 * HOUR, MONDAY + 3 * HOUR], ids=["noon", "Sunday", "afternoon"]
)
def test_subway_riders_reaches_nobody_at_another_time(begin: int) -> None:
    life = living("subway-riders")
    life.walk((begin, ZIJINGSHAN))
    assert told(life.clock(begin + HOUR)) == [("subway-riders", "refuse", "not in audience")]


def test_subway_riders_reaches_nobody_whose_train_came_at_once() -> None:
    life = living("subway-riders")
    rush = MONDAY + 5 * HOUR
    life.walk((rush, ERQI), (rush + 2 * MINUTE, OFFICE), (rush + 20 * MINUTE, OFFICE))
    assert life.clock(rush + HOUR) == []


# Campus


def test_campus_reaches_who_stays_there_for_an_hour_three_times_a_week() -> None:
    life = living("campus")
    for day in range(3):
        assert life.verdicts == []
        life.walk((day * DAY, CAMPUS), (day * DAY + 40 * MINUTE, ALSO_CAMPUS))
        life.walk((day * DAY + 2 * HOUR, OFFICE), (day * DAY + 5 * HOUR, OFFICE))
    (verdict,) = life.verdicts
    assert verdict.verdict == "send"
    assert verdict.variant in {"price", "friends"}


def test_campus_reaches_nobody_who_passes_by_or_visits_now_and_then() -> None:
    passer, visitor = living("campus"), living("campus")
    for day in range(6):
        passer.walk((day * DAY, CAMPUS), (day * DAY + 30 * MINUTE, OFFICE))
        visitor.walk((4 * day * DAY, CAMPUS), (4 * day * DAY + 2 * HOUR, OFFICE))
    assert passer.verdicts == visitor.verdicts == []


def test_campus_asks_once_more_who_did_not_answer() -> None:
    silent, answering = living("campus"), living("campus")
    for life in (silent, answering):
        for day in range(3):
            life.walk((day * DAY, CAMPUS), (day * DAY + 2 * HOUR, OFFICE))
    step = answering.rules.on_outcome(answering.state, "campus", "replied", NOON + 3 * DAY)
    answering.state = step.state
    assert [each.wave for each in silent.clock(30 * DAY)] == [2]
    assert answering.clock(30 * DAY) == []


# Concert


def test_concert_reaches_who_was_there_that_evening_and_is_not_seen_there_again() -> None:
    life = living("concert")
    life.walk((EVENING, STADIUM), (EVENING + 2 * HOUR, ALSO_STADIUM), (EVENING + 3 * HOUR, OFFICE))
    life.walk((DAY, OFFICE), (2 * DAY, ERQI))
    held, sent = life.clock(5 * DAY)
    assert told([held, sent]) == [("concert", "hold", None), ("concert", "send", None)]
    assert to_text(sent.time) == "2008-01-23T00:00:00.000000Z"


def test_concert_reaches_no_neighbour() -> None:
    home_late, next_day = living("concert"), living("concert")
    home_late.walk((0, STADIUM), (EVENING + 3 * HOUR, STADIUM), (EVENING + 13 * HOUR, OFFICE))
    next_day.walk((EVENING, STADIUM), (EVENING + 2 * HOUR, STADIUM), (EVENING + 3 * HOUR, OFFICE))
    next_day.event(seen(DAY, STADIUM, LOCATION_UPDATED, detail={"kind": "periodic"}))
    assert told(home_late.clock(5 * DAY)) == [("concert", "refuse", "not in audience")]
    assert next_day.clock(5 * DAY) == []


def test_concert_reaches_nobody_who_was_there_on_another_evening() -> None:
    life = living("concert")
    other = EVENING + DAY
    life.walk((other, STADIUM), (other + 2 * HOUR, STADIUM), (other + 3 * HOUR, OFFICE))
    assert told(life.clock(5 * DAY)) == [("concert", "refuse", "not in audience")]


# Business hall


def test_business_hall_reaches_who_comes_by_while_it_is_open() -> None:
    life = living("business-hall")
    assert told(life.walk((0, OFFICE), (HOUR, HALL))) == [("business-hall", "send", None)]


def test_business_hall_reaches_nobody_at_night_nor_who_was_there_all_along() -> None:
    early, inside = living("business-hall"), living("business-hall")
    early.walk((-5 * HOUR, OFFICE), (-4 * HOUR, HALL))
    inside.walk((0, HALL), (HOUR, HALL))
    assert told(early.verdicts) == [("business-hall", "refuse", "not in audience")]
    assert inside.verdicts == []
