"""Areas and cells: inside, outside, or nobody can say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from decoders.messages import Cell
from rules import areas, index
from rules import format as fmt
from rules.areas import MOST_MEMO, Membership, Places, Where
from rules.cells import CellTable, LocationArea
from rules.movements import Presence

CELLS = """radio,mcc,net,area,cell,unit,lon,lat,range,site,city,tags
GSM,460,0,100,1,,113.5,34.5,500,tower,郑州,subway;campus
GSM,460,0,100,2,,113.6,34.6,500,,郑州,
GSM,460,0,200,1,,115.0,35.0,500,,开封,subway
GSM,460,0,300,1,,113.5,34.5,500,,郑州,
GSM,460,0,300,2,,115.0,35.0,500,,开封,
GSM,460,0,400,1,,,,500,,,
LTE,460,0,500,1,,113.5,34.5,500,,,
"""
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[113, 34], [114, 34], [114, 35], [113, 35], [113, 34]]],
}
ELSEWHERE = {
    "type": "MultiPolygon",
    "coordinates": [[[[114.9, 34.9], [115.1, 34.9], [115.1, 35.1], [114.9, 35.1], [114.9, 34.9]]]],
}


def feature(geometry: Any = None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"area": "a", **properties}, "geometry": geometry}


def holds(
    lac: int | None,
    ci: int | None,
    *features: dict[str, Any],
    network: str = "46000",
    home: str = "",
    tag: str = "",
) -> bool | None:
    data = json.dumps({"features": features}).encode()
    table = CellTable.load(CELLS.encode(), "cells.csv")
    places = Places(areas.load(data, "areas.geojson"), table, home)
    number = places.number(Where(("a",) if features else (), (tag,) if tag else ()))
    membership = places.at(network, lac, ci)
    return None if number in membership.unknown else number in membership.inside


@pytest.mark.parametrize(
    ("lac", "ci", "inside"),
    [
        (100, 1, True),
        (200, 1, False),
        (100, 9, None),
        (100, None, True),
        (200, None, False),
        (300, None, None),
        (400, 1, None),
        (500, 1, None),
        (999, 1, None),
        (None, 1, None),
    ],
    ids=[
        "a site in the polygon",
        "a site outside",
        "a cell that is in no table",
        "a location area all of whose sites are in it",
        "a location area all of whose sites are outside",
        "a location area on both sides",
        "a cell whose place nobody wrote down",
        "a radio that passes no A-interface",
        "a location area that nobody knows",
        "no location area",
    ],
)
def test_a_polygon_holds_the_cells_whose_sites_it_holds(
    lac: int | None, ci: int | None, *, inside: bool | None
) -> None:
    assert holds(lac, ci, feature(SQUARE)) is inside


@pytest.mark.parametrize(
    ("entry", "lac", "network", "inside"),
    [
        (100, 100, "46000", True),
        ("100", 100, "", True),
        (100, 101, "46000", False),
        ("460-00-100", 100, "46000", True),
        ("460-00-100", 100, "46001", False),
        ("460-00-100", 101, "46001", False),
        ("460-00-100", 100, "", None),
        ("460-00-100", 101, "", False),
        ("460-00-100", None, "46000", None),
    ],
)
def test_a_list_of_location_areas_needs_no_table(
    entry: Any, lac: int | None, network: str, *, inside: bool | None
) -> None:
    assert holds(lac, 1, feature(lacs=[entry]), network=network) is inside


@pytest.mark.parametrize(
    ("entry", "lac", "ci", "inside"),
    [
        ("100-1", 100, 1, True),
        ("100-1", 100, 2, False),
        ("100-1", 101, 1, False),
        ("100-1", 100, None, None),
        ("100-1", 101, None, False),
        ("460-00-100-1", 100, 1, True),
        ("460-01-100-1", 100, 1, False),
    ],
)
def test_a_list_of_cells_needs_no_table(
    entry: str, lac: int, ci: int | None, *, inside: bool | None
) -> None:
    assert holds(lac, ci, feature(cells=[entry])) is inside


def test_a_cell_without_a_network_is_of_the_home_network_if_one_is_set() -> None:
    assert holds(100, 1, feature(lacs=["460-00-100"]), network="", home="460-00") is True
    assert holds(100, 1, feature(SQUARE), network="", home="460-00") is True
    assert holds(100, 1, feature(SQUARE), network="") is None


def test_features_of_one_name_are_one_area() -> None:
    both = (feature(SQUARE), feature(ELSEWHERE))
    assert [holds(lac, 1, *both) for lac in (100, 200)] == [True, True]
    mixed = (feature(lacs=[7]), feature(SQUARE))
    assert [holds(lac, 1, *mixed) for lac in (7, 100, 200, 999)] == [True, True, False, None]
    lists = (feature(lacs=[7]), feature(lacs=[8]))
    assert [holds(lac, 1, *lists) for lac in (7, 8, 9)] == [True, True, False]


def test_areas_may_overlap_and_nest() -> None:
    data = json.dumps({"features": [feature(SQUARE), feature(lacs=[100], area="b")]}).encode()
    places = Places(areas.load(data, "x"), CellTable.load(CELLS.encode(), "y"), "")
    one, other = places.number(Where(("a",), ())), places.number(Where(("b",), ()))
    assert places.number(Where(("a",), ())) == one
    assert places.at("46000", 100, 1).inside == {one, other}
    assert places.at("46000", 300, 1).inside == {one}


@pytest.mark.parametrize(("lac", "ci", "inside"), [(100, 1, True), (100, 2, False), (7, 1, None)])
def test_a_tag_holds_the_cells_that_bear_it(lac: int, ci: int, *, inside: bool | None) -> None:
    assert holds(lac, ci, tag="subway") is inside


def test_what_was_worked_out_is_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_MEMO > 1000
    monkeypatch.setattr(areas, "MOST_MEMO", 2)
    places = Places({}, CellTable({}), "")
    for ci in (1, 2, 3, 3, 1):
        assert places.at("46000", 1, ci).inside == frozenset()
    assert len(places._memo) <= 2


@pytest.mark.parametrize(
    ("lac", "ci", "city"),
    [(100, 1, "郑州"), (100, None, "郑州"), (300, None, None), (400, 1, None), (9, 1, None)],
)
def test_the_city_is_a_cells_or_the_one_city_of_a_location_area(
    lac: int, ci: int | None, city: str | None
) -> None:
    table = CellTable.load(CELLS.encode(), "cells.csv")
    assert table.city(LocationArea(460, 0, lac), ci) == city


@pytest.mark.parametrize(
    ("lac", "ci", "inside"),
    [(100, 1, True), (100, None, True), (200, 1, False), (300, None, None), (400, 1, None)],
)
def test_an_area_may_be_cities_of_the_table(
    lac: int, ci: int | None, *, inside: bool | None
) -> None:
    assert holds(lac, ci, feature(cities=["郑州", "新乡"])) is inside


def test_a_city_and_a_list_of_one_name_are_one_area() -> None:
    both = feature(cities=["郑州"]), feature(lacs=[400])
    assert holds(400, 1, *both) is True
    assert holds(100, 1, *both) is True


def test_a_table_may_come_without_header_in_opencellids_columns() -> None:
    text = (
        "GSM,460,0,100,1,0,113.5,34.5,500,1,1,0,0,0\n\nUMTS,460,0,100,2,0,113.5,34.5,9,1,1,0,0,0\n"
    )
    table = CellTable.load(text.encode(), "cells.csv")
    assert len(table.sites(LocationArea(460, 0, 100), None)) == 2
    assert table.tags == frozenset()


def test_an_events_cell_is_looked_up_once_and_what_is_kept_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(areas, "MOST_MEMO", 2)
    places = Places({}, CellTable({}), "")
    for ci in (1, 2, 3, 3, 1):
        cell = Cell("460", "00", 1, ci)
        assert places.of(cell) is places.of(Cell("460", "00", 1, ci))
    assert len(places._of_cells) <= 2
    assert places.of(None) is None
    assert places.of(Cell("460", "00", None, 1)) is None


def test_which_triggers_a_place_begins_is_kept_within_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index, "MOST_MEMO", 2)
    stayed = Presence(fmt.Presence(area="city", for_="1h"), 1)
    begun = index.Index([stayed])
    for number in (1, 2, 3, 1):
        membership = Membership(frozenset({number}), frozenset(), None)
        assert begun.begins(membership) == ((stayed,) if number == 1 else ())
    assert len(begun._begun_by) <= 2
