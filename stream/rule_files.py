"""The files that decide, from disk: the rules' bundle, profiles, the numbering plan."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from decoders.errors import XinlingError
from decoders.numbers import NumberingPlan
from rules.profile import Profile, from_row

CAMPAIGNS = "campaigns/"
AREAS = "areas.geojson"
CELLS = "cells.csv"
SETTINGS = "settings.json"
CHINA = "china.csv"
_SUFFIXES = (".yaml", ".yml")


class FileError(XinlingError):
    """A file that cannot be read, or does not hold what it should."""


def bundle(
    campaigns: str | Path | None,
    areas: str | Path | None = None,
    cells: str | Path | None = None,
    settings: str | Path | None = None,
) -> dict[str, bytes]:
    """What `rules.RuleSet.load` takes; raises FileError for a name that cannot be read.

    `campaigns` is a folder of which every ``*.yaml`` is one campaign, or one such file.
    """
    read = {CAMPAIGNS + path.name: _octets(path) for path in _campaigns(campaigns)}
    for name, path in ((AREAS, areas), (CELLS, cells), (SETTINGS, settings)):
        if path:
            read[name] = _octets(Path(path))
    return read


def signature(
    campaigns: str | Path | None, *others: str | Path | None
) -> tuple[tuple[str, int, int, int], ...]:
    """Differs when a file of the bundle was written, came or went; raises FileError."""
    paths = [*_campaigns(campaigns), *(Path(path) for path in others if path)]
    try:
        found = [(str(path), path.stat()) for path in paths]
    except OSError as error:
        raise _unreadable(Path(error.filename or ""), error) from error
    return tuple((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found)


def plan(file: str | Path | None) -> NumberingPlan:
    """The numbering plan in `file`; China's where there is none."""
    return NumberingPlan.load(plan_text(file), str(file) if file else CHINA)


def plan_text(file: str | Path | None) -> str:
    """The text of the numbering plan in `file`; of China's where there is none."""
    if file:
        return _text(Path(file))
    return (files("decoders") / "plans" / CHINA).read_text("utf-8")


def profiles(file: str | Path) -> Iterator[tuple[str, str, Profile]]:
    """IMSI, MSISDN and profile of each row; raises FileError with the line of one that is none."""
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.DictReader(opened)
            if "imsi" not in (rows.fieldnames or ()):
                raise FileError(
                    "no imsi column", file=str(file), line=1, remedy="see docs/operations.md"
                )
            for row in rows:
                yield _profile(row, str(file), rows.line_num)
    except OSError as error:
        raise _unreadable(Path(file), error) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError("not CSV in UTF-8", file=str(file)) from error


def _profile(row: dict[str, str], file: str, line: int) -> tuple[str, str, Profile]:
    try:
        return from_row(row)
    except ValueError as error:
        raise FileError(str(error), file=file, line=line) from None


def _campaigns(folder: str | Path | None) -> list[Path]:
    if not folder:
        return []
    path = Path(folder)
    if path.is_file():
        return [path]
    try:
        return sorted(found for found in path.iterdir() if found.suffix in _SUFFIXES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _text(path: Path) -> str:
    try:
        return _octets(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError("not UTF-8", file=str(path), offset=error.start) from None


def _unreadable(path: Path, error: OSError) -> FileError:
    return FileError(
        error.strerror or str(error), file=str(path), remedy="name one that can be read"
    )
