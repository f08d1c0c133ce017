"""The generated capture that is checked in: what its scenario gives, byte for byte (P1)."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / "fixtures" / "pcap" / "spring-festival"
_NAMES = {
    "spring-festival.pcap.gz": "all.pcap.gz",
    "cells.csv": "cells.csv",
    "areas.geojson": "areas.geojson",
    "profiles.csv": "profiles.csv",
    "settings.json": "settings.json",
    "truth/departures.csv": "truth/departures.csv",
    "truth/dialogues.csv": "truth/dialogues.csv",
}


@pytest.mark.parametrize("name", _NAMES)
def test_the_scenario_gives_what_is_checked_in(again: Path, name: str) -> None:
    made = again / _NAMES[name]
    remedy = (
        f"xinling simulate {_FOLDER}/scenario.yaml -o /tmp/festival, copy the files over "
        "those in the folder, and read its README.md against truth/departures.csv"
    )
    assert _content(_FOLDER / name) == _content(made), remedy


def _content(path: Path) -> bytes:
    """Compressed files are compared by what is in them: libraries compress differently."""
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data
