"""Short message transfer: CP and RP messages of TS 24.011, and the addresses of 23.040 TPDUs.

Three layers lie in each other::

    CP-DATA (24.011 7.2.1)  | RP message | length and value
    RP-DATA (24.011 7.3.1)  | type | reference | originator | destination | TPDU | each with length
    TPDU    (23.040 9.2.2)  | first octet | ... | address | ... | user data

User data is the text of a person's message: its place is known, its contents are never decoded.
"""

from __future__ import annotations

from decoders.bounded import Reader
from decoders.capabilities import moment
from decoders.elements import bcd_digits, calling_number, octet
from decoders.errors import DecodeError
from decoders.messages import PartyNumber
from decoders.names import ElementRow, MessageTable, Named, lv, message, table, v
from decoders.reading import Reading

GSM_7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""23.038 6.2.1: the default alphabet."""
ALPHANUMERIC = 5
"""Type of number of an address that is a name, 23.040 9.1.2.5."""
ADDRESS_OCTETS = 12
"""The longest TP address with its length and type, 23.040 9.1.2.5."""

CP_CAUSES = {
    17: "network failure",
    22: "congestion",
    81: "invalid transaction identifier value",
    95: "semantically incorrect message",
    96: "invalid mandatory information",
    97: "message type non-existent or not implemented",
    98: "message not compatible with the short message protocol state",
    99: "information element non-existent or not implemented",
    111: "protocol error, unspecified",
}
"""24.011 8.1.4.2."""
RP_CAUSES = {
    1: "unassigned number",
    8: "operator determined barring",
    10: "call barred",
    11: "reserved",
    21: "short message transfer rejected",
    22: "memory capacity exceeded",
    27: "destination out of order",
    28: "unidentified subscriber",
    29: "facility rejected",
    30: "unknown subscriber",
    38: "network out of order",
    41: "temporary failure",
    42: "congestion",
    47: "resources unavailable, unspecified",
    50: "requested facility not subscribed",
    69: "requested facility not implemented",
    81: "invalid short message transfer reference value",
    95: "semantically incorrect message",
    96: "invalid mandatory information",
    97: "message type non-existent or not implemented",
    98: "message not compatible with short message protocol state",
    99: "information element non-existent or not implemented",
    111: "protocol error, unspecified",
    127: "interworking, unspecified",
}
"""24.011 8.2.5.4."""
RP_MESSAGES = {
    0: ("RP-DATA", True),
    1: ("RP-DATA", False),
    2: ("RP-ACK", True),
    3: ("RP-ACK", False),
    4: ("RP-ERROR", True),
    5: ("RP-ERROR", False),
    6: ("RP-SMMA", True),
}
"""24.011 8.2.2: name, and whether the mobile sends it."""
TP_MESSAGES = {
    (0, False): "SMS-DELIVER",
    (0, True): "SMS-DELIVER-REPORT",
    (1, True): "SMS-SUBMIT",
    (1, False): "SMS-SUBMIT-REPORT",
    (2, False): "SMS-STATUS-REPORT",
    (2, True): "SMS-COMMAND",
}
"""23.040 9.2.3.1, by message type indicator and whether the mobile sends it."""


def _cp_cause(reader: Reader) -> Named:
    code = reader.octet()
    return Named(code, CP_CAUSES.get(code, "reserved"))


def _rp_cause(reader: Reader) -> Named:
    code = reader.octet() & 0x7F
    return Named(code, RP_CAUSES.get(code, "reserved"))


def _rp_type(reader: Reader) -> Named:
    code = reader.octet() & 0x07
    return Named(code, RP_MESSAGES.get(code, ("reserved", True))[0])


def septets(octets: bytes, count: int) -> str:
    """``count`` characters of the default alphabet from packed octets, 23.038 6.1.2.1."""
    packed = int.from_bytes(octets, "little")
    return "".join(GSM_7[packed >> 7 * index & 0x7F] for index in range(count))


def tp_address(reader: Reader) -> PartyNumber | None:
    """23.040 9.1.2.5: length in half octets, type, digits; None where it is empty."""
    halves = reader.octet()
    kind = reader.octet()
    value = reader.rest()
    if not halves:
        return None
    ton, npi = kind >> 4 & 7, kind & 15
    if ton == ALPHANUMERIC:
        return PartyNumber(septets(value, halves * 4 // 7), ton, npi)
    return PartyNumber(bcd_digits(value)[:halves], ton, npi)


def _address(row: ElementRow, reader: Reader, reading: Reading) -> None:
    """Takes a TP address, whose length octet counts half octets."""
    start = reader.at
    octets = 2 + (reader.peek() + 1) // 2
    if octets > ADDRESS_OCTETS:
        raise DecodeError("address longer than 12 octets", offset=start)
    reading.take(row, reader.within(octets), start)


def _fixed(row: ElementRow, octets: int, reader: Reader, reading: Reading) -> None:
    start = reader.at
    reading.take(row, reader.within(octets), start)


def _user_data(reader: Reader, reading: Reading) -> None:
    _fixed(USER_DATA_LENGTH, 1, reader, reading)
    _fixed(USER_DATA, reader.left, reader, reading)


def rp_message(reader: Reader, reading: Reading) -> None:
    """24.011 7.3: an RP message, from its message type indicator on."""
    name, from_mobile = RP_MESSAGES.get(reader.peek() & 0x07, ("", True))
    if not name:
        raise DecodeError("reserved RP message type", offset=reader.at)
    _fixed(RP_TYPE, 1, reader, reading)
    reading.fields.setdefault("rp_message", name)
    reading.fields["from_mobile"] = from_mobile
    _fixed(RP_REFERENCE, 1, reader, reading)
    tpdu = TPDU_FROM_MOBILE if from_mobile else TPDU_FROM_NETWORK
    if name == "RP-DATA":
        _counted(RP_ORIGINATOR, reader, reading)
        _counted(RP_DESTINATION, reader, reading)
        _counted(tpdu, reader, reading)
    else:
        if name == "RP-ERROR":
            _counted(RP_CAUSE, reader, reading)
        if reader.left and reader.peek() == RP_USER_DATA:
            reader.octet()
            _counted(tpdu, reader, reading)
    reading.keep("UNKNOWN RP ELEMENTS", reader, reader.left)


def _counted(row: ElementRow, reader: Reader, reading: Reading) -> None:
    start = reader.at
    reading.take(row, reader.within(reader.octet()), start)


def _tpdu(reader: Reader, reading: Reading, *, from_mobile: bool) -> None:
    if not reader.left:
        return
    first = reader.peek()
    name = TP_MESSAGES.get((first & 3, from_mobile))
    if name is None:
        raise DecodeError("reserved TP message type", offset=reader.at)
    reading.fields.setdefault("tp_message", name)
    _fixed(TP_FIRST, 1, reader, reading)
    _TP_READERS.get(name, _report)(first, reader, reading)


def tpdu_from_mobile(reader: Reader, reading: Reading) -> None:
    """23.040 9.2.2: SUBMIT, COMMAND, DELIVER-REPORT."""
    _tpdu(reader, reading, from_mobile=True)


def tpdu_from_network(reader: Reader, reading: Reading) -> None:
    """23.040 9.2.2: DELIVER, STATUS-REPORT, SUBMIT-REPORT."""
    _tpdu(reader, reading, from_mobile=False)


def _deliver(_first: int, reader: Reader, reading: Reading) -> None:
    _address(TP_ORIGINATOR, reader, reading)
    _fixed(TP_PROTOCOL, 1, reader, reading)
    _fixed(TP_CODING, 1, reader, reading)
    _fixed(TP_CENTRE_TIME, 7, reader, reading)
    _user_data(reader, reading)


def _submit(first: int, reader: Reader, reading: Reading) -> None:
    _fixed(TP_REFERENCE, 1, reader, reading)
    _address(TP_DESTINATION, reader, reading)
    _fixed(TP_PROTOCOL, 1, reader, reading)
    _fixed(TP_CODING, 1, reader, reading)
    validity = (0, 7, 1, 7)[first >> 3 & 3]
    if validity:
        _fixed(TP_VALIDITY, validity, reader, reading)
    _user_data(reader, reading)


def _status_report(_first: int, reader: Reader, reading: Reading) -> None:
    _fixed(TP_REFERENCE, 1, reader, reading)
    _address(TP_RECIPIENT, reader, reading)
    _fixed(TP_CENTRE_TIME, 7, reader, reading)
    _fixed(TP_DISCHARGE_TIME, 7, reader, reading)
    _fixed(TP_STATUS, 1, reader, reading)
    _report(_first, reader, reading)


def _command(_first: int, reader: Reader, reading: Reading) -> None:
    _fixed(TP_REFERENCE, 1, reader, reading)
    _fixed(TP_PROTOCOL, 1, reader, reading)
    _fixed(TP_COMMAND_TYPE, 1, reader, reading)
    _fixed(TP_MESSAGE_NUMBER, 1, reader, reading)
    _address(TP_DESTINATION, reader, reading)
    _user_data(reader, reading)


def _report(_first: int, reader: Reader, reading: Reading) -> None:
    if reader.left:
        _fixed(TP_PARAMETERS, reader.left, reader, reading)


_TP_READERS = {
    "SMS-DELIVER": _deliver,
    "SMS-SUBMIT": _submit,
    "SMS-STATUS-REPORT": _status_report,
    "SMS-COMMAND": _command,
}

RP_USER_DATA = 0x41
"""Identifier of RP user data in an RP-ACK or RP-ERROR, 24.011 8.2.5.3."""
RP_TYPE = ElementRow("RP MESSAGE TYPE", "24.011 8.2.2", _rp_type)
RP_REFERENCE = ElementRow("RP MESSAGE REFERENCE", "24.011 8.2.3", octet, "rp_reference")
RP_ORIGINATOR = ElementRow(
    "RP ORIGINATOR ADDRESS", "24.011 8.2.5.1", calling_number, "service_centre", identity=True
)
RP_DESTINATION = ElementRow(
    "RP DESTINATION ADDRESS", "24.011 8.2.5.2", calling_number, "service_centre", identity=True
)
RP_CAUSE = ElementRow("RP CAUSE", "24.011 8.2.5.4", _rp_cause, "cause")
TPDU_FROM_MOBILE = ElementRow(
    "RP USER DATA", "24.011 8.2.5.3", nested=tpdu_from_mobile, identity=True, text=True
)
TPDU_FROM_NETWORK = ElementRow(
    "RP USER DATA", "24.011 8.2.5.3", nested=tpdu_from_network, identity=True, text=True
)
TP_FIRST = ElementRow("TP MESSAGE TYPE AND FLAGS", "23.040 9.2.3.1", octet)
TP_REFERENCE = ElementRow("TP MESSAGE REFERENCE", "23.040 9.2.3.6", octet)
TP_ORIGINATOR = ElementRow(
    "TP ORIGINATING ADDRESS", "23.040 9.2.3.7", tp_address, "calling", identity=True
)
TP_DESTINATION = ElementRow(
    "TP DESTINATION ADDRESS", "23.040 9.2.3.8", tp_address, "called", identity=True
)
TP_RECIPIENT = ElementRow(
    "TP RECIPIENT ADDRESS", "23.040 9.2.3.14", tp_address, "called", identity=True
)
TP_PROTOCOL = ElementRow("TP PROTOCOL IDENTIFIER", "23.040 9.2.3.9", octet)
TP_CODING = ElementRow("TP DATA CODING SCHEME", "23.040 9.2.3.10", octet)
TP_CENTRE_TIME = ElementRow("TP SERVICE CENTRE TIME STAMP", "23.040 9.2.3.11", moment)
TP_DISCHARGE_TIME = ElementRow("TP DISCHARGE TIME", "23.040 9.2.3.13", moment)
TP_VALIDITY = ElementRow("TP VALIDITY PERIOD", "23.040 9.2.3.12")
TP_STATUS = ElementRow("TP STATUS", "23.040 9.2.3.15", octet)
TP_COMMAND_TYPE = ElementRow("TP COMMAND TYPE", "23.040 9.2.3.19", octet)
TP_MESSAGE_NUMBER = ElementRow("TP MESSAGE NUMBER", "23.040 9.2.3.18", octet)
TP_PARAMETERS = ElementRow("TP PARAMETERS", "23.040 9.2.3.27", text=True)
USER_DATA_LENGTH = ElementRow("TP USER DATA LENGTH", "23.040 9.2.3.16", octet)
USER_DATA = ElementRow("TP USER DATA", "23.040 9.2.3.24", text=True)
CP_USER_DATA = ElementRow(
    "CP USER DATA", "24.011 8.1.4.1", nested=rp_message, identity=True, text=True
)
CP_CAUSE = ElementRow("CP CAUSE", "24.011 8.1.4.2", _cp_cause, "cause")

TABLE: MessageTable = table(
    "SMS",
    "24.011 table 8.1",
    (
        message(0x01, "CP-DATA", "24.011 7.2.1", lv(CP_USER_DATA)),
        message(0x04, "CP-ACK", "24.011 7.2.2"),
        message(0x10, "CP-ERROR", "24.011 7.2.3", v(CP_CAUSE, 1)),
    ),
)
