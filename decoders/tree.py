"""A message as a tree of plain lines for a person: names, values, bytes, sections.

Identity digits are masked unless clear output was asked for; the text of people's messages always.
"""

from __future__ import annotations

from decoders import times
from decoders.elements import MobileIdentity, UpdateType
from decoders.messages import Cell, Element, Lai, Message, PartyNumber
from decoders.names import Named
from decoders.sccp import Address, Segment

MASK = "•"
SHOWN_OCTETS = 24
"""Octets of an element shown as hexadecimal; the length of longer ones is told."""
MAX_DEPTH = 16
INDENT = "  "


def tree(message: Message, *, clear: bool = False) -> list[str]:
    """The lines of one message, without line ends.

    Args:
        message: decoded with its elements (`DecoderConfig.elements`).
        clear: show identity digits.
    """
    lines = [_title(message)]
    if message.error is not None:
        lines.append(f"{INDENT}! {message.error}")
    if message.envelope:
        lines.append(f"{INDENT}envelope")
        _elements(message.envelope, 2, lines, clear=clear)
    _elements(message.elements or [], 1, lines, clear=clear)
    return lines


def _title(message: Message) -> str:
    route = ""
    if message.opc is not None:
        route = f" {message.opc}→{message.dpc}"
    references = "".join(
        f" {name}={value:06x}"
        for name, value in (("slr", message.slr), ("dlr", message.dlr))
        if value is not None
    )
    within = f" (within {message.within})" if message.within else ""
    return (
        f"frame {message.frame} {times.to_text(message.time)}{route} {message.sccp}{references} "
        f"{message.protocol} {message.message} (0x{message.code:02x}){within}"
    )


def _elements(elements: list[Element], depth: int, lines: list[str], *, clear: bool) -> None:
    if depth > MAX_DEPTH:
        return
    for element in elements:
        lines.append(_line(element, depth, clear=clear))
        _elements(element.children, depth + 1, lines, clear=clear)


def _line(element: Element, depth: int, *, clear: bool) -> str:
    parts = [f"{INDENT * depth}{element.name}"]
    value = _value(element, clear=clear)
    if value:
        parts.append(f"= {value}")
    octets = _octets(element, clear=clear)
    parts.append(f"[{element.offset}: {octets}]" if octets else f"[{element.offset}]")
    parts.append(f"({element.section})")
    return " ".join(parts)


def _octets(element: Element, *, clear: bool) -> str:
    raw = element.raw
    if not raw:
        return ""
    if element.text or (element.identity and not clear):
        return f"{len(raw)} octets"
    shown = raw[:SHOWN_OCTETS].hex(" ")
    return shown if len(raw) <= SHOWN_OCTETS else f"{shown} … {len(raw)} octets"


def _value(element: Element, *, clear: bool) -> str:
    value = element.value
    if value is None or element.text:
        return ""
    hidden = element.identity and not clear
    if isinstance(value, MobileIdentity):
        return _identity(value, hidden=hidden)
    if isinstance(value, PartyNumber):
        digits = MASK * len(value.digits) if hidden else value.digits
        return f"{digits} (type of number {value.ton}, plan {value.npi})"
    if isinstance(value, Address):
        return _address(value, hidden=hidden)
    return MASK if hidden else plain(value)


def plain(value: object) -> str:
    """A value that bears no identity, as a person reads it."""
    if isinstance(value, Named):
        return f"{value.name} ({value.code})"
    if isinstance(value, UpdateType):
        return f"{value.name}, follow-on request" if value.follow_on else value.name
    if isinstance(value, Lai):
        return f"{value.mcc}-{value.mnc}-{value.lac}"
    if isinstance(value, Cell):
        held = (value.mcc, value.mnc, value.lac, value.ci)
        return "-".join("*" if part is None else str(part) for part in held)
    if isinstance(value, list):
        return ", ".join(plain(part) for part in value)
    if isinstance(value, Segment):
        place = "first, " if value.first else ""
        return f"{place}{value.remaining} to come, reference {value.reference:06x}"
    return str(value)


def _identity(value: MobileIdentity, *, hidden: bool) -> str:
    kinds = {1: "IMSI", 2: "IMEI", 3: "IMEISV", 4: "TMSI"}
    kind = kinds.get(value.kind, f"type {value.kind}")
    return f"{kind} {MASK * len(value.digits) if hidden else value.digits}".rstrip()


def _address(value: Address, *, hidden: bool) -> str:
    parts = []
    if value.point_code is not None:
        parts.append(f"point code {value.point_code}")
    if value.subsystem is not None:
        parts.append(f"subsystem {value.subsystem}")
    if value.global_title is not None:
        digits = MASK * len(value.global_title) if hidden else value.global_title
        parts.append(f"global title {digits}")
    return ", ".join(parts)
