"""Real geography of Henan: city centres, the ways between them, places in Zhengzhou.

Coordinates are of city centres and places as any map has them (longitude, latitude, degrees); the
cells that `simulator.world` puts there are made up.
"""

from __future__ import annotations

from typing import NamedTuple


class City(NamedTuple):
    """One city: `way` is the next city on the way to Zhengzhou."""

    name: str
    lon: float
    lat: float
    area_code: str
    way: str
    """Empty for Zhengzhou."""
    region: int
    """Which MSC serves it, where there are several."""


CAPITAL = "郑州"
CITIES: tuple[City, ...] = (
    City("郑州", 113.665, 34.757, "0371", "", 0),
    City("开封", 114.341, 34.797, "0378", "郑州", 1),
    City("商丘", 115.651, 34.437, "0370", "开封", 1),
    City("洛阳", 112.434, 34.663, "0379", "郑州", 2),
    City("三门峡", 111.194, 34.777, "0398", "洛阳", 2),
    City("新乡", 113.884, 35.303, "0373", "郑州", 1),
    City("鹤壁", 114.295, 35.748, "0392", "新乡", 1),
    City("安阳", 114.352, 36.103, "0372", "鹤壁", 1),
    City("濮阳", 115.041, 35.768, "0393", "鹤壁", 1),
    City("焦作", 113.238, 35.239, "0391", "郑州", 2),
    City("许昌", 113.826, 34.023, "0374", "郑州", 3),
    City("漯河", 114.026, 33.576, "0395", "许昌", 3),
    City("周口", 114.649, 33.620, "0394", "漯河", 3),
    City("驻马店", 114.024, 32.980, "0396", "漯河", 3),
    City("信阳", 114.075, 32.123, "0376", "驻马店", 3),
    City("平顶山", 113.308, 33.735, "0375", "许昌", 2),
    City("南阳", 112.541, 32.999, "0377", "平顶山", 2),
)
CITY = {city.name: index for index, city in enumerate(CITIES)}


class Place(NamedTuple):
    """A place in Zhengzhou with cells of its own."""

    name: str
    title: str
    lon: float
    lat: float
    tag: str
    cells: int


PLACES: tuple[Place, ...] = (
    Place("railway-station", "郑州站", 113.6585, 34.7466, "railway", 3),
    Place("coach-station", "郑州长途汽车中心站", 113.6600, 34.7445, "railway", 1),
    Place("stadium", "河南省体育中心", 113.7170, 34.8330, "stadium", 4),
    Place("campus-west", "郑州大学新校区", 113.5360, 34.8170, "campus", 4),
    Place("campus-north", "河南农业大学", 113.6640, 34.7880, "campus", 3),
    Place("campus-east", "龙子湖高校园区", 113.8020, 34.7970, "campus", 4),
    Place("subway-xiliuhu", "西流湖站", 113.5760, 34.7560, "subway", 1),
    Place("subway-bishagang", "碧沙岗站", 113.6280, 34.7550, "subway", 1),
    Place("subway-erqi", "二七广场站", 113.6660, 34.7540, "subway", 1),
    Place("subway-zijingshan", "紫荆山站", 113.6800, 34.7640, "subway", 1),
    Place("subway-minhang", "民航路站", 113.7080, 34.7640, "subway", 1),
    Place("business-hall-jingsan", "经三路营业厅", 113.6850, 34.7790, "business-hall", 1),
    Place("business-hall-erqi", "二七路营业厅", 113.6680, 34.7570, "business-hall", 1),
)

ZHENGZHOU: tuple[tuple[float, float], ...] = (
    (113.455, 34.700),
    (113.470, 34.830),
    (113.560, 34.890),
    (113.680, 34.905),
    (113.800, 34.875),
    (113.905, 34.815),
    (113.925, 34.730),
    (113.870, 34.655),
    (113.760, 34.615),
    (113.640, 34.605),
    (113.530, 34.635),
    (113.455, 34.700),
)
"""The area ``zhengzhou`` of the campaigns that ship, as a ring."""
