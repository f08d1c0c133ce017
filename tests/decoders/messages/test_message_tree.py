"""The tree of ``xinling dissect``: everything named, digits masked, text never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builders import layer3
from test_message_decoder import MSC_SIDES, decode
from test_message_rows import identities

from decoders.tree import MASK, tree


@pytest.mark.parametrize("name", MSC_SIDES)
def test_p6_without_clear_no_tree_shows_an_identity(pcap: Path, name: str) -> None:
    seen = 0
    for message in decode(pcap / name, elements=True)[0]:
        masked, clear = ("\n".join(tree(message, clear=flag)) for flag in (False, True))
        for digits in identities(message):
            assert digits not in masked
            seen += digits in clear
    assert seen


def test_p6_the_text_of_a_message_is_never_shown() -> None:
    text = "d4f29c0e"
    submit = "01840a81600000000000" + "0004" + text
    rp = "002a00" + "07913386094000f0" + f"{len(submit) // 2:02x}" + submit
    message = layer3(f"0901{len(rp) // 2:02x}{rp}", elements=True)
    assert message.called is not None
    for clear in (False, True):
        assert text not in "\n".join(tree(message, clear=clear)).replace(" ", "")


def test_every_line_names_an_element_its_place_and_its_section(pcap: Path) -> None:
    for message in decode(pcap / "lab-b/B_msc.pcap", elements=True)[0]:
        lines = tree(message)
        assert lines[0].startswith(f"frame {message.frame} ")
        for line in lines[1:]:
            assert line == "  envelope" or re.search(r"\[\d+.*\] \(\S+ [\w.]+\)$", line), line


def test_a_masked_identity_keeps_its_kind_and_length() -> None:
    (line,) = [
        part for part in tree(layer3("0559084a32244332244302", elements=True)) if MASK in part
    ]
    assert f"IMEI {MASK * 15}" in line


def test_what_could_not_be_read_is_said_first() -> None:
    lines = tree(layer3("05087064f00042d05705f41234", elements=True))
    assert lines[1] == "  ! MOBILE IDENTITY: length beyond its container"
    assert any("UNREADABLE REST" in line for line in lines)
