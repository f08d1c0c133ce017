"""`xinling bench replay`: what it counts is what is there, in lines that a program can read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stream.bench import replay as bench
from stream.offline import Reading
from stream.rehearsal import Files

FESTIVAL = Path(__file__).parents[3] / "fixtures" / "pcap" / "spring-festival"


def test_messages_events_and_verdicts_of_a_replay_are_counted_and_timed(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    files = Files(
        FESTIVAL / "campaigns",
        FESTIVAL / "areas.geojson",
        FESTIVAL / "cells.csv",
        FESTIVAL / "profiles.csv",
        FESTIVAL / "settings.json",
    )
    reading = Reading(
        captures=[str(FESTIVAL / "spring-festival.pcap.gz")], plan=FESTIVAL / "plan.csv"
    )
    bench.replay(reading, files, messages=None, rounds=1)
    machine, line = map(msgspec.json.decode, capfdbinary.readouterr().out.splitlines())
    assert machine["bench"] == "machine"
    assert line["messages"] > 10 * line["events"] > 10 * line["verdicts"] > 0
    assert line["rounds"] == 1
    rate = line["messages"] / line["cpu_seconds"]["in all"]
    assert line["messages_per_cpu_second"] == pytest.approx(rate, rel=0.01)
