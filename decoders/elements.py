"""Information elements that several message families share.

Mobile identity (24.008 10.5.1.4)::

     8   7   6   5   4   3   2   1
    | digit 1       |odd| type      |   type 1 IMSI, 2 IMEI, 3 IMEISV, 4 TMSI (four octets follow)
    | digit p+1     | digit p       |   last upper half 1111 when the number of digits is even

Location area identification (24.008 10.5.1.3)::

    | MCC digit 2   | MCC digit 1   |
    | MNC digit 3   | MCC digit 3   |   MNC digit 3 is 1111 for two digits
    | MNC digit 2   | MNC digit 1   |
    | LAC                           |   two octets
"""

from __future__ import annotations

from typing import NamedTuple

from decoders.bounded import Reader
from decoders.capabilities import classmark_1, classmark_2
from decoders.errors import DecodeError
from decoders.messages import Cell, Lai, PartyNumber
from decoders.names import ElementRow, Named

MOST_DIGITS = {1: 15, 2: 15, 3: 16}
"""Of IMSI, IMEI and IMEISV, 23.003 2.2 and 6.2."""
BCD = "0123456789*#abc"
"""24.008 table 10.5.118; 1111 ends the number."""


class MobileIdentity(NamedTuple):
    """24.008 10.5.1.4."""

    kind: int
    """1 IMSI, 2 IMEI, 3 IMEISV, 4 TMSI; 0 none and others: no digits."""
    digits: str
    """Decimal digits; of a TMSI eight hexadecimal ones."""


class UpdateType(NamedTuple):
    """24.008 10.5.3.5."""

    name: str
    follow_on: bool


IDENTITY_NAMES = {0: "none", 1: "IMSI", 2: "IMEI", 3: "IMEISV", 4: "TMSI", 5: "TMGI"}
UPDATE_TYPES = {0: "normal", 1: "periodic", 2: "imsi attach", 3: "reserved"}


def mobile_identity(reader: Reader) -> MobileIdentity:
    """24.008 10.5.1.4: the value part."""
    first = reader.octet()
    kind = first & 0x07
    if kind == 4:
        return MobileIdentity(kind, _tmsi(reader))
    if kind not in {1, 2, 3}:
        return MobileIdentity(kind, "")
    halves = [first >> 4]
    for octet in reader.rest():
        halves += (octet & 0x0F, octet >> 4)
    if not first & 0x08 and halves.pop() != 15:
        raise DecodeError("identity of an even number of digits without end mark")
    if len(halves) > MOST_DIGITS[kind]:
        raise DecodeError("identity with too many digits", offset=reader.at)
    return MobileIdentity(kind, _decimal(halves))


def _tmsi(reader: Reader) -> str:
    if reader.left != 4:
        raise DecodeError("a TMSI has four octets", offset=reader.at)
    return reader.rest().hex()


def _decimal(halves: list[int]) -> str:
    if any(half > 9 for half in halves):
        raise DecodeError("identity with a digit that is none")
    return "".join(map(str, halves))


def tmsi_value(reader: Reader) -> MobileIdentity:
    """48.008 3.2.2.7: four octets without type."""
    return MobileIdentity(4, _tmsi(reader))


def plmn(octets: bytes) -> tuple[str, str]:
    """MCC and MNC of three octets; digits that are none stay hexadecimal."""
    mcc = f"{octets[0] & 15:x}{octets[0] >> 4:x}{octets[1] & 15:x}"
    mnc = f"{octets[2] & 15:x}{octets[2] >> 4:x}"
    third = octets[1] >> 4
    return mcc, mnc if third == 15 else f"{mnc}{third:x}"


def lai(reader: Reader) -> Lai:
    """24.008 10.5.1.3."""
    mcc, mnc = plmn(reader.take(3))
    return Lai(mcc, mnc, reader.number(2))


def cell_global(reader: Reader) -> Cell:
    """MCC, MNC, LAC and CI, 48.008 3.2.2.17 discriminator 0."""
    mcc, mnc = plmn(reader.take(3))
    return Cell(mcc, mnc, reader.number(2), reader.number(2))


def bcd_digits(octets: bytes) -> str:
    """Digits of a BCD number up to the end mark, 24.008 table 10.5.118."""
    digits: list[str] = []
    for octet in octets:
        for half in (octet & 0x0F, octet >> 4):
            if half == 15:
                return "".join(digits)
            digits.append(BCD[half])
    return "".join(digits)


def called_number(reader: Reader) -> PartyNumber | None:
    """24.008 10.5.4.7; None where the element is empty."""
    if not reader.left:
        return None
    octet = reader.octet()
    return PartyNumber(bcd_digits(reader.rest()), octet >> 4 & 7, octet & 15)


def calling_number(reader: Reader) -> PartyNumber | None:
    """24.008 10.5.4.9: octet 3a with presentation and screening follows when bit 8 is 0."""
    if not reader.left:
        return None
    octet = reader.octet()
    if not octet & 0x80 and reader.left:
        reader.octet()
    return PartyNumber(bcd_digits(reader.rest()), octet >> 4 & 7, octet & 15)


def octet(reader: Reader) -> int:
    """One octet as an integer."""
    return reader.octet()


def identity_type(reader: Reader) -> Named:
    """24.008 10.5.5.9 and 10.5.3.4: which identity is asked for."""
    kind = reader.octet() & 0x07
    return Named(kind, IDENTITY_NAMES.get(kind, "reserved"))


def update_type(reader: Reader) -> UpdateType:
    """24.008 10.5.3.5."""
    value = reader.octet()
    return UpdateType(UPDATE_TYPES[value & 3], bool(value & 8))


MOBILE_IDENTITY = ElementRow(
    "MOBILE IDENTITY", "24.008 10.5.1.4", mobile_identity, "identity", identity=True
)
LOCATION_AREA = ElementRow("LOCATION AREA IDENTIFICATION", "24.008 10.5.1.3", lai, "lai")
CIPHERING_KEY_NUMBER = ElementRow("CIPHERING KEY SEQUENCE NUMBER", "24.008 10.5.1.2", octet)
CLASSMARK_1 = ElementRow("MOBILE STATION CLASSMARK 1", "24.008 10.5.1.5", classmark_1)
CLASSMARK_2 = ElementRow("MOBILE STATION CLASSMARK 2", "24.008 10.5.1.6", classmark_2)
CLASSMARK_3 = ElementRow("MOBILE STATION CLASSMARK 3", "24.008 10.5.1.7")
SPARE = ElementRow("SPARE HALF OCTET", "24.008 10.5.1.8")
PRIORITY_LEVEL = ElementRow("PRIORITY LEVEL", "24.008 10.5.1.11", octet)
DEVICE_PROPERTIES = ElementRow("DEVICE PROPERTIES", "24.008 10.5.7.8", octet)
ADDITIONAL_UPDATE = ElementRow("ADDITIONAL UPDATE PARAMETERS", "24.008 10.5.3.14", octet)

CALL_CAUSES = {
    1: "unassigned number",
    3: "no route to destination",
    6: "channel unacceptable",
    8: "operator determined barring",
    16: "normal call clearing",
    17: "user busy",
    18: "no user responding",
    19: "user alerting, no answer",
    21: "call rejected",
    22: "number changed",
    24: "call rejected due to feature at the destination",
    25: "pre-emption",
    26: "non selected user clearing",
    27: "destination out of order",
    28: "invalid number format",
    29: "facility rejected",
    30: "response to STATUS ENQUIRY",
    31: "normal, unspecified",
    34: "no circuit/channel available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    43: "access information discarded",
    44: "requested circuit/channel not available",
    47: "resources unavailable, unspecified",
    49: "quality of service unavailable",
    50: "requested facility not subscribed",
    55: "incoming calls barred within the CUG",
    57: "bearer capability not authorized",
    58: "bearer capability not presently available",
    63: "service or option not available, unspecified",
    65: "bearer service not implemented",
    68: "ACM equal to or greater than ACMmax",
    69: "requested facility not implemented",
    70: "only restricted digital information bearer capability is available",
    79: "service or option not implemented, unspecified",
    81: "invalid transaction identifier value",
    87: "user not member of CUG",
    88: "incompatible destination",
    91: "invalid transit network selection",
    95: "semantically incorrect message",
    96: "invalid mandatory information",
    97: "message type non-existent or not implemented",
    98: "message type not compatible with protocol state",
    99: "information element non-existent or not implemented",
    100: "conditional IE error",
    101: "message not compatible with protocol state",
    102: "recovery on timer expiry",
    111: "protocol error, unspecified",
    127: "interworking, unspecified",
}
"""24.008 table 10.5.123."""


def call_cause(reader: Reader) -> Named:
    """24.008 10.5.4.11: octet 3a (recommendation) stands where bit 8 of octet 3 is 0."""
    if not reader.octet() & 0x80:
        reader.octet()
    code = reader.octet() & 0x7F
    return Named(code, CALL_CAUSES.get(code, "reserved"))


CAUSE = ElementRow("CAUSE", "24.008 10.5.4.11", call_cause, "cause")
