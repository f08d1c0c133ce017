"""Single messages as captures: each wrapped into SCCP and MTP3, one a frame, link type 141."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LINKTYPE_MTP3 = 141
BSC, MSC = 2, 1
BSSAP_ADDRESS = bytes([2, 0x42, 254])
START = 1_200_000_000


class Vector(NamedTuple):
    """A message from another project's tests."""

    layer: str
    """``sccp`` ``bssap`` ``bssmap`` ``dtap`` ``bssmap_ie`` and others."""
    data: bytes
    meaning: str


def vectors(path: Path) -> list[Vector]:
    """The messages of a ``vectors.jsonl``."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [Vector(line["layer"], bytes.fromhex(line["hex"]), line["meaning"]) for line in lines]


def sccp(layer: str, data: bytes) -> bytes | None:
    """An SCCP message that carries it; None for a layer that none carries whole."""
    if layer == "sccp":
        return data
    if layer == "bssmap":
        data = bytes([0, len(data)]) + data
    elif layer == "dtap":
        data = bytes([1, 0, len(data)]) + data
    elif layer != "bssap":
        return None
    if len(data) > 255:
        return None
    return unitdata(data)


def unitdata(data: bytes) -> bytes:
    """A UDT between two BSSAP subsystems, Q.713 4.10."""
    addresses = BSSAP_ADDRESS + BSSAP_ADDRESS
    return bytes([9, 0, 3, 2 + 3, 1 + 6]) + addresses + bytes([len(data)]) + data


def capture(units: Iterable[bytes]) -> bytes:
    """A pcap of SCCP messages from BSC to MSC, a second apart."""
    label = bytes([0x83]) + (BSC << 14 | MSC).to_bytes(4, "little")
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_MTP3))
    for index, unit in enumerate(units):
        data = label + unit
        out += struct.pack("<IIII", START + index, 0, len(data), len(data)) + data
    return bytes(out)
