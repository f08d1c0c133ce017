"""BSSMAP: cells, identities, causes, and the layer 3 that it carries."""

from __future__ import annotations

import pytest
from builders import management

from decoders.messages import Cell

HERE = "64f00042d01fa5"
THERE = "64f00042d11fa6"


def test_complete_layer_3_information_gives_its_cell_and_a_row_of_what_it_carries() -> None:
    outer, inner = management("57" + "050800" + HERE + "170d" + "0524010350589205f4abcdef01")
    assert outer.message == "COMPLETE LAYER 3 INFORMATION"
    assert outer.cell == Cell("460", "00", 17104, 8101)
    assert (inner.protocol, inner.message) == ("MM", "CM SERVICE REQUEST")
    assert inner.within == "COMPLETE LAYER 3 INFORMATION"
    assert inner.raw == outer.layer3


def test_a_handover_request_tells_the_serving_from_the_target_cell() -> None:
    (message,) = management("10" + "0b020308" + "050800" + HERE + "050800" + THERE)
    assert message.cell == Cell("460", "00", 17104, 8101)
    assert message.target_cell == Cell("460", "00", 17105, 8102)


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        ("00" + HERE + THERE, [Cell("460", "00", 17104, 8101), Cell("460", "00", 17105, 8102)]),
        ("0142d01fa5", [Cell(lac=17104, ci=8101)]),
        ("021fa5", [Cell(ci=8101)]),
        ("0464f00042d0", [Cell("460", "00", 17104)]),
        ("0542d042d1", [Cell(lac=17104), Cell(lac=17105)]),
        ("06", None),
        ("0864f00042d00001", [Cell("460", "00", 17104)]),
        ("0a42d00001", [Cell(lac=17104)]),
        ("0b64f00042d00001", [Cell("460", "00", 17104)]),
    ],
)
def test_a_paging_names_cells_as_far_as_its_list_does(value: str, cells: list[Cell] | None) -> None:
    (message,) = management("5208080910101032547698" + f"1a{len(value) // 2:02x}{value}")
    assert message.cells == cells
    assert message.imsi == "001010123456789"
    assert message.error is None


def test_a_paging_with_both_identities_gives_both() -> None:
    (message,) = management("52" + "08080910101032547698" + "090412345678" + "1a0106")
    assert (message.imsi, message.tmsi) == ("001010123456789", "12345678")


@pytest.mark.parametrize(("octets", "cause"), [("040109", 9), ("0402d0fa", 0x50FA)])
def test_a_cause_has_one_octet_or_two(octets: str, cause: int) -> None:
    assert management("20" + octets)[0].cause == cause


def test_an_unknown_element_is_stepped_over_by_its_length() -> None:
    (message,) = management("20" + "e203aabbcc" + "040109", elements=True)
    assert message.cause == 9
    assert [e.name for e in message.elements or []] == ["MESSAGE TYPE", "UNKNOWN 0xe2", "CAUSE"]


def test_p4_a_length_beyond_the_message_keeps_what_came_before() -> None:
    (message,) = management("57" + "050800" + HERE + "17ff" + "0524")
    assert message.cell == Cell("460", "00", 17104, 8101)
    assert message.error == "LAYER 3 INFORMATION: length beyond its container"


def test_p4_layer_3_too_short_to_be_a_message_gives_no_row() -> None:
    (message,) = management("57" + "050800" + HERE + "170105")
    assert message.error == "layer 3 shorter than its header"


def test_p4_an_unknown_message_type_is_kept() -> None:
    (message,) = management("7f0102", elements=True)
    assert (message.message, message.error) == ("UNKNOWN 0x7f", "unknown message type")
    assert [e.raw for e in message.elements or []] == [b"\x7f", b"\x01\x02"]


def test_p4_a_discriminator_of_no_cell_form_is_an_error() -> None:
    (message,) = management("52" + "08080910101032547698" + "1a020f00")
    assert (message.cells, message.imsi) == (None, "001010123456789")
    assert message.error == "CELL IDENTIFIER LIST: unknown cell identification discriminator"
