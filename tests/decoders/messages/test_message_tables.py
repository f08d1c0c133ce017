"""The tables of messages and elements: complete, named, each with its section."""

from __future__ import annotations

import re

import pytest

from decoders import bssmap, cc, mm, rr, sms, ss
from decoders.names import Form, MessageTable

TABLES = (bssmap.TABLE, mm.TABLE, cc.TABLE, sms.TABLE, ss.TABLE, rr.TABLE)
SECTION = re.compile(r"(48\.008|24\.008|24\.007|24\.011|24\.080|23\.040|29\.002|44\.018) [\w.]+")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.protocol))
def test_every_message_and_element_has_a_name_in_capitals_and_a_section(
    table: MessageTable,
) -> None:
    for code, row in table.messages.items():
        assert row.code == code
        assert row.name == row.name.upper()
        assert SECTION.fullmatch(row.section), row.section
        for part in (*row.ordered, *row.tagged.values()):
            assert SECTION.fullmatch(part.element.section), part.element
    for part in table.shared.values():
        assert SECTION.fullmatch(part.element.section), part.element


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.protocol))
def test_names_and_sections_of_messages_are_each_their_own(table: MessageTable) -> None:
    names = [row.name for row in table.messages.values()]
    assert len(set(names)) == len(names)
    sections = [row.section for row in table.messages.values()]
    assert len(set(sections)) == len(sections)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.protocol))
def test_half_octets_come_in_pairs_and_identifiers_fit_their_form(table: MessageTable) -> None:
    for row in table.messages.values():
        forms = [part.form for part in row.ordered]
        for index, form in enumerate(forms):
            if form is Form.LOW:
                assert forms[index + 1] is Form.HIGH
            if form is Form.REST:
                assert index == len(forms) - 1
        for tag, part in row.tagged.items():
            assert part.tag == tag
            assert (part.form is not Form.TV1) or not tag & 0x0F


def test_every_type_that_tables_of_the_specifications_list_is_here() -> None:
    assert len(bssmap.TABLE.messages) == 90
    assert len(mm.TABLE.messages) == 22
    assert len(cc.TABLE.messages) == 35
    assert sorted(sms.TABLE.messages) == [0x01, 0x04, 0x10]
    assert sorted(ss.TABLE.messages) == [0x2A, 0x3A, 0x3B]
