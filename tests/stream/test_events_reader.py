"""P1: `decode --as events` writes the same octets, whoever follows the dialogues."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream import kernel_cache, offline
from stream.offline import Reading

pytest.importorskip("numba", reason="the extra `fast`")
MSC = [f"lab-{lab}/{lab.upper()}_msc.pcap" for lab in "abc"]


@pytest.mark.timeout(900)
def test_p1_events_of_captures_are_the_same_whoever_follows_them(
    pcap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(captures=[str(pcap / name) for name in MSC], clear=True)
    written = []
    for pays in (False, True):
        monkeypatch.setattr(kernel_cache, "pays_for", lambda *_, pays=pays, **__: pays)
        offline.decode(reading, "events", "jsonl", tmp_path / "rows")
        written.append((tmp_path / "rows").read_bytes())
    assert written[0] == written[1]
    assert len(written[0].splitlines()) > 200


def test_code_that_follows_dialogues_is_used_where_it_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    small, long = kernel_cache.READY_OCTETS, kernel_cache.MAKING_OCTETS
    (tmp_path / "kernel_0").mkdir()
    (tmp_path / "kernel_0" / "carriers.run-116.py311.nbi").touch()
    assert [kernel_cache.pays_for(size, events=True) for size in (small, long)] == [False, True]
    (tmp_path / "kernel_0" / "follow.run-116.py311.nbi").touch()
    assert kernel_cache.pays_for(small, events=True)
