"""What the kernel promises beside agreement: it works without numba, and never guesses."""

from __future__ import annotations

import numpy as np
import pytest

from decoders.elements import octet
from decoders.kernel import frames_of, kernel, program
from decoders.kernel.columns import ROW, Batch, empty_row
from decoders.kernel.plain import message
from decoders.messages import Message, PartyNumber
from decoders.names import ElementRow
from tests.decoders.kernel.readings import PCAP, agree, records

CAPTURE = PCAP / "lab-b" / "B_msc.pcap"


def test_without_numba_every_frame_is_the_plain_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "COMPILED", False)
    found = records(CAPTURE)
    assert agree(found).asked == len(found)


OWN_TO_THE_READER = {"raw_at", "layer3_at", "cells_at", "cells_size", "link"}


def columns() -> list[list[object]]:
    names = [name for name in ROW.names or () if name not in OWN_TO_THE_READER]
    machine, rows = kernel.Kernel(), []
    for frames in frames_of(records(CAPTURE)):
        for batch in machine.feed(frames):
            rows += [[row[name] for name in names] for row in batch.rows]
    return rows


def test_columns_say_the_same_whoever_read_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = columns()
    monkeypatch.setattr(kernel, "COMPILED", False)
    assert columns() == ours


def test_an_element_read_by_a_function_nobody_listed_is_left_to_the_plain_decoder() -> None:
    assert program.action_of(ElementRow("NEW", "1.2", octet, "cause")) == program.ASK
    assert program.action_of(ElementRow("NEW", "1.2", octet)) == program.SKIP


def test_every_element_of_the_tables_that_fills_a_field_is_one_the_kernel_reads() -> None:
    elements = {
        part.element.name: program.action_of(part.element)
        for table in program.TABLES.values()
        for row in table.messages.values()
        for part in (*row.ordered, *row.tagged.values())
    }
    assert [name for name, action in elements.items() if action == program.ASK] == []


def test_a_number_too_long_for_a_row_is_whole_in_its_message() -> None:
    digits = "0123456789" * 4
    given = Message(
        frame=1,
        time=1,
        sccp="DT1",
        protocol="CC",
        message="SETUP",
        code=5,
        called=PartyNumber(digits, 0, 1),
    )
    batch = Batch(np.zeros(1, ROW), b"", ["x"], ["x"])
    batch.put(0, given, 0, 0)
    assert batch.rows[0]["called_digits"] == len(digits)
    assert message(batch, 0).called == PartyNumber(digits, 0, 1)


def test_an_empty_row_says_that_nothing_is_known() -> None:
    row = empty_row()[0]
    assert (row["tmsi"], row["cause"], row["opc"], row["imsi_digits"]) == (-1, -1, -1, 0)
