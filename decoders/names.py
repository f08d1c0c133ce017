"""What a table of messages and elements is made of, and the names of values several of them share.

The tables themselves stand with their families (`bssmap`, `mm`, `cc`, `sms`, `ss`, `rr`). Every
reading (rows, the tree of ``xinling dissect``) walks these tables and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from decoders.bounded import Reader

if TYPE_CHECKING:
    from decoders.reading import Reading


class Form(Enum):
    """How an element stands in a message, TS 24.007 11.2.1.1."""

    V = "V"
    """Value of a fixed length, no identifier."""
    LV = "LV"
    TV = "TV"
    """Identifier octet and value of a fixed length."""
    TV1 = "TV1"
    """Identifier in the upper half of an octet, value in the lower."""
    TLV = "TLV"
    TLV_E = "TLV-E"
    """As TLV with a length of two octets."""
    T = "T"
    REST = "rest"
    """All that is left, where this project does not take a message apart."""
    LOW = "low half"
    """Value in bits 1 to 4; the octet goes on with a HIGH."""
    HIGH = "high half"
    """Value in bits 5 to 8, after a LOW of the same octet."""


class Named(NamedTuple):
    """A coded value with the name the specification gives it; unknown codes are kept."""

    code: int
    name: str


class ElementRow(NamedTuple):
    """An information element wherever it stands."""

    name: str
    section: str
    """Specification and clause, such as ``24.008 10.5.1.3``."""
    decode: Callable[[Reader], object] | None = None
    """Gives its value; raises DecodeError and nothing else."""
    field: str | None = None
    """What it fills in a `Message`, see `reading.assign`."""
    nested: Callable[[Reader, Reading], None] | None = None
    """Instead of `decode`: reads further elements into the reading."""
    identity: bool = False
    """Its bytes bear identity digits."""
    text: bool = False
    """Its bytes bear text of a person's message, or layer 3 shown as a message of its own."""


class Part(NamedTuple):
    """An element in its place in a message."""

    element: ElementRow
    form: Form
    tag: int | None = None
    """Information element identifier; of a TV1 with its lower half zero."""
    length: int = 1
    """Octets of value of a V or TV."""


class MessageRow(NamedTuple):
    """A message type."""

    code: int
    name: str
    section: str
    from_mobile: bool | None
    """True: sent by the mobile or base station side; False: by the MSC side; None: by either."""
    ordered: tuple[Part, ...] = ()
    """The elements without identifier, in order."""
    tagged: Mapping[int, Part] = {}
    """The elements with identifier, by identifier."""


class MessageTable(NamedTuple):
    """A message family: its types, and the elements any of them may hold."""

    protocol: str
    section: str
    """Where the specification lists the message types."""
    messages: Mapping[int, MessageRow]
    shared: Mapping[int, Part]
    """Elements by identifier that later versions may add to any message of the family."""
    half_octets: bool = True
    """Unknown identifiers with bit 8 set are one octet long (layer 3); else all have a length."""


def table(protocol: str, section: str, rows: Iterable[MessageRow]) -> MessageTable:
    """A family from its rows; elements with one meaning all through it are shared."""
    messages = {row.code: row for row in rows}
    shared: dict[int, Part] = {}
    for row in messages.values():
        for tag, part in row.tagged.items():
            shared.setdefault(tag, part)
    return MessageTable(protocol, section, messages, shared)


def message(
    code: int,
    name: str,
    section: str,
    *parts: Part,
    from_mobile: bool | None = None,
) -> MessageRow:
    """A row from its parts in the order of the specification."""
    ordered = tuple(part for part in parts if part.tag is None)
    tagged = {part.tag: part for part in parts if part.tag is not None}
    return MessageRow(code, name, section, from_mobile, ordered, tagged)


def v(element: ElementRow, length: int) -> Part:
    """Value alone, of ``length`` octets."""
    return Part(element, Form.V, None, length)


def lv(element: ElementRow) -> Part:
    """Length and value."""
    return Part(element, Form.LV)


def tv(tag: int, element: ElementRow, length: int) -> Part:
    """Identifier and value of ``length`` octets."""
    return Part(element, Form.TV, tag, length)


def tv1(tag: int, element: ElementRow) -> Part:
    """Identifier and value in one octet."""
    return Part(element, Form.TV1, tag)


def tlv(tag: int, element: ElementRow) -> Part:
    """Identifier, length and value."""
    return Part(element, Form.TLV, tag)


def t(tag: int, element: ElementRow) -> Part:
    """Identifier alone."""
    return Part(element, Form.T, tag)


def low(element: ElementRow) -> Part:
    """Bits 1 to 4 of an octet that a `high` completes."""
    return Part(element, Form.LOW)


def rest(element: ElementRow) -> Part:
    """Everything up to the end of the message."""
    return Part(element, Form.REST)


def high(element: ElementRow) -> Part:
    """Bits 5 to 8 of the octet that a `low` began."""
    return Part(element, Form.HIGH)


PROTOCOLS: Mapping[int, str] = {
    0x0: "GCC",
    0x1: "BCC",
    0x3: "CC",
    0x4: "GTTP",
    0x5: "MM",
    0x6: "RR",
    0x8: "GMM",
    0x9: "SMS",
    0xA: "SM",
    0xB: "SS",
    0xC: "LCS",
}
"""Protocol discriminators, TS 24.007 11.2.3.1.1."""
