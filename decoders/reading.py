"""Reads a message by its row: one walk fills the attributes of a `Message` and, if asked, its tree.

What cannot be read is kept: a failing element leaves its reason in `Reading.error` and its place in
`Reading.failed_at`, an unknown one its bytes, and the walk goes on where the lengths allow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from decoders.bounded import Reader
from decoders.elements import MobileIdentity, UpdateType
from decoders.errors import DecodeError
from decoders.messages import Element
from decoders.names import ElementRow, Form, MessageRow, MessageTable, Named, Part

MAX_ELEMENTS = 256
"""Elements read of one message; no message of the specifications comes near."""
UNKNOWN = "24.007 11.2.4"
IDENTITY_FIELDS = {1: "imsi", 2: "imei", 3: "imeisv", 4: "tmsi"}


class Reading:
    """What is known of a message so far."""

    __slots__ = ("elements", "error", "failed_at", "fields")

    def __init__(self, *, elements: bool = False) -> None:
        self.fields: dict[str, Any] = {}
        self.elements: list[Element] | None = [] if elements else None
        self.error: str | None = None
        self.failed_at: int | None = None

    def fail(self, name: str, error: DecodeError, at: int) -> None:
        """Notes what could not be read; the first failure is the one reported."""
        if self.error is None:
            self.error = f"{name}: {error.reason}" if name else error.reason
            self.failed_at = at

    def assign(self, field: str, value: Any) -> None:
        """Sets an attribute of the `Message`; the first element that fills it stands."""
        if isinstance(value, MobileIdentity):
            self.fields["identity_type"] = value.kind
            field = IDENTITY_FIELDS.get(value.kind, "")
            value = value.digits
        elif isinstance(value, UpdateType):
            self.fields["follow_on"] = value.follow_on or None
            value = value.name
        elif isinstance(value, Named):
            value = value.code
        if field == "cell" and "cell" in self.fields:
            field = "target_cell"  # HANDOVER REQUEST: serving, then target, 48.008 3.2.1.8
        if field and value is not None and value != "":
            self.fields.setdefault(field, value)

    def take(self, row: ElementRow, value: Reader, start: int) -> None:
        """Reads an element that began at ``start`` and ends where ``value`` does."""
        if self.elements is None:
            if row.field is not None or row.nested is not None:
                self._decode(row, value)
            return
        raw = value.data[start : value.end]
        element = Element(row.name, row.section, start, raw, None, row.identity, row.text)
        with self.inside(element):
            element.value = self._decode(row, value)

    def _decode(self, row: ElementRow, value: Reader) -> object | None:
        """What an element's row makes of its value.

        One that fills no attribute fails silently, its bytes in the tree say it: errors must not
        depend on whether a tree is built.
        """
        start = value.at
        decoded: object | None = None
        try:
            if row.nested is not None:
                row.nested(value, self)
            elif row.decode is not None:
                decoded = row.decode(value)
        except DecodeError as error:
            if row.nested is not None or row.field is not None:
                self.fail(row.name, error, start)
            return None
        if row.field is not None:
            self.assign(row.field, decoded)
        return decoded

    @contextmanager
    def inside(self, element: Element) -> Iterator[None]:
        """What is read inside becomes a child of ``element``, if there is a tree."""
        outer = self.elements
        if outer is None:
            yield
            return
        outer.append(element)
        self.elements = element.children
        try:
            yield
        finally:
            self.elements = outer

    def note(self, element: Element) -> None:
        """Adds a header field to the tree, if there is one."""
        if self.elements is not None:
            self.elements.append(element)

    def keep(self, name: str, reader: Reader, octets: int, section: str = UNKNOWN) -> None:
        """Keeps bytes that no row describes; they may bear an identity."""
        start = reader.at
        raw = reader.take(min(octets, reader.left))
        if self.elements is not None and raw:
            self.elements.append(Element(name, section, start, raw, None, identity=True))


def read_message(
    row: MessageRow | None, family: MessageTable, reader: Reader, reading: Reading
) -> None:
    """Reads the elements after a message type octet; never raises.

    Args:
        row: of the message type; None for an unknown one, whose elements are kept as bytes.
        family: for identifiers that the row does not list.
        reader: stands after the message type.
        reading: takes what is found.
    """
    if row is None:
        reading.keep("UNKNOWN MESSAGE CONTENTS", reader, reader.left)
        return
    name = row.name
    start = reader.at
    try:
        for part in row.ordered:
            name, start = part.element.name, reader.at
            _read_ordered(part, reader, reading)
        for _ in range(MAX_ELEMENTS):
            if not reader.left:
                return
            start = reader.at
            name = _read_tagged(row, family, reader, reading)
        reading.fail(row.name, DecodeError("too many elements"), reader.at)
    except DecodeError as error:
        reading.fail(error.key or name, error, start)
    reading.keep("UNREADABLE REST", reader, reader.left)


def _read_ordered(part: Part, reader: Reader, reading: Reading) -> None:
    start = reader.at
    if part.form is Form.LV:
        value = _counted(part.element, reader, 1)
    elif part.form is Form.V:
        value = _fixed(part, reader)
    elif part.form is Form.REST:
        value = reader.within(reader.left)
    else:
        octet = reader.peek()
        nibble = octet & 0x0F if part.form is Form.LOW else octet >> 4
        if part.form is Form.HIGH:
            reader.at += 1
        _take_nibble(part.element, nibble, start, octet, reading)
        return
    reading.take(part.element, value, start)


def _read_tagged(row: MessageRow, family: MessageTable, reader: Reader, reading: Reading) -> str:
    start = reader.at
    tag = reader.octet()
    part = part_with(tag, row.tagged) or part_with(tag, family.shared)
    if part is None:
        _keep_unknown(tag, start, reader, reading, family)
        return f"UNKNOWN 0x{tag:02x}"
    element = part.element
    if part.form is Form.TV1:
        _take_nibble(element, tag & 0x0F, start, tag, reading)
        return element.name
    if part.form is Form.TLV:
        value = _counted(element, reader, 1)
    elif part.form is Form.TLV_E:
        value = _counted(element, reader, 2)
    elif part.form is Form.TV:
        value = _fixed(part, reader)
    else:
        value = reader.within(0)
    reading.take(element, value, start)
    return element.name


def part_with(tag: int, parts: Mapping[int, Part]) -> Part | None:
    """The part with this identifier; an identifier of half an octet matches by its upper half."""
    part = parts.get(tag)
    if part is not None and part.form is not Form.TV1:
        return part
    if tag & 0x80:
        part = parts.get(tag & 0xF0)
        return part if part is not None and part.form is Form.TV1 else None
    return None


def _counted(element: ElementRow, reader: Reader, octets: int) -> Reader:
    try:
        return reader.within(reader.number(octets))
    except DecodeError as error:
        raise DecodeError(error.reason, offset=error.offset, key=element.name) from None


def _fixed(part: Part, reader: Reader) -> Reader:
    try:
        return reader.within(part.length)
    except DecodeError:
        raise DecodeError("ends too early", offset=reader.at, key=part.element.name) from None


def _take_nibble(
    element: ElementRow, nibble: int, start: int, octet: int, reading: Reading
) -> None:
    """A half octet is decoded from an octet of its own; its place is that of the whole octet."""
    if reading.elements is None and element.field is None:
        return
    shown = Element(element.name, element.section, start, bytes([octet]))
    try:
        shown.value = element.decode(Reader(bytes([nibble]))) if element.decode else nibble
    except DecodeError as error:
        if element.field is not None:
            reading.fail(element.name, error, start)
    reading.note(shown)
    if element.field is not None:
        reading.assign(element.field, shown.value)


def _keep_unknown(
    tag: int, start: int, reader: Reader, reading: Reading, family: MessageTable
) -> None:
    """TS 24.007 11.2.4: bit 8 set means one octet, else an identifier with a length."""
    name = f"UNKNOWN 0x{tag:02x}"
    octets = 1 if tag & 0x80 and family.half_octets else 2 + (reader.peek() if reader.left else 0)
    if start + octets > reader.end:
        raise DecodeError("unknown element beyond its container", offset=start, key=name)
    reader.at = start
    reading.keep(name, reader, octets)
