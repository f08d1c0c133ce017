"""A command that decodes ten frames answers in under one second."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("cel", "shapely", "redis", "faust", "aiokafka", "pyarrow", "scapy", "prometheus_client")
"""What rows of messages do without."""


@pytest.fixture
def ten(pcap: Path, tmp_path: Path) -> Path:
    """The first ten records of a real capture."""
    whole = (pcap / "lab-a" / "A_msc_re_mtp3.pcap").read_bytes()
    at = 24
    for _ in range(10):
        at += 16 + int.from_bytes(whole[at + 8 : at + 12], "little")
    capture = tmp_path / "ten.pcap"
    capture.write_bytes(whole[:at])
    return capture


def run(capture: Path, *before: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *before, "-m", "stream.cli", "decode", str(capture)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)


def test_ten_frames_are_decoded_in_under_one_second(ten: Path) -> None:
    """Of processor time: what else the machine does is no fault of the command's."""
    took = []
    for _ in range(3):
        before = processor_time()
        assert run(ten).stdout.count("\n") >= 10
        took.append(processor_time() - before)
    assert min(took) < 1, f"the quickest of three took {min(took):.2f} s"


def processor_time() -> float:
    """Seconds that the programs started from here have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_rows_of_messages_load_nothing_heavy(ten: Path) -> None:
    lines = run(ten, "-X", "importtime").stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if "|" in line}
    assert "decoders" in loaded
    assert loaded.isdisjoint(HEAVY)
