"""Supplementary services and USSD, TS 24.080 2 and 3.

A Facility element holds components in BER (24.080 3.6, X.690 8.1)::

    | A1 Invoke, A2 Return result, A3 Return error, A4 Reject | length | contents |
      contents: 02 01 invoke identifier, 02 01 operation code, 30 parameter ...

Of the parameter only an SS-Code is read (octet string of one octet, 29.002 17.7.5); strings of
USSD stay undecoded bytes.
"""

from __future__ import annotations

from decoders.bounded import Reader
from decoders.elements import CAUSE
from decoders.errors import DecodeError
from decoders.messages import Element
from decoders.names import ElementRow, MessageTable, Named, lv, message, table, tlv
from decoders.reading import Reading

OPERATIONS = {
    10: "registerSS",
    11: "eraseSS",
    12: "activateSS",
    13: "deactivateSS",
    14: "interrogateSS",
    16: "notifySS",
    17: "registerPassword",
    18: "getPassword",
    19: "processUnstructuredSS-Data",
    38: "forwardCheckSS-Indication",
    59: "processUnstructuredSS-Request",
    60: "unstructuredSS-Request",
    61: "unstructuredSS-Notify",
    76: "registerCC-Entry",
    77: "eraseCC-Entry",
    115: "lcs-MOLR",
    116: "lcs-LocationNotification",
    117: "callDeflection",
    118: "userUserService",
    119: "accessRegisterCCEntry",
    120: "forwardCUG-Info",
    121: "splitMPTY",
    122: "retrieveMPTY",
    123: "holdMPTY",
    124: "buildMPTY",
    125: "forwardChargeAdvice",
    126: "explicitCT",
}
"""24.080 4.5 and table 4.2."""
WITH_SS_CODE = frozenset({10, 11, 12, 13, 14, 16, 17, 76, 77})
"""Operations whose argument or result begins with an SS-Code."""
COMPONENTS = {0xA1: "INVOKE", 0xA2: "RETURN RESULT", 0xA3: "RETURN ERROR", 0xA4: "REJECT"}
MAX_COMPONENTS = 16
COMPONENT_SECTION = "24.080 3.6.1"

INTEGER = 0x02
OCTET_STRING = 0x04
SEQUENCE = 0x30
LINKED_ID = 0x80
NOTIFY_SS_CODE = 0x81


def _operation(reader: Reader) -> Named:
    code = reader.number(reader.left) if 0 < reader.left <= 4 else -1
    if code < 0:
        raise DecodeError("operation code that is no small integer", offset=reader.at)
    return Named(code, OPERATIONS.get(code, "unknown"))


def _integer(reader: Reader) -> int:
    return reader.number(min(reader.left, 4))


INVOKE_ID = ElementRow("INVOKE ID", "24.080 3.6.3", _integer)
OPERATION = ElementRow("OPERATION CODE", "24.080 3.6.4", _operation, "operation")
ERROR_CODE = ElementRow("ERROR CODE", "24.080 3.6.6", _integer)
SS_CODE = ElementRow("SS-CODE", "29.002 17.7.5", _integer, "service_code")
PARAMETER = ElementRow("PARAMETERS", "24.080 3.6.5", text=True)
PROBLEM = ElementRow("PROBLEM CODE", "24.080 3.6.7", _integer)


def ber(reader: Reader) -> tuple[int, Reader]:
    """Tag and contents of the next BER value, X.690 8.1; an indefinite length takes all.

    Raises:
        DecodeError: it is longer than what holds it.
    """
    tag = reader.octet()
    length = reader.octet()
    if length == 0x80:
        return tag, reader.within(reader.left)
    if length & 0x80:
        if length & 0x7F > 4:
            raise DecodeError("length of more than four octets", offset=reader.at)
        length = reader.number(length & 0x7F)
    return tag, reader.within(length)


def facility(reader: Reader, reading: Reading) -> None:
    """Reads the components of a Facility element into the reading."""
    for _ in range(MAX_COMPONENTS):
        if not reader.left:
            return
        start = reader.at
        tag, contents = ber(reader)
        name = COMPONENTS.get(tag, f"UNKNOWN COMPONENT 0x{tag:02x}")
        raw = reader.data[start : contents.end]
        element = Element(name, COMPONENT_SECTION, start, raw, None, identity=True, text=True)
        with reading.inside(element):
            _component(tag, contents, reading)
    raise DecodeError("too many components", offset=reader.at)


def _component(tag: int, reader: Reader, reading: Reading) -> None:
    _primitive(INVOKE_ID, reader, reading)
    if tag == 0xA1:
        if reader.left and reader.peek() == LINKED_ID:
            _primitive(INVOKE_ID, reader, reading)
        _operation_and_parameter(reader, reading)
    elif tag == 0xA2 and reader.left:
        inner_tag, inner = ber(reader)
        if inner_tag == SEQUENCE:
            _operation_and_parameter(inner, reading)
    elif tag == 0xA3:
        _primitive(ERROR_CODE, reader, reading)
    elif tag == 0xA4:
        _primitive(PROBLEM, reader, reading)
    if reader.left:
        reading.take(PARAMETER, reader.within(reader.left), reader.at)


def _primitive(row: ElementRow, reader: Reader, reading: Reading) -> None:
    start = reader.at
    reading.take(row, ber(reader)[1], start)


def _operation_and_parameter(reader: Reader, reading: Reading) -> None:
    if not reader.left:
        return
    tag, contents = ber(reader)
    if tag != INTEGER:
        raise DecodeError("operation code that is no integer", offset=contents.at)
    code = _operation(Reader(contents.data, contents.at, contents.end)).code
    reading.take(OPERATION, contents, contents.at - 2)
    if code in WITH_SS_CODE and reader.left:
        _ss_code(Reader(reader.data, reader.at, reader.end), reading)
    if reader.left:
        start = reader.at
        reading.take(PARAMETER, reader.within(reader.left), start)


def _ss_code(reader: Reader, reading: Reading) -> None:
    """The SS-Code, alone or first in a sequence; absent in results that give other things."""
    tag, contents = ber(reader)
    if tag == SEQUENCE and contents.left:
        tag, contents = ber(contents)
    if tag in {OCTET_STRING, NOTIFY_SS_CODE} and contents.left == 1:
        reading.take(SS_CODE, contents, contents.at - 2)


FACILITY = ElementRow("FACILITY", "24.080 3.6.1", nested=facility, identity=True, text=True)
SS_VERSION = ElementRow("SS VERSION INDICATOR", "24.008 10.5.4.24")

TABLE: MessageTable = table(
    "SS",
    "24.080 3.4",
    (
        message(0x2A, "RELEASE COMPLETE", "24.080 2.5", tlv(0x08, CAUSE), tlv(0x1C, FACILITY)),
        message(0x3A, "FACILITY", "24.080 2.3", lv(FACILITY)),
        message(0x3B, "REGISTER", "24.080 2.4", tlv(0x1C, FACILITY), tlv(0x7F, SS_VERSION)),
    ),
)
