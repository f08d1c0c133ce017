"""What decoders and rules make of a simulated capture, held against the truth about it.

Small populations; the figures at 10,000 people stand in docs/simulator.md.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from leaving import triggers
from made import simulated
from typer.testing import CliRunner

from decoders.times import from_text
from simulator.departures import compare, read
from simulator.geography import ZHENGZHOU
from stream.cli import app

_ROOT = Path(__file__).parents[2]
_CALLS = "people: 40\nlasts: 28h\nmovement: {flappers: 20%}\nnetwork: {mscs: 4}\n"
_LEAVING = (
    "people: 40\nlasts: 44h\nkinds: {office: 20%, migrant: 80%, student: 0, traveller: 0,"
    " resident: 0, machine: 0}\ntraffic: {calls: 1, texts: 1}\n"
    "movement:\n  leave: {since: 2008-01-31 06:00, until: 2008-01-31 15:00, share: 80%}\n"
    "  come_back: {since: 2008-01-31 16:00, until: 2008-01-31 20:00, share: 20%}\n"
    "  flappers: 20%\n  day_trips: 5%\n"
)
_VARIANTS = {
    "as it is": "network: {mscs: 4}\n",
    "2 % of frames lost": "network: {mscs: 4}\nfaults: {lost: 2%, doubled: 1%}\n",
    "no COMMON ID, TMSI kept": "network: {common_id: false, tmsi: new vlr}\n",
}

_LEAST = {"no COMMON ID, TMSI kept": 0.9}
"""Nothing but paging binds a TMSI there: who was not called before leaving is nobody known."""


class Event(NamedTuple):
    type: str
    imsi: str
    time: int
    row: dict[str, object]


def _say(line: str) -> None:
    """Shown by `pytest -rP`."""
    sys.stdout.write(line + "\n")


def _run(*arguments: str) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output


def _captures(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.glob("*.pcap"))]


def _files(folder: Path) -> list[str]:
    return ["--cells", str(folder / "cells.csv"), "--plan", str(folder / "plan.csv"), "--clear"]


def _events(folder: Path) -> list[Event]:
    out = folder / "events.jsonl"
    _run("decode", *_captures(folder), "--as", "events", "-o", str(out), *_files(folder))
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [Event(row["type"], row.get("imsi", ""), from_text(row["time"]), row) for row in rows]


def _dialogues(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth" / "dialogues.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Event], list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("lived") / "out"
    simulated(folder, _CALLS)
    return _events(folder), _dialogues(folder)


_KINDS = {
    "location.updated": "update",
    "call.attempted": "call",
    "message.sent": "text out",
    "message.received": "text in",
    "service.requested": "request",
    "subscriber.detached": "detach",
}


@pytest.mark.parametrize("kind", _KINDS)
def test_events_are_those_that_happened(
    lived: tuple[list[Event], list[dict[str, str]]], kind: str
) -> None:
    """Each once and of the right person; the last of all may still be open at the end."""
    events, truth = lived
    begins = ("call", "emergency") if kind == "call.attempted" else (_KINDS[kind],)
    happened = Counter(row["imsi"] for row in truth if row["kind"].startswith(begins))
    seen = Counter(event.imsi for event in events if event.type == kind)
    missing, extra = happened - seen, seen - happened
    _say(f"{kind}: {happened.total()} happened, {missing.total()} unseen, {extra.total()} extra")
    assert not extra
    assert missing.total() <= 1


def test_the_cells_are_those_where_people_were(
    lived: tuple[list[Event], list[dict[str, str]]],
) -> None:
    events, truth = lived
    where = {(row["imsi"], int(row["ci"])) for row in truth}
    where |= {(row["imsi"], int(row["new_ci"])) for row in truth if row["new_ci"]}
    for event in events:
        cell = event.row.get("cell")
        assert isinstance(cell, dict)
        assert (event.imsi, cell["ci"]) in where


def test_calls_are_answered_and_last_as_long_as_they_did(
    lived: tuple[list[Event], list[dict[str, str]]],
) -> None:
    events, truth = lived
    talked = {"call out", "call in", "emergency", "call out handover", "call in handover"}
    talked |= {"call out relocated", "call in relocated"}
    expected = sorted(float(row["talk"]) for row in truth if row["kind"] in talked)
    details = [event.row["detail"] for event in events if event.type == "call.ended"]
    seconds = sorted(
        float(detail["duration_seconds"])
        for detail in details
        if isinstance(detail, dict) and detail["answered"]
    )
    assert abs(len(seconds) - len(expected)) <= 1
    assert seconds[len(seconds) // 2] == pytest.approx(expected[len(expected) // 2], abs=3)


@pytest.mark.parametrize("variant", _VARIANTS)
def test_who_left_zhengzhou_is_found_and_nobody_else(tmp_path: Path, variant: str) -> None:
    """The trigger of the campaign that ships, through the whole of replay (P1)."""
    folder, out = tmp_path / "out", tmp_path / "verdicts.jsonl"
    simulated(folder, _LEAVING + _VARIANTS[variant])
    campaigns = tmp_path / "campaigns"
    campaigns.mkdir()
    text = (_ROOT / "rules" / "campaigns" / "two-cities-one-home.yaml").read_text(encoding="utf-8")
    live = text.replace("status: draft", "status: live")
    (campaigns / "two-cities-one-home.yaml").write_text(live, encoding="utf-8")
    options = ["--profiles", "profiles.csv", "--areas", "areas.geojson", "--settings"]
    paths = [part if part[0] == "-" else str(folder / part) for part in [*options, "settings.json"]]
    _run(
        *("replay", *_captures(folder), "--offers", str(out), "--campaigns", str(campaigns)),
        *(*paths, *_files(folder)),
    )
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    end = from_text("2008-01-31T12:00:00Z")
    figures = compare(read(folder / "truth" / "departures.csv").departures, triggers(rows), end)
    _say(
        f"{variant}: {figures.departures} left, recall {figures.recall:.3f}, "
        f"precision {figures.precision:.3f}, median delay {figures.delay:.0f} s"
    )
    assert figures.departures >= 20
    assert figures.recall >= _LEAST.get(variant, 0.95)
    assert figures.precision >= 0.95
    assert figures.delay < 21 * 60


def test_the_area_is_the_one_of_the_campaigns_that_ship() -> None:
    shipped = json.loads((_ROOT / "rules" / "campaigns" / "areas.geojson").read_text("utf-8"))
    ring = shipped["features"][0]["geometry"]["coordinates"][0]
    assert [tuple(point) for point in ring] == list(ZHENGZHOU)
