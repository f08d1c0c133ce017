"""`bench decode --as events` measures what it says: the same events, however they are made."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from stream.bench import decode as bench
from stream.bench import events as bench_events


def test_every_way_of_measuring_gives_the_same_events(pcap: Path) -> None:
    path = pcap / "lab-a" / "A_msc_re_m3ua.pcap"
    told = {
        kind: bench_events._KINDS[kind](path)["events"]
        for kind in bench_events._KINDS
        if kind != "bindings"
    }
    assert set(told.values()) == {told["plain"]}
    assert told["plain"] > 50


def test_a_binding_costs_less_than_200_octets() -> None:
    measured = bench._worker("bindings", Path("200000"), bench._EVENTS)
    assert measured["bindings"] == 200_000
    assert measured["octets_each"] < 200


def test_each_measurement_is_a_line(
    pcap: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(pcap / "lab-b" / "B_msc_re_m3ua.pcap")
    monkeypatch.setattr(bench, "BINDINGS", 1_000)
    bench.decode([path], messages=None, against=None, rounds=1, events=True)
    lines = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    names = [line["bench"] for line in lines]
    assert names == [
        "machine",
        "events columns",
        "events objects",
        "events rows",
        "events plain",
        "bindings",
    ]
    assert len({line["events"] for line in lines[1:5]}) == 1


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark: apt-get install tshark")
def test_the_ratio_to_tshark_is_a_line_too(
    pcap: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(pcap / "lab-b" / "B_msc_re_m3ua.pcap")
    monkeypatch.setattr(bench, "BINDINGS", 1_000)
    bench.decode([path], messages=None, against="tshark", rounds=1, events=True)
    last = msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])
    assert last["bench"] == "ratio to tshark"
    assert last["cpu"] > 0
