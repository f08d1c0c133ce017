"""Which way captures are read: by compiled code where that is there and worth its start."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoders.errors import XinlingError
from decoders.kernel import COMPILED
from stream import kernel_cache, ways
from stream.feeds import Feed

LIVE = "tcp://127.0.0.1:1"
needs_numba = pytest.mark.skipif(not COMPILED, reason="needs numba (the extra `fast`)")


@pytest.fixture
def _made_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "ready", lambda *, events: events)


def by_records(compiled: str, *names: str, follow: bool = False) -> bool:
    return ways.chosen(compiled, names, follow=follow).feed is Feed


@needs_numba
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("_made_before")
def test_a_live_feed_is_read_by_compiled_code_that_was_made_before(tmp_path: Path) -> None:
    assert not by_records("auto", LIVE)
    assert not by_records("auto", str(tmp_path))
    assert not by_records("auto", str(tmp_path / "growing.pcap"), follow=True)
    assert by_records("never", LIVE)


def test_nothing_is_compiled_where_nobody_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "ready", lambda *, events: not events)
    assert by_records("auto", LIVE)


@pytest.mark.usefixtures("_made_before")
def test_short_files_are_read_sooner_one_by_one(pcap: Path) -> None:
    assert by_records("auto", str(pcap / "lab-a" / "A_msc.pcap"))


def test_without_numba_all_is_read_one_by_one_and_never_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_cache, "there", lambda: False)
    assert by_records("auto", LIVE)
    with pytest.raises(XinlingError, match="numba"):
        by_records("always", LIVE)
