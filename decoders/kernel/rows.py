"""Rows of messages from columns: what `rows.row` makes of each message, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from decoders.bounded import Reader
from decoders.bssmap import cell_list
from decoders.elements import BCD, UPDATE_TYPES, plmn
from decoders.kernel.columns import Batch, Rows
from decoders.kernel.program import BSSMAP, TABLES
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.rows import row
from decoders.sccp import TYPES

Row = dict[str, Any]
_HEAD: Final = ("opc", "dpc", "sccp", "slr", "dlr", "protocol", "code", "within")
_NUMBERS: Final = (("called", "called"), ("calling", "calling"), ("service_centre", "centre"))
_HALVES: Final = str.maketrans("abcdef", BCD[10:] + "f")
_SHORT: Final = {code: kind.short for code, kind in TYPES.items()}
_LONG: Final = {code: kind.name for code, kind in TYPES.items()}
_NAMES: Final = {
    (family, code): (table.protocol, kind.name)
    for family, table in TABLES.items()
    for code, kind in table.messages.items()
}


def rows_of(batch: Batch, *, clear: bool, pseudonyms: Pseudonyms | None = None) -> list[Row]:
    """The rows of a batch's messages; see `rows.row`."""
    made = pseudonyms or Pseudonyms(TEST_KEY)
    out = _heads(batch)
    _identities(batch, out, None if clear else made)
    _places(batch, out)
    _plain(batch, out)
    for key, column in _NUMBERS:
        _number(batch.rows, out, key, column, None if clear else made)
    _where(batch.rows, out, "cause")
    for index, message in batch.messages.items():
        out[index] = row(message, clear=clear, pseudonyms=made)
    return out


def _heads(batch: Batch) -> list[Row]:
    rows = batch.rows
    times = np.datetime_as_string(rows["time"].astype("datetime64[us]")).tolist()
    heads = zip(
        rows["frame"].tolist(), times, *(rows[name].tolist() for name in _HEAD), strict=True
    )
    return [_head(*head) for head in heads]


def _head(  # noqa: PLR0913, PLR0917  a column each
    frame: int,
    time: str,
    opc: int,
    dpc: int,
    sccp: int,
    slr: int,
    dlr: int,
    protocol: int,
    code: int,
    within: int,
) -> Row:
    out: Row = {"frame": frame, "time": time + "Z"}
    if opc >= 0:
        out["opc"] = opc
    if dpc >= 0:
        out["dpc"] = dpc
    out["sccp"] = _SHORT.get(sccp)
    if slr >= 0:
        out["slr"] = slr
    if dlr >= 0:
        out["dlr"] = dlr
    out["protocol"], out["message"] = _NAMES.get((protocol, code)) or ("SCCP", _LONG.get(sccp))
    out["code"] = code
    if within >= 0:
        out["within"] = _NAMES[BSSMAP, within][1]
    return out


def _identities(batch: Batch, out: list[Row], pseudonyms: Pseudonyms | None) -> None:
    rows = batch.rows
    for key in ("imsi", "imei", "imeisv"):
        columns = (key, key + "_digits")
        for index, value, count in _having(rows, rows[key + "_digits"] != 0, *columns):
            digits = f"{value:0{count}d}"
            if pseudonyms is not None:
                named = pseudonyms.subscriber if key == "imsi" else pseudonyms.equipment
                digits = named(digits)
            out[index][key] = digits
    for index, value in _having(rows, rows["tmsi"] >= 0, "tmsi"):
        digits = f"{value:08x}"
        out[index]["tmsi"] = pseudonyms.temporary(digits, None) if pseudonyms else digits


def _places(batch: Batch, out: list[Row]) -> None:
    rows = batch.rows
    for index, network, lac in _having(rows, rows["lai_plmn"] >= 0, "lai_plmn", "lai_lac"):
        mcc, mnc = _plmn(network)
        out[index]["lai"] = {"mcc": mcc, "mnc": mnc, "lac": lac}
    for key, name in (("cell", "cell"), ("target_cell", "target")):
        columns = (f"{name}_plmn", f"{name}_lac", f"{name}_ci")
        for index, network, lac, ci in _having(rows, rows[name] != 0, *columns):
            place: Row = (
                dict(zip(("mcc", "mnc"), _plmn(network), strict=True)) if network >= 0 else {}
            )
            if lac >= 0:
                place["lac"] = lac
            if ci >= 0:
                place["ci"] = ci
            out[index][key] = place
    for index, at, size in _having(rows, rows["cells_size"] >= 0, "cells_at", "cells_size"):
        if index not in batch.messages:
            cells = cell_list(Reader(batch.octets(at, size)))
            out[index]["cells"] = msgspec.to_builtins(cells)


def _plain(batch: Batch, out: list[Row]) -> None:
    rows = batch.rows
    for index, update in _having(rows, rows["update"] >= 0, "update"):
        out[index]["update"] = UPDATE_TYPES[update]
    for index, follow_on in _having(rows, rows["follow_on"] >= 0, "follow_on"):
        out[index]["follow_on"] = follow_on != 0
    for key in ("service", "ti", "ti_flag"):
        _where(rows, out, key)


def _where(rows: Rows, out: list[Row], key: str) -> None:
    for index, value in _having(rows, rows[key] >= 0, key):
        out[index][key] = value


def _number(
    rows: Rows, out: list[Row], key: str, column: str, pseudonyms: Pseudonyms | None
) -> None:
    parts = [column + part for part in ("_0", "_1", "_digits", "_ton", "_npi")]
    having = rows[column + "_digits"] >= 0
    for index, first, second, count, ton, npi in _having(rows, having, *parts):
        digits = f"{first:016x}{second:016x}"[:count].translate(_HALVES)
        if pseudonyms is not None:
            digits = pseudonyms.number(digits)
        out[index][key] = {"digits": digits, "ton": ton, "npi": npi}


def _having(rows: Rows, which: NDArray[np.bool_], *columns: str) -> Iterable[tuple[int, ...]]:
    """Index and these columns of each row that is chosen."""
    having = np.flatnonzero(which)
    lists = [rows[column][having].tolist() for column in columns]
    return zip(having.tolist(), *lists, strict=True)


@lru_cache(4096)
def _plmn(value: int) -> tuple[str, str]:
    return plmn(value.to_bytes(3, "big"))
