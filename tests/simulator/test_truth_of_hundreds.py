"""Hundreds of people, in networks that tell less and captures that lose some of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import held
import pytest

pytestmark = pytest.mark.timeout(900)


class Row(NamedTuple):
    """A network and a capture of it, and how much of the truth comes true at least."""

    days: str
    people: int = 1000
    network: str = ""
    lost: str = "0"
    options: tuple[str, ...] = ()
    recall: float = 0.99
    """Of the departures of people whom the network had named before."""
    precision: float = 0.99
    events: float = 0.99


ROWS = {
    "as it is": Row(held.A_DAY),
    "2 % lost, TMSI kept": Row(held.A_DAY, 1000, "tmsi: new vlr", "2%", events=0.9),
    # Whoever was not paged yet is nobody known.
    "no COMMON ID, TMSI kept": Row(
        held.TWO_DAYS, 500, "common_id: false, tmsi: new vlr", events=0.7
    ),
    # A lost frame costs a binding: decision 39.
    "2 % lost, no COMMON ID": Row(
        held.TWO_DAYS, 500, "common_id: false", "2%", recall=0.9, precision=0.95, events=0.6
    ),
    "2 % lost, no COMMON ID, --learn-phones": Row(
        held.TWO_DAYS, 500, "common_id: false", "2%", ("--learn-phones",), events=0.6
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_is_seen_of_hundreds_is_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: held.Told, name: str
) -> None:
    row = ROWS[name]
    network = f"network: {{mscs: 4, {row.network}}}\nfaults: {{lost: {row.lost}}}\n"
    scenario = f"people: {row.people}\n{row.days}{network}"
    one = held.replayed(tmp_path / "out", monkeypatch, scenario, *row.options)
    told(f"{row.people:,} people, {name}", one)
    left, visits = one.left(), one.visits()
    assert left.departures >= 80
    assert one.left(named=True).recall >= row.recall
    assert left.precision >= row.precision
    assert left.delay < 21 * 60
    assert min(visits.recall, visits.precision) >= 0.98
    for kind in held.KINDS:
        assert one.events(kind).precision >= 0.99, kind
        assert one.events(kind).recall >= row.events, kind
