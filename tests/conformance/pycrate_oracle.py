"""What pycrate reads in single BSSMAP and layer 3 messages: the second oracle, for tests alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pycrate_core.elt import Alt, Envelope, Sequence
from pycrate_core.utils import PycrateErr
from pycrate_mobile.NAS import parse_NAS_MO, parse_NAS_MT
from pycrate_mobile.TS23040_SMS import _TPAddress
from pycrate_mobile.TS24008_IE import ID, LAI, BCDNumber, Cause, RejectCause
from pycrate_mobile.TS48008_BSSMAP import TMSI, BSSMAPElm_dict, CellIdentifier
from pycrate_mobile.TS48008_BSSMAP import Cause as BssmapCause

logging.getLogger("pycrate").setLevel(logging.CRITICAL)

IDENTITIES = {1: "imsi", 2: "imei", 3: "imeisv", 4: "tmsi"}
ASKED = frozenset({0x04, 0x05, 0x08, 0x09, 0x29, 0x68, 0x96})
"""Elements of BSSMAP whose values are compared: cause, cell, identities, location area. pycrate
never ends with a cell identifier list of location areas."""
Facts = dict[str, Any]
"""Attributes of a message, by their names in `decoders.messages.Message`."""


class Reading(NamedTuple):
    """What pycrate made of a message."""

    code: int
    facts: Facts
    tags: list[int] | None
    """Of BSSMAP: the identifiers of its elements, in order."""


def bssmap(data: bytes) -> Reading | None:
    """A BSSMAP message; None for what pycrate does not read.

    Each element is given to pycrate alone: its reader of whole messages lets an identity run on
    over the elements behind it.
    """
    facts: Facts = {}
    tags, at = [], 1
    while at < len(data):
        _, size, kind = BSSMAPElm_dict.get(data[at], ("", -1, None))
        start = at + 1 if size >= 0 else at + 2
        end = start + (size if size >= 0 else data[at + 1])
        tags.append(data[at])
        if kind is not None and data[at] in ASKED:
            try:
                element = kind()
                element.from_bytes(data[start:end])
            except PycrateErr:
                return None
            for name, value in _facts(element).items():
                facts.setdefault(name, value)
        at = end
    return Reading(data[0], facts, tags)


def layer3(data: bytes, *, from_mobile: bool) -> Reading | None:
    """A layer 3 message; None for what pycrate does not read."""
    try:
        message, error = (parse_NAS_MO if from_mobile else parse_NAS_MT)(data)
    except (PycrateErr, IndexError, KeyError, AttributeError):
        return None
    if message is None or error:
        return None
    return Reading(data[1], _facts(message), None)


def _facts(message: Any) -> Facts:
    found: Facts = {}
    for element in _walk(message):
        for name, value in _fact(element):
            found.setdefault(name, value)
    return found


def _walk(element: Any) -> Iterator[Any]:
    yield element
    if isinstance(element, Alt):
        yield from _walk(element.get_alt())
    elif isinstance(element, Envelope | Sequence):
        for part in element:
            yield from _walk(part)


def _fact(element: Any) -> Iterator[tuple[str, Any]]:
    for kind, reader in READERS.items():
        if isinstance(element, kind):
            yield from reader(element)
            return


def _identity(element: Any) -> Iterator[tuple[str, Any]]:
    kind, value = element.decode()
    if kind in IDENTITIES:
        yield IDENTITIES[kind], f"{value:08x}" if kind == 4 else value


def _classed(element: Any, value: str) -> Iterator[tuple[str, Any]]:
    yield "cause", element["Class"].get_val() << 4 | element[value].get_val()


def _area(element: Any) -> Iterator[tuple[str, Any]]:
    yield "lai", (element["PLMN"].decode(), element["LAC"].get_val())


def _number(element: Any) -> Iterator[tuple[str, Any]]:
    yield _party(element._name), element["Num"].decode()


def _party(name: str) -> str:
    if name.startswith("TP_"):
        return "calling" if name == "TP_OA" else "called"
    if "RP" in name:
        return "service_centre"
    return "called" if "Called" in name else "calling" if "Calling" in name else name


def _cell(element: Any) -> Iterator[tuple[str, Any]]:
    held = element["CellID"].get_alt()
    kind = element["Discriminator"].get_val()
    if kind in {0, 1}:
        yield "cell", (held["LAC"].get_val(), held["CI"].get_val())


READERS: dict[type, Callable[[Any], Iterator[tuple[str, Any]]]] = {
    ID: _identity,
    TMSI: lambda element: iter([("tmsi", f"{element.get_val():08x}")]),
    LAI: _area,
    CellIdentifier: _cell,
    BCDNumber: _number,
    _TPAddress: _number,
    RejectCause: lambda element: iter([("cause", element.get_val())]),
    Cause: lambda element: _classed(element, "Value"),
    BssmapCause: lambda element: _classed(element, "Val"),
}
