"""Call control, TS 24.008 9.3: call set-up, clearing, and what happens in between.

The transaction identifier stands in the upper half of the first octet (24.007 11.2.3.1.3)::

     8   7   6   5   4   3   2   1
    |flag| TI value | 0   0   1   1 |   flag 1: sent to the side that began the transaction
    | N(SD) | message type          |
"""

from __future__ import annotations

from decoders.capabilities import call_state, progress, supported_codecs
from decoders.elements import CAUSE, PRIORITY_LEVEL, SPARE, called_number, calling_number, octet
from decoders.names import (
    ElementRow,
    MessageTable,
    Part,
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
from decoders.ss import FACILITY, SS_VERSION

CALLED = ElementRow(
    "CALLED PARTY BCD NUMBER", "24.008 10.5.4.7", called_number, "called", identity=True
)
CALLING = ElementRow(
    "CALLING PARTY BCD NUMBER", "24.008 10.5.4.9", calling_number, "calling", identity=True
)
CONNECTED = ElementRow("CONNECTED NUMBER", "24.008 10.5.4.13", calling_number, identity=True)
REDIRECTING = ElementRow(
    "REDIRECTING PARTY BCD NUMBER", "24.008 10.5.4.21b", calling_number, identity=True
)
CALLED_SUB = ElementRow("CALLED PARTY SUBADDRESS", "24.008 10.5.4.8", identity=True)
CALLING_SUB = ElementRow("CALLING PARTY SUBADDRESS", "24.008 10.5.4.10", identity=True)
CONNECTED_SUB = ElementRow("CONNECTED SUBADDRESS", "24.008 10.5.4.14", identity=True)
REDIRECTING_SUB = ElementRow("REDIRECTING PARTY SUBADDRESS", "24.008 10.5.4.21c", identity=True)
KEYPAD = ElementRow("KEYPAD FACILITY", "24.008 10.5.4.17", identity=True)
BEARER = ElementRow("BEARER CAPABILITY", "24.008 10.5.4.5")
BACKUP_BEARER = ElementRow("BACKUP BEARER CAPABILITY", "24.008 10.5.4.4a")
CALL_STATE = ElementRow("CALL STATE", "24.008 10.5.4.6", call_state)
CC_CAPABILITIES = ElementRow("CALL CONTROL CAPABILITIES", "24.008 10.5.4.5a")
PROGRESS = ElementRow("PROGRESS INDICATOR", "24.008 10.5.4.21", progress)
SIGNAL = ElementRow("SIGNAL", "24.008 10.5.4.23", octet)
USER_USER = ElementRow("USER-USER", "24.008 10.5.4.25", text=True)
REPEAT = ElementRow("REPEAT INDICATOR", "24.008 10.5.4.22", octet)
LOW_LAYER = ElementRow("LOW LAYER COMPATIBILITY", "24.008 10.5.4.18")
HIGH_LAYER = ElementRow("HIGH LAYER COMPATIBILITY", "24.008 10.5.4.16")
ALERT = ElementRow("ALERTING PATTERN", "24.008 10.5.4.26")
NETWORK_CC = ElementRow("NETWORK CALL CONTROL CAPABILITIES", "24.008 10.5.4.29")
NO_CLI = ElementRow("CAUSE OF NO CLI", "24.008 10.5.4.30")
CLIR_SUPPRESSION = ElementRow("CLIR SUPPRESSION", "24.008 10.5.4.11a")
CLIR_INVOCATION = ElementRow("CLIR INVOCATION", "24.008 10.5.4.11b")
CCBS_FACILITY = ElementRow("FACILITY (CCBS ADVANCED RECALL ALIGNMENT)", "24.008 10.5.4.15")
CCBS_RECALL = ElementRow("FACILITY (CCBS RECALL ALIGNMENT)", "24.008 10.5.4.15")
STREAM = ElementRow("STREAM IDENTIFIER", "24.008 10.5.4.28")
CODECS = ElementRow("SUPPORTED CODEC LIST", "24.008 10.5.4.32", supported_codecs)
REDIAL = ElementRow("REDIAL", "24.008 10.5.4.34")
EMERGENCY_CATEGORY = ElementRow("SERVICE CATEGORY", "24.008 10.5.4.33")
CONGESTION = ElementRow("CONGESTION LEVEL", "24.008 10.5.4.12", octet)
NOTIFICATION = ElementRow("NOTIFICATION INDICATOR", "24.008 10.5.4.20", octet)
AUXILIARY_STATES = ElementRow("AUXILIARY STATES", "24.008 10.5.4.4")
MORE_DATA = ElementRow("MORE DATA", "24.008 10.5.4.19")
REVERSE_CALL_SETUP = ElementRow("REVERSE CALL SETUP DIRECTION", "24.008 10.5.4.22a")
IMMEDIATE_MODIFICATION = ElementRow(
    "NETWORK-INITIATED SERVICE UPGRADE INDICATOR", "24.008 10.5.4.36"
)
RECALL_TYPE = ElementRow("RECALL TYPE", "24.008 10.5.4.21a", octet)
SETUP_CONTAINER = ElementRow("SETUP CONTAINER", "24.008 10.5.4.22b", identity=True)

_FACILITY = tlv(0x1C, FACILITY)
_PROGRESS = tlv(0x1E, PROGRESS)
_USER = tlv(0x7E, USER_USER)
_VERSION = tlv(0x7F, SS_VERSION)
_CAUSE = tlv(0x08, CAUSE)
_BEARER = tlv(0x04, BEARER)
_LOW_LAYER = tlv(0x7C, LOW_LAYER)
_HIGH_LAYER = tlv(0x7D, HIGH_LAYER)
_REVERSE = t(0xA3, REVERSE_CALL_SETUP)
_REPEAT = tv1(0xD0, REPEAT)

_SETUP: tuple[Part, ...] = (
    _REPEAT,
    _BEARER,
    _FACILITY,
    _PROGRESS,
    tv(0x34, SIGNAL, 1),
    tlv(0x5C, CALLING),
    tlv(0x5D, CALLING_SUB),
    tlv(0x5E, CALLED),
    tlv(0x6D, CALLED_SUB),
    tlv(0x74, REDIRECTING),
    tlv(0x75, REDIRECTING_SUB),
    _LOW_LAYER,
    _HIGH_LAYER,
    _USER,
    tv1(0x80, PRIORITY_LEVEL),
    tlv(0x19, ALERT),
    tlv(0x2F, NETWORK_CC),
    tlv(0x3A, NO_CLI),
    tlv(0x41, BACKUP_BEARER),
    _VERSION,
    t(0xA1, CLIR_SUPPRESSION),
    t(0xA2, CLIR_INVOCATION),
    tlv(0x15, CC_CAPABILITIES),
    tlv(0x1D, CCBS_FACILITY),
    tlv(0x1B, CCBS_RECALL),
    tlv(0x2D, STREAM),
    tlv(0x40, CODECS),
    t(0xA3, REDIAL),
)
_CLEARING: tuple[Part, ...] = (_FACILITY, _USER, _VERSION)

TABLE: MessageTable = table(
    "CC",
    "24.008 table 10.3",
    (
        message(0x01, "ALERTING", "24.008 9.3.1", _FACILITY, _PROGRESS, _USER, _VERSION),
        message(
            0x02,
            "CALL PROCEEDING",
            "24.008 9.3.3",
            _REPEAT,
            _BEARER,
            _FACILITY,
            _PROGRESS,
            tv1(0x80, PRIORITY_LEVEL),
            tlv(0x2F, NETWORK_CC),
            from_mobile=False,
        ),
        message(0x03, "PROGRESS", "24.008 9.3.17", lv(PROGRESS), _USER, from_mobile=False),
        message(
            0x04,
            "CC-ESTABLISHMENT",
            "24.008 9.3.17a",
            lv(SETUP_CONTAINER),
            from_mobile=False,
        ),
        message(0x05, "SETUP", "24.008 9.3.23", *_SETUP),
        message(
            0x06,
            "CC-ESTABLISHMENT CONFIRMED",
            "24.008 9.3.17b",
            _REPEAT,
            _BEARER,
            _CAUSE,
            tlv(0x40, CODECS),
            from_mobile=True,
        ),
        message(
            0x07,
            "CONNECT",
            "24.008 9.3.5",
            _FACILITY,
            _PROGRESS,
            tlv(0x4C, CONNECTED),
            tlv(0x4D, CONNECTED_SUB),
            _USER,
            _VERSION,
            tlv(0x2D, STREAM),
        ),
        message(
            0x08,
            "CALL CONFIRMED",
            "24.008 9.3.2",
            _REPEAT,
            _BEARER,
            _CAUSE,
            tlv(0x15, CC_CAPABILITIES),
            tlv(0x2D, STREAM),
            tlv(0x40, CODECS),
            from_mobile=True,
        ),
        message(
            0x09,
            "START CC",
            "24.008 9.3.23a",
            tlv(0x15, CC_CAPABILITIES),
            from_mobile=True,
        ),
        message(
            0x0B, "RECALL", "24.008 9.3.18a", v(RECALL_TYPE, 1), lv(FACILITY), from_mobile=False
        ),
        message(
            0x0E,
            "EMERGENCY SETUP",
            "24.008 9.3.8",
            _BEARER,
            tlv(0x2D, STREAM),
            tlv(0x40, CODECS),
            tlv(0x2E, EMERGENCY_CATEGORY),
            from_mobile=True,
        ),
        message(0x0F, "CONNECT ACKNOWLEDGE", "24.008 9.3.6"),
        message(0x10, "USER INFORMATION", "24.008 9.3.31", lv(USER_USER), t(0xA0, MORE_DATA)),
        message(
            0x13,
            "MODIFY REJECT",
            "24.008 9.3.15",
            lv(BEARER),
            lv(CAUSE),
            _LOW_LAYER,
            _HIGH_LAYER,
        ),
        message(
            0x17,
            "MODIFY",
            "24.008 9.3.13",
            lv(BEARER),
            _LOW_LAYER,
            _HIGH_LAYER,
            _REVERSE,
            t(0xA4, IMMEDIATE_MODIFICATION),
        ),
        message(0x18, "HOLD", "24.008 9.3.10", from_mobile=True),
        message(0x19, "HOLD ACKNOWLEDGE", "24.008 9.3.11", from_mobile=False),
        message(0x1A, "HOLD REJECT", "24.008 9.3.12", lv(CAUSE), from_mobile=False),
        message(0x1C, "RETRIEVE", "24.008 9.3.20", from_mobile=True),
        message(0x1D, "RETRIEVE ACKNOWLEDGE", "24.008 9.3.21", from_mobile=False),
        message(0x1E, "RETRIEVE REJECT", "24.008 9.3.22", lv(CAUSE), from_mobile=False),
        message(
            0x1F,
            "MODIFY COMPLETE",
            "24.008 9.3.14",
            lv(BEARER),
            _LOW_LAYER,
            _HIGH_LAYER,
            _REVERSE,
        ),
        message(0x25, "DISCONNECT", "24.008 9.3.7", lv(CAUSE), _PROGRESS, *_CLEARING),
        message(0x2A, "RELEASE COMPLETE", "24.008 9.3.19", _CAUSE, *_CLEARING),
        message(0x2D, "RELEASE", "24.008 9.3.18", _CAUSE, *_CLEARING),
        message(0x31, "STOP DTMF", "24.008 9.3.29", from_mobile=True),
        message(0x32, "STOP DTMF ACKNOWLEDGE", "24.008 9.3.30", from_mobile=False),
        message(0x34, "STATUS ENQUIRY", "24.008 9.3.28"),
        message(0x35, "START DTMF", "24.008 9.3.24", tv(0x2C, KEYPAD, 1), from_mobile=True),
        message(
            0x36,
            "START DTMF ACKNOWLEDGE",
            "24.008 9.3.25",
            tv(0x2C, KEYPAD, 1),
            from_mobile=False,
        ),
        message(0x37, "START DTMF REJECT", "24.008 9.3.26", lv(CAUSE), from_mobile=False),
        message(
            0x39,
            "CONGESTION CONTROL",
            "24.008 9.3.4",
            low(CONGESTION),
            high(SPARE),
            _CAUSE,
            from_mobile=False,
        ),
        message(0x3A, "FACILITY", "24.008 9.3.9", lv(FACILITY), _VERSION),
        message(
            0x3D,
            "STATUS",
            "24.008 9.3.27",
            lv(CAUSE),
            v(CALL_STATE, 1),
            tlv(0x24, AUXILIARY_STATES),
        ),
        message(0x3E, "NOTIFY", "24.008 9.3.16", v(NOTIFICATION, 1), from_mobile=False),
    ),
)
