"""`xinling doctor` says of strange captures what an engineer asks first, and how to read them."""

from __future__ import annotations

import csv
import os
import struct
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.messages import Record, SccpUnit
from decoders.transport import Transport
from stream import config, doctor
from stream.config import Config

ROOT = Path(__file__).resolve().parents[2]
LABS = ROOT / "fixtures" / "pcap"
FOUND = (
    Path(os.environ.get("XINLING_SHARED_CAPTURES", ROOT.parent / "shared" / "captures")) / "found"
)
MSC = {"lab-a": 185, "lab-b": 4177, "lab-c": 10860}
ETHERNET, MTP3 = 1, 141


def records(name: str) -> list[Record]:
    return CaptureParser(name).feed((LABS / name).read_bytes())


def units(name: str) -> list[SccpUnit]:
    transport = Transport()
    return [unit for record in records(name) for unit in transport.feed(record)]


def written(path: Path, frames: Iterable[tuple[int, bytes]], link_type: int) -> str:
    """A capture file of (time, octets)."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type)
    body = b"".join(
        struct.pack("<IIII", *divmod(time, 1_000_000), len(data), len(data)) + data
        for time, data in frames
    )
    path.write_bytes(head + body)
    return str(path)


def told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *captures: str, cells: Path | None = None
) -> tuple[list[str], Config]:
    """What doctor prints, and the configuration in it as the service reads it."""
    doctor.run(captures, cells)
    text = capsys.readouterr().out
    file = tmp_path / "xinling.toml"
    file.write_text(text, encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
    return lines, config.load(str(file), {})


def line(lines: list[str], start: str) -> str:
    """The one line that begins so."""
    (found,) = [one for one in lines if one.startswith(start)]
    return found


def messages(captures: list[str], settings: Config) -> int:
    """How many messages are read without error under that configuration."""
    from stream.ingest_role import transport  # noqa: PLC0415

    decoder = Decoder(DecoderConfig(transport=transport(settings)))
    found = 0
    for name in captures:
        for record in CaptureParser(name).feed(Path(name).read_bytes()):
            found += sum(message.error is None for message in decoder.feed(record))
    return found


@pytest.mark.parametrize("path", sorted(LABS.glob("*/*.pcap")), ids=lambda path: path.name)
def test_the_configuration_it_prints_reads_the_capture(
    path: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines, settings = told(capsys, tmp_path, str(path))
    assert settings.ingest.sources == (str(path),)
    assert settings.ingest.point_code_bits == 14
    assert settings.ingest.ipa_ports == (5000,)
    assert messages([str(path)], settings) > 0
    assert line(lines, "not decoded, or only in part") == "not decoded, or only in part: 0"


@pytest.mark.parametrize("lab", MSC)
@pytest.mark.parametrize("carrier", ["", "_re_m3ua", "_re_mtp2", "_re_mtp3"])
def test_it_says_which_end_is_the_msc(
    lab: str, carrier: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = f"{lab[-1].upper()}_msc{carrier}.pcap"
    lines, _ = told(capsys, tmp_path, str(LABS / lab / name))
    ends = {
        int(one.split()[0]): one.partition(": ")[2] for one in lines if one.endswith(("MSC", "BSS"))
    }
    assert [code for code, end in ends.items() if end == "the MSC"] == [MSC[lab]]
    assert list(ends.values()).count("a BSS") == 2


def test_point_codes_of_24_bits_are_found_in_routing_labels(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frames = [
        (unit.record.time, _wide(unit, 0x010000) + unit.data)
        for unit in units("lab-a/A_msc_re_mtp3.pcap")
    ]
    capture = written(tmp_path / "china.pcap", frames, MTP3)
    lines, settings = told(capsys, tmp_path, capture)
    assert settings.ingest.point_code_bits == 24
    assert "the MSC" in line(lines, f"  {0x010000 + 185} (1-0-185)")
    whole = messages([str(LABS / "lab-a/A_msc_re_mtp3.pcap")], Config())
    assert messages([capture], settings) > 0.8 * whole


def _wide(unit: SccpUnit, base: int) -> bytes:
    """A routing label with point codes of 24 bits; the addresses inside SCCP stay as they are."""
    assert unit.opc is not None
    assert unit.dpc is not None
    codes = (base + unit.dpc).to_bytes(3, "little") + (base + unit.opc).to_bytes(3, "little")
    return b"\x83" + codes + b"\x05"


def test_point_codes_of_24_bits_are_found_in_m3ua(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = "lab-c/C_bsc1_re_m3ua.pcap"
    old = next(unit for unit in units(name))
    codes = {code: code + 0x020000 for code in (old.opc or 0, old.dpc or 0)}
    frames = []
    for record in records(name):
        data = record.data
        for code, other in codes.items():
            data = data.replace(b"\0\0" + code.to_bytes(2, "big"), other.to_bytes(4, "big"))
        frames.append((record.time, data))
    _, settings = told(capsys, tmp_path, written(tmp_path / "wide.pcap", frames, ETHERNET))
    assert settings.ingest.point_code_bits == 24


@pytest.mark.parametrize("cut", [0, 40])
def test_sccplite_is_found_on_an_unusual_port_with_and_without_its_beginning(
    cut: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frames = []
    for record in records("lab-b/B_bsc2_ipa.pcap")[cut:]:
        data = bytearray(record.data)
        for at in (34, 36):
            if data[at : at + 2] == (5000).to_bytes(2, "big"):
                data[at : at + 2] = (14001).to_bytes(2, "big")
        frames.append((record.time, bytes(data)))
    capture = written(tmp_path / "odd.pcap", frames, ETHERNET)
    lines, settings = told(capsys, tmp_path, capture)
    assert settings.ingest.ipa_ports == (14001,)
    assert line(lines, "SCCPlite") == "SCCPlite: an MSC listens on TCP port 14001"
    assert messages([capture], settings) > 100


def test_a_link_heard_one_way_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    frames = [
        (unit.record.time, unit.record.data)
        for unit in units("lab-a/A_bsc1_re_mtp3.pcap")
        if unit.opc != MSC["lab-a"]
    ]
    lines, _ = told(capsys, tmp_path, written(tmp_path / "half.pcap", frames, MTP3))
    assert line(lines, "links") == "links: 1, seen one way: 1"
    assert "187 → 185, none in return" in "\n".join(lines)


@pytest.mark.parametrize("skew", [0, 5_000_000, -30_000_000])
def test_mirrors_and_the_difference_of_their_clocks_are_told(
    skew: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = [(record.time + skew, record.data) for record in records("lab-a/A_bsc1.pcap")]
    captures = [str(LABS / "lab-a/A_msc.pcap"), written(tmp_path / "other.pcap", other, ETHERNET)]
    lines, _ = told(capsys, tmp_path, *captures)
    assert "messages were seen on another link before" in line(lines, "mirrors")
    warned = any("their clocks differ" in one for one in lines)
    assert warned is (skew != 0)
    (lag,) = [float(one.split(", ")[-1][:-2]) for one in lines if " shows what " in one]
    assert abs(abs(lag) - abs(skew) / 1e6) < 0.1


def test_a_clock_that_falls_back_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frames = [(record.time, record.data) for record in records("lab-a/A_bsc1_re_mtp3.pcap")]
    frames[100] = (frames[100][0] + 3_000_000_000, frames[100][1])
    lines, _ = told(capsys, tmp_path, written(tmp_path / "back.pcap", frames, MTP3))
    assert "records are older than one before them" in line(lines, "  clock")


def test_rates_of_common_id_and_of_tmsis_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    once = [str(LABS / "lab-a/A_msc.pcap")]
    lines, _ = told(capsys, tmp_path, *once)
    assert line(lines, "COMMON ID") == "COMMON ID: 48, of 87.3 dialogues in 100"
    assert "24 of them with a new TMSI" in line(lines, "location updates")
    twice, _ = told(capsys, tmp_path, *once, str(LABS / "lab-a/A_bsc1.pcap"))
    assert line(twice, "COMMON ID") == line(lines, "COMMON ID"), "a mirror counts nothing twice"


def test_location_areas_that_the_cell_table_lacks_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    whole = (ROOT / "fixtures" / "demo" / "cells.csv").read_text(encoding="utf-8")
    cells = tmp_path / "cells.csv"
    kept = [one for one in whole.splitlines() if ",1002," not in one]
    cells.write_text("\n".join(kept), encoding="utf-8")
    lines, settings = told(capsys, tmp_path, str(LABS / "lab-a/A_msc.pcap"), cells=cells)
    at = lines.index(line(lines, "not in the cell table"))
    assert len(lines) > at + 1
    assert all("001-01 LAC 1002 cell" in one for one in lines[at + 1 :])
    assert settings.rules.cells == str(cells)


@pytest.mark.skipif(not FOUND.is_dir(), reason="no ../shared/captures; XINLING_SHARED_CAPTURES")
def test_captures_without_an_a_interface_are_described_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in sorted(FOUND.glob("*.pcap")):
        with pytest.raises(CaptureError, match="no A-interface"):
            doctor.run([str(path)], None)
        text = capsys.readouterr().out
        assert "# carriers: " in text
        msgspec.toml.decode(text)


@pytest.mark.parametrize("lab", MSC)
def test_p6_the_report_names_nobody(lab: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (LABS / lab / "truth" / "msc_connections.csv").open(encoding="utf-8") as rows:
        imsis = {row.get("imsi") or "" for row in csv.DictReader(rows)} - {""}
    assert imsis
    doctor.run([str(path) for path in sorted((LABS / lab).glob("*.pcap"))], None)
    text = capsys.readouterr().out
    assert not any(imsi in text for imsi in imsis)


def test_p4_a_capture_cut_short_is_described_up_to_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((LABS / "lab-a/A_msc.pcap").read_bytes()[:100_001])
    with pytest.raises(CaptureError):
        doctor.run([str(cut)], None)
    text = capsys.readouterr().out
    assert "# damaged: " in text
    assert "the MSC" in text


def test_it_reads_standard_input_and_prints_toml_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli", "doctor", "-"],
        input=(LABS / "lab-c/C_msc.pcap").read_bytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    settings = msgspec.toml.decode(done.stdout)
    assert settings["ingest"]["sources"] == ["-"]
    assert done.stderr == b""
