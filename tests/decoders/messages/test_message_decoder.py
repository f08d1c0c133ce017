"""The whole way from a capture to messages, on the laboratories' captures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.messages import Message

MSC_SIDES = ("lab-a/A_msc.pcap", "lab-b/B_msc.pcap", "lab-c/C_msc.pcap")


def decode(path: Path, *, elements: bool = False) -> tuple[list[Message], Decoder]:
    """Every message of a capture, and what decoded it."""
    parser, decoder = CaptureParser(path.name), Decoder(DecoderConfig(elements=elements))
    messages: list[Message] = []
    for record in parser.feed(path.read_bytes()):
        messages += decoder.feed(record)
    parser.close()
    return messages, decoder


def told(message: Message) -> tuple[object, ...]:
    """What a message says, whatever carried it."""
    return (message.sccp, message.slr, message.dlr, message.message, message.raw, message.within)


@pytest.mark.parametrize("name", MSC_SIDES)
def test_nothing_in_a_laboratory_is_undecoded(pcap: Path, name: str) -> None:
    messages, decoder = decode(pcap / name)
    assert messages
    assert not decoder.undecoded
    assert [m for m in messages if m.error is not None] == []


@pytest.mark.parametrize("name", MSC_SIDES)
def test_every_carrier_gives_the_same_messages(pcap: Path, name: str) -> None:
    stem = (pcap / name).with_suffix("")
    readings = [
        [told(m) for m in decode(Path(f"{stem}{way}.pcap"))[0]]
        for way in ("", "_re_m3ua", "_re_mtp3", "_re_mtp2")
    ]
    assert readings[0] == readings[1] == readings[2] == readings[3]


def test_sccplite_gives_the_messages_of_its_mirror_on_m3ua(pcap: Path) -> None:
    lite, _ = decode(pcap / "lab-b/B_bsc2_ipa.pcap")
    assert {m.opc for m in lite} == {None}
    assert {m.from_msc for m in lite} <= {True, False}
    mirror, _ = decode(pcap / "lab-b/B_bsc2_ipa_re_mtp3.pcap")
    assert [told(m) for m in lite] == [told(m) for m in mirror]


def test_every_connection_that_opens_with_layer_3_is_seen(pcap: Path) -> None:
    counts = Counter(m.message for m in decode(pcap / "lab-a/A_msc.pcap")[0])
    assert counts["COMPLETE LAYER 3 INFORMATION"] == 55
    assert counts["CONNECTION CONFIRM"] == 56
    assert counts["HANDOVER REQUEST"] == 1


def test_a_layer_3_message_inside_another_follows_it_at_once(pcap: Path) -> None:
    messages, _ = decode(pcap / "lab-c/C_msc.pcap")
    inner = [index for index, m in enumerate(messages) if m.within is not None]
    assert inner
    for index in inner:
        assert messages[index - 1].message == messages[index].within
        assert messages[index - 1].layer3 == messages[index].raw
        assert messages[index - 1].frame == messages[index].frame


def test_the_handover_command_passes_unchanged_from_leg_to_leg(pcap: Path) -> None:
    messages, _ = decode(pcap / "lab-c/C_msc.pcap")
    offered = [m.layer3 for m in messages if m.message == "HANDOVER REQUEST ACKNOWLEDGE"]
    commanded = [
        m.layer3 for m in messages if m.message == "HANDOVER COMMAND" and m.protocol == "BSSMAP"
    ]
    assert len(offered) == 3
    assert offered == commanded


def test_the_direction_of_every_layer_3_message_is_known(pcap: Path) -> None:
    messages, _ = decode(pcap / "lab-b/B_msc.pcap")
    layer3 = [m for m in messages if m.protocol not in {"SCCP", "BSSMAP"}]
    assert {m.from_mobile for m in layer3} == {True, False}


@pytest.mark.parametrize("name", MSC_SIDES)
def test_the_tree_and_the_attributes_are_one_reading(pcap: Path, name: str) -> None:
    plain, _ = decode(pcap / name)
    with_trees, _ = decode(pcap / name, elements=True)
    for left, right in zip(plain, with_trees, strict=True):
        assert right.elements
        right.elements = right.envelope = None
        assert left == right


def test_the_elements_of_a_message_cover_its_bytes(pcap: Path) -> None:
    for message in decode(pcap / "lab-a/A_msc.pcap", elements=True)[0]:
        if message.protocol == "SCCP":
            continue
        covered = set()
        for element in message.elements or []:
            raw = element.raw
            assert message.raw[element.offset : element.offset + len(raw)] == raw
            covered.update(range(element.offset, element.offset + len(raw)))
        assert covered == set(range(len(message.raw))), message.message
