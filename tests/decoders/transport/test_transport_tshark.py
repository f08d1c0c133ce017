"""The oracle: tshark sees the same SCCP bytes and point codes in the same frames."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transport_frames import captures, read

from decoders.transport import Transport

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("XINLING_SHARED_CAPTURES", ROOT.parent / "shared" / "captures"))
FOUND = sorted(SHARED.glob("found/*.pcap"))
Seen = dict[int, list[tuple[int | None, int | None, bytes]]]
"""By frame: originating and destination point code, SCCP bytes."""


def walk(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every (name, value) of tshark's JSON in its order; repeated names come as repeated keys."""
    for name, value in tree:
        yield name, value
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            yield from walk(value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, list) and item and isinstance(item[0], tuple):
                    yield from walk(item)


def tshark(path: Path) -> Seen:
    command = ["tshark", "-n", "-r", str(path), "-T", "json", "-x"]
    command += ["-d", "tcp.port==5000,gsm_ipa"]
    text = subprocess.run(command, capture_output=True, check=True).stdout
    seen: Seen = defaultdict(list)
    for number, packet in enumerate(json.loads(text, object_pairs_hook=list), 1):
        codes: dict[str, int] = {}
        for name, value in walk(packet):
            side = name.rpartition("_")[2] if name.startswith("m3ua.") else name[5:]
            if name in {"m3ua.protocol_data_opc", "mtp3.opc", "m3ua.protocol_data_dpc", "mtp3.dpc"}:
                codes[side] = int(value)
            elif name == "sccp_raw":
                data = bytes.fromhex(value[0])
                seen[number].append((codes.get("opc"), codes.get("dpc"), data))
    return seen


def ours(path: Path) -> Seen:
    transport = Transport()
    seen: Seen = defaultdict(list)
    for record in read(path):
        for unit in transport.feed(record):
            seen[record.frame].append((unit.opc, unit.dpc, unit.data))
    return seen


@pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark: apt-get install tshark")
@pytest.mark.parametrize("path", [*captures(), *FOUND], ids=lambda path: path.name)
def test_tshark_sees_the_same_messages_in_the_same_frames(path: Path) -> None:
    expected, found = tshark(path), ours(path)
    differing = {
        frame: (expected.get(frame), found.get(frame))
        for frame in sorted({*expected, *found})
        if expected.get(frame) != found.get(frame)
    }
    assert not differing, f"{len(differing)} frames differ, first {next(iter(differing.items()))}"
