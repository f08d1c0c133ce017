"""Mobility management, TS 24.008 9.2: locations, identities, authentication, services.

The message type octet bears the send sequence number in bits 7 and 8 (24.007 11.2.3.2.1)::

     8   7   6   5   4   3   2   1
    | N(SD) | message type          |   mobile to network; network to mobile 0 0
"""

from __future__ import annotations

from decoders.bounded import Reader
from decoders.capabilities import moment, zone
from decoders.elements import (
    ADDITIONAL_UPDATE,
    CIPHERING_KEY_NUMBER,
    CLASSMARK_1,
    CLASSMARK_2,
    DEVICE_PROPERTIES,
    LOCATION_AREA,
    MOBILE_IDENTITY,
    PRIORITY_LEVEL,
    SPARE,
    identity_type,
    octet,
    update_type,
)
from decoders.names import (
    ElementRow,
    MessageTable,
    Named,
    high,
    low,
    lv,
    message,
    t,
    table,
    tlv,
    tv,
    tv1,
    v,
)

REJECT_CAUSES = {
    2: "IMSI unknown in HLR",
    3: "illegal MS",
    4: "IMSI unknown in VLR",
    5: "IMEI not accepted",
    6: "illegal ME",
    11: "PLMN not allowed",
    12: "location area not allowed",
    13: "roaming not allowed in this location area",
    15: "no suitable cells in location area",
    17: "network failure",
    20: "MAC failure",
    21: "synch failure",
    22: "congestion",
    23: "GSM authentication unacceptable",
    25: "not authorized for this CSG",
    32: "service option not supported",
    33: "requested service option not subscribed",
    34: "service option temporarily out of order",
    38: "call cannot be identified",
    95: "semantically incorrect message",
    96: "invalid mandatory information",
    97: "message type non-existent or not implemented",
    98: "message type not compatible with the protocol state",
    99: "information element non-existent or not implemented",
    100: "conditional IE error",
    101: "message not compatible with the protocol state",
    111: "protocol error, unspecified",
}
"""24.008 10.5.3.6 and annex G."""

SERVICES = {
    1: "mobile originating call or packet mode connection",
    2: "emergency call",
    4: "short message service",
    8: "supplementary service",
    9: "voice group call",
    10: "voice broadcast call",
    11: "location services",
}
"""24.008 10.5.3.3."""


def reject_cause(reader: Reader) -> Named:
    """24.008 10.5.3.6."""
    code = reader.octet()
    return Named(code, REJECT_CAUSES.get(code, "reserved"))


def service_type(reader: Reader) -> Named:
    """24.008 10.5.3.3."""
    code = reader.octet()
    return Named(code, SERVICES.get(code, "reserved"))


REJECT_CAUSE = ElementRow("REJECT CAUSE", "24.008 10.5.3.6", reject_cause, "cause")
UPDATING_TYPE = ElementRow("LOCATION UPDATING TYPE", "24.008 10.5.3.5", update_type, "update")
SERVICE_TYPE = ElementRow("CM SERVICE TYPE", "24.008 10.5.3.3", service_type, "service")
IDENTITY_TYPE = ElementRow("IDENTITY TYPE", "24.008 10.5.3.4", identity_type)
RAND = ElementRow("AUTHENTICATION PARAMETER RAND", "24.008 10.5.3.1")
SRES = ElementRow("AUTHENTICATION RESPONSE PARAMETER", "24.008 10.5.3.2")
SRES_EXTENSION = ElementRow("AUTHENTICATION RESPONSE PARAMETER (EXTENSION)", "24.008 10.5.3.2.1")
AUTN = ElementRow("AUTHENTICATION PARAMETER AUTN", "24.008 10.5.3.1.1")
AUTS = ElementRow("AUTHENTICATION FAILURE PARAMETER", "24.008 10.5.3.2.2")
FOLLOW_ON_PROCEED = ElementRow("FOLLOW ON PROCEED", "24.008 10.5.3.7")
CTS_PERMISSION = ElementRow("CTS PERMISSION", "24.008 10.5.3.10")
EQUIVALENT_PLMNS = ElementRow("EQUIVALENT PLMNS", "24.008 10.5.1.13")
EMERGENCY_NUMBERS = ElementRow("EMERGENCY NUMBER LIST", "24.008 10.5.3.13")
PER_MS_T3212 = ElementRow("PER MS T3212", "24.008 10.5.7.4a")
T3246 = ElementRow("T3246 VALUE", "24.008 10.5.7.4")
NETWORK_FEATURES = ElementRow("MS NETWORK FEATURE SUPPORT", "24.008 10.5.1.15", octet)
P_TMSI_TYPE = ElementRow("P-TMSI TYPE", "24.008 10.5.5.29", octet)
ROUTING_AREA = ElementRow("ROUTING AREA IDENTIFICATION", "24.008 10.5.5.15")
P_TMSI_SIGNATURE = ElementRow("P-TMSI SIGNATURE", "24.008 10.5.5.8")
PD_AND_SAPI = ElementRow("PD AND SAPI OF CM", "24.008 10.5.3.11")
FULL_NAME = ElementRow("FULL NAME FOR NETWORK", "24.008 10.5.3.5a")
SHORT_NAME = ElementRow("SHORT NAME FOR NETWORK", "24.008 10.5.3.5a")
TIME_ZONE = ElementRow("LOCAL TIME ZONE", "24.008 10.5.3.8", zone)
UNIVERSAL_TIME = ElementRow("UNIVERSAL TIME AND LOCAL TIME ZONE", "24.008 10.5.3.9", moment)
LSA_IDENTITY = ElementRow("LSA IDENTITY", "24.008 10.5.3.11a")
DAYLIGHT_SAVING = ElementRow("NETWORK DAYLIGHT SAVING TIME", "24.008 10.5.3.12")

TABLE: MessageTable = table(
    "MM",
    "24.008 table 10.2",
    (
        message(
            0x01,
            "IMSI DETACH INDICATION",
            "24.008 9.2.12",
            v(CLASSMARK_1, 1),
            lv(MOBILE_IDENTITY),
            from_mobile=True,
        ),
        message(
            0x02,
            "LOCATION UPDATING ACCEPT",
            "24.008 9.2.13",
            v(LOCATION_AREA, 5),
            tlv(0x17, MOBILE_IDENTITY),
            t(0xA1, FOLLOW_ON_PROCEED),
            t(0xA2, CTS_PERMISSION),
            tlv(0x4A, EQUIVALENT_PLMNS),
            tlv(0x34, EMERGENCY_NUMBERS),
            tlv(0x35, PER_MS_T3212),
            from_mobile=False,
        ),
        message(
            0x04,
            "LOCATION UPDATING REJECT",
            "24.008 9.2.14",
            v(REJECT_CAUSE, 1),
            tlv(0x36, T3246),
            from_mobile=False,
        ),
        message(
            0x08,
            "LOCATION UPDATING REQUEST",
            "24.008 9.2.15",
            low(UPDATING_TYPE),
            high(CIPHERING_KEY_NUMBER),
            v(LOCATION_AREA, 5),
            v(CLASSMARK_1, 1),
            lv(MOBILE_IDENTITY),
            tlv(0x33, CLASSMARK_2),
            tv1(0xC0, ADDITIONAL_UPDATE),
            tv1(0xD0, DEVICE_PROPERTIES),
            tv1(0xE0, NETWORK_FEATURES),
            from_mobile=True,
        ),
        message(0x11, "AUTHENTICATION REJECT", "24.008 9.2.1", from_mobile=False),
        message(
            0x12,
            "AUTHENTICATION REQUEST",
            "24.008 9.2.2",
            low(CIPHERING_KEY_NUMBER),
            high(SPARE),
            v(RAND, 16),
            tlv(0x20, AUTN),
            from_mobile=False,
        ),
        message(
            0x14,
            "AUTHENTICATION RESPONSE",
            "24.008 9.2.3",
            v(SRES, 4),
            tlv(0x21, SRES_EXTENSION),
            from_mobile=True,
        ),
        message(
            0x18,
            "IDENTITY REQUEST",
            "24.008 9.2.10",
            low(IDENTITY_TYPE),
            high(SPARE),
            from_mobile=False,
        ),
        message(
            0x19,
            "IDENTITY RESPONSE",
            "24.008 9.2.11",
            lv(MOBILE_IDENTITY),
            tv1(0xE0, P_TMSI_TYPE),
            tlv(0x1B, ROUTING_AREA),
            tlv(0x19, P_TMSI_SIGNATURE),
            from_mobile=True,
        ),
        message(
            0x1A,
            "TMSI REALLOCATION COMMAND",
            "24.008 9.2.17",
            v(LOCATION_AREA, 5),
            lv(MOBILE_IDENTITY),
            from_mobile=False,
        ),
        message(0x1B, "TMSI REALLOCATION COMPLETE", "24.008 9.2.18", from_mobile=True),
        message(
            0x1C,
            "AUTHENTICATION FAILURE",
            "24.008 9.2.3a",
            v(REJECT_CAUSE, 1),
            tlv(0x22, AUTS),
            from_mobile=True,
        ),
        message(0x21, "CM SERVICE ACCEPT", "24.008 9.2.5", from_mobile=False),
        message(
            0x22,
            "CM SERVICE REJECT",
            "24.008 9.2.6",
            v(REJECT_CAUSE, 1),
            tlv(0x36, T3246),
            from_mobile=False,
        ),
        message(0x23, "CM SERVICE ABORT", "24.008 9.2.7", from_mobile=True),
        message(
            0x24,
            "CM SERVICE REQUEST",
            "24.008 9.2.9",
            low(SERVICE_TYPE),
            high(CIPHERING_KEY_NUMBER),
            lv(CLASSMARK_2),
            lv(MOBILE_IDENTITY),
            tv1(0x80, PRIORITY_LEVEL),
            tv1(0xC0, ADDITIONAL_UPDATE),
            tv1(0xD0, DEVICE_PROPERTIES),
            from_mobile=True,
        ),
        message(0x25, "CM SERVICE PROMPT", "24.008 9.2.5a", v(PD_AND_SAPI, 1), from_mobile=False),
        message(
            0x28,
            "CM RE-ESTABLISHMENT REQUEST",
            "24.008 9.2.4",
            low(CIPHERING_KEY_NUMBER),
            high(SPARE),
            lv(CLASSMARK_2),
            lv(MOBILE_IDENTITY),
            tv(0x13, LOCATION_AREA, 5),
            tv1(0xD0, DEVICE_PROPERTIES),
            from_mobile=True,
        ),
        message(0x29, "ABORT", "24.008 9.2.8", v(REJECT_CAUSE, 1), from_mobile=False),
        message(0x30, "MM NULL", "24.008 9.2.19", from_mobile=True),
        message(0x31, "MM STATUS", "24.008 9.2.16", v(REJECT_CAUSE, 1)),
        message(
            0x32,
            "MM INFORMATION",
            "24.008 9.2.15a",
            tlv(0x43, FULL_NAME),
            tlv(0x45, SHORT_NAME),
            tv(0x46, TIME_ZONE, 1),
            tv(0x47, UNIVERSAL_TIME, 7),
            tlv(0x48, LSA_IDENTITY),
            tlv(0x49, DAYLIGHT_SAVING),
            from_mobile=False,
        ),
    ),
)
