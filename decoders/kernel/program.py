"""The dissector's tables as arrays, so that compiled code walks them.

Nothing here knows a message: every row comes from the tables of `bssmap`, `mm`, `cc`, `rr`, `sms`
and `ss`. An element's value is read by an *action*, which stands for the function that the table
names as its decoder. An element that fills a field through a function not listed here becomes
`ASK`: the frame goes to the plain decoder. So a new row in a table may make the kernel slower, and
never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders import bssmap, cc, dtap, elements, mm, rr, sms, ss
from decoders.names import ElementRow, Form, MessageRow, MessageTable, Part

SCCP, BSSMAP, MM, CC, RR, SMS, SS, OTHER = range(8)
"""Families, as the column ``protocol`` numbers them; `OTHER` only from the plain decoder."""
TABLES: Final[Mapping[int, MessageTable]] = {
    BSSMAP: bssmap.TABLE,
    MM: mm.TABLE,
    CC: cc.TABLE,
    RR: rr.TABLE,
    SMS: sms.TABLE,
    SS: ss.TABLE,
}

V, LV, TV, TV1, TLV, TLV_E, T, REST, LOW, HIGH = range(10)
_FORMS: Final = {
    Form.V: V,
    Form.LV: LV,
    Form.TV: TV,
    Form.TV1: TV1,
    Form.TLV: TLV,
    Form.TLV_E: TLV_E,
    Form.T: T,
    Form.REST: REST,
    Form.LOW: LOW,
    Form.HIGH: HIGH,
}

(
    SKIP,
    ASK,
    IDENTITY,
    TMSI,
    AREA,
    CELL,
    CELLS,
    CAUSE,
    CALL_CAUSE,
    OCTET_CAUSE,
    LAYER3,
    UPDATE,
    SERVICE,
    CALLED,
    CALLING,
    FACILITY,
    RP_MESSAGE,
) = range(17)
"""What is done with an element's value."""
_BY_DECODER: Final[Mapping[tuple[Callable[..., Any] | None, str | None], int]] = {
    (elements.mobile_identity, "identity"): IDENTITY,
    (elements.tmsi_value, "identity"): TMSI,
    (elements.lai, "lai"): AREA,
    (bssmap.cell_identifier, "cell"): CELL,
    (bssmap.cell_list, "cells"): CELLS,
    (bssmap.cause, "cause"): CAUSE,
    (elements.call_cause, "cause"): CALL_CAUSE,
    (mm.reject_cause, "cause"): OCTET_CAUSE,
    (rr.rr_cause, "cause"): OCTET_CAUSE,
    (sms.CP_CAUSE.decode, "cause"): OCTET_CAUSE,
    (bssmap.ELEMENTS[0x17].element.decode, "layer3"): LAYER3,
    (elements.update_type, "update"): UPDATE,
    (mm.service_type, "service"): SERVICE,
    (elements.called_number, "called"): CALLED,
    (elements.calling_number, "calling"): CALLING,
}
_BY_NESTED: Final[Mapping[Callable[..., Any], int]] = {
    ss.facility: FACILITY,
    sms.rp_message: RP_MESSAGE,
}
UNKNOWN_SENDER: Final = -1


MAX_ORDERED: Final = 16
"""Parts without identifier of a message; the tables' longest has five."""
SENDER: Final = 256
ORDERED: Final = 257
"""Columns of `Program.rows` after the 256 identifiers: who sends it, and its parts in order."""
FORM, LENGTH, ACTION = range(3)
"""Columns of `Program.parts`."""
TRANSACTION: Final = 1
SEQUENCED: Final = 2
FLAGS_AT: Final = 16
HALF_OCTETS_AT: Final = 32
"""Places in line `SCCP` of `Program.kinds`: by discriminator its family, from 16 on its flags; from
32 on, by family, whether unknown identifiers with bit 8 set are one octet long."""


class Program(NamedTuple):
    """All tables. A *row* is a message type of a family, a *part* an element in its place."""

    kinds: NDArray[np.int16]
    """(family, message type) -> row; -1 where the tables have none. Shape (families, 256). Line
    `SCCP`, which has no such types, tells of protocol discriminators and families."""
    rows: NDArray[np.int16]
    """row -> by identifier the part, -1 where no table has one; who sends it: 1 the mobile or base
    station side, 0 the MSC's, -1 either; its parts in order, -1 after the last."""
    parts: NDArray[np.int16]
    """part -> form, octets of value of a V or TV, action."""


def action_of(element: ElementRow) -> int:
    """What to do with an element's value; `ASK` where only the plain decoder knows."""
    if element.nested is not None:
        return _BY_NESTED.get(element.nested, ASK)
    if element.field is None:
        return SKIP
    return _BY_DECODER.get((element.decode, element.field), ASK)


class _Builder:
    """Numbers rows and parts as they come."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, int, int]] = []
        self.rows: list[list[int]] = []
        self.kinds = np.full((OTHER, 256), -1, np.int16)
        self._numbers: dict[tuple[int, int, int], int] = {}

    def part(self, part: Part) -> int:
        """The number of a part; equal ones share it."""
        key = (_FORMS[part.form], part.length, action_of(part.element))
        if key not in self._numbers:
            self._numbers[key] = len(self.parts)
            self.parts.append(key)
        return self._numbers[key]

    def row(self, family: int, table: MessageTable, row: MessageRow) -> None:
        """Takes a message type in."""
        self.kinds[family, row.code] = len(self.rows)
        tagged = [self._tag(tag, row, table) for tag in range(256)]
        ordered = [self.part(part) for part in row.ordered]
        ordered += [-1] * (MAX_ORDERED - len(ordered))
        sender = UNKNOWN_SENDER if row.from_mobile is None else int(row.from_mobile)
        self.rows.append([*tagged, sender, *ordered])

    def _tag(self, tag: int, row: MessageRow, table: MessageTable) -> int:
        part = _part(tag, row.tagged) or _part(tag, table.shared)
        return -1 if part is None else self.part(part)


def _part(tag: int, parts: Mapping[int, Part]) -> Part | None:
    """As `reading` finds it: whole octets first, then identifiers of half an octet."""
    part = parts.get(tag)
    if part is not None and part.form is not Form.TV1:
        return part
    part = parts.get(tag & 0xF0) if tag & 0x80 else None
    return part if part is not None and part.form is Form.TV1 else None


def build() -> Program:
    """The tables as they stand."""
    builder = _Builder()
    numbers: dict[int, int] = {}
    for family, table in TABLES.items():
        numbers[id(table)] = family
        builder.kinds[SCCP, HALF_OCTETS_AT + family] = table.half_octets
        for row in table.messages.values():
            builder.row(family, table, row)
    for discriminator in range(16):
        with_transaction = discriminator in dtap.WITH_TRANSACTION
        flags = TRANSACTION * with_transaction | SEQUENCED * (discriminator in dtap.SEQUENCED)
        builder.kinds[SCCP, FLAGS_AT + discriminator] = flags
        known = dtap.FAMILIES.get(discriminator)
        builder.kinds[SCCP, discriminator] = -1 if known is None else numbers[id(known)]
    rows, parts = np.array(builder.rows, np.int16), np.array(builder.parts, np.int16)
    return Program(builder.kinds, rows, parts)
