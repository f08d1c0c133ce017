"""Cells, location areas, controllers and MSCs of a made-up network on real geography.

The same world in every scenario: it is drawn from a seed of its own. Cells of Zhengzhou stand
thickly in the middle and thinly at its edge, and some belong to a location area of the other side
of the border; each other city has two location areas; between cities cells stand along the way.
"""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator.geography import CAPITAL, CITIES, CITY, PLACES, ZHENGZHOU

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

COLUMNS = (
    *("radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples"),
    *("changeable", "created", "updated", "averageSignal", "site", "city", "tags"),
)
"""OpenCelliD's, and what the project adds."""
MCC = "460"
MNC = "00"
PLMN = bytes.fromhex("64f000")

KM_LAT = 111.2
"""Kilometres in a degree of latitude."""
KM_LON = 91.3
"""Kilometres in a degree of longitude at 34.8 degrees north."""

_SEED = 371
_NEAREST = 2048
"""Points whose nearest cell is looked for at a time."""
_CITY_CELLS = 26
_CAPITAL_CELLS = 300
_BELT_CELLS = 90
_WAY_KM = 4.0
_MISPLACED = 0.06
"""Share of cells beside the border that belong to the other side's location area."""


class World(NamedTuple):
    """Columns over cells, then what groups them; every index is into the columns of cells."""

    lon: Floats
    lat: Floats
    lac: Integers
    ci: Integers
    city: Integers
    """Index into `CITIES`: the city it belongs to, or the one it is nearest to on a way."""
    urban: npt.NDArray[np.bool_]
    """Not on a way between cities."""
    inside: npt.NDArray[np.bool_]
    """In the area ``zhengzhou``."""
    bsc: Integers
    """Index of its controller."""
    msc: Integers
    """Index of its MSC."""
    place: Integers
    """Index into `PLACES`, or -1."""
    routes: tuple[Integers, ...]
    """For each city, the cells on the way from Zhengzhou's middle to it, in that order."""
    border: Integers
    """(n, 2): a cell inside the area, and its neighbour outside in another location area."""
    bsc_city: tuple[str, ...]
    """For each controller, the city it stands in."""

    def at(self, place: str) -> Integers:
        """The cells of the place `place`."""
        names = [known.name for known in PLACES]
        return np.flatnonzero(self.place == names.index(place))

    def tagged(self, tag: str) -> Integers:
        """The cells of all places with this tag."""
        wanted = [index for index, place in enumerate(PLACES) if place.tag == tag]
        return np.flatnonzero(np.isin(self.place, wanted))

    def of_city(self, city: int) -> Integers:
        """The urban cells of a city."""
        chosen = (self.city == city) & self.urban & (self.place < 0)
        if city == CITY[CAPITAL]:
            chosen &= self.inside
        return np.flatnonzero(chosen)

    def nearest(self, lon: Floats, lat: Floats, among: Integers) -> Integers:
        """For each point the nearest of the cells `among`."""
        found = np.empty(len(lon), np.int64)
        for start in range(0, len(lon), _NEAREST):
            part = slice(start, start + _NEAREST)
            east = (lon[part, None] - self.lon[among]) * KM_LON
            north = (lat[part, None] - self.lat[among]) * KM_LAT
            found[part] = among[np.argmin(east * east + north * north, axis=1)]
        return found


def inside(lon: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
    """Which points are within the ring `ZHENGZHOU` (even-odd rule)."""
    odd = np.zeros(len(lon), bool)
    for (x1, y1), (x2, y2) in pairwise(ZHENGZHOU):
        crosses = (y1 > lat) != (y2 > lat)
        odd ^= crosses & (lon < (x2 - x1) * (lat - y1) / (y2 - y1 or 1.0) + x1)
    return odd


class _Cells:
    """Cells while they are being put down."""

    def __init__(self) -> None:
        self.lon: list[float] = []
        self.lat: list[float] = []
        self.city: list[int] = []
        self.urban: list[bool] = []
        self.place: list[int] = []

    def add(self, lon: float, lat: float, city: int, *, urban: bool = True, place: int = -1) -> int:
        self.lon.append(round(lon, 5))
        self.lat.append(round(lat, 5))
        self.city.append(city)
        self.urban.append(urban)
        self.place.append(place)
        return len(self.lon) - 1


def make(mscs: int = 1) -> World:
    """The world, served by `mscs` MSCs (1 to 4)."""
    rng = np.random.default_rng(_SEED)
    cells = _Cells()
    _put_capital(cells, rng)
    for index, city in enumerate(CITIES[1:], start=1):
        spread = rng.normal(0, 3.2, (_CITY_CELLS, 2))
        for east, north in spread:
            cells.add(city.lon + east / KM_LON, city.lat + north / KM_LAT, index)
    ways = {city.name: _put_way(cells, index) for index, city in enumerate(CITIES) if city.way}
    lon, lat = np.array(cells.lon), np.array(cells.lat)
    city_of, urban = np.array(cells.city), np.array(cells.urban)
    within = inside(lon, lat)
    border = _border(lon, lat, within, city_of)
    lac = _areas(lon, lat, city_of, urban)
    border = _misplaced(border, lac, rng)
    bsc, bsc_city = _controllers(lac)
    regions = np.array([CITIES[index].region for index in city_of]) % mscs
    first_region = {number: regions[np.flatnonzero(bsc == number)[0]] for number in set(bsc)}
    return World(
        lon=lon,
        lat=lat,
        lac=lac,
        ci=10001 + np.arange(len(lon)),
        city=city_of,
        urban=urban,
        inside=within,
        bsc=bsc,
        msc=np.array([first_region[number] for number in bsc]),
        place=np.array(cells.place),
        routes=tuple(_route(ways, city.name) for city in CITIES),
        border=border,
        bsc_city=bsc_city,
    )


def _put_capital(cells: _Cells, rng: np.random.Generator) -> None:
    capital = CITIES[0]
    put = belt = 0
    while put < _CAPITAL_CELLS or belt < _BELT_CELLS:
        east, north = rng.uniform(-1, 1, 2) * (26.0, 20.0)
        lon, lat = capital.lon + east / KM_LON, capital.lat + north / KM_LAT
        if bool(inside(np.array([lon]), np.array([lat]))[0]):
            thinned = rng.random() < np.exp(-np.hypot(east, north) / 9.0)
            if put < _CAPITAL_CELLS and thinned:
                cells.add(lon, lat, 0)
                put += 1
        elif belt < _BELT_CELLS:
            cells.add(lon, lat, 0)
            belt += 1
    for index, place in enumerate(PLACES):
        for _ in range(place.cells):
            east, north = rng.normal(0, 0.12, 2)
            cells.add(place.lon + east / KM_LON, place.lat + north / KM_LAT, 0, place=index)


def _put_way(cells: _Cells, index: int) -> list[int]:
    """Cells along the line to the next city, beginning there; both middles are left out."""
    city, toward = CITIES[index], CITIES[CITY[CITIES[index].way]]
    length = np.hypot((city.lon - toward.lon) * KM_LON, (city.lat - toward.lat) * KM_LAT)
    put = []
    for part in np.arange(_WAY_KM, length - 5.0, _WAY_KM) / length:
        bend = 0.02 * np.sin(np.pi * part)
        nearer = index if part > 0.5 else CITY[toward.name]
        put.append(
            cells.add(
                toward.lon + (city.lon - toward.lon) * part + bend,
                toward.lat + (city.lat - toward.lat) * part + bend,
                nearer,
                urban=False,
            )
        )
    return put


def _route(ways: dict[str, list[int]], name: str) -> Integers:
    city = CITIES[CITY[name]]
    if not city.way:
        return np.zeros(0, np.int64)
    return np.concatenate([_route(ways, city.way), np.array(ways[name], np.int64)])


def _areas(lon: Floats, lat: Floats, city: Integers, urban: npt.NDArray[np.bool_]) -> Integers:
    """Each cell's location area code."""
    within = inside(lon, lat)
    lac = np.zeros(len(lon), np.int64)
    lac[within] = 17001 + _sector(lon[within], lat[within], 12)
    outside = (city == 0) & ~within
    lac[outside] = 17021 + _sector(lon[outside], lat[outside], 4)
    for index, place in enumerate(CITIES[1:], start=1):
        urban_here = (city == index) & urban
        lac[urban_here] = 17100 + 10 * index + (lat[urban_here] > place.lat)
        lac[(city == index) & ~urban & (lac == 0)] = 17105 + 10 * index
    return lac


def _misplaced(border: Integers, lac: Integers, rng: np.random.Generator) -> Integers:
    """Puts some cells into the location area across the border; the pairs that it still parts."""
    for inner, outer in border[rng.random(len(border)) < _MISPLACED]:
        if rng.random() < 0.5:
            lac[outer] = lac[inner]
        else:
            lac[inner] = lac[outer]
    parted: Integers = border[lac[border[:, 0]] != lac[border[:, 1]]]
    return parted


def _sector(lon: Floats, lat: Floats, count: int) -> Integers:
    capital = CITIES[0]
    turn = np.arctan2((lat - capital.lat) * KM_LAT, (lon - capital.lon) * KM_LON) / (2 * np.pi)
    return np.floor((turn % 1.0) * count).astype(np.int64) % count


def _border(lon: Floats, lat: Floats, within: npt.NDArray[np.bool_], city: Integers) -> Integers:
    inner = np.flatnonzero(within & (city == 0))
    outer = np.flatnonzero(~within & (city == 0))
    east = (lon[inner, None] - lon[outer]) * KM_LON
    north = (lat[inner, None] - lat[outer]) * KM_LAT
    apart = np.hypot(east, north)
    near = np.argmin(apart, axis=1)
    close = apart[np.arange(len(inner)), near] < 4.5
    return np.column_stack([inner[close], outer[near[close]]])


def _controllers(lac: Integers) -> tuple[Integers, tuple[str, ...]]:
    """Zhengzhou's location areas in threes, the belt's together, each other city's together."""
    group = np.where(lac < 17100, np.where(lac < 17021, (lac - 17001) // 3, 4), lac // 10 - 1700)
    numbers, bsc = np.unique(group, return_inverse=True)
    names = tuple(CITIES[number - 10].name if number > 10 else CAPITAL for number in numbers)
    return bsc.astype(np.int64), names


def cells_csv(world: World) -> str:
    """The cell table in OpenCelliD's columns, with site, city and tags."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index in range(len(world.lon)):
        place = PLACES[world.place[index]] if world.place[index] >= 0 else None
        city = CITIES[world.city[index]].name
        tag = place.tag if place else "" if world.urban[index] else "way"
        writer.writerow(
            ["GSM", MCC, MNC, world.lac[index], world.ci[index], "", world.lon[index],
             world.lat[index], 1000, 1, 1, 0, 0, "", place.title if place else f"{city} {index}",
             city, tag]
        )  # fmt: skip
    return out.getvalue()


def areas_geojson(world: World) -> str:
    """The area ``zhengzhou`` as a polygon, and an area of each place by its cells."""
    features: list[dict[str, object]] = [
        {
            "type": "Feature",
            "properties": {"area": "zhengzhou", "title": "郑州市区"},
            "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in ZHENGZHOU]]},
        }
    ]
    for place in PLACES:
        cells = [f"{MCC}-{MNC}-{world.lac[cell]}-{world.ci[cell]}" for cell in world.at(place.name)]
        properties = {"area": place.name, "title": place.title, "cells": cells}
        features.append({"type": "Feature", "properties": properties, "geometry": None})
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, ensure_ascii=False, indent=1) + "\n"
