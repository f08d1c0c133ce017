"""What this project reads in a capture, in the terms in which `tshark_oracle` gives its reading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tshark_oracle import Finding

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.messages import Cell, Element, Message

EXTENDED_CAUSE = "a BSSMAP cause of two octets"
TOO_MANY_DIGITS = "an identity with too many digits"
NO_END_MARK = "an identity of an even number of digits without end mark"
NO_DECIMAL = "a country or network code that is not decimal"
CAUSE_WITHOUT_EXTENSION_BIT = "octet 4 of a cause without extension bit"

UPDATES = {"normal": 0, "periodic": 1, "imsi attach": 2, "reserved": 3}
RELAYS = {"RP-DATA": 0, "RP-ACK": 2, "RP-ERROR": 4, "RP-SMMA": 6}
SCCP_CODES = {
    "CR": 1, "CC": 2, "CREF": 3, "RLSD": 4, "RLC": 5, "DT1": 6, "DT2": 7, "AK": 8, "UDT": 9,
    "UDTS": 10, "ED": 11, "EA": 12, "RSR": 13, "RSC": 14, "ERR": 15, "IT": 16, "XUDT": 17,
    "XUDTS": 18, "LUDT": 19, "LUDTS": 20,
}  # fmt: skip


def messages(capture: Path) -> list[Message]:
    """Every message of a capture."""
    parser, decoder = CaptureParser(capture.name), Decoder(DecoderConfig(elements=True))
    found: list[Message] = []
    for record in parser.feed(capture.read_bytes()):
        found += decoder.feed(record)
    parser.close()
    return found


def read(capture: Path) -> list[Finding]:
    """Every message of a capture as the oracle would tell it."""
    return [finding(message) for message in messages(capture)]


def finding(message: Message) -> Finding:
    """A message as the oracle would tell it."""
    values: dict[str, object] = {"sccp": SCCP_CODES.get(message.sccp), "code": message.code}
    for key in ("slr", "dlr", "imsi", "imei", "imeisv", "tmsi"):
        if getattr(message, key) is not None:
            values[key] = getattr(message, key)
    if message.protocol == "SCCP":
        return Finding(message.frame, "SCCP", values)
    values["name"] = re.sub(r"[^A-Z0-9]", "", message.message.upper())
    if message.cause is not None:
        values["cause"] = message.cause
    if message.protocol == "BSSMAP":
        values |= _cells(message)
    else:
        values |= _layer3(message)
    return Finding(message.frame, message.protocol, values, frozenset(_notes(message)))


def _notes(message: Message) -> Iterator[str]:
    error = message.error or ""
    if "too many digits" in error:
        yield TOO_MANY_DIGITS
    if "without end mark" in error:
        yield NO_END_MARK
    if message.lai is not None and not message.lai.mcc.isdecimal():
        yield NO_DECIMAL
    if message.protocol == "BSSMAP" and (message.cause or 0) > 0x7F:
        yield EXTENDED_CAUSE
    if any(_without_extension_bit(element) for element in message.elements or []):
        yield CAUSE_WITHOUT_EXTENSION_BIT


def _without_extension_bit(element: Element) -> bool:
    """24.008 10.5.4.11: tshark looks for octet 3a by bit 8 of the octet after octet 3."""
    if element.section != "24.008 10.5.4.11":
        return False
    counted = element.raw[0] == len(element.raw) - 1
    value = element.raw[1:] if counted else element.raw[2:]
    return len(value) > 2 and bool(value[0] & 0x80) and not value[1] & 0x80


def _cells(message: Message) -> dict[str, object]:
    named = [message.cell, message.target_cell, *(message.cells or [])]
    cells = [cell for cell in named if isinstance(cell, Cell)]
    return {
        "lacs": [cell.lac for cell in cells if cell.lac is not None],
        "cis": [cell.ci for cell in cells if cell.ci is not None],
        "mccs": [cell.mcc for cell in cells if cell.mcc is not None],
        "mncs": [cell.mnc for cell in cells if cell.mnc is not None],
    }


def _layer3(message: Message) -> dict[str, object]:
    values: dict[str, object] = {}
    if message.lai is not None:
        values["lai"] = (message.lai.mcc, message.lai.mnc, message.lai.lac)
    for key in ("called", "calling", "service_centre"):
        if getattr(message, key) is not None:
            values[key] = getattr(message, key).digits
    for key in ("service", "ti", "ti_flag", "operation"):
        if getattr(message, key) is not None:
            values[key] = getattr(message, key)
    if message.update is not None:
        values["update"] = UPDATES[message.update]
        values["follow_on"] = bool(message.follow_on)
    if message.rp_message is not None:
        values["rp"] = RELAYS[message.rp_message]
    return values
