"""A hundred people: events, area visits and departures held against the truth."""

from __future__ import annotations

from pathlib import Path

import held
import pytest


def test_of_a_hundred_people_nothing_is_missed_and_nothing_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: held.Told
) -> None:
    one = held.replayed(tmp_path / "out", monkeypatch, f"people: 100\n{held.A_DAY}")
    told("100 people", one)
    left, visits = one.left(), one.visits()
    assert left.departures >= 10
    assert (left.missed, left.false) == ([], [])
    assert left.delay < 21 * 60
    assert (visits.recall, visits.precision) == (1.0, 1.0)
    for kind in held.KINDS:
        assert one.events(kind).precision == 1.0
        assert one.events(kind).recall >= 0.99
