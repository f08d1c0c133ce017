"""M3UA, SCCP, BSSAP, BSSMAP and layer 3 as scapy layers: to build messages by hand and in tests.

The layers are made from the decoder's own tables, so that every message type and element that can
be read can be built. scapy is under the GPL and an optional extra of this project (``pip install
xinling[scapy]``): nothing that runs imports this module, and import-linter holds it to that.

A subscriber comes into a location area::

    update = layer3("MM", "LOCATION UPDATING REQUEST")
    update.location_area_identification = lai("460", "00", 17104)
    update.mobile_identity = imsi("460001234567890")
    contact = bssmap("COMPLETE LAYER 3 INFORMATION")
    contact.elements = [
        element(0x05, cell("460", "00", 17105, 7)),
        element(0x17, bytes(update)),
    ]
    data = SccpOptional(code=0x0F, value=bytes(Bssap() / contact))
    request = SCCP["CR"](slr=1, called=address(), optional=[data])
    message = M3ua(parameters=[ProtocolData(opc=187, dpc=185, data=bytes(request))])
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from scapy.fields import (
    BitField,
    ByteEnumField,
    ByteField,
    ConditionalField,
    Field,
    FieldLenField,
    IntField,
    LEShortField,
    LEThreeBytesField,
    PacketListField,
    ShortField,
    StrField,
    StrFixedLenField,
    StrLenField,
    XByteField,
    XShortField,
)
from scapy.packet import Packet, Raw

from decoders import bssmap as bssmap_tables
from decoders import cc, mm, rr, sccp, sms, ss
from decoders.dtap import SEQUENCED
from decoders.names import Form, MessageRow, MessageTable, Part
from decoders.reading import part_with

FAMILIES: dict[str, tuple[int | None, MessageTable]] = {
    "BSSMAP": (None, bssmap_tables.TABLE),
    "CC": (0x3, cc.TABLE),
    "MM": (0x5, mm.TABLE),
    "RR": (0x6, rr.TABLE),
    "SMS": (0x9, sms.TABLE),
    "SS": (0xB, ss.TABLE),
}
"""Protocol → its discriminator (None of BSSMAP, which has none) and its tables."""


class _Part(Packet):
    """Something that stands in a list: what follows it is the next one's."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """See scapy: no payload, all the rest is padding."""
        return b"", s


class M3uaParameter(_Part):
    """Any parameter of M3UA, RFC 4666 3.2; without the padding, which `M3ua` adds."""

    name = "M3UA parameter"
    fields_desc = [
        XShortField("tag", 0),
        FieldLenField("length", None, length_of="value", adjust=lambda _, size: size + 4),
        StrLenField("value", b"", length_from=lambda packet: packet.length - 4),
        StrLenField("padding", b"", length_from=lambda packet: -packet.length % 4),
    ]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Pads to four octets."""
        return pkt + bytes(-len(pkt) % 4) + pay


class ProtocolData(_Part):
    """Protocol Data, RFC 4666 3.3.1: what SCCP travels in."""

    name = "M3UA Protocol Data"
    fields_desc = [
        XShortField("tag", 0x0210),
        FieldLenField("length", None, length_of="data", adjust=lambda _, size: size + 16),
        IntField("opc", 0),
        IntField("dpc", 0),
        ByteField("si", 3),
        ByteField("ni", 2),
        ByteField("mp", 0),
        ByteField("sls", 0),
        StrLenField("data", b"", length_from=lambda packet: packet.length - 16),
        StrLenField("padding", b"", length_from=lambda packet: -packet.length % 4),
    ]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Pads to four octets."""
        return pkt + bytes(-len(pkt) % 4) + pay


def _m3ua_parameter(_packet: Packet, _list: Any, _current: Any, rest: bytes) -> Any:
    if len(rest) < 4:
        return None
    return ProtocolData if rest[:2] == b"\x02\x10" else M3uaParameter


class M3ua(Packet):
    """A message of M3UA, RFC 4666 3.1; DATA unless told otherwise."""

    name = "M3UA"
    fields_desc = [
        ByteField("version", 1),
        ByteField("reserved", 0),
        ByteField("message_class", 1),
        ByteField("message_type", 1),
        IntField("length", None),
        PacketListField("parameters", [], next_cls_cb=_m3ua_parameter),
    ]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fills in the length of the whole message."""
        if self.length is None:
            pkt = pkt[:4] + len(pkt).to_bytes(4, "big") + pkt[8:]
        return pkt + pay


class SccpOptional(_Part):
    """An optional parameter of SCCP, Q.713 3; `code` is that of Q.713 table 2."""

    name = "SCCP optional parameter"
    fields_desc = [
        ByteEnumField("code", 0x0F, sccp.OPTIONAL),
        FieldLenField("length", None, length_of="value", fmt="B"),
        StrLenField("value", b"", length_from=lambda packet: packet.length),
    ]


class SccpMessage(Packet):
    """What all SCCP messages have in common; `SCCP` has one for each type of Q.713."""

    code = 0

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fills in the pointers, Q.713 1.5."""
        kind = sccp.TYPES[self.code]
        at = 1 + sum(sccp.PARAMETERS[key].octets for key in kind.fixed)
        octets = bytearray(pkt)
        target = at + kind.pointer * (len(kind.variable) + kind.optional)
        for key in kind.variable:
            _point(octets, at, kind.pointer, target)
            size = 2 if key == "long data" else 1
            target += size + int.from_bytes(octets[target : target + size], "little")
            at += kind.pointer
        if kind.optional and self.optional:
            _point(octets, at, kind.pointer, target)
        return bytes(octets) + pay


def _point(octets: bytearray, at: int, size: int, target: int) -> None:
    if not any(octets[at : at + size]):
        distance = target - (at + size - 1)
        octets[at : at + size] = distance.to_bytes(size, "little")


def _optional(_packet: Packet, _list: Any, _current: Any, rest: bytes) -> Any:
    return SccpOptional if rest and rest[0] else None


def _sccp_fixed(key: str) -> Field[Any, Any]:
    octets = sccp.PARAMETERS[key].octets
    if octets == 3:
        return LEThreeBytesField(_field_name(key), 0)
    return ShortField(_field_name(key), 0) if octets == 2 else ByteField(_field_name(key), 0)


def _sccp_type(code: int) -> type[Packet]:
    kind = sccp.TYPES[code]
    pointer = LEShortField if kind.pointer == 2 else ByteField
    fields: list[Field[Any, Any]] = [XByteField("message_type", code)]
    fields += [_sccp_fixed(key) for key in kind.fixed]
    fields += [pointer(f"{_field_name(key)}_pointer", 0) for key in kind.variable]
    if kind.optional:
        fields.append(pointer("optional_pointer", 0))
    for key in kind.variable:
        fields += _counted(_field_name(key), "<H" if key == "long data" else "B")
    if kind.optional:
        fields.append(PacketListField("optional", [], next_cls_cb=_optional))
        fields.append(_end())
    return _made(f"Sccp{kind.short}", kind.name, fields, SccpMessage, code=code)


def _end() -> Any:
    """The octet that ends optional parameters, where there are any."""
    return ConditionalField(ByteField("end", 0), lambda packet: bool(packet.optional))


def _counted(name: str, form: str) -> list[Field[Any, Any]]:
    length = f"{name}_length"
    return [
        FieldLenField(length, None, length_of=name, fmt=form),
        StrLenField(name, b"", length_from=lambda packet: getattr(packet, length)),
    ]


def _made(
    name: str, title: str, fields: list[Field[Any, Any]], base: type[Packet], **attributes: Any
) -> type[Packet]:
    """A layer; scapy makes a class of its description."""
    body = {"name": title, "fields_desc": fields, "__module__": __name__, **attributes}
    metaclass = cast("Callable[..., type[Packet]]", type(base))
    return metaclass(name, (base,), body)


class Element(_Part):
    """An element with its identifier; `element` makes one, by its place in the tables."""

    part: Part


def _element_fields(part: Part) -> list[Field[Any, Any]]:
    tag = part.tag or 0
    if part.form is Form.TV1:
        return [BitField("tag", tag >> 4, 4), BitField("value", 0, 4)]
    fields: list[Field[Any, Any]] = [XByteField("tag", tag)]
    if part.form is Form.TV:
        fields.append(StrFixedLenField("value", bytes(part.length), part.length))
    elif part.form in {Form.TLV, Form.TLV_E}:
        fields += _counted("value", "B" if part.form is Form.TLV else "H")
    return fields


_ELEMENTS: dict[Part, type[Packet]] = {}


def _element_type(part: Part) -> type[Packet]:
    known = _ELEMENTS.get(part)
    if known is None:
        title = part.element.name
        made = _made(_class_name(title), title, _element_fields(part), Element, part=part)
        known = _ELEMENTS[part] = made
    return known


def element(
    tag: int,
    value: bytes | int | None = None,
    *,
    of: MessageRow | None = None,
    protocol: str = "BSSMAP",
) -> Packet:
    """An element by its identifier.

    Args:
        tag: of a half-octet identifier with its lower half zero.
        value: octets; of a half-octet element, or one without a value, an integer or nothing.
        of: the message it is for, where a tag means different things in a family.
        protocol: the family.

    Raises:
        KeyError: the tables have no such element.
    """
    table = FAMILIES[protocol][1]
    part = (of.tagged.get(tag) if of is not None else None) or table.shared[tag]
    kind = _element_type(part)
    return kind() if value is None else kind(value=value)


def _next_element(table: MessageTable, row: MessageRow) -> Callable[..., Any]:
    def choose(_packet: Packet, _list: Any, _current: Any, rest: bytes) -> type[Packet] | None:
        if not rest:
            return None
        part = part_with(rest[0], row.tagged) or part_with(rest[0], table.shared)
        return Raw if part is None else _element_type(part)

    return choose


def _ordered_fields(row: MessageRow) -> list[Any]:
    fields: list[Any] = []
    names: set[str] = set()
    low: str | None = None
    for part in row.ordered:
        name = _unique(_field_name(part.element.name), names)
        if part.form is Form.LOW:
            low = name
        elif part.form is Form.HIGH:
            fields += [BitField(name, 0, 4), BitField(low or "low", 0, 4)]
        elif part.form is Form.LV:
            fields += _counted(name, "B")
        elif part.form is Form.V:
            fields.append(StrFixedLenField(name, bytes(part.length), part.length))
        else:
            fields.append(StrField(name, b""))
    return fields


def _message_type(protocol: str, row: MessageRow) -> type[Packet]:
    discriminator, table = FAMILIES[protocol]
    fields: list[Any] = []
    if discriminator is None:
        fields.append(XByteField("message_type", row.code))
    else:
        fields += [
            BitField("ti_flag", 0, 1),
            BitField("ti", 0, 3),
            BitField("pd", discriminator, 4),
        ]
        if discriminator in SEQUENCED:
            fields += [BitField("sequence", 0, 2), BitField("message_type", row.code, 6)]
        else:
            fields.append(XByteField("message_type", row.code))
    fields += _ordered_fields(row)
    fields.append(PacketListField("elements", [], next_cls_cb=_next_element(table, row)))
    name = f"{protocol.capitalize()}{_class_name(row.name)}"
    return _made(name, row.name, fields, Packet, row=row)


def bssmap(name: str, **fields: Any) -> Packet:
    """A BSSMAP message by its name in 48.008; raises KeyError for one that is not in the table."""
    return MESSAGES["BSSMAP", name](**fields)


def layer3(protocol: str, name: str, **fields: Any) -> Packet:
    """A layer 3 message by protocol and name, its ordered elements by their names in snake case.

    Raises KeyError for one that is not in the tables.
    """
    return MESSAGES[protocol, name](**fields)


class Bssap(Packet):
    """BSSAP's distribution, 48.006 9.3: what follows is BSSMAP, or with a DLCI layer 3."""

    name = "BSSAP"
    fields_desc = [
        ByteEnumField("discriminator", 0, {0: "BSSMAP", 1: "DTAP"}),
        ConditionalField(XByteField("dlci", 0), lambda packet: packet.discriminator == 1),
        ByteField("length", None),
    ]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Fills in the length of what follows."""
        if self.length is None:
            pkt = pkt[:-1] + bytes([len(pay)])
        return pkt + pay

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """The message that follows, by its type."""
        return guess(payload, dtap=self.discriminator == 1)


def guess(data: bytes, *, dtap: bool) -> type[Packet]:
    """The layer of a BSSMAP message, or of a layer 3 message with `dtap`; Raw for unknown ones."""
    if not dtap:
        return _BY_CODE.get((None, data[0]), Raw) if data else Raw
    if len(data) < 2:
        return Raw
    discriminator = data[0] & 15
    code = data[1] & 0x3F if discriminator in SEQUENCED else data[1]
    return _BY_CODE.get((discriminator, code), Raw)


def address(subsystem: int = 254, point_code: int | None = None, digits: str = "") -> bytes:
    """A party address of SCCP, Q.713 3.4; a global title of nature, plan and translation type."""
    indicator = 0x02 | (0x01 if point_code is not None else 0) | (0x10 if digits else 0x40)
    code = b"" if point_code is None else point_code.to_bytes(2, "little")
    title = b""
    if digits:
        title = bytes([0, 0x10 | (1 if len(digits) % 2 else 2), 4]) + bcd(digits, filler="0")
    return bytes([indicator]) + code + bytes([subsystem]) + title


def bcd(digits: str, filler: str = "f") -> bytes:
    """Digits two an octet, the first in the lower half, 24.008 table 10.5.118."""
    padded = digits + filler if len(digits) % 2 else digits
    values = [
        int(digit, 16) if digit in "0123456789f" else 10 + "*#abc".index(digit) for digit in padded
    ]
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))


def imsi(digits: str, kind: int = 1) -> bytes:
    """The value of a mobile identity, 24.008 10.5.1.4; `kind` 2 and 3 for IMEI and IMEISV."""
    odd = len(digits) % 2
    return bytes([int(digits[0]) << 4 | odd << 3 | kind]) + bcd(digits[1:])


def tmsi(hexadecimal: str) -> bytes:
    """The value of a mobile identity that is a TMSI."""
    return b"\xf4" + bytes.fromhex(hexadecimal)


def plmn(mcc: str, mnc: str) -> bytes:
    """MCC and MNC of two or three digits, 24.008 10.5.1.3."""
    third = mnc[2] if len(mnc) > 2 else "f"
    return bcd(mcc[:2] + mcc[2] + third + mnc[:2])


def lai(mcc: str, mnc: str, lac: int) -> bytes:
    """A location area identification, 24.008 10.5.1.3."""
    return plmn(mcc, mnc) + lac.to_bytes(2, "big")


def cell(mcc: str, mnc: str, lac: int, ci: int) -> bytes:
    """The value of a cell identifier of discriminator 0, 48.008 3.2.2.17."""
    return b"\0" + lai(mcc, mnc, lac) + ci.to_bytes(2, "big")


def called(digits: str, ton: int = 0, npi: int = 1) -> bytes:
    """The value of a called party's number, 24.008 10.5.4.7."""
    return bytes([0x80 | ton << 4 | npi]) + bcd(digits)


def _field_name(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"{plain}_" if plain in {"class", "return"} else plain


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name))


def _unique(name: str, names: set[str]) -> str:
    while name in names:
        name += "_2"
    names.add(name)
    return name


SCCP: dict[str, type[Packet]] = {kind.short: _sccp_type(code) for code, kind in sccp.TYPES.items()}
"""SCCP's messages by their short names: ``CR`` ``CC`` ``UDT`` and so on."""
MESSAGES: dict[tuple[str, str], type[Packet]] = {
    (protocol, row.name): _message_type(protocol, row)
    for protocol, (_, table) in FAMILIES.items()
    for row in table.messages.values()
}
"""Every message of BSSMAP and layer 3 by protocol and name."""
_BY_CODE: dict[tuple[int | None, int], type[Packet]] = {
    (discriminator, row.code): MESSAGES[protocol, row.name]
    for protocol, (discriminator, table) in FAMILIES.items()
    for row in table.messages.values()
}
