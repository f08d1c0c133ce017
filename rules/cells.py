"""The cell table: where cells stand, to which city they belong and what they are tagged with.

CSV in OpenCelliD's columns, with or without their header line, plus optional ``site``, ``city``
and ``tags`` (``;``-separated). Rows of radios that never pass an A-interface are left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from rules.errors import CampaignError

COLUMNS = (
    "radio",
    "mcc",
    "net",
    "area",
    "cell",
    "unit",
    "lon",
    "lat",
    "range",
    "samples",
    "changeable",
    "created",
    "updated",
    "averageSignal",
)
_NEEDED = ("mcc", "net", "area", "cell")
_RADIOS = frozenset({"", "GSM", "UMTS"})


class LocationArea(NamedTuple):
    """A location area as numbers: MNC ``01`` and ``001`` of one MCC are not told apart."""

    mcc: int
    mnc: int
    lac: int


class CellSite(NamedTuple):
    """One row of the table."""

    lon: float | None
    lat: float | None
    site: str
    city: str
    tags: frozenset[str]


class CellTable:
    """Cells by location area and cell identity."""

    def __init__(self, cells: dict[LocationArea, dict[int, CellSite]]) -> None:
        self._cells = cells
        self.tags = frozenset(tag for site in self._sites() for tag in site.tags)

    @classmethod
    def load(cls, data: bytes, file: str) -> CellTable:
        """The table in `data`; raises `CampaignError` with the line of the first bad row."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise CampaignError(
                "not UTF-8", file=file, offset=error.start, remedy="save the file as UTF-8"
            ) from error
        reader = csv.reader(io.StringIO(text))
        cells: dict[LocationArea, dict[int, CellSite]] = {}
        columns: tuple[str, ...] = COLUMNS
        try:
            for row in reader:
                if reader.line_num == 1 and "mcc" in row:
                    columns = _header(tuple(row), file)
                elif row:
                    _add(cells, dict(zip(columns, row, strict=False)))
        except (ValueError, KeyError, csv.Error) as error:
            raise CampaignError(
                f"not a cell: {error}",
                file=file,
                line=reader.line_num,
                remedy="give each row OpenCelliD's columns",
            ) from error
        return cls(cells)

    def sites(self, area: LocationArea, ci: int | None) -> list[CellSite]:
        """The cell, or with no `ci` every known cell of the location area; may be empty."""
        known = self._cells.get(area, {})
        if ci is None:
            return list(known.values())
        site = known.get(ci)
        return [] if site is None else [site]

    def city(self, area: LocationArea, ci: int | None) -> str | None:
        """The city of a cell, or of a location area all of whose cells are of one city."""
        cities = {site.city for site in self.sites(area, ci)}
        return (cities.pop() or None) if len(cities) == 1 else None

    def _sites(self) -> Iterable[CellSite]:
        return (site for cells in self._cells.values() for site in cells.values())


def _header(columns: tuple[str, ...], file: str) -> tuple[str, ...]:
    for name in _NEEDED:
        if name not in columns:
            raise CampaignError(
                "column is missing", file=file, line=1, key=name, remedy="add the column"
            )
    return columns


def _add(cells: dict[LocationArea, dict[int, CellSite]], row: dict[str, str]) -> None:
    if row.get("radio", "") not in _RADIOS:
        return
    mcc, mnc, lac, ci = (int(row[name]) for name in _NEEDED)
    tags = frozenset(tag.strip() for tag in row.get("tags", "").split(";") if tag.strip())
    site = CellSite(
        _degrees(row.get("lon", ""), 180),
        _degrees(row.get("lat", ""), 90),
        row.get("site", "").strip(),
        row.get("city", "").strip(),
        tags,
    )
    cells.setdefault(LocationArea(mcc, mnc, lac), {})[ci] = site


def _degrees(text: str, most: int) -> float | None:
    if not text.strip():
        return None
    value = float(text)
    if not -most <= value <= most:
        raise ValueError(f"{value} is no longitude or latitude in degrees")
    return value
