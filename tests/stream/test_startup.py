"""A command that decodes ten frames answers in under one second."""

from __future__ import annotations

import subprocess
import sys
import time
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
    took = []
    for _ in range(5):
        began = time.perf_counter()
        assert run(ten).stdout.count("\n") >= 10
        took.append(time.perf_counter() - began)
        if took[-1] < 1:
            return
    pytest.fail(f"the quickest of five took {min(took):.2f} s")


def test_rows_of_messages_load_nothing_heavy(ten: Path) -> None:
    lines = run(ten, "-X", "importtime").stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if "|" in line}
    assert "decoders" in loaded
    assert loaded.isdisjoint(HEAVY)
