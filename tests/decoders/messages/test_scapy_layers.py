"""What is built with the scapy layers is what the decoder gives back, for all of the tables."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from builders import unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decoders import sccp
from decoders.decoder import Decoder, DecoderConfig
from decoders.dtap import SEQUENCED, WITH_TRANSACTION
from decoders.messages import Cell, Element, Lai, Message, PartyNumber, Record
from decoders.names import Form, MessageRow, Part

pytest.importorskip("scapy", reason="scapy is not installed: pip install 'xinling[scapy]'")

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.layers.sctp import SCTP, SCTPChunkData

from decoders import scapy_layers as layers

EXAMPLES = settings(max_examples=200, suppress_health_check=list(HealthCheck), derandomize=True)
MOST = 8
"""Elements with identifiers in one message."""
DIGITS = st.text("0123456789", min_size=1, max_size=15)
EVERY = sorted(layers.MESSAGES)
MCC = st.text("0123456789", min_size=3, max_size=3)
MNC = st.text("0123456789", min_size=2, max_size=3)
LOCAL_REFERENCES = st.integers(1, 0xFFFFFF)
POINT_CODES = st.integers(0, 0x3FFF)


class Built(NamedTuple):
    """A message and what its elements are."""

    protocol: str
    row: MessageRow
    packet: Any
    elements: list[tuple[str, bytes]]


def octets(part: Part) -> st.SearchStrategy[bytes]:
    """Any value that the element's place has room for."""
    if part.form in {Form.V, Form.TV}:
        return st.binary(min_size=part.length, max_size=part.length)
    return st.binary(max_size=18)


@st.composite
def built(draw: st.DrawFn, case: tuple[str, str] | None = None) -> Built:
    """A message with any values in its ordered elements and any of the family's others."""
    protocol, name = case or draw(st.sampled_from(EVERY))
    discriminator, table = layers.FAMILIES[protocol]
    kind = layers.MESSAGES[protocol, name]
    row = kind.row
    packet, expected = kind(), []
    if discriminator in WITH_TRANSACTION:
        packet.ti_flag, packet.ti = draw(st.integers(0, 1)), draw(st.integers(0, 6))
    if discriminator in SEQUENCED:
        packet.sequence = draw(st.integers(0, 3))
    for field, part in fields_of(packet, row):
        if part.form in {Form.LOW, Form.HIGH}:
            setattr(packet, field, draw(st.integers(0, 15)))
        else:
            setattr(packet, field, draw(octets(part)))
    expected += list(ordered(packet, row))
    if not any(part.form is Form.REST for part in row.ordered):
        parts = list({**table.shared, **row.tagged}.values())
        for part in draw(st.lists(st.sampled_from(parts), max_size=MOST)) if parts else []:
            one = layers.element(part.tag or 0, of=row, protocol=protocol)
            if part.form is Form.TV1:
                one.value = draw(st.integers(0, 15))
            elif part.form is not Form.T:
                one.value = draw(octets(part))
            packet.elements.append(one)
            expected.append((part.element.name, bytes(one)))
    return Built(protocol, row, packet, expected)


def fields_of(packet: Any, row: MessageRow) -> list[tuple[str, Part]]:
    """The names of the fields of the ordered elements."""
    left = [field.name for field in packet.fields_desc]
    found = []
    for part in row.ordered:
        base = layers._field_name(part.element.name)
        name = next(one for one in left if one in {base, f"{base}_2"})
        left.remove(name)
        found.append((name, part))
    return found


def ordered(packet: Any, row: MessageRow) -> list[tuple[str, bytes]]:
    """Name and octets of each ordered element, as the decoder's tree has them."""
    found, low = [], 0
    for field, part in fields_of(packet, row):
        value = getattr(packet, field)
        name = part.element.name
        if part.form is Form.LOW:
            low = value
            found.append((name, b""))
        elif part.form is Form.HIGH:
            octet = bytes([value << 4 | low])
            found[-1] = (found[-1][0], octet)
            found.append((name, octet))
        elif part.form is Form.LV:
            found.append((name, bytes([len(value)]) + value))
        else:
            found.append((name, value.ljust(part.length, b"\0") if part.form is Form.V else value))
    return found


def carried(one: Built, **to: int) -> bytes:
    """The message in BSSAP in a DT1."""
    head = layers.Bssap() if one.protocol == "BSSMAP" else layers.Bssap(discriminator=1, dlci=0x83)
    return bytes(layers.SCCP["DT1"](data=bytes(head / one.packet), **to))


def found(message: Message) -> list[tuple[str, bytes]]:
    """The elements of a decoded message after its header."""
    header = {"MESSAGE TYPE", "PROTOCOL DISCRIMINATOR", "SKIP INDICATOR", "TRANSACTION IDENTIFIER"}
    return [
        (element.name, element.raw)
        for element in message.elements or []
        if element.name not in header
    ]


def decoded(data: bytes, opc: int | None = None, dpc: int | None = None) -> list[Message]:
    decoder = Decoder(DecoderConfig(elements=True))
    return decoder.unit(unit(data)._replace(opc=opc, dpc=dpc))


def check(one: Built, messages: list[Message], reference: int) -> None:
    first = messages[0]
    assert (first.protocol, first.message) == (one.protocol, one.row.name)
    assert (first.code, first.dlr) == (one.row.code, reference)
    assert first.raw == bytes(one.packet)
    if one.protocol in {"CC", "SMS", "SS"}:
        assert (first.ti, first.ti_flag) == (one.packet.ti, one.packet.ti_flag)
    if sum(len(octets) for _, octets in one.elements) and first.error is None:
        assert found(first) == one.elements
    else:
        assert found(first)[: len(one.elements)] == one.elements


@EXAMPLES
@given(built(), LOCAL_REFERENCES)
def test_what_is_built_is_decoded_element_by_element(one: Built, reference: int) -> None:
    data = carried(one, dlr=reference)
    if len(bytes(one.packet)) <= 250:
        check(one, decoded(data), reference)


@pytest.mark.parametrize("case", EVERY, ids=" ".join)
def test_every_message_of_the_tables_is_built_and_decoded(case: tuple[str, str]) -> None:
    @settings(EXAMPLES, max_examples=8)
    @given(built(case))
    def each(one: Built) -> None:
        if len(bytes(one.packet)) <= 250:
            check(one, decoded(carried(one, dlr=5)), 5)

    each()


def test_every_element_of_the_tables_is_built_and_decoded() -> None:
    for protocol, (_, table) in layers.FAMILIES.items():
        for row in table.messages.values():
            for part in row.tagged.values():
                packet = layers.MESSAGES[protocol, row.name]()
                one = layers.element(part.tag or 0, of=row, protocol=protocol)
                if part.form in {Form.TLV, Form.TLV_E}:
                    one.value = b"\x01\x02\x03"
                packet.elements = [one]
                case = Built(
                    protocol,
                    row,
                    packet,
                    [*ordered(packet, row), (part.element.name, bytes(one))],
                )
                check(case, decoded(carried(case, dlr=5)), 5)


@EXAMPLES
@given(built())
def test_scapy_itself_reads_what_it_built(one: Built) -> None:
    head = layers.Bssap() if one.protocol == "BSSMAP" else layers.Bssap(discriminator=1)
    data = bytes(head / one.packet)
    if len(data) > 255:
        return
    again = layers.Bssap(data)
    assert bytes(again) == data
    assert type(again.payload) is type(one.packet)
    assert [bytes(part) for part in again.payload.elements] == [
        bytes(part) for part in one.packet.elements
    ]


REFERENCE_KEYS = {"slr", "dlr"}


@st.composite
def connection(draw: st.DrawFn) -> tuple[int, Any]:
    """Any SCCP message with any values in its parameters."""
    code = draw(st.sampled_from(sorted(sccp.TYPES)))
    kind = sccp.TYPES[code]
    packet = layers.SCCP[kind.short]()
    for key in kind.fixed:
        most = (1 << 8 * sccp.PARAMETERS[key].octets) - 1
        setattr(packet, layers._field_name(key), draw(st.integers(0, most)))
    for key in kind.variable:
        if key in {"called", "calling"}:
            value = draw(parties())
        else:
            value = draw(st.binary(min_size=1, max_size=200))
        setattr(packet, layers._field_name(key), value)
    if kind.optional and draw(st.booleans()):
        packet.optional = [layers.SccpOptional(code=0x12, value=b"\x05")]
        if code in {1, 2, 3, 4}:
            data = draw(st.binary(min_size=1, max_size=130))
            packet.optional.append(layers.SccpOptional(code=0x0F, value=data))
    return code, packet


@st.composite
def parties(draw: st.DrawFn) -> bytes:
    point_code = draw(st.none() | POINT_CODES)
    digits = draw(st.just("") | DIGITS)
    return layers.address(draw(st.integers(1, 254)), point_code, digits)


@EXAMPLES
@given(connection())
def test_every_sccp_message_is_decoded_as_built(case: tuple[int, Any]) -> None:
    code, packet = case
    kind = sccp.TYPES[code]
    parsed = sccp.parse(bytes(packet), elements=True)
    assert (parsed.code, parsed.short, parsed.error) == (code, kind.short, None)
    for key in REFERENCE_KEYS & set(kind.fixed):
        assert getattr(parsed, key) == getattr(packet, key)
    held = {element.name: element for element in parsed.elements or []}
    for key in kind.variable:
        value = getattr(packet, layers._field_name(key))
        assert held[sccp.PARAMETERS[key].name].raw.endswith(value)
        if key in {"data", "long data"}:
            assert parsed.data == value
    if kind.optional and packet.optional:
        assert "IMPORTANCE" in held


@EXAMPLES
@given(st.integers(1, 254), st.none() | POINT_CODES, st.just("") | DIGITS)
def test_addresses_come_back(subsystem: int, point_code: int | None, digits: str) -> None:
    packet = layers.SCCP["UDT"](
        called=layers.address(subsystem, point_code, digits), calling=layers.address(), data=b"\0"
    )
    called = sccp.parse(bytes(packet)).called
    assert called is not None
    assert (called.subsystem, called.point_code) == (subsystem, point_code)
    assert (called.global_title or "") == digits


@EXAMPLES
@given(
    st.text("0123456789", min_size=6, max_size=15),
    st.builds(Cell, MCC, MNC, st.integers(0, 65535), st.integers(0, 65535)),
    LOCAL_REFERENCES,
    POINT_CODES,
    POINT_CODES,
)
def test_a_whole_frame_comes_back_with_its_meaning(
    digits: str, place: Cell, slr: int, opc: int, dpc: int
) -> None:
    mcc, mnc, lac = place.mcc or "", place.mnc or "", place.lac or 0
    update = layers.layer3("MM", "LOCATION UPDATING REQUEST")
    update.location_area_identification = layers.lai(mcc, mnc, lac)
    update.mobile_identity = layers.imsi(digits)
    contact = layers.bssmap("COMPLETE LAYER 3 INFORMATION")
    contact.elements = [
        layers.element(0x05, layers.cell(mcc, mnc, lac, place.ci or 0)),
        layers.element(0x17, bytes(update)),
    ]
    data = layers.SccpOptional(code=0x0F, value=bytes(layers.Bssap() / contact))
    request = layers.SCCP["CR"](slr=slr, called=layers.address(), optional=[data])
    m3ua = layers.M3ua(parameters=[layers.ProtocolData(opc=opc, dpc=dpc, data=bytes(request))])
    chunk = SCTPChunkData(beginning=1, ending=1, tsn=7, proto_id=3, data=bytes(m3ua))
    frame = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / SCTP(sport=2905, dport=2905) / chunk
    outer, inner = Decoder().feed(Record("built", 1, 0, 1, bytes(frame)))
    assert (outer.sccp, outer.slr, outer.opc, outer.dpc) == ("CR", slr, opc, dpc)
    assert outer.cell == place
    assert (inner.message, inner.imsi) == ("LOCATION UPDATING REQUEST", digits)
    assert inner.lai == Lai(mcc, mnc, lac)
    assert outer.error is None
    assert inner.error is None


@EXAMPLES
@given(
    st.text("0123456789*#abc", min_size=1, max_size=20),
    st.integers(0, 7),
    st.integers(0, 15),
    st.integers(0, 6),
)
def test_a_called_number_comes_back(digits: str, ton: int, npi: int, ti: int) -> None:
    setup = layers.layer3("CC", "SETUP", ti=ti)
    number = layers.called(digits, ton, npi)
    setup.elements = [layers.element(0x5E, number, of=setup.row, protocol="CC")]
    data = layers.SCCP["DT1"](dlr=1, data=bytes(layers.Bssap(discriminator=1) / setup))
    (message,) = decoded(bytes(data))
    assert message.called == PartyNumber(digits, ton, npi)
    assert message.ti == ti


@EXAMPLES
@given(st.binary(min_size=4, max_size=4))
def test_a_tmsi_comes_back(value: bytes) -> None:
    paging = layers.bssmap("PAGING")
    paging.elements = [layers.element(0x09, value)]
    data = layers.SCCP["UDT"](
        called=layers.address(), calling=layers.address(), data=bytes(layers.Bssap() / paging)
    )
    (message,) = decoded(bytes(data))
    assert message.tmsi == value.hex()
    response = layers.layer3("RR", "PAGING RESPONSE")
    assert layers.tmsi(value.hex()) == b"\xf4" + value
    assert any(field.name == "mobile_identity" for field in response.fields_desc)


def test_m3ua_is_taken_apart_again() -> None:
    whole = layers.M3ua(
        parameters=[
            layers.M3uaParameter(tag=6, value=b"\0\0\0\x05"),
            layers.ProtocolData(opc=1, dpc=2, data=b"\x05\x01\0\0\x02\0\0"),
        ]
    )
    again = layers.M3ua(bytes(whole))
    assert bytes(again) == bytes(whole)
    assert [part.tag for part in again.parameters] == [6, 0x0210]
    assert again.parameters[1].dpc == 2


def test_an_element_that_no_table_has_is_refused() -> None:
    with pytest.raises(KeyError):
        layers.element(0x02)
    with pytest.raises(KeyError):
        layers.bssmap("NO SUCH MESSAGE")


def test_the_offsets_in_a_tree_are_those_of_what_was_built() -> None:
    packet = layers.bssmap("COMMON ID")
    packet.elements = [layers.element(0x08, layers.imsi("460001234567890"))]
    data = layers.SCCP["DT1"](dlr=9, data=bytes(layers.Bssap() / packet))
    (message,) = decoded(bytes(data))
    element: Element = (message.elements or [])[-1]
    assert message.raw[element.offset :][: len(element.raw)] == element.raw
