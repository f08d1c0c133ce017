"""Single messages of the laboratories are what pycrate says they are, the second oracle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.messages import Message

pytest.importorskip("pycrate_mobile", reason="pycrate is not installed: pip install pycrate")

import pycrate_oracle

HELD = {"imsi", "lai", "cell", "called", "cause"}
CAPTURES = {
    "lab-a/A_msc_re_mtp3.pcap": HELD | {"tmsi", "imei"},
    "lab-b/B_msc_re_mtp3.pcap": HELD,
    "lab-c/C_msc_re_mtp3.pcap": HELD | {"tmsi"},
}
"""What each of them must give to compare."""
LAYER_3 = frozenset({"MM", "CC", "RR", "SMS", "SS"})
COMPARED = ("imsi", "imei", "imeisv", "tmsi", "called", "calling", "service_centre", "cause")
READ = 0.9
"""pycrate knows not all that an A-interface carries; of most messages it must say something."""


def messages(path: Path) -> list[Message]:
    """The BSSMAP and layer 3 messages of a capture, each content once."""
    decoder = Decoder(DecoderConfig(elements=True))
    found: dict[tuple[str, bytes], Message] = {}
    for record in CaptureParser(path.name).feed(path.read_bytes()):
        for message in decoder.feed(record):
            if message.protocol != "SCCP":
                found.setdefault((message.protocol, message.raw), message)
    return list(found.values())


def theirs(message: Message) -> pycrate_oracle.Reading | None:
    if message.protocol == "BSSMAP":
        return pycrate_oracle.bssmap(message.raw)
    return pycrate_oracle.layer3(message.raw, from_mobile=bool(message.from_mobile))


def ours(message: Message, name: str) -> object:
    value = getattr(message, name)
    return value if value is None or isinstance(value, str | int) else value.digits


def differences(message: Message, reading: pycrate_oracle.Reading) -> list[str]:
    """What the two readings do not agree on; only what pycrate has found is asked."""
    told = []
    code = reading.code & 0x3F if message.protocol in {"MM", "CC", "SS"} else reading.code
    if message.code != code:
        told.append(f"code: {message.code} is {code}")
    for name in COMPARED:
        value = reading.facts.get(name)
        if value and ours(message, name) != value:
            told.append(f"{name}: {ours(message, name)} is {value}")
    if "lai" in reading.facts and message.lai is not None:
        plmn, lac = reading.facts["lai"]
        if (message.lai.mcc + message.lai.mnc, message.lai.lac) != (plmn, lac):
            told.append(f"lai: {message.lai} is {reading.facts['lai']}")
    if "cell" in reading.facts:
        cell = message.cell
        if cell is None or (cell.lac, cell.ci) != reading.facts["cell"]:
            told.append(f"cell: {cell} is {reading.facts['cell']}")
    if reading.tags is not None and message.error is None:
        tags = [element.raw[0] for element in (message.elements or [])[1:]]
        if tags != reading.tags:
            told.append(f"elements: {bytes(tags).hex()} are {bytes(reading.tags).hex()}")
    return told


@pytest.mark.parametrize("name", CAPTURES)
def test_pycrate_agrees_message_by_message(pcap: Path, name: str) -> None:
    asked = read = 0
    facts: Counter[str] = Counter()
    wrong = []
    for message in messages(pcap / name):
        if message.protocol not in LAYER_3 | {"BSSMAP"}:
            continue
        asked += 1
        reading = theirs(message)
        if reading is None:
            continue
        read += 1
        facts.update(reading.facts.keys())
        wrong += [
            f"frame {message.frame} {message.message}: {one}"
            for one in differences(message, reading)
        ]
    assert wrong == []
    assert read > READ * asked, f"pycrate read {read} of {asked}"
    assert CAPTURES[name] <= facts.keys()
