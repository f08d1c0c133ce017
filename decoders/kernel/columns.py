"""What the kernel gives: a batch of rows as a numpy structured array, one field a column.

Every integer column says -1 where the message has no such field, unless noted here. ``*_at`` are
offsets into `Batch.data`, and from its end on into `Batch.extra`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decoders.kernel import program
from decoders.kernel.program import BSSMAP, OTHER, SCCP
from decoders.messages import Message, PartyNumber
from decoders.sccp import TYPES
from decoders.sms import RP_MESSAGES, TP_MESSAGES

_NUMBER: Final = (("_0", "u8"), ("_1", "u8"), ("_digits", "i2"), ("_ton", "u1"), ("_npi", "u1"))
"""The first 16 digits and the next 16 as half octets, the first one highest; how many there are."""
_CELL: Final = (("", "u1"), ("_plmn", "i4"), ("_lac", "i4"), ("_ci", "i4"))
"""Whether there is one; its parts."""


def _group(name: str, parts: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(name + part, kind) for part, kind in parts]


ROW: Final = np.dtype(
    [
        ("time", "i8"),  # microseconds
        ("opc", "i8"),
        ("dpc", "i8"),
        ("raw_at", "i8"),
        ("layer3_at", "i8"),
        ("imsi", "i8"),  # as a number; imsi_digits 0 where there is none
        ("imei", "i8"),
        ("imeisv", "i8"),
        ("tmsi", "i8"),
        ("operation", "i8"),
        ("cells_at", "i8"),  # a CELL IDENTIFIER LIST's value; see `cells_size`
        *_group("called", _NUMBER[:2]),
        *_group("calling", _NUMBER[:2]),
        *_group("centre", _NUMBER[:2]),
        ("frame", "u4"),
        ("link", "i4"),  # index into `Batch.links`
        ("slr", "i4"),
        ("dlr", "i4"),
        ("raw_size", "i4"),
        ("layer3_size", "i4"),
        ("lai_plmn", "i4"),  # three octets as they stand, 24.008 10.5.1.3
        ("lai_lac", "i4"),
        *_group("cell", _CELL[1:]),
        *_group("target", _CELL[1:]),
        ("cause", "i4"),
        ("cells_size", "i2"),
        ("within", "i2"),  # code of the BSSMAP message around it
        ("service_code", "i8"),
        ("rp_reference", "i2"),
        *_group("called", _NUMBER[2:]),
        *_group("calling", _NUMBER[2:]),
        *_group("centre", _NUMBER[2:]),
        ("sccp", "u1"),  # message type, Q.713 table 1
        ("protocol", "u1"),  # see `program`
        ("code", "u1"),
        ("imsi_digits", "u1"),
        ("imei_digits", "u1"),
        ("imeisv_digits", "u1"),
        ("cell", "u1"),  # 1 where there is one, however little it names
        ("target", "u1"),
        ("update", "i1"),
        ("follow_on", "i1"),
        ("service", "i1"),
        ("ti", "i2"),
        ("source", "u2"),  # index into `Batch.sources`
        ("gap", "i2"),
        ("ti_flag", "i1"),
        ("rp_message", "i1"),  # 24.011 8.2.2
        ("tp_message", "i1"),  # twice the type indicator, plus 1 from the mobile
        ("identity_type", "i1"),
        ("new_tmsi", "i1"),  # 1 or 0
        ("from_msc", "i1"),
        ("from_mobile", "i1"),
        ("error", "i1"),  # 1: read in part; the reason is in `Batch.messages`
    ],
    align=True,
)
"""A row. `Message` says what the fields mean."""
_ZERO: Final = frozenset(
    (
        *("raw_at", "layer3_at", "cells_at", "imsi", "imei", "imeisv", "frame", "link"),
        *("imsi_digits", "imei_digits", "imeisv_digits", "cell", "target", "sccp", "protocol"),
        *("code", "new_tmsi", "gap", "source", "error", "time", "raw_size"),
    )
)
_UNSIGNED: Final = ("_0", "_1", "_ton", "_npi")

Rows = NDArray[np.void]
DIGITS: Final = 32
"""Digits of a number that a row holds; longer ones are whole in `Batch.messages` alone."""
_UPDATES: Final = ("normal", "periodic", "imsi attach", "reserved")
_PROTOCOLS: Final = {table.protocol: family for family, table in program.TABLES.items()}
_PROTOCOLS["SCCP"] = SCCP
_SCCP_CODES: Final = {kind.short: code for code, kind in TYPES.items()}
_RP: Final = {told: code for code, told in RP_MESSAGES.items()}
_TP: Final = {name: kind * 2 + mobile for (kind, mobile), name in TP_MESSAGES.items()}
_PLAIN: Final = (
    *("time", "frame", "opc", "dpc", "slr", "dlr", "service", "ti", "ti_flag", "cause"),
    *("operation", "service_code", "rp_reference", "identity_type", "follow_on", "from_msc"),
    *("from_mobile", "new_tmsi", "gap"),
)
"""Columns that hold the attribute of a `Message` as it is."""


def empty_row() -> Rows:
    """One row in which nothing is known."""
    row = np.zeros(1, ROW)
    for name in ROW.names or ():
        if name not in _ZERO and not name.endswith(_UNSIGNED):
            row[name] = -1
    return row


class Batch:
    """Rows and what they refer to. Its rows are overwritten by the next batch of the same kernel.

    Attributes:
        rows: the rows, in the order of the capture; shape (n,), dtype `ROW`.
        data: the buffer they were read from.
        extra: octets of messages that were put together from several frames.
        messages: by row, messages that the plain decoder read, whole.
        links: names of links, by the column ``link``; grows, never changes.
        sources: labels of captures, by the column ``source``.
        frames: records that were read for it.
        reached: the latest time of those records, microseconds; 0 where there were none.
    """

    __slots__ = ("data", "extra", "frames", "links", "messages", "reached", "rows", "sources")

    def __init__(self, rows: Rows, data: bytes, links: list[str], sources: list[str]) -> None:
        self.rows = rows
        self.data = data
        self.extra = bytearray()
        self.messages: dict[int, Message] = {}
        self.links = links
        self.sources = sources
        self.frames = 0
        self.reached = 0

    def octets(self, at: int, size: int) -> bytes:
        """Octets that a row refers to."""
        if at < len(self.data):
            return self.data[at : at + size]
        at -= len(self.data)
        return bytes(self.extra[at : at + size])

    def messages_of(self) -> Iterator[tuple[str, int]]:
        """How many rows there are of each source."""
        numbers = np.bincount(self.rows["source"], minlength=len(self.sources))
        return zip(self.sources, numbers.tolist(), strict=True)

    def put(self, index: int, message: Message, link: int, source: int) -> None:
        """Writes a message of the plain decoder as row ``index``."""
        self.messages[index] = message
        self.rows[index] = empty_row()[0]
        fields: dict[str, Any] = {name: getattr(message, name) for name in _PLAIN}
        fields["source"] = source
        fields |= _head(message, link) | _identities(message) | _places(message)
        for column, number in (
            ("called", message.called),
            ("calling", message.calling),
            ("centre", message.service_centre),
        ):
            fields |= _number(column, number)
        for column, octets in (("raw", message.raw), ("layer3", message.layer3)):
            if octets is not None:
                fields |= {f"{column}_at": self._keep(octets), f"{column}_size": len(octets)}
        row = self.rows[index]
        for name, value in fields.items():
            if value is not None:
                row[name] = value

    def _keep(self, octets: bytes) -> int:
        at = len(self.data) + len(self.extra)
        self.extra += octets
        return at


def _head(message: Message, link: int) -> dict[str, Any]:
    within = message.within
    return {
        "link": link,
        "sccp": _SCCP_CODES.get(message.sccp, 0),
        "protocol": _PROTOCOLS.get(message.protocol, OTHER),
        "code": message.code,
        "within": None if within is None else _BSSMAP_CODES.get(within, -1),
        "error": int(message.error is not None),
        "update": None if message.update is None else _UPDATES.index(message.update),
        "rp_message": _RP.get((message.rp_message or "", bool(message.from_mobile))),
        "tp_message": _TP.get(message.tp_message or ""),
    }


_BSSMAP_CODES: Final = {row.name: code for code, row in program.TABLES[BSSMAP].messages.items()}


def _identities(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in ("imsi", "imei", "imeisv"):
        digits = getattr(message, name)
        if digits:
            fields |= {name: int(digits), f"{name}_digits": len(digits)}
    if message.tmsi is not None:
        fields["tmsi"] = int(message.tmsi, 16)
    return fields


def _places(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if message.lai is not None:
        fields |= {"lai_plmn": plmn_octets(message.lai), "lai_lac": message.lai.lac}
    for column, cell in (("cell", message.cell), ("target", message.target_cell)):
        if cell is not None:
            plmn = None if cell.mcc is None else plmn_octets(cell)
            fields |= {column: 1, f"{column}_plmn": plmn}
            fields |= {f"{column}_lac": cell.lac, f"{column}_ci": cell.ci}
    return fields


def plmn_octets(place: Any) -> int:
    """MCC and MNC of a `Lai` or `Cell` as their three octets, 24.008 10.5.1.3."""
    mcc, mnc = (place.mcc or "000"), (place.mnc or "00")
    third = mnc[2] if len(mnc) > 2 else "f"
    return int(mcc[1] + mcc[0] + third + mcc[2] + mnc[1] + mnc[0], 16)


def _number(column: str, number: PartyNumber | None) -> dict[str, Any]:
    if number is None:
        return {}
    fields = {f"{column}_ton": number.ton, f"{column}_npi": number.npi}
    codes = _half_octets(number)
    fields |= {f"{column}_digits": min(len(codes), 32767)}
    for part in (0, 1):
        piece = (codes[16 * part : 16 * part + 16] + "0" * 16)[:16]
        fields[f"{column}_{part}"] = int(piece, 16)
    return fields


def _half_octets(number: PartyNumber) -> str:
    """Digits as hexadecimal half octets; names of letters are not put into a row."""
    codes = number.digits.replace("c", "e").replace("b", "d").replace("a", "c")
    codes = codes.replace("#", "b").replace("*", "a")
    return codes if all(code in "0123456789abcde" for code in codes) else ""
