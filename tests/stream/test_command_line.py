"""The command line keeps its contract: what it prints where, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from stream.cli import main

ROOT = Path(__file__).resolve().parents[2]
LAB_A = ROOT / "fixtures" / "pcap" / "lab-a" / "A_msc.pcap"
PLAN = ROOT / "fixtures" / "plans" / "labs.csv"
DEMO = ROOT / "fixtures" / "demo"
RULES = [
    *("--campaigns", str(DEMO / "campaigns"), "--areas", str(DEMO / "areas.geojson")),
    *("--cells", str(DEMO / "cells.csv"), "--settings", str(DEMO / "settings.json")),
]


class Ran(NamedTuple):
    code: int
    out: bytes
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def xinling(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr("sys.argv", ["xinling", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfdbinary.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, captured.out, captured.err.decode())

    return run


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A capture cut in the middle of its 407th record."""
    path = tmp_path / "cut.pcap"
    path.write_bytes(LAB_A.read_bytes()[:50_000])
    return path


def rows(ran: Ran) -> list[dict[str, object]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def test_decode_prints_a_row_a_message_and_nothing_else_on_standard_output(xinling: Run) -> None:
    ran = xinling("decode", LAB_A)
    assert ran.code == 0
    assert len(rows(ran)) == 989
    assert "public test key" in ran.err


def test_p6_identities_are_pseudonyms_unless_clear_ones_are_asked_for(xinling: Run) -> None:
    hidden, shown = xinling("decode", LAB_A), xinling("decode", LAB_A, "--clear")
    assert b"001010000001004" not in hidden.out
    assert b"4915550103" not in hidden.out
    assert b"001010000001004" in shown.out
    assert b"4915550103" in shown.out


@pytest.mark.parametrize("kind", ["messages", "events"])
def test_every_format_holds_the_same_rows(xinling: Run, tmp_path: Path, kind: str) -> None:
    asked = ("decode", LAB_A, "--as", kind, "--plan", PLAN)
    lines = rows(xinling(*asked))
    table = list(csv.DictReader(io.StringIO(xinling(*asked, "--format", "csv").out.decode())))
    parquet = tmp_path / "rows.parquet"
    assert xinling(*asked, "--format", "parquet", "-o", parquet).code == 0
    assert len(table) == len(lines) == pq.read_table(parquet).num_rows
    assert [row["time"] for row in table] == [row["time"] for row in lines]
    assert pq.read_table(parquet).column("time").to_pylist() == [row["time"] for row in lines]


def test_a_capture_cut_in_a_record_keeps_what_stands_before_and_names_the_byte(
    xinling: Run, cut: Path
) -> None:
    ran = xinling("decode", cut)
    assert ran.code == 1
    assert len(rows(ran)) == 320
    assert f"{cut}: the capture ends in the middle of record 407 (at byte 49924)" in ran.err


def test_a_file_written_from_a_damaged_capture_is_whole(
    xinling: Run, cut: Path, tmp_path: Path
) -> None:
    output = tmp_path / "rows.jsonl"
    assert xinling("decode", cut, "-o", output).code == 1
    assert len(output.read_bytes().splitlines()) == 320
    assert not list(tmp_path.glob("*.part"))


def test_what_is_no_capture_is_said_so(xinling: Run, tmp_path: Path) -> None:
    path = tmp_path / "letter.pcap"
    path.write_text("亲爱的用户")
    ran = xinling("decode", path)
    assert (ran.code, ran.out) == (1, b"")
    assert f"{path}: is no capture" in ran.err
    assert "(at byte 0)" in ran.err


def test_an_unknown_link_type_is_named(xinling: Run, tmp_path: Path) -> None:
    path = tmp_path / "strange.pcap"
    octets = bytearray(LAB_A.read_bytes())
    octets[20:24] = struct.pack("<I", 200)
    path.write_bytes(octets)
    ran = xinling("decode", path)
    assert ran.code == 1
    assert f"{path}: frame 1: link type 200" in ran.err


def test_a_capture_without_a_interface_traffic_is_said_so(xinling: Run, tmp_path: Path) -> None:
    path = tmp_path / "quiet.pcap"
    path.write_bytes(LAB_A.read_bytes()[: 24 + 16 + 82])  # the header and SCTP's first chunk
    ran = xinling("decode", path)
    assert ran.code == 1
    assert f"{path}: no A-interface (BSSAP) traffic in its 1 frames (at byte 122)" in ran.err


def test_one_damaged_capture_does_not_take_the_others_with_it(xinling: Run, cut: Path) -> None:
    ran = xinling("decode", cut, LAB_A.with_name("A_bsc1.pcap"))
    whole = xinling("decode", LAB_A.with_name("A_bsc1.pcap"))
    assert ran.code == 1
    assert len(rows(ran)) == 320 + len(rows(whole))


def test_wrong_use_exits_with_2(xinling: Run) -> None:
    assert xinling("decode").code == 2
    assert xinling("decode", LAB_A, "--as", "poems").code == 2
    assert xinling("replay", LAB_A).code == 2


def test_a_missing_file_is_named_with_the_remedy(xinling: Run) -> None:
    ran = xinling("decode", "/nowhere/trace.pcap")
    assert ran.code == 1
    assert "xinling: /nowhere/trace.pcap: No such file or directory; name a capture" in ran.err


def test_dissect_shows_a_message_as_a_tree_with_sections_and_masked_digits(xinling: Run) -> None:
    ran = xinling("dissect", LAB_A, "--frame", 27)
    text = ran.out.decode()
    assert "COMPLETE LAYER 3 INFORMATION (0x57)" in text
    assert "CELL IDENTIFIER = 001-01-1001-10012" in text
    assert "(48.008 3.2.2.17)" in text
    assert "IMSI •••••••••••••••" in text
    assert "001010000001095" not in text
    assert (
        "IMSI 001010000001095" in xinling("dissect", LAB_A, "--frame", 27, "--clear").out.decode()
    )


def test_dissect_says_when_a_frame_completes_no_message(xinling: Run) -> None:
    ran = xinling("dissect", LAB_A, "--frame", 1)
    assert ran.code == 1
    assert "no A-interface message is completed in record 1" in ran.err


def test_replay_writes_verdict_rows_and_tells_what_it_came_to(xinling: Run, tmp_path: Path) -> None:
    offers = tmp_path / "verdicts.jsonl"
    profiles = ("--profiles", DEMO / "profiles.csv", "--plan", PLAN)
    ran = xinling("replay", LAB_A, *RULES, *profiles, "--offers", offers)
    assert (ran.code, ran.out) == (0, b"")
    verdicts = [json.loads(line) for line in offers.read_bytes().splitlines()]
    left = [row for row in verdicts if row["campaign"] == "welcome-away"]
    assert [row["verdict"] for row in left] == ["send", "send"]  # phones 2 and 8
    assert "timers still pending" in ran.err


@pytest.mark.parametrize("workers", [2, 4])
def test_p1_replay_gives_the_same_bytes_with_any_number_of_workers(
    xinling: Run, tmp_path: Path, workers: int
) -> None:
    written = []
    for number in (1, workers):
        offers = tmp_path / f"{number}.jsonl"
        profiles = ("--profiles", DEMO / "profiles.csv", "--plan", PLAN)
        xinling("replay", LAB_A, *RULES, *profiles, "--offers", offers, "--workers", number)
        written.append(offers.read_bytes())
    assert written[0] == written[1] != b""


def test_a_campaign_with_a_mistake_gets_file_line_key_and_remedy_and_nothing_starts(
    xinling: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    good = (DEMO / "campaigns" / "welcome-away.yaml").read_text("utf-8")
    (folder / "wrong.yaml").write_text(good.replace("priority: 80", "priority: 800"), "utf-8")
    line = 1 + good[: good.index("priority")].count("\n")
    areas = ("--areas", DEMO / "areas.geojson")
    checked = xinling("campaigns", "check", folder, *areas)
    assert checked.code == 1
    assert f"campaigns/wrong.yaml:{line}: priority:" in checked.err
    offers = tmp_path / "verdicts.jsonl"
    replayed = xinling("replay", LAB_A, "--campaigns", folder, *areas, "--offers", offers)
    assert replayed.code == 1
    assert not offers.exists()


def test_the_shipped_campaigns_are_right(xinling: Run) -> None:
    ran = xinling("campaigns", "check")
    assert ran.code == 0
    assert b"two-cities-one-home" in ran.out


@pytest.mark.parametrize(
    "command",
    [
        *("demo", "decode", "dissect", "replay", "run", "ingest", "explain", "stop", "resume"),
        *("tail", "subject", "erase", "profiles load", "campaigns check", "campaigns list"),
        *("campaigns conflicts", "campaigns history", "campaigns outlook"),
    ],
)
def test_every_command_has_help_with_an_example(xinling: Run, command: str) -> None:
    ran = xinling(*command.split(), "--help")
    assert ran.code == 0
    assert f"xinling {command}" in ran.out.decode()
