"""Ten thousand people, of whose frames two in a hundred are lost, held against the truth."""

from __future__ import annotations

from pathlib import Path

import held
import pytest

_SCENARIO = f"people: 10000\n{held.A_DAY}network: {{mscs: 4}}\nfaults: {{lost: 2%}}\n"


@pytest.mark.timeout(900)
def test_of_ten_thousand_people_who_left_is_found_though_frames_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: held.Told
) -> None:
    """And nobody is refused for it: that little is lost everywhere and always (decision 41)."""
    one = held.replayed(tmp_path / "out", monkeypatch, _SCENARIO)
    told("10,000 people, 2 % lost", one)
    left, visits = one.left(), one.visits()
    assert left.departures >= 1500
    assert left.recall >= 0.99
    assert left.precision >= 0.99
    assert left.delay < 21 * 60
    assert one.distrusted == 0
    assert min(visits.recall, visits.precision) >= 0.99
    for kind in held.KINDS:
        assert one.events(kind).precision >= 0.99, kind
        assert one.events(kind).recall >= 0.9, kind
