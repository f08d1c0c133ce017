"""Rows as messages again, for whoever wants a few of them whole, and for the tests of agreement."""

from __future__ import annotations

from typing import Any, Final

from decoders.bounded import Reader
from decoders.bssmap import cell_list
from decoders.elements import BCD, UPDATE_TYPES, plmn
from decoders.kernel.columns import Batch
from decoders.kernel.program import BSSMAP, SCCP, TABLES
from decoders.messages import Cell, Lai, Message, PartyNumber
from decoders.sccp import TYPES
from decoders.sms import RP_MESSAGES, TP_MESSAGES

_AS_THEY_ARE: Final = (
    *("opc", "dpc", "slr", "dlr", "service", "ti", "ti_flag", "cause"),
    *("operation", "service_code", "rp_reference", "identity_type"),
)


def message(batch: Batch, index: int) -> Message:
    """Row ``index`` of a batch as the plain decoder would give it; raises nothing."""
    kept = batch.messages.get(index)
    if kept is not None:
        return kept
    row = batch.rows[index]
    protocol, code = int(row["protocol"]), int(row["code"])
    kind = TYPES[int(row["sccp"])]
    fields: dict[str, Any] = {
        "frame": int(row["frame"]),
        "time": int(row["time"]),
        "sccp": kind.short,
        "source": batch.sources[int(row["source"])],
        "link": batch.links[int(row["link"])],
        "gap": int(row["gap"]),
        "raw": batch.octets(int(row["raw_at"]), int(row["raw_size"])),
        "new_tmsi": bool(row["new_tmsi"]),
    }
    if protocol == SCCP:
        fields |= {"protocol": "SCCP", "message": kind.name, "code": code}
    else:
        table = TABLES[protocol]
        fields |= {"protocol": table.protocol, "message": table.messages[code].name, "code": code}
    fields |= {name: _known(row[name]) for name in _AS_THEY_ARE}
    for name in ("follow_on", "from_msc", "from_mobile"):
        fields[name] = None if row[name] < 0 else bool(row[name])
    fields |= _identities(row) | _places(row) | _kinds(row)
    for name, column in (
        ("called", "called"),
        ("calling", "calling"),
        ("service_centre", "centre"),
    ):
        fields[name] = _number(row, column)
    if row["layer3_size"] >= 0:
        fields["layer3"] = batch.octets(int(row["layer3_at"]), int(row["layer3_size"]))
    if row["cells_size"] >= 0:
        value = batch.octets(int(row["cells_at"]), int(row["cells_size"]))
        fields["cells"] = cell_list(Reader(value))
    return Message(**fields)


def _known(value: Any) -> int | None:
    return None if value < 0 else int(value)


def _identities(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("imsi", "imei", "imeisv"):
        digits = int(row[name + "_digits"])
        if digits:
            found[name] = f"{int(row[name]):0{digits}d}"
    if row["tmsi"] >= 0:
        found["tmsi"] = f"{int(row['tmsi']):08x}"
    return found


def _plmn(value: int) -> tuple[str | None, str | None]:
    return (None, None) if value < 0 else plmn(value.to_bytes(3, "big"))


def _places(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if row["lai_plmn"] >= 0:
        mcc, mnc = plmn(int(row["lai_plmn"]).to_bytes(3, "big"))
        found["lai"] = Lai(mcc, mnc, int(row["lai_lac"]))
    for name, column in (("cell", "cell"), ("target_cell", "target")):
        if row[column]:
            mcc, mnc = _plmn(int(row[column + "_plmn"]))  # type: ignore[assignment]
            found[name] = Cell(mcc, mnc, _known(row[column + "_lac"]), _known(row[column + "_ci"]))
    return found


def _kinds(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if row["update"] >= 0:
        found["update"] = UPDATE_TYPES[int(row["update"])]
    if row["within"] >= 0:
        found["within"] = TABLES[BSSMAP].messages[int(row["within"])].name
    if row["rp_message"] >= 0:
        found["rp_message"] = RP_MESSAGES[int(row["rp_message"])][0]
    if row["tp_message"] >= 0:
        kind, from_mobile = divmod(int(row["tp_message"]), 2)
        found["tp_message"] = TP_MESSAGES[kind, bool(from_mobile)]
    return found


def _number(row: Any, column: str) -> PartyNumber | None:
    count = int(row[column + "_digits"])
    if count < 0:
        return None
    halves = f"{int(row[column + '_0']):016x}{int(row[column + '_1']):016x}"[:count]
    digits = "".join(BCD[int(half, 16)] for half in halves)
    return PartyNumber(digits, int(row[column + "_ton"]), int(row[column + "_npi"]))
