"""SCCP messages, ITU-T Q.713: every type, its references, addresses and user data.

A message is its type, parameters of fixed length, pointers to those of variable length, and a
pointer to optional ones (Q.713 1.5)::

    | type | fixed ... | pointer ... | pointer to optional part | variable ... | optional ... | 0 |

A pointer counts from its own last octet to the length of its parameter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from decoders.bounded import Reader
from decoders.elements import bcd_digits
from decoders.errors import DecodeError
from decoders.messages import Element


class Address(NamedTuple):
    """A called or calling party address, Q.713 3.4."""

    point_code: int | None = None
    subsystem: int | None = None
    global_title: str | None = None
    """Digits of the global title."""
    nature: int | None = None
    translation_type: int | None = None
    numbering_plan: int | None = None
    route_on_subsystem: bool = False


class Segment(NamedTuple):
    """Segmentation parameter of XUDT and LUDT, Q.713 3.17."""

    first: bool
    remaining: int
    reference: int


class Sccp(NamedTuple):
    """An SCCP message that has been read."""

    code: int
    short: str
    """``CR`` ``CC`` ... as in Q.713 table 1; ``UNKNOWN`` for others."""
    name: str
    slr: int | None = None
    dlr: int | None = None
    called: Address | None = None
    calling: Address | None = None
    data: bytes | None = None
    data_at: int = 0
    """Offset of `data` in the message."""
    more: bool = False
    """More data of the same message follows in another DT1 or DT2."""
    segment: Segment | None = None
    error: str | None = None
    elements: list[Element] | None = None


class _Type(NamedTuple):
    short: str
    name: str
    section: str
    fixed: tuple[str, ...]
    variable: tuple[str, ...] = ()
    optional: bool = False
    pointer: int = 1


TYPES: dict[int, _Type] = {
    0x01: _Type("CR", "CONNECTION REQUEST", "4.2", ("slr", "class"), ("called",), True),
    0x02: _Type("CC", "CONNECTION CONFIRM", "4.3", ("dlr", "slr", "class"), (), True),
    0x03: _Type("CREF", "CONNECTION REFUSED", "4.4", ("dlr", "refusal"), (), True),
    0x04: _Type("RLSD", "RELEASED", "4.5", ("dlr", "slr", "release"), (), True),
    0x05: _Type("RLC", "RELEASE COMPLETE", "4.6", ("dlr", "slr")),
    0x06: _Type("DT1", "DATA FORM 1", "4.7", ("dlr", "segmenting"), ("data",)),
    0x07: _Type("DT2", "DATA FORM 2", "4.8", ("dlr", "sequencing"), ("data",)),
    0x08: _Type("AK", "DATA ACKNOWLEDGEMENT", "4.9", ("dlr", "received", "credit")),
    0x09: _Type("UDT", "UNITDATA", "4.10", ("class",), ("called", "calling", "data")),
    0x0A: _Type("UDTS", "UNITDATA SERVICE", "4.11", ("return",), ("called", "calling", "data")),
    0x0B: _Type("ED", "EXPEDITED DATA", "4.12", ("dlr",), ("data",)),
    0x0C: _Type("EA", "EXPEDITED DATA ACKNOWLEDGEMENT", "4.13", ("dlr",)),
    0x0D: _Type("RSR", "RESET REQUEST", "4.14", ("dlr", "slr", "reset")),
    0x0E: _Type("RSC", "RESET CONFIRMATION", "4.15", ("dlr", "slr")),
    0x0F: _Type("ERR", "PROTOCOL DATA UNIT ERROR", "4.16", ("dlr", "error")),
    0x10: _Type("IT", "INACTIVITY TEST", "4.17", ("dlr", "slr", "class", "sequencing", "credit")),
    0x11: _Type(
        "XUDT",
        "EXTENDED UNITDATA",
        "4.18",
        ("class", "hops"),
        ("called", "calling", "data"),
        True,
    ),
    0x12: _Type(
        "XUDTS",
        "EXTENDED UNITDATA SERVICE",
        "4.19",
        ("return", "hops"),
        ("called", "calling", "data"),
        True,
    ),
    0x13: _Type(
        "LUDT",
        "LONG UNITDATA",
        "4.20",
        ("class", "hops"),
        ("called", "calling", "long data"),
        True,
        2,
    ),
    0x14: _Type(
        "LUDTS",
        "LONG UNITDATA SERVICE",
        "4.21",
        ("return", "hops"),
        ("called", "calling", "long data"),
        True,
        2,
    ),
}
"""Q.713 table 1 and clause 4, by message type."""


class _Parameter(NamedTuple):
    name: str
    section: str
    octets: int = 1


PARAMETERS: dict[str, _Parameter] = {
    "dlr": _Parameter("DESTINATION LOCAL REFERENCE", "Q.713 3.2", 3),
    "slr": _Parameter("SOURCE LOCAL REFERENCE", "Q.713 3.3", 3),
    "called": _Parameter("CALLED PARTY ADDRESS", "Q.713 3.4"),
    "calling": _Parameter("CALLING PARTY ADDRESS", "Q.713 3.5"),
    "class": _Parameter("PROTOCOL CLASS", "Q.713 3.6"),
    "segmenting": _Parameter("SEGMENTING/REASSEMBLING", "Q.713 3.7"),
    "received": _Parameter("RECEIVE SEQUENCE NUMBER", "Q.713 3.8"),
    "sequencing": _Parameter("SEQUENCING/SEGMENTING", "Q.713 3.9", 2),
    "credit": _Parameter("CREDIT", "Q.713 3.10"),
    "release": _Parameter("RELEASE CAUSE", "Q.713 3.11"),
    "return": _Parameter("RETURN CAUSE", "Q.713 3.12"),
    "reset": _Parameter("RESET CAUSE", "Q.713 3.13"),
    "error": _Parameter("ERROR CAUSE", "Q.713 3.14"),
    "refusal": _Parameter("REFUSAL CAUSE", "Q.713 3.15"),
    "data": _Parameter("DATA", "Q.713 3.16"),
    "segmentation": _Parameter("SEGMENTATION", "Q.713 3.17"),
    "hops": _Parameter("HOP COUNTER", "Q.713 3.18"),
    "importance": _Parameter("IMPORTANCE", "Q.713 3.19"),
    "long data": _Parameter("LONG DATA", "Q.713 3.20"),
}
OPTIONAL: dict[int, str] = {
    0x01: "dlr",
    0x02: "slr",
    0x03: "called",
    0x04: "calling",
    0x05: "class",
    0x06: "segmenting",
    0x07: "received",
    0x08: "sequencing",
    0x09: "credit",
    0x0A: "release",
    0x0B: "return",
    0x0C: "reset",
    0x0D: "error",
    0x0E: "refusal",
    0x0F: "data",
    0x10: "segmentation",
    0x11: "hops",
    0x12: "importance",
    0x13: "long data",
}
"""Q.713 table 2, by parameter name code."""
KEPT = frozenset(
    {
        "slr",
        "dlr",
        "called",
        "calling",
        "data",
        "long data",
        "segmenting",
        "sequencing",
        "segmentation",
    }
)
"""Parameters of which more is kept than their place in the tree."""
DATA_FORM_1 = 0x06
MAX_OPTIONAL = 32
"""Optional parameters read of one message."""


def parse(data: bytes, *, point_code_octets: int = 2, elements: bool = False) -> Sccp:
    """Reads an SCCP message, from its type on; never raises.

    Args:
        data: the message.
        point_code_octets: 2 of ITU point codes of 14 bits, 3 of national ones of 24.
        elements: whether to list the parameters.
    """
    code = data[0] if data else 0
    kind = TYPES.get(code)
    if kind is None:
        return Sccp(code, "UNKNOWN", f"UNKNOWN 0x{code:02x}", error="unknown SCCP message type")
    if code == DATA_FORM_1 and not elements and _is_plain(data):
        return _data_form_1(data, kind)
    fields = _Fields(data, point_code_octets, elements=elements)
    error = None
    try:
        _read(kind, fields)
    except DecodeError as failure:
        error = f"SCCP {failure.key or 'HEADER'}: {failure.reason}"
    return Sccp(code, kind.short, kind.name, error=error, elements=fields.elements, **fields.found)


def _is_plain(data: bytes) -> bool:
    """A DT1 whose pointer says 1 and whose data are all there, as nearly all are."""
    return len(data) > 6 and data[5] == 1 and len(data) >= 7 + data[6]


def _data_form_1(data: bytes, kind: _Type) -> Sccp:
    """A short cut for seven messages of ten; gives what the table gives."""
    return Sccp(
        DATA_FORM_1,
        kind.short,
        kind.name,
        dlr=int.from_bytes(data[1:4], "little"),
        data=data[7 : 7 + data[6]],
        data_at=7,
        more=bool(data[4] & 1),
    )


class _Fields:
    """Collects the parameters of one message."""

    def __init__(self, data: bytes, point_code_octets: int, *, elements: bool) -> None:
        self.data = data
        self.point_code_octets = point_code_octets
        self.found: dict[str, Any] = {}
        self.elements: list[Element] | None = [] if elements else None

    def take(self, key: str, value: Reader, start: int) -> None:
        """Reads a parameter; a repeated one keeps its first value."""
        if self.elements is None and key not in KEPT:
            return
        name, section, _ = PARAMETERS[key]
        at = value.at
        raw = value.data[start : value.end]
        try:
            shown = self._decode(key, value, at)
        except DecodeError as error:
            raise DecodeError(error.reason, key=name) from None
        if self.elements is not None:
            identity = isinstance(shown, Address) and shown.global_title is not None
            is_data = key in {"data", "long data"}
            self.elements.append(
                Element(name, section, start, raw, shown, identity=identity, text=is_data)
            )

    def _decode(self, key: str, value: Reader, at: int) -> object | None:
        if key in {"data", "long data"}:
            if "data" not in self.found:
                self.found["data"] = value.rest()
                self.found["data_at"] = at
            return None
        if key in {"slr", "dlr"}:
            reference = int.from_bytes(value.take(3), "little")
            self.found.setdefault(key, reference)
            return reference
        if key in {"called", "calling"}:
            party = address(value, self.point_code_octets)
            self.found.setdefault(key, party)
            return party
        if key == "segmentation":
            segment = _segment(value)
            self.found.setdefault("segment", segment)
            return segment
        number = value.number(value.left)
        if key in {"segmenting", "sequencing"}:
            self.found["more"] = bool(number & 1)
        return number


def _read(kind: _Type, fields: _Fields) -> None:
    reader = Reader(fields.data, 1)
    for key in kind.fixed:
        start = reader.at
        fields.take(key, reader.within(PARAMETERS[key].octets), start)
    starts = [_pointer(reader, kind.pointer) for _ in kind.variable]
    optional = _pointer(reader, kind.pointer) if kind.optional else None
    for key, target in zip(kind.variable, starts, strict=True):
        if target is None:
            raise DecodeError("pointer to nothing", key=PARAMETERS[key].name)
        fields.take(key, _variable(fields.data, target, 2 if key == "long data" else 1), target)
    if optional is not None:
        _optional(Reader(fields.data, optional), fields)


def _pointer(reader: Reader, octets: int) -> int | None:
    distance = int.from_bytes(reader.take(octets), "little")
    if not distance:
        return None
    target = reader.at - 1 + distance
    if target >= reader.end:
        raise DecodeError("pointer beyond the message", offset=reader.at)
    return target


def _variable(data: bytes, start: int, octets: int) -> Reader:
    reader = Reader(data, start)
    return reader.within(int.from_bytes(reader.take(octets), "little"))


def _optional(reader: Reader, fields: _Fields) -> None:
    for _ in range(MAX_OPTIONAL):
        start = reader.at
        if not reader.left:
            return
        code = reader.octet()
        if not code:
            return
        octets = 2 if code == 0x13 else 1
        value = reader.within(int.from_bytes(reader.take(octets), "little"))
        key = OPTIONAL.get(code)
        if key is not None:
            fields.take(key, value, start)
    raise DecodeError("too many optional parameters", offset=reader.at)


def address(reader: Reader, point_code_octets: int = 2) -> Address:
    """Q.713 3.4: indicator, point code, subsystem number, global title.

    Raises:
        DecodeError: it ends before what its indicator promises.
    """
    if not reader.left:
        return Address()
    indicator = reader.octet()
    point_code: int | None = None
    subsystem: int | None = None
    if indicator & 1:
        point_code = int.from_bytes(reader.take(point_code_octets), "little")
        if point_code_octets == 2:
            point_code &= 0x3FFF
    if indicator & 2:
        subsystem = reader.octet()
    nature: int | None = None
    translation: int | None = None
    plan: int | None = None
    title_kind = indicator >> 2 & 15
    if title_kind in {2, 3, 4}:
        translation = reader.octet()
    odd = False
    if title_kind in {3, 4}:
        encoding = reader.octet()
        plan, odd = encoding >> 4, encoding & 15 == 1
    if title_kind in {1, 4}:
        octet = reader.octet()
        nature = octet & 0x7F
        odd = bool(octet & 0x80) if title_kind == 1 else odd
    digits = None
    if title_kind in {1, 2, 3, 4}:
        digits = bcd_digits(reader.rest())
        if odd and digits and not len(digits) % 2:
            digits = digits[:-1]
    return Address(point_code, subsystem, digits, nature, translation, plan, bool(indicator & 0x40))


def _segment(reader: Reader) -> Segment:
    octet = reader.octet()
    return Segment(bool(octet & 0x80), octet & 15, int.from_bytes(reader.take(3), "little"))
