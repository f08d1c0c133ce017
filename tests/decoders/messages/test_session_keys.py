"""P6: a session key opens what people said; without --clear `dissect` shows none."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import bssmap, udt, unit

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.tree import tree

KEY = bytes.fromhex("a1b2c3d4e5f60718")
LONG_KEY = KEY + KEY[::-1]
CARRIERS = {
    "ENCRYPTION INFORMATION": b"\x53\x0a\x09\x02" + KEY,
    "KC128": b"\x53\x0a\x09\x02" + bytes(8) + b"\x83" + LONG_KEY,
    "DECIPHERING KEYS": b"\x2b\x4c\x0f\x01" + KEY[:7] + LONG_KEY[:7],
}


def shown(message: bytes, *, clear: bool) -> str:
    decoder = Decoder(DecoderConfig(elements=True))
    return "\n".join(
        line for one in decoder.unit(unit(udt(bssmap(message)))) for line in tree(one, clear=clear)
    )


@pytest.mark.parametrize("element", CARRIERS)
def test_p6_session_keys_are_octets_without_clear(element: str) -> None:
    masked = shown(CARRIERS[element], clear=False)
    line = next(line for line in masked.splitlines() if line.strip().startswith(element))
    assert "octets" in line
    assert KEY[:4].hex(" ") not in masked
    assert KEY[:4].hex(" ") in shown(CARRIERS[element], clear=True)


@pytest.mark.parametrize("name", ["lab-a/A_msc.pcap", "lab-c/C_msc.pcap"])
def test_p6_no_key_of_a_real_network_is_in_its_trees(pcap: Path, name: str) -> None:
    decoder = Decoder(DecoderConfig(elements=True))
    keys, lines = set(), []
    for record in CaptureParser(name).feed((pcap / name).read_bytes()):
        for message in decoder.feed(record):
            lines += tree(message)
            for element in message.elements or []:
                if element.name == "ENCRYPTION INFORMATION":
                    keys.add(element.raw[-8:].hex(" "))
    assert len(keys) > 5
    text = "\n".join(lines)
    assert not any(key in text for key in keys)
