"""What tshark reads in a capture, message by message, in the terms of the contracts' rows."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, iterparse

TSHARK = shutil.which("tshark")
HOW_TO_GET_IT = "tshark is missing: apt-get install tshark"

SCCP_CONNECTIONLESS = frozenset({0x09, 0x0A, 0x11, 0x12, 0x13, 0x14})
TYPE_FIELDS = {
    "gsm_a.dtap.msg_mm_type": "MM",
    "gsm_a.dtap.msg_cc_type": "CC",
    "gsm_a.dtap.msg_rr_type": "RR",
    "gsm_a.dtap.msg_sms_type": "SMS",
    "gsm_a.dtap.msg_ss_type": "SS",
}
CAUSES = ("gsm_a.dtap.cause", "gsm_a.dtap.rej_cause", "gsm_a.dtap.cp_cause")


BSSAP = 254
TRACE = ("-o", "sccp.trace_sccp:TRUE")
"""Without it tshark does not dissect the layer 3 of a HANDOVER REQUEST ACKNOWLEDGE."""


class Finding(NamedTuple):
    """One message as a reader saw it."""

    frame: int
    protocol: str
    values: dict[str, object]
    notes: frozenset[str] = frozenset()
    """Peculiarities of its bytes on which readings are known to differ."""


class Proto(NamedTuple):
    """A dissected protocol: its fields in order, by name, and those of nested ones."""

    name: str
    fields: list[tuple[str, str, str, str]]
    """name, show, showname, value (hexadecimal)."""

    def shows(self, name: str) -> list[str]:
        return [show for field, show, _, _ in self.fields if field == name]

    def numbers(self, name: str) -> list[int]:
        return [int(show, 0) for show in self.shows(name)]

    def names(self, name: str) -> list[str]:
        return [shown for field, _, shown, _ in self.fields if field == name]


def read(capture: Path) -> list[Finding]:
    """Every SCCP, BSSMAP and layer 3 message that tshark finds in a capture."""
    findings: list[Finding] = []
    foreign: set[object] = set()
    for packet in _packets(capture):
        findings += _packet(packet, foreign)
    return findings


def headers(capture: Path) -> list[Finding]:
    """The header of the SCCP message in every frame, whatever it carries."""
    return [_header(packet) for packet in _packets(capture)]


def _packets(capture: Path) -> Iterator[Element]:
    assert TSHARK is not None, HOW_TO_GET_IT
    command = [TSHARK, "-n", *TRACE, "-r", str(capture), "-T", "pdml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for _, element in iterparse(process.stdout):
            if element.tag == "packet":
                yield element
                element.clear()


def _header(packet: Element) -> Finding:
    protos = {p.get("name", ""): Proto("", list(_fields(p))) for p in reversed(packet)}
    sccp = protos["sccp"]
    values: dict[str, object] = {"sccp": sccp.numbers("sccp.message_type")[0]}
    for reference in ("slr", "dlr"):
        _first(values, reference, sccp.numbers(f"sccp.{reference}"))
    for side in ("called", "calling"):
        for key in ("pc", "ssn"):
            _first(values, f"{side} {key}", sccp.numbers(f"sccp.{side}.{key}"))
        _first(values, f"{side} digits", sccp.shows(f"sccp.{side}.digits"))
    return Finding(int(protos["frame"].shows("frame.number")[0]), "SCCP", values)


def _packet(packet: Element, foreign: set[object]) -> Iterator[Finding]:
    protos = [Proto(p.get("name", ""), list(_fields(p))) for p in packet.findall("proto")]
    frame = 0
    unit: list[Proto] = []
    for proto in protos:
        if proto.name == "frame":
            frame = int(proto.shows("frame.number")[0])
        if proto.name == "sccp":
            yield from _unit(frame, unit, foreign)
            unit = [proto]
        elif unit:
            unit.append(proto)
    yield from _unit(frame, unit, foreign)


def _fields(element: Element) -> Iterator[tuple[str, str, str, str]]:
    """All fields below, except what tshark adds to an IMSI or repeats as an association."""
    for child in element:
        name = child.get("name", "")
        yield name, child.get("show", ""), child.get("showname", ""), child.get("value", "")
        if name not in {"e212.imsi", "e212.assoc.imsi"}:
            yield from _fields(child)


def _unit(frame: int, unit: list[Proto], foreign: set[object]) -> Iterator[Finding]:
    """The messages of one SCCP message; none where it carries another subsystem than BSSAP."""
    if not unit:
        return
    sccp = unit[0]
    types = sccp.numbers("sccp.message_type")
    if not types:
        return
    values: dict[str, object] = {"sccp": types[0]}
    for reference in ("slr", "dlr"):
        shown = sccp.numbers(f"sccp.{reference}")
        if shown:
            values[reference] = shown[0]
    if _is_foreign(sccp, values, foreign):
        return
    rows = [_row(proto, unit[index + 1 :]) for index, proto in enumerate(unit)]
    found = [row for row in rows if row is not None]
    if not found and types[0] not in SCCP_CONNECTIONLESS:
        yield Finding(frame, "SCCP", {**values, "code": types[0]})
    for protocol, row in found:
        yield Finding(frame, protocol, {**values, **row})


def _is_foreign(sccp: Proto, values: dict[str, object], foreign: set[object]) -> bool:
    """Whether its addresses, or those of its connection's request, name another subsystem."""
    subsystems = {*sccp.numbers("sccp.called.ssn"), *sccp.numbers("sccp.calling.ssn")} - {0}
    other = bool(subsystems) and BSSAP not in subsystems
    if values["sccp"] == 0x01 and other:
        foreign.add(values.get("slr"))
    if values["sccp"] == 0x02 and values.get("dlr") in foreign:
        foreign.add(values.get("slr"))
    return other or values.get("dlr") in foreign


def _row(proto: Proto, after: list[Proto]) -> tuple[str, dict[str, object]] | None:
    if proto.name == "gsm_a.bssmap":
        return _bssmap(proto)
    if proto.name == "gsm_a.dtap":
        inner: list[Proto] = []
        for follower in after:
            if follower.name in {"gsm_a.dtap", "gsm_a.bssmap", "sccp"}:
                break
            inner.append(follower)
        return _layer3(proto, inner)
    return None


def _bssmap(proto: Proto) -> tuple[str, dict[str, object]] | None:
    types = proto.numbers("gsm_a.bssmap.msgtype")
    if not types:
        return None
    row: dict[str, object] = {
        "code": types[0],
        "name": _name(proto.names("gsm_a.bssmap.msgtype")[0]),
        "lacs": proto.numbers("gsm_a.bssmap.cell_lac"),
        "cis": proto.numbers("gsm_a.bssmap.cell_ci"),
        "mccs": [_digits(shown).zfill(3) for shown in proto.names("e212.mcc")],
        "mncs": [_digits(shown) for shown in proto.names("e212.mnc")],
    }
    _first(row, "cause", proto.numbers("gsm_a.bssmap.cause"))
    _identities(row, proto)
    return "BSSMAP", row


def _layer3(proto: Proto, inner: list[Proto]) -> tuple[str, dict[str, object]] | None:
    held = [(field, protocol) for field, protocol in TYPE_FIELDS.items() if proto.shows(field)]
    if not held:
        return None
    field, protocol = held[0]
    types = proto.numbers(field)
    row: dict[str, object] = {"code": types[0], "name": _name(proto.names(field)[0])}
    _identities(row, proto)
    _location(row, proto)
    for cause in CAUSES:
        _first(row, "cause", proto.numbers(cause))
    if protocol == "RR":
        _first(row, "cause", proto.numbers("gsm_a.rr.RRcause"))
    _first(row, "service", proto.numbers("gsm_a.dtap.service_type"))
    if protocol in {"CC", "SMS", "SS"}:
        _first(row, "ti", proto.numbers("gsm_a.dtap.tio"))
        _first(row, "ti_flag", [int(_truth(s)) for s in proto.shows("gsm_a.dtap.ti_flag")])
    _first(row, "update", proto.numbers("gsm_a.dtap.updating_type"))
    _first(row, "follow_on", [_truth(s) for s in proto.shows("gsm_a.dtap.follow_on_request")])
    if protocol == "SMS":
        _short_message(row, inner)
    else:
        _first(row, "called", proto.shows("gsm_a.dtap.cld_party_bcd_num"))
        _first(row, "calling", proto.shows("gsm_a.dtap.clg_party_bcd_num"))
        _first(row, "operation", _operations(proto, inner))
    return protocol, row


def _operations(proto: Proto, inner: list[Proto]) -> list[int]:
    """Operation codes of components, which tshark hangs below the element or beside it."""
    found: list[int] = []
    for each in (proto, *inner):
        for index, (name, _, _, _) in enumerate(each.fields):
            if name == "gsm_old.opCode":
                for below, show, _, _ in each.fields[index + 1 :]:
                    if below == "gsm_old.localValue":
                        found.append(int(show, 0))
                        break
    return found


def _short_message(row: dict[str, object], inner: list[Proto]) -> None:
    for proto in inner:
        if proto.name == "gsm_a.rp":
            _first(row, "rp", [code & 6 for code in proto.numbers("gsm_a.rp.msg_type")])
            _first(row, "service_centre", proto.shows("gsm_a.dtap.cld_party_bcd_num"))
            _first(row, "cause", proto.numbers("gsm_a.rp.cause"))
        if proto.name == "gsm_sms":
            _first(row, "called", proto.shows("gsm_sms.tp-da"))
            _first(row, "called", proto.shows("gsm_sms.tp-ra"))
            _first(row, "calling", proto.shows("gsm_sms.tp-oa"))


def _identities(row: dict[str, object], proto: Proto) -> None:
    _first(row, "imsi", proto.shows("e212.imsi"))
    _first(row, "imei", proto.shows("gsm_a.imei"))
    _first(row, "imeisv", proto.shows("gsm_a.imeisv"))
    tmsis = [v for n, _, _, v in proto.fields if n in {"gsm_a.tmsi", "3gpp.tmsi"}]
    _first(row, "tmsi", tmsis)


def _location(row: dict[str, object], proto: Proto) -> None:
    lacs = proto.numbers("gsm_a.lac")
    mccs, mncs = (proto.names(f"e212.lai.{code}") for code in ("mcc", "mnc"))
    if lacs and mccs and mncs:
        row["lai"] = (_digits(mccs[0]).zfill(3), _digits(mncs[0]), lacs[0])


def _first(row: dict[str, object], key: str, values: list[object] | list[int] | list[str]) -> None:
    if values and key not in row:
        row[key] = values[0]


def _truth(show: str) -> bool:
    return show in {"1", "True", "0x1", "0x01"}


def _digits(shown: str) -> str:
    """The digits in the last brackets of a field as shown: ``... Unknown (01)``."""
    found = re.findall(r"\(([0-9a-fA-F]+)\)", shown)
    return found[-1] if found else shown


def _name(shown: str) -> str:
    """The message's name as shown: ``... Type: Location Updating Request (0x08)``."""
    name = re.sub(r"\(0x[0-9a-f]+\)|\(\d+\)$", "", shown)
    name = name.split("Message Type")[-1].split(":")[-1]
    return re.sub(r"[^A-Z0-9]", "", name.upper())
