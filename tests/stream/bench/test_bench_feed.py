"""`stream.bench.feed` takes everything that its sender sends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from decoders.capture import CaptureParser
from decoders.decoder import Decoder

CAPTURE = Path(__file__).parents[3] / "fixtures" / "pcap" / "lab-a" / "A_msc.pcap"


@pytest.mark.timeout(900)  # whoever comes first compiles
def test_a_live_feed_is_taken_whole() -> None:
    decoder = Decoder()
    records = CaptureParser(CAPTURE.name).feed(CAPTURE.read_bytes())
    command = [sys.executable, "-m", "stream.bench.feed", "5000", str(CAPTURE)]
    done = subprocess.run(command, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["messages"] == sum(len(decoder.feed(record)) for record in records)
    assert found["blocked_seconds"] == 0
