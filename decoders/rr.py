"""Radio resource messages that pass the A-interface, TS 44.018 9.1.

They come as the first message of a connection (PAGING RESPONSE), inside BSSMAP messages (the
handover and ciphering commands that pass unchanged) or as DTAP where a network sends them so.
Of the commands that describe a channel, only the cause is read; the rest is the radio's own.
"""

from __future__ import annotations

from decoders.bounded import Reader
from decoders.elements import (
    ADDITIONAL_UPDATE,
    CIPHERING_KEY_NUMBER,
    CLASSMARK_2,
    CLASSMARK_3,
    MOBILE_IDENTITY,
    SPARE,
    octet,
)
from decoders.names import (
    ElementRow,
    MessageTable,
    Named,
    high,
    low,
    lv,
    message,
    rest,
    table,
    tlv,
    tv1,
    v,
)

RR_CAUSES = {
    0: "normal event",
    1: "abnormal release, unspecified",
    2: "abnormal release, channel unacceptable",
    3: "abnormal release, timer expired",
    4: "abnormal release, no activity on the radio path",
    5: "preemptive release",
    6: "UTRAN configuration unknown",
    8: "handover impossible, timing advance out of range",
    9: "channel mode unacceptable",
    10: "frequency not implemented",
    11: "originator or talker leaving group call area",
    12: "lower layer failure",
    65: "call already cleared",
    95: "semantically incorrect message",
    96: "invalid mandatory information",
    97: "message type non-existent or not implemented",
    98: "message type not compatible with protocol state",
    100: "conditional IE error",
    101: "no cell allocation available",
    111: "protocol error unspecified",
}
"""44.018 10.5.2.31."""


def rr_cause(reader: Reader) -> Named:
    """44.018 10.5.2.31."""
    code = reader.octet()
    return Named(code, RR_CAUSES.get(code, "reserved"))


RR_CAUSE = ElementRow("RR CAUSE", "44.018 10.5.2.31", rr_cause, "cause")
CIPHER_MODE = ElementRow("CIPHER MODE SETTING", "44.018 10.5.2.9", octet)
CIPHER_RESPONSE = ElementRow("CIPHER RESPONSE", "44.018 10.5.2.10", octet)
MOBILE_EQUIPMENT = ElementRow(
    "MOBILE EQUIPMENT IDENTITY",
    "24.008 10.5.1.4",
    MOBILE_IDENTITY.decode,
    "identity",
    identity=True,
)
CLASSMARK_ENQUIRY_MASK = ElementRow("CLASSMARK ENQUIRY MASK", "44.018 10.5.2.7c")
APDU_ID = ElementRow("APDU ID", "44.018 10.5.2.48", octet)
APDU_FLAGS = ElementRow("APDU FLAGS", "44.018 10.5.2.49", octet)
APDU_DATA = ElementRow("APDU DATA", "44.018 10.5.2.50", identity=True)
SUSPENSION_TLLI = ElementRow("TEMPORARY LOGICAL LINK IDENTITY", "44.018 10.5.2.41a", identity=True)
ROUTING_AREA = ElementRow("ROUTEING AREA IDENTIFICATION", "24.008 10.5.5.15")
SUSPENSION_CAUSE = ElementRow("SUSPENSION CAUSE", "44.018 10.5.2.47", octet)
CHANNEL_DESCRIPTION_2 = ElementRow("CHANNEL DESCRIPTION 2", "44.018 10.5.2.5a")
CHANNEL_MODE = ElementRow("CHANNEL MODE", "44.018 10.5.2.6", octet)
CELL_DESCRIPTION = ElementRow("CELL DESCRIPTION", "44.018 10.5.2.2")
HANDOVER_REFERENCE = ElementRow("HANDOVER REFERENCE", "44.018 10.5.2.15", octet)
POWER_COMMAND_ACCESS = ElementRow("POWER COMMAND AND ACCESS TYPE", "44.018 10.5.2.28a", octet)
POWER_COMMAND = ElementRow("POWER COMMAND", "44.018 10.5.2.28", octet)
RADIO_PART = ElementRow("RADIO RESOURCE CONTENTS", "44.018 9.1", identity=True)


RADIO = rest(RADIO_PART)

TABLE: MessageTable = table(
    "RR",
    "44.018 table 10.4.1",
    (
        message(
            0x27,
            "PAGING RESPONSE",
            "44.018 9.1.25",
            low(CIPHERING_KEY_NUMBER),
            high(SPARE),
            lv(CLASSMARK_2),
            lv(MOBILE_IDENTITY),
            tv1(0xC0, ADDITIONAL_UPDATE),
            from_mobile=True,
        ),
        message(
            0x35,
            "CIPHERING MODE COMMAND",
            "44.018 9.1.9",
            low(CIPHER_MODE),
            high(CIPHER_RESPONSE),
            from_mobile=False,
        ),
        message(
            0x32,
            "CIPHERING MODE COMPLETE",
            "44.018 9.1.10",
            tlv(0x17, MOBILE_EQUIPMENT),
            from_mobile=True,
        ),
        message(
            0x16,
            "CLASSMARK CHANGE",
            "44.018 9.1.11",
            lv(CLASSMARK_2),
            tlv(0x20, CLASSMARK_3),
            from_mobile=True,
        ),
        message(
            0x13,
            "CLASSMARK ENQUIRY",
            "44.018 9.1.12",
            tlv(0x10, CLASSMARK_ENQUIRY_MASK),
            from_mobile=False,
        ),
        message(
            0x2B,
            "HANDOVER COMMAND",
            "44.018 9.1.15",
            v(CELL_DESCRIPTION, 2),
            v(CHANNEL_DESCRIPTION_2, 3),
            v(HANDOVER_REFERENCE, 1),
            v(POWER_COMMAND_ACCESS, 1),
            RADIO,
            from_mobile=False,
        ),
        message(
            0x2C, "HANDOVER COMPLETE", "44.018 9.1.16", v(RR_CAUSE, 1), RADIO, from_mobile=True
        ),
        message(0x28, "HANDOVER FAILURE", "44.018 9.1.17", v(RR_CAUSE, 1), RADIO, from_mobile=True),
        message(
            0x2E,
            "ASSIGNMENT COMMAND",
            "44.018 9.1.2",
            v(CHANNEL_DESCRIPTION_2, 3),
            v(POWER_COMMAND, 1),
            RADIO,
            from_mobile=False,
        ),
        message(0x29, "ASSIGNMENT COMPLETE", "44.018 9.1.3", v(RR_CAUSE, 1), from_mobile=True),
        message(
            0x2F, "ASSIGNMENT FAILURE", "44.018 9.1.4", v(RR_CAUSE, 1), RADIO, from_mobile=True
        ),
        message(0x0D, "CHANNEL RELEASE", "44.018 9.1.7", v(RR_CAUSE, 1), RADIO, from_mobile=False),
        message(
            0x10,
            "CHANNEL MODE MODIFY",
            "44.018 9.1.5",
            v(CHANNEL_DESCRIPTION_2, 3),
            v(CHANNEL_MODE, 1),
            RADIO,
            from_mobile=False,
        ),
        message(
            0x17,
            "CHANNEL MODE MODIFY ACKNOWLEDGE",
            "44.018 9.1.6",
            v(CHANNEL_DESCRIPTION_2, 3),
            v(CHANNEL_MODE, 1),
            RADIO,
            from_mobile=True,
        ),
        message(0x12, "RR STATUS", "44.018 9.1.29", v(RR_CAUSE, 1)),
        message(
            0x34,
            "GPRS SUSPENSION REQUEST",
            "44.018 9.1.13b",
            v(SUSPENSION_TLLI, 4),
            v(ROUTING_AREA, 6),
            v(SUSPENSION_CAUSE, 1),
            RADIO,
            from_mobile=True,
        ),
        message(
            0x38,
            "APPLICATION INFORMATION",
            "44.018 9.1.53",
            low(APDU_ID),
            high(APDU_FLAGS),
            lv(APDU_DATA),
        ),
        message(0x60, "UTRAN CLASSMARK CHANGE", "44.018 9.1.11a", RADIO, from_mobile=True),
        message(0x62, "CDMA2000 CLASSMARK CHANGE", "44.018 9.1.11b", RADIO, from_mobile=True),
        message(
            0x63,
            "INTER SYSTEM TO UTRAN HANDOVER COMMAND",
            "44.018 9.1.15a",
            RADIO,
            from_mobile=False,
        ),
        message(
            0x64,
            "INTER SYSTEM TO CDMA2000 HANDOVER COMMAND",
            "44.018 9.1.15b",
            RADIO,
            from_mobile=False,
        ),
        message(0x26, "NOTIFICATION/RESPONSE", "44.018 9.1.21c", RADIO, from_mobile=True),
        message(0x20, "NOTIFICATION/NCH", "44.018 9.1.21b", RADIO, from_mobile=False),
        message(0x08, "RR-CELL CHANGE ORDER", "44.018 9.1.21e", RADIO, from_mobile=False),
        message(0x0A, "PARTIAL RELEASE", "44.018 9.1.26", RADIO, from_mobile=False),
        message(0x0F, "PARTIAL RELEASE COMPLETE", "44.018 9.1.27", from_mobile=True),
        message(0x14, "FREQUENCY REDEFINITION", "44.018 9.1.13", RADIO, from_mobile=False),
        message(0x15, "MEASUREMENT REPORT", "44.018 9.1.21", RADIO, from_mobile=True),
        message(0x23, "PDCH ASSIGNMENT COMMAND", "44.018 9.1.13a", RADIO, from_mobile=False),
        message(0x2D, "PHYSICAL INFORMATION", "44.018 9.1.28", RADIO, from_mobile=False),
        message(0x30, "CONFIGURATION CHANGE COMMAND", "44.018 9.1.12b", RADIO, from_mobile=False),
        message(0x31, "CONFIGURATION CHANGE ACKNOWLEDGE", "44.018 9.1.12c", from_mobile=True),
        message(
            0x33, "CONFIGURATION CHANGE REJECT", "44.018 9.1.12d", v(RR_CAUSE, 1), from_mobile=True
        ),
        message(0x36, "EXTENDED MEASUREMENT REPORT", "44.018 9.1.52", RADIO, from_mobile=True),
        message(0x37, "EXTENDED MEASUREMENT ORDER", "44.018 9.1.51", RADIO, from_mobile=False),
        message(0x3B, "ADDITIONAL ASSIGNMENT", "44.018 9.1.1", RADIO, from_mobile=False),
        message(0x3F, "IMMEDIATE ASSIGNMENT", "44.018 9.1.18", RADIO, from_mobile=False),
        message(0x39, "IMMEDIATE ASSIGNMENT EXTENDED", "44.018 9.1.19", RADIO, from_mobile=False),
        message(0x3A, "IMMEDIATE ASSIGNMENT REJECT", "44.018 9.1.20", RADIO, from_mobile=False),
        message(0x21, "PAGING REQUEST TYPE 1", "44.018 9.1.22", RADIO, from_mobile=False),
        message(0x22, "PAGING REQUEST TYPE 2", "44.018 9.1.23", RADIO, from_mobile=False),
        message(0x24, "PAGING REQUEST TYPE 3", "44.018 9.1.24", RADIO, from_mobile=False),
        message(0x48, "DTM ASSIGNMENT FAILURE", "44.018 9.1.12f", RADIO, from_mobile=True),
        message(0x49, "DTM REJECT", "44.018 9.1.12g", RADIO, from_mobile=False),
        message(0x4A, "DTM REQUEST", "44.018 9.1.12h", RADIO, from_mobile=True),
        message(0x4B, "PACKET ASSIGNMENT", "44.018 9.1.21f", RADIO, from_mobile=False),
        message(0x4C, "DTM ASSIGNMENT COMMAND", "44.018 9.1.12e", RADIO, from_mobile=False),
        message(0x4D, "DTM INFORMATION", "44.018 9.1.12i", RADIO, from_mobile=False),
        message(0x4E, "PACKET NOTIFICATION", "44.018 9.1.21g", RADIO, from_mobile=False),
        message(0x09, "VGCS UPLINK GRANT", "44.018 9.1.49", RADIO, from_mobile=False),
        message(0x0E, "UPLINK RELEASE", "44.018 9.1.48", v(RR_CAUSE, 1)),
        message(0x2A, "UPLINK BUSY", "44.018 9.1.46", from_mobile=False),
        message(0x11, "TALKER INDICATION", "44.018 9.1.44", RADIO, from_mobile=True),
    ),
)
