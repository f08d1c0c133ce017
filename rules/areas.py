"""Named areas: polygons that hold cell sites, cities, or lists of location areas and cells.

A cell is inside, outside, or nobody can say; the last is no evidence of anything. Polygons and
cities decide over cells of the table only; lists need no table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import shapely  # type: ignore[import-untyped]  # shapely ships no types
from shapely.geometry import shape  # type: ignore[import-untyped]  # as above
from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]  # as above

from decoders.messages import Cell
from rules.cells import CellSite, CellTable, LocationArea
from rules.errors import CampaignError
from rules.state import network_of

MOST_MEMO = 65_536
"""Answers kept by cell; then they are worked out anew."""


class CellKey(NamedTuple):
    """A cell as a mark holds it, its network completed."""

    mcc: int | None
    mnc: int | None
    lac: int | None
    ci: int | None

    @property
    def location_area(self) -> LocationArea | None:
        """The location area, if all of it is known."""
        if self.mcc is None or self.mnc is None or self.lac is None:
            return None
        return LocationArea(self.mcc, self.mnc, self.lac)


class Listed(NamedTuple):
    """One entry of `lacs` (``17104``, ``460-00-17104``) or `cells` (``460-00-17104-1``)."""

    network: tuple[int, int] | None
    lac: int
    ci: int | None


class Area(NamedTuple):
    """One feature of the areas file."""

    name: str
    listed: dict[int, list[Listed]]
    """By LAC."""
    cities: frozenset[str]
    """As the cell table names them."""
    geometry: BaseGeometry | None

    def holds(self, cell: CellKey, table: CellTable) -> bool | None:
        """Whether `cell` is inside; None if that cannot be said."""
        answers: list[bool | None] = []
        if self.listed:
            answers.append(self._lists(cell))
        if self.cities:
            answers.append(agreed(cell, table, self._belongs))
        if self.geometry is not None:
            answers.append(agreed(cell, table, self._stands_in))
        return _any(answers)

    def _lists(self, cell: CellKey) -> bool | None:
        if cell.lac is None:
            return None
        return _any(_matches(entry, cell) for entry in self.listed.get(cell.lac, ()))

    def _belongs(self, site: CellSite) -> bool | None:
        return site.city in self.cities if site.city else None

    def _stands_in(self, site: CellSite) -> bool | None:
        if site.lon is None or site.lat is None:
            return None
        return bool(shapely.intersects_xy(self.geometry, site.lon, site.lat))


def _any(answers: Any) -> bool | None:
    """True if any is; else None if any is; else False."""
    unknown = False
    for answer in answers:
        if answer:
            return True
        unknown = unknown or answer is None
    return None if unknown else False


def _matches(entry: Listed, cell: CellKey) -> bool | None:
    """Whether an entry of the cell's LAC means it."""
    if entry.ci is not None and cell.ci is not None and entry.ci != cell.ci:
        return False
    if entry.network is not None and cell.mcc is None:
        return None
    if entry.network is not None and entry.network != (cell.mcc, cell.mnc):
        return False
    return None if entry.ci is not None and cell.ci is None else True


def agreed(cell: CellKey, table: CellTable, ask: Any) -> bool | None:
    """What `ask` says of the cell, or of all known cells of its location area if they agree."""
    area = cell.location_area
    sites = table.sites(area, cell.ci) if area else []
    answers = {ask(site) for site in sites}
    return answers.pop() if len(answers) == 1 else None


def load(data: bytes, file: str) -> dict[str, Area]:
    """Areas by name from GeoJSON (RFC 7946).

    Each feature's ``properties.area`` is a name; features of one name are one area. Its geometry
    (polygons, longitude and latitude in degrees) holds cell sites; ``properties.cities`` names
    cities of the cell table, ``properties.lacs`` and ``properties.cells`` list location areas and
    cells. Raises `CampaignError`.
    """
    areas: dict[str, Area] = {}
    for index, feature in enumerate(_features(data, file)):
        key = f"features[{index}]"
        try:
            area = _area(feature)
        except (ValueError, TypeError, KeyError, AttributeError, shapely.GEOSException) as error:
            raise CampaignError(
                f"not an area: {error}",
                file=file,
                key=key,
                remedy="give it properties.area, and a polygon or properties.cities, lacs or cells",
            ) from error
        areas[area.name] = _joined(areas[area.name], area) if area.name in areas else area
    return areas


def _features(data: bytes, file: str) -> list[Any]:
    try:
        features = msgspec.json.decode(data)["features"]
        return list(features)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, RecursionError) as error:
        raise CampaignError(
            f"not GeoJSON with features: {error}", file=file, remedy="write a FeatureCollection"
        ) from error


def _area(feature: Any) -> Area:
    properties = feature["properties"]
    name = properties["area"]
    if not isinstance(name, str) or not name:
        raise ValueError("properties.area is no name")
    listed: dict[int, list[Listed]] = {}
    for with_cell, key in enumerate(("lacs", "cells")):
        for entry in properties.get(key) or []:
            found = _listed(entry, with_cell)
            listed.setdefault(found.lac, []).append(found)
    cities = frozenset(str(city) for city in properties.get("cities") or [])
    geometry = _geometry(feature.get("geometry"))
    if not listed and not cities and geometry is None:
        raise ValueError(f"nothing says where {name!r} is")
    return Area(name, listed, cities, geometry)


def _geometry(value: Any) -> BaseGeometry | None:
    if value is None:
        return None
    geometry = shape(value)
    if geometry.geom_type not in {"Polygon", "MultiPolygon"} or not geometry.is_valid:
        raise ValueError(f"its {geometry.geom_type} is no valid polygon")
    shapely.prepare(geometry)
    return geometry


def _listed(entry: Any, with_cell: int) -> Listed:
    numbers = [int(part) for part in str(entry).split("-")]
    if len(numbers) not in {1 + with_cell, 3 + with_cell}:
        raise ValueError(f"{entry!r} is neither LAC nor MCC-MNC-LAC, each with -CI for a cell")
    ci = numbers.pop() if with_cell else None
    lac = numbers.pop()
    return Listed((numbers[0], numbers[1]) if numbers else None, lac, ci)


def _joined(one: Area, other: Area) -> Area:
    geometries = [area.geometry for area in (one, other) if area.geometry is not None]
    geometry = shapely.union_all(geometries) if geometries else None
    if geometry is not None:
        shapely.prepare(geometry)
    lacs = {*one.listed, *other.listed}
    listed = {lac: one.listed.get(lac, []) + other.listed.get(lac, []) for lac in lacs}
    return Area(one.name, listed, one.cities | other.cities, geometry)


class Where(NamedTuple):
    """What a trigger means by a place: any of these areas, or cells with any of these tags."""

    areas: tuple[str, ...]
    tags: tuple[str, ...]


class Membership(msgspec.Struct, frozen=True):
    """Where a cell lies: of the places asked about, which hold it, and which cannot say."""

    inside: frozenset[int]
    unknown: frozenset[int]
    city: str | None


class Places:
    """The places that triggers ask about, numbered, and which of them hold a cell."""

    def __init__(self, areas: dict[str, Area], table: CellTable, network: str) -> None:
        self._areas = areas
        self._table = table
        mcc, _, mnc = network.partition("-")
        self._home = (int(mcc), int(mnc)) if network else (None, None)
        self._places: list[Where] = []
        self._memo: dict[tuple[str, int | None, int | None], Membership] = {}
        self._of_cells: dict[Cell | None, Membership] = {}

    def number(self, where: Where) -> int:
        """The place's number, given on first asking."""
        if where not in self._places:
            self._places.append(where)
            self._memo.clear()
            self._of_cells.clear()
        return self._places.index(where)

    def of(self, cell: Cell | None) -> Membership | None:
        """Where an event's cell lies; None where it bears no location area."""
        membership = self._of_cells.get(cell)
        if membership is None and cell is not None and cell.lac is not None:
            if len(self._of_cells) >= MOST_MEMO:
                self._of_cells.clear()
            membership = self._of_cells[cell] = self.at(network_of(cell), cell.lac, cell.ci)
        return membership

    def at(self, network: str, lac: int | None, ci: int | None) -> Membership:
        """Where a cell lies; `network` is MCC and MNC run together or empty."""
        key = (network, lac, ci)
        membership = self._memo.get(key)
        if membership is None:
            if len(self._memo) >= MOST_MEMO:
                self._memo.clear()
            membership = self._memo[key] = self._membership(*key)
        return membership

    def _membership(self, network: str, lac: int | None, ci: int | None) -> Membership:
        mcc, mnc = (int(network[:3]), int(network[3:])) if network else self._home
        cell = CellKey(mcc, mnc, lac, ci)
        answers = [self._holds(where, cell) for where in self._places]
        area = cell.location_area
        return Membership(
            frozenset(number for number, answer in enumerate(answers) if answer),
            frozenset(number for number, answer in enumerate(answers) if answer is None),
            self._table.city(area, ci) if area else None,
        )

    def _holds(self, where: Where, cell: CellKey) -> bool | None:
        answers = [self._areas[name].holds(cell, self._table) for name in where.areas]
        answers += [
            agreed(cell, self._table, lambda site, tag=tag: tag in site.tags) for tag in where.tags
        ]
        return _any(answers)
