"""An hour is played some thousand people at a time: who calls whom holds across them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from made import simulated

from decoders.times import from_text
from simulator import network

_TEXT = (
    "people: 30\nlasts: 20h\ntraffic: {calls: 8}\ncaptures: {per: all, link: sccp}\n"
    "movement: {uncovered: 60%}\n"
)


def test_whoever_is_called_was_called_by_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_PEOPLE", 7)
    simulated(tmp_path / "out", _TEXT)
    with (tmp_path / "out" / "truth" / "dialogues.csv").open(encoding="utf-8", newline="") as file:
        dialogues = list(csv.DictReader(file))
    calls = {
        (row["imsi"], row["peer"], from_text(row["time"]) // 1_000_000): row["kind"]
        for row in dialogues
        if row["kind"].startswith("call out")
    }
    called = [row for row in dialogues if row["peer"] and row["kind"].startswith("call in")]
    assert len(called) > 20
    for row in called:
        assert _from(calls, row), row
    paged = [row for row in dialogues if row["peer"] and row["kind"] == "paged"]
    assert paged
    assert {kind for row in paged for kind in _from(calls, row)} == {"call out unreached"}


def _from(calls: dict[tuple[str, str, int], str], row: dict[str, str]) -> list[str]:
    """The call that comes to somebody here, if it is one: two to three seconds before."""
    second = from_text(row["time"]) // 1_000_000
    found = (calls.get((row["peer"], row["imsi"], second - ago)) for ago in (2, 3))
    return [kind for kind in found if kind]
