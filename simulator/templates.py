"""Messages as bytes with holes: compiled once, then filled for thousands of dialogues at a time.

A template is hexadecimal text with holes such as ``{lac}``, and brackets: ``[ .. ]`` is a length
octet and what it counts. The width of a hole is known from its name, so a template has one length,
and filling it for n dialogues is a copy of n rows and one assignment a hole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Octets = npt.NDArray[np.uint8]
"""Rows of octets: (dialogues, width)."""

WIDTHS: dict[str, int] = {
    "msc": 2,
    "bsc": 2,
    "msc_ref": 3,
    "bsc_ref": 3,
    "plmn": 3,
    "lac": 2,
    "ci": 2,
    "old_plmn": 3,
    "old_lac": 2,
    "new_lac": 2,
    "new_ci": 2,
    "update": 1,
    "tmsi": 4,
    "old_tmsi": 4,
    "new_tmsi": 4,
    "imsi": 8,
    "imei": 8,
    "imeisv": 9,
    "rand": 16,
    "sres": 4,
    "key": 8,
    "cic": 2,
    "handover": 1,
    "text": 20,
}
"""Octets of each hole whose width does not depend on how long a number is."""

_TOKEN = re.compile(r"\{(\w+)\}|(\[)|(\])|([0-9a-f]{2})|\s+")


class Hole(NamedTuple):
    """Where a value goes."""

    offset: int
    width: int
    name: str


class Template(NamedTuple):
    """Octets, and the holes in them."""

    octets: Octets
    holes: tuple[Hole, ...]

    def fill(self, count: int, values: Mapping[str, Octets]) -> Octets:
        """`count` copies, (count, length), each hole filled from its (count, width) rows."""
        rows = np.empty((count, len(self.octets)), np.uint8)
        rows[:] = self.octets
        for hole in self.holes:
            rows[:, hole.offset : hole.offset + hole.width] = values[hole.name]
        return rows


def compiled(text: str, widths: Mapping[str, int] = WIDTHS) -> Template:
    """The template of `text`; raises KeyError for an unknown hole, ValueError for other faults."""
    octets = bytearray()
    holes: list[Hole] = []
    open_: list[int] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() != end:
            break
        end = token.end()
        name, opening, closing, octet = token.groups()
        if name:
            holes.append(Hole(len(octets), widths[name], name))
            octets.extend(bytes(widths[name]))
        elif opening:
            open_.append(len(octets))
            octets.append(0)
        elif closing:
            start = open_.pop()
            octets[start] = len(octets) - start - 1
        elif octet:
            octets.append(int(octet, 16))
    if end != len(text) or open_:
        msg = f"not a template from character {end} on: {text!r}"
        raise ValueError(msg)
    return Template(np.frombuffer(bytes(octets), np.uint8), tuple(holes))
