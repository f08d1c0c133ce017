"""BSSMAP, TS 48.008 3.2: the management messages between base station systems and the MSC.

Every element begins with an identifier of its own (3.2.2.1) whose form is the same in every
message, so that one table of elements serves them all::

    | message type | identifier | [length] | value | identifier | ...

Cell identifier (3.2.2.17), the value by its discriminator::

    0  MCC MNC LAC CI    1  LAC CI    2  CI    3  none    4  MCC MNC LAC    5  LAC    6  all cells
    8  MCC MNC LAC RNC   9  RNC      10  LAC RNC          11 MCC MNC LAC SAC
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from decoders.bounded import Reader
from decoders.capabilities import (
    algorithm,
    channel_type,
    classmark_1,
    classmark_2,
    codec_list,
    speech_version,
)
from decoders.elements import (
    called_number,
    cell_global,
    lai,
    mobile_identity,
    octet,
    plmn,
    tmsi_value,
)
from decoders.errors import DecodeError
from decoders.messages import Cell, Element
from decoders.names import (
    ElementRow,
    Form,
    MessageRow,
    MessageTable,
    Named,
    Part,
    t,
    tlv,
    tv,
)
from decoders.reading import Reading, read_message

MAX_CELLS = 127
"""Cells read of one list; a list of 255 octets cannot hold more of two octets."""

CAUSES = {
    0x00: "radio interface message failure",
    0x01: "radio interface failure",
    0x02: "uplink quality",
    0x03: "uplink strength",
    0x04: "downlink quality",
    0x05: "downlink strength",
    0x06: "distance",
    0x07: "O and M intervention",
    0x08: "response to MSC invocation",
    0x09: "call control",
    0x0A: "radio interface failure, reversion to old channel",
    0x0B: "handover successful",
    0x0C: "better cell",
    0x0D: "directed retry",
    0x0E: "joined group call channel",
    0x0F: "traffic",
    0x10: "reduce load in serving cell",
    0x11: "traffic load in target cell higher than in source cell",
    0x12: "relocation triggered",
    0x14: "requested option not authorised",
    0x15: "alternative channel configuration requested",
    0x16: "response to an INTERNAL HANDOVER ENQUIRY message",
    0x17: "INTERNAL HANDOVER ENQUIRY reject",
    0x18: "redundancy level not adequate",
    0x20: "equipment failure",
    0x21: "no radio resource available",
    0x22: "requested terrestrial resource unavailable",
    0x23: "CCCH overload",
    0x24: "processor overload",
    0x25: "BSS not equipped",
    0x26: "MS not equipped",
    0x27: "invalid cell",
    0x28: "traffic load",
    0x29: "preemption",
    0x2A: "DTM handover, SGSN failure",
    0x2B: "DTM handover, PS allocation failure",
    0x30: "requested transcoding/rate adaption unavailable",
    0x31: "circuit pool mismatch",
    0x32: "switch circuit pool",
    0x33: "requested speech version unavailable",
    0x34: "LSA not allowed",
    0x35: "requested codec type or codec configuration unavailable",
    0x36: "requested A-interface type unavailable",
    0x37: "invalid CSG cell",
    0x3F: "requested redundancy level not available",
    0x40: "ciphering algorithm not supported",
    0x41: "GERAN Iu-mode failure",
    0x42: "incoming relocation not supported due to PUESBINE feature",
    0x43: "access restricted due to shared networks",
    0x44: "requested codec type or codec configuration not supported",
    0x45: "requested A-interface type not supported",
    0x46: "requested redundancy level not supported",
    0x50: "terrestrial circuit already allocated",
    0x51: "invalid message contents",
    0x52: "information element or field missing",
    0x53: "incorrect value",
    0x54: "unknown message type",
    0x55: "unknown information element",
    0x56: "DTM handover, invalid PS indication",
    0x57: "call identifier already allocated",
    0x60: "protocol error between BSS and MSC",
    0x61: "VGCS/VBS call non existent",
    0x62: "DTM handover, timer expiry",
}
"""48.008 table 3.2.2.5."""


def cause(reader: Reader) -> Named:
    """48.008 3.2.2.5: with bit 8 set it has two octets."""
    code = reader.octet()
    if code & 0x80:
        return Named((code & 0x7F) << 8 | reader.octet(), "national or extended")
    return Named(code, CAUSES.get(code, "reserved"))


def _cell_by(discriminator: int, reader: Reader) -> Cell:
    if discriminator == 0:
        return cell_global(reader)
    if discriminator == 1:
        return Cell(lac=reader.number(2), ci=reader.number(2))
    if discriminator == 2:
        return Cell(ci=reader.number(2))
    if discriminator in {4, 8, 11}:
        mcc, mnc = plmn(reader.take(3))
        cell = Cell(mcc, mnc, reader.number(2))
        if discriminator != 4:
            reader.take(2)
        return cell
    if discriminator == 5:
        return Cell(lac=reader.number(2))
    if discriminator in {9, 10}:
        cell = Cell() if discriminator == 9 else Cell(lac=reader.number(2))
        reader.take(2)
        return cell
    raise DecodeError("unknown cell identification discriminator", offset=reader.at)


def cell_identifier(reader: Reader) -> Cell | None:
    """48.008 3.2.2.17; None where no cell is associated."""
    discriminator = reader.octet() & 0x0F
    return None if discriminator == 3 else _cell_by(discriminator, reader)


def cell_list(reader: Reader) -> list[Cell] | None:
    """48.008 3.2.2.27; None where it names no cell or all of them."""
    discriminator = reader.octet() & 0x0F
    if discriminator in {3, 6}:
        return None
    cells: list[Cell] = []
    while reader.left and len(cells) < MAX_CELLS:
        cells.append(_cell_by(discriminator, reader))
    return cells or None


def _circuit(reader: Reader) -> str:
    value = reader.number(2)
    return f"span {value >> 5} timeslot {value & 31}"


def _plmn(reader: Reader) -> str:
    return "-".join(plmn(reader.take(3)))


def _row(
    name: str,
    section: str,
    decode: Callable[[Reader], object] | None = None,
    field: str | None = None,
    *,
    identity: bool = False,
) -> ElementRow:
    return ElementRow(name, f"48.008 {section}", decode, field, identity=identity)


def _layer3(reader: Reader) -> bytes:
    return reader.rest()


ELEMENTS: dict[int, Part] = {
    part.tag or 0: part
    for part in (
        tv(0x01, _row("CIRCUIT IDENTITY CODE", "3.2.2.2", _circuit), 2),
        tv(0x03, _row("RESOURCE AVAILABLE", "3.2.2.4"), 20),
        tlv(0x04, _row("CAUSE", "3.2.2.5", cause, "cause")),
        tlv(0x05, _row("CELL IDENTIFIER", "3.2.2.17", cell_identifier, "cell")),
        tlv(0x06, _row("PRIORITY", "3.2.2.18", octet)),
        tlv(0x07, _row("LAYER 3 HEADER INFORMATION", "3.2.2.9")),
        tlv(0x08, _row("IMSI", "3.2.2.6", mobile_identity, "identity", identity=True)),
        tlv(0x09, _row("TMSI", "3.2.2.7", tmsi_value, "identity", identity=True)),
        tlv(0x0A, _row("ENCRYPTION INFORMATION", "3.2.2.10", identity=True)),
        tlv(0x0B, _row("CHANNEL TYPE", "3.2.2.11", channel_type)),
        tv(0x0C, _row("PERIODICITY", "3.2.2.12", octet), 1),
        tv(0x0D, _row("EXTENDED RESOURCE INDICATOR", "3.2.2.13", octet), 1),
        tv(0x0E, _row("NUMBER OF MSS", "3.2.2.8", octet), 1),
        tlv(0x12, _row("CLASSMARK INFORMATION TYPE 2", "3.2.2.19", classmark_2)),
        tlv(0x13, _row("CLASSMARK INFORMATION TYPE 3", "3.2.2.20")),
        tv(0x14, _row("INTERFERENCE BAND TO BE USED", "3.2.2.21", octet), 1),
        tv(0x15, _row("RR CAUSE", "3.2.2.22", octet), 1),
        tlv(0x17, _row("LAYER 3 INFORMATION", "3.2.2.24", _layer3, "layer3")._replace(text=True)),
        tv(0x18, _row("DLCI", "3.2.2.25", octet), 1),
        tv(0x19, _row("DOWNLINK DTX FLAG", "3.2.2.26", octet), 1),
        tlv(0x1A, _row("CELL IDENTIFIER LIST", "3.2.2.27", cell_list, "cells")),
        t(0x1B, _row("RESPONSE REQUEST", "3.2.2.28")),
        tv(0x1C, _row("RESOURCE INDICATION METHOD", "3.2.2.29", octet), 1),
        tv(0x1D, _row("CLASSMARK INFORMATION TYPE 1", "3.2.2.30", classmark_1), 1),
        tlv(0x1E, _row("CIRCUIT IDENTITY CODE LIST", "3.2.2.31")),
        tlv(0x1F, _row("DIAGNOSTIC", "3.2.2.32", identity=True)),
        tlv(
            0x20,
            _row("LAYER 3 MESSAGE CONTENTS", "3.2.2.35", _layer3, "layer3")._replace(text=True),
        ),
        tv(0x21, _row("CHOSEN CHANNEL", "3.2.2.33", octet), 1),
        tv(0x22, _row("TOTAL RESOURCE ACCESSIBLE", "3.2.2.14"), 4),
        tv(0x23, _row("CIPHER RESPONSE MODE", "3.2.2.34", octet), 1),
        tv(0x24, _row("CHANNEL NEEDED", "3.2.2.36", octet), 1),
        tv(0x25, _row("TRACE TYPE", "3.2.2.37", octet), 1),
        tlv(0x26, _row("TRIGGERID", "3.2.2.38")),
        tv(0x27, _row("TRACE REFERENCE", "3.2.2.39"), 2),
        tlv(0x28, _row("TRANSACTIONID", "3.2.2.40")),
        tlv(0x29, _row("MOBILE IDENTITY", "3.2.2.41", mobile_identity, "identity", identity=True)),
        tlv(0x2A, _row("OMCID", "3.2.2.42")),
        tv(0x2B, _row("FORWARD INDICATOR", "3.2.2.43", octet), 1),
        tv(0x2C, _row("CHOSEN ENCRYPTION ALGORITHM", "3.2.2.44", algorithm), 1),
        tv(0x2D, _row("CIRCUIT POOL", "3.2.2.45", octet), 1),
        tlv(0x2E, _row("CIRCUIT POOL LIST", "3.2.2.46")),
        tv(0x2F, _row("TIME INDICATION", "3.2.2.47", octet), 1),
        tlv(0x30, _row("RESOURCE SITUATION", "3.2.2.48")),
        tv(0x31, _row("CURRENT CHANNEL TYPE 1", "3.2.2.49", octet), 1),
        tv(0x32, _row("QUEUEING INDICATOR", "3.2.2.50", octet), 1),
        tv(0x33, _row("ASSIGNMENT REQUIREMENT", "3.2.2.52", octet), 1),
        t(0x35, _row("TALKER FLAG", "3.2.2.54")),
        t(0x36, _row("CONNECTION RELEASE REQUESTED", "3.2.2.3")),
        tlv(0x37, _row("GROUP CALL REFERENCE", "3.2.2.55")),
        tv(0x38, _row("EMLPP PRIORITY", "3.2.2.56", octet), 1),
        tv(0x39, _row("CONFIGURATION EVOLUTION INDICATION", "3.2.2.57", octet), 1),
        tlv(0x3A, _row("OLD BSS TO NEW BSS INFORMATION", "3.2.2.58")),
        tlv(0x3B, _row("LSA IDENTIFIER", "3.2.2.15")),
        tlv(0x3C, _row("LSA IDENTIFIER LIST", "3.2.2.16")),
        tlv(0x3D, _row("LSA INFORMATION", "3.2.2.23")),
        tlv(0x3E, _row("LCS QOS", "3.2.2.60")),
        tv(0x3F, _row("LSA ACCESS CONTROL SUPPRESSION", "3.2.2.61", octet), 1),
        tv(0x40, _row("SPEECH VERSION", "3.2.2.51", speech_version), 1),
        tlv(0x43, _row("LCS PRIORITY", "3.2.2.62", octet)),
        tlv(0x44, _row("LOCATION TYPE", "3.2.2.63")),
        tlv(0x45, _row("LOCATION ESTIMATE", "3.2.2.64", identity=True)),
        tlv(0x46, _row("POSITIONING DATA", "3.2.2.65", identity=True)),
        tlv(0x47, _row("LCS CAUSE", "3.2.2.66")),
        tlv(0x48, _row("LCS CLIENT TYPE", "3.2.2.67", octet)),
        Part(_row("APDU", "3.2.2.68", identity=True), Form.TLV_E, 0x49),
        tlv(0x4A, _row("NETWORK ELEMENT IDENTITY", "3.2.2.69")),
        tlv(0x4B, _row("GPS ASSISTANCE DATA", "3.2.2.70")),
        tlv(0x4C, _row("DECIPHERING KEYS", "3.2.2.71", identity=True)),
        tlv(0x4D, _row("RETURN ERROR REQUEST", "3.2.2.72")),
        tlv(0x4E, _row("RETURN ERROR CAUSE", "3.2.2.73")),
        tlv(0x4F, _row("SEGMENTATION", "3.2.2.74")),
        tlv(0x50, _row("SERVICE HANDOVER", "3.2.2.75", octet)),
        tlv(
            0x51,
            _row(
                "SOURCE RNC TO TARGET RNC TRANSPARENT INFORMATION (UMTS)",
                "3.2.2.76",
                identity=True,
            ),
        ),
        tlv(
            0x52,
            _row(
                "SOURCE RNC TO TARGET RNC TRANSPARENT INFORMATION (CDMA2000)",
                "3.2.2.77",
                identity=True,
            ),
        ),
        tlv(0x53, _row("GERAN CLASSMARK", "3.2.2.78")),
        tlv(0x54, _row("GERAN BSC CONTAINER", "3.2.2.79")),
        tlv(0x55, _row("VELOCITY ESTIMATE", "3.2.2.87", identity=True)),
        tlv(0x61, _row("NEW BSS TO OLD BSS INFORMATION", "3.2.2.80")),
        tlv(0x63, _row("INTER-SYSTEM INFORMATION", "3.2.2.81")),
        tlv(0x64, _row("SNA ACCESS INFORMATION", "3.2.2.82")),
        tlv(0x65, _row("VSTK_RAND INFORMATION", "3.2.2.83", identity=True)),
        tlv(0x66, _row("VSTK INFORMATION", "3.2.2.84", identity=True)),
        tlv(0x67, _row("PAGING INFORMATION", "3.2.2.85", octet)),
        tlv(0x68, _row("IMEI", "3.2.2.86", mobile_identity, "identity", identity=True)),
        tlv(0x69, _row("VGCS FEATURE FLAGS", "3.2.2.88", octet)),
        tv(0x6A, _row("TALKER PRIORITY", "3.2.2.89", octet), 1),
        t(0x6B, _row("EMERGENCY SET INDICATION", "3.2.2.90")),
        tlv(0x6C, _row("TALKER IDENTITY", "3.2.2.91", identity=True)),
        tlv(0x6D, _row("CELL IDENTIFIER LIST SEGMENT", "3.2.2.27a")),
        tlv(0x6E, _row("SMS TO VGCS", "3.2.2.92")._replace(text=True)),
        tlv(0x6F, _row("VGCS TALKER MODE", "3.2.2.93")),
        tlv(0x70, _row("VGCS/VBS CELL STATUS", "3.2.2.94", octet)),
        tlv(0x71, _row("CELL IDENTIFIER LIST SEGMENT FOR ESTABLISHED CELLS", "3.2.2.27b")),
        tlv(0x72, _row("CELL IDENTIFIER LIST SEGMENT FOR CELLS TO BE ESTABLISHED", "3.2.2.27c")),
        tlv(
            0x73,
            _row("CELL IDENTIFIER LIST SEGMENT FOR RELEASED CELLS - NO USER PRESENT", "3.2.2.27e"),
        ),
        tlv(
            0x74,
            _row(
                "CELL IDENTIFIER LIST SEGMENT FOR NOT ESTABLISHED CELLS - "
                "NO ESTABLISHMENT POSSIBLE",
                "3.2.2.27f",
            ),
        ),
        tlv(0x75, _row("GANSS ASSISTANCE DATA", "3.2.2.95")),
        tlv(0x76, _row("GANSS POSITIONING DATA", "3.2.2.96", identity=True)),
        tlv(0x77, _row("GANSS LOCATION TYPE", "3.2.2.97")),
        tlv(0x78, _row("APPLICATION DATA", "3.2.2.98")._replace(text=True)),
        tlv(0x79, _row("DATA IDENTITY", "3.2.2.99")),
        tlv(0x7A, _row("APPLICATION DATA INFORMATION", "3.2.2.100")),
        tlv(0x7B, _row("MSISDN", "3.2.2.101", called_number, identity=True)),
        tlv(0x7C, _row("AOIP TRANSPORT LAYER ADDRESS", "3.2.2.102")),
        tlv(0x7D, _row("SPEECH CODEC LIST", "3.2.2.103", codec_list)),
        tlv(0x7E, _row("SPEECH CODEC", "3.2.2.104", codec_list)),
        tv(0x7F, _row("CALL IDENTIFIER", "3.2.2.105"), 4),
        tlv(0x80, _row("CALL IDENTIFIER LIST", "3.2.2.106")),
        tv(0x81, _row("A-INTERFACE SELECTOR FOR RESET", "3.2.2.107", octet), 1),
        tv(0x83, _row("KC128", "3.2.2.109", identity=True), 16),
        tlv(0x84, _row("CSG IDENTIFIER", "3.2.2.110")),
        t(0x85, _row("REDIRECT ATTEMPT FLAG", "3.2.2.111")),
        tv(0x86, _row("REROUTE REJECT CAUSE", "3.2.2.112", octet), 1),
        tv(0x87, _row("SEND SEQUENCE NUMBER", "3.2.2.113", octet), 1),
        tv(0x88, _row("REROUTE COMPLETE OUTCOME", "3.2.2.114", octet), 1),
        tlv(0x89, _row("GLOBAL CALL REFERENCE", "3.2.2.115")),
        tv(0x8A, _row("LCLS-CONFIGURATION", "3.2.2.116", octet), 1),
        tv(0x8B, _row("LCLS-CONNECTION-STATUS-CONTROL", "3.2.2.117", octet), 1),
        t(0x8C, _row("LCLS-CORRELATION-NOT-NEEDED", "3.2.2.118")),
        tv(0x8D, _row("LCLS-BSS-STATUS", "3.2.2.119", octet), 1),
        t(0x8E, _row("LCLS-BREAK-REQUEST", "3.2.2.120")),
        t(0x8F, _row("CSFB INDICATION", "3.2.2.121")),
        t(0x90, _row("CS TO PS SRVCC", "3.2.2.122")),
        tlv(
            0x91,
            _row(
                "SOURCE ENB TO TARGET ENB TRANSPARENT INFORMATION (E-UTRAN)",
                "3.2.2.123",
                identity=True,
            ),
        ),
        t(0x92, _row("CS TO PS SRVCC INDICATION", "3.2.2.124")),
        tlv(0x93, _row("CN TO MS TRANSPARENT INFORMATION", "3.2.2.125", identity=True)),
        tv(0x94, _row("SELECTED PLMN ID", "3.2.2.126", _plmn), 3),
        tv(0x95, _row("LAST USED E-UTRAN PLMN ID", "3.2.2.127", _plmn), 3),
        tv(0x96, _row("OLD LOCATION AREA IDENTIFICATION", "3.2.2.128", lai, "lai"), 5),
        t(0x97, _row("ATTACH INDICATOR", "3.2.2.129")),
        tv(0x98, _row("SELECTED OPERATOR", "3.2.2.130", _plmn), 3),
        tv(0x99, _row("PS REGISTERED OPERATOR", "3.2.2.131", _plmn), 3),
        tv(0x9A, _row("CS REGISTERED OPERATOR", "3.2.2.132", _plmn), 3),
    )
}
"""48.008 table 3.2.2.1, by information element identifier."""

BSS, MSC, BOTH = True, False, None
"""Who sends a message."""

_TYPES: tuple[tuple[int, str, str, bool | None, str], ...] = (
    (
        0x01,
        "ASSIGNMENT REQUEST",
        "3.2.1.1",
        MSC,
        "0B 07 06 01 19 14 12 37 35 38 39 3F 50 7C 7D 7F 83 89 8A 8B 8C",
    ),
    (0x02, "ASSIGNMENT COMPLETE", "3.2.1.2", BSS, "15 01 05 21 2C 2D 40 3B 6A 7C 7D 7E 8D"),
    (0x03, "ASSIGNMENT FAILURE", "3.2.1.3", BSS, "04 15 2D 2E 6A 7D"),
    (0x04, "VGCS/VBS SETUP", "3.2.1.50", MSC, "37 06 69"),
    (0x05, "VGCS/VBS SETUP ACK", "3.2.1.51", BSS, "69"),
    (0x06, "VGCS/VBS SETUP REFUSE", "3.2.1.52", BSS, "04"),
    (
        0x07,
        "VGCS/VBS ASSIGNMENT REQUEST",
        "3.2.1.53",
        MSC,
        "0B 33 05 37 06 01 19 0A 65 66 6D 7C 7F 7D",
    ),
    (0x08, "CHANNEL MODIFY REQUEST", "3.2.1.75", BSS, "04"),
    (
        0x10,
        "HANDOVER REQUEST",
        "3.2.1.8",
        MSC,
        (
            "0B 0A 1D 12 05 06 01 19 14 04 13 31 40 37 35 39 2C 3A 08 3D 3F 50 51 52 64 6A 7C "
            "7D 7F 83 89 8A 8B 8C 94 95"
        ),
    ),
    (0x11, "HANDOVER REQUIRED", "3.2.1.9", BSS, "04 1B 1A 2E 31 40 32 3A 51 52 53 6A 7D 84"),
    (
        0x12,
        "HANDOVER REQUEST ACKNOWLEDGE",
        "3.2.1.10",
        BSS,
        "17 21 2C 2D 40 01 3B 61 63 6A 7C 7D 7E 8D",
    ),
    (0x13, "HANDOVER COMMAND", "3.2.1.11", MSC, "17 05 61 6A"),
    (0x14, "HANDOVER COMPLETE", "3.2.1.12", BSS, "15 6A 2C 40 7D 7E 8D"),
    (0x15, "HANDOVER SUCCEEDED", "3.2.1.13", MSC, "6A"),
    (0x16, "HANDOVER FAILURE", "3.2.1.16", BSS, "04 15 2D 2E 61 63 6A 7D"),
    (0x17, "HANDOVER PERFORMED", "3.2.1.25", BSS, "04 05 21 2C 40 3B 6A 7D 7E 8D"),
    (0x18, "HANDOVER CANDIDATE ENQUIRE", "3.2.1.14", MSC, "0E 1A 05"),
    (0x19, "HANDOVER CANDIDATE RESPONSE", "3.2.1.15", BSS, "0E 05"),
    (0x1A, "HANDOVER REQUIRED REJECT", "3.2.1.37", MSC, "04 61 63 6A"),
    (0x1B, "HANDOVER DETECT", "3.2.1.40", BSS, "6A"),
    (0x1C, "VGCS/VBS ASSIGNMENT RESULT", "3.2.1.54", BSS, "0B 05 21 01 2D 7C 7E 7F"),
    (0x1D, "VGCS/VBS ASSIGNMENT FAILURE", "3.2.1.55", BSS, "04 2D 2E 7D"),
    (0x1E, "VGCS/VBS QUEUING INDICATION", "3.2.1.56", BSS, ""),
    (0x1F, "UPLINK REQUEST", "3.2.1.57", BSS, "6A 05 17 29"),
    (0x20, "CLEAR COMMAND", "3.2.1.21", MSC, "07 04 38 8F 95"),
    (0x21, "CLEAR COMPLETE", "3.2.1.22", BSS, ""),
    (0x22, "CLEAR REQUEST", "3.2.1.20", BSS, "04"),
    (0x25, 'SAPI "N" REJECT', "3.2.1.34", BSS, "18 04"),
    (0x26, "CONFUSION", "3.2.1.45", BOTH, "04 1F"),
    (0x27, "UPLINK REQUEST ACKNOWLEDGE", "3.2.1.58", MSC, "6A 6B 6C"),
    (0x28, "SUSPEND", "3.2.1.64", BSS, "18"),
    (0x29, "RESUME", "3.2.1.65", BSS, "18"),
    (0x2A, "CONNECTION ORIENTED INFORMATION", "3.2.1.70", BOTH, "49 4F"),
    (0x2B, "PERFORM LOCATION REQUEST", "3.2.1.71", MSC, "44 05 13 48 21 43 3E 4B 49 08 68 77 75"),
    (0x2C, "LSA INFORMATION", "3.2.1.69", MSC, "3D"),
    (0x2D, "PERFORM LOCATION RESPONSE", "3.2.1.72", BSS, "45 46 4C 47 55 76"),
    (0x2E, "PERFORM LOCATION ABORT", "3.2.1.73", MSC, "47"),
    (0x2F, "COMMON ID", "3.2.1.68", MSC, "08 64 94 95"),
    (0x30, "RESET", "3.2.1.23", BOTH, "04 81"),
    (0x31, "RESET ACKNOWLEDGE", "3.2.1.24", BOTH, "81"),
    (0x32, "OVERLOAD", "3.2.1.26", BOTH, "04 05"),
    (0x34, "RESET CIRCUIT", "3.2.1.38", BOTH, "01 04 36"),
    (0x35, "RESET CIRCUIT ACKNOWLEDGE", "3.2.1.39", BOTH, "01"),
    (0x36, "MSC INVOKE TRACE", "3.2.1.27", MSC, "25 26 27 28 29 2A"),
    (0x37, "BSS INVOKE TRACE", "3.2.1.28", BOTH, "25 2B 26 27 28 2A"),
    (0x3A, "CONNECTIONLESS INFORMATION", "3.2.1.74", BOTH, "4A 49 4F 4D 4E"),
    (0x3B, "VGCS/VBS ASSIGNMENT STATUS", "3.2.1.80", BSS, "71 72 73 74 70"),
    (0x3C, "VGCS/VBS AREA CELL INFO", "3.2.1.79", MSC, "6D 33"),
    (0x3D, "RESET IP RESOURCE", "3.2.1.87", BOTH, "04 80"),
    (0x3E, "RESET IP RESOURCE ACKNOWLEDGE", "3.2.1.88", BOTH, "80"),
    (0x40, "BLOCK", "3.2.1.4", BSS, "01 04 36"),
    (0x41, "BLOCKING ACKNOWLEDGE", "3.2.1.5", MSC, "01"),
    (0x42, "UNBLOCK", "3.2.1.6", BSS, "01"),
    (0x43, "UNBLOCKING ACKNOWLEDGE", "3.2.1.7", MSC, "01"),
    (0x44, "CIRCUIT GROUP BLOCK", "3.2.1.41", BSS, "04 01 1E"),
    (0x45, "CIRCUIT GROUP BLOCKING ACKNOWLEDGE", "3.2.1.42", MSC, "01 1E"),
    (0x46, "CIRCUIT GROUP UNBLOCK", "3.2.1.43", BSS, "01 1E"),
    (0x47, "CIRCUIT GROUP UNBLOCKING ACKNOWLEDGE", "3.2.1.44", MSC, "01 1E"),
    (0x48, "UNEQUIPPED CIRCUIT", "3.2.1.47", BOTH, "01 1E"),
    (0x49, "UPLINK REQUEST CONFIRMATION", "3.2.1.59", BSS, "05 6C 17"),
    (0x4A, "UPLINK RELEASE INDICATION", "3.2.1.60", BSS, "04 6A"),
    (0x4B, "UPLINK REJECT COMMAND", "3.2.1.61", MSC, "04 6A 6C"),
    (0x4C, "UPLINK RELEASE COMMAND", "3.2.1.62", MSC, "04"),
    (0x4D, "UPLINK SEIZED COMMAND", "3.2.1.63", MSC, "04 6A 6B 6C"),
    (0x4E, "CHANGE CIRCUIT", "3.2.1.66", MSC, "04"),
    (0x4F, "CHANGE CIRCUIT ACKNOWLEDGE", "3.2.1.67", BSS, "01"),
    (0x50, "RESOURCE REQUEST", "3.2.1.17", MSC, "0C 1C 05 0D"),
    (0x51, "RESOURCE INDICATION", "3.2.1.18", BSS, "1C 03 05 22"),
    (0x52, "PAGING", "3.2.1.19", MSC, "08 09 1A 24 38 67"),
    (0x53, "CIPHER MODE COMMAND", "3.2.1.30", MSC, "07 0A 23 83"),
    (0x54, "CLASSMARK UPDATE", "3.2.1.29", BOTH, "12 13 6A"),
    (0x55, "CIPHER MODE COMPLETE", "3.2.1.31", BSS, "20 2C"),
    (0x56, "QUEUING INDICATION", "3.2.1.33", BSS, ""),
    (
        0x57,
        "COMPLETE LAYER 3 INFORMATION",
        "3.2.1.32",
        BSS,
        "05 17 21 3C 49 7D 85 87 08 94 95 97 98 99 9A",
    ),
    (0x58, "CLASSMARK REQUEST", "3.2.1.46", MSC, "6A"),
    (0x59, "CIPHER MODE REJECT", "3.2.1.48", BSS, "04"),
    (0x5A, "LOAD INDICATION", "3.2.1.49", BOTH, "2F 05 1A 30 04"),
    (0x60, "VGCS ADDITIONAL INFORMATION", "3.2.1.78", MSC, "6C"),
    (0x61, "VGCS SMS", "3.2.1.81", MSC, "6E"),
    (0x62, "NOTIFICATION DATA", "3.2.1.82", MSC, "78 79 7B"),
    (0x63, "UPLINK APPLICATION DATA", "3.2.1.59a", BSS, "05 17 7A"),
    (0x70, "INTERNAL HANDOVER REQUIRED", "3.2.1.83", BSS, "04 05 7C 7D"),
    (0x71, "INTERNAL HANDOVER REQUIRED REJECT", "3.2.1.84", MSC, "04 7D"),
    (0x72, "INTERNAL HANDOVER COMMAND", "3.2.1.85", MSC, "7E 01 7C 7F 19 8B"),
    (0x73, "INTERNAL HANDOVER ENQUIRY", "3.2.1.86", MSC, "7E"),
    (0x74, "LCLS-CONNECT-CONTROL", "3.2.1.91", MSC, "8A 8B"),
    (0x75, "LCLS-CONNECT-CONTROL-ACK", "3.2.1.92", BSS, "8D"),
    (0x76, "LCLS-NOTIFICATION", "3.2.1.93", BSS, "8D 8E"),
    (0x78, "REROUTE COMMAND", "3.2.1.89", MSC, "17 86 87 08 96"),
    (0x79, "REROUTE COMPLETE", "3.2.1.90", BSS, "88"),
)
"""Message type, name, clause, sender, and the identifiers of the elements it may hold."""


def _message(code: int, name: str, section: str, sender: bool | None, tags: str) -> MessageRow:  # noqa: FBT001  a column of the table
    elements = {tag: ELEMENTS[tag] for tag in bytes.fromhex(tags)}
    return MessageRow(code, name, f"48.008 {section}", sender, (), elements)


TABLE = MessageTable(
    "BSSMAP",
    "48.008 3.2.2.1",
    {row[0]: _message(*row) for row in _TYPES},
    ELEMENTS,
    half_octets=False,
)


class Bssmap(NamedTuple):
    """A BSSMAP message that has been read."""

    name: str
    code: int
    reading: Reading
    from_bss: bool | None
    """What the message type alone says of its direction."""


def read(data: bytes, *, elements: bool = False) -> Bssmap:
    """Reads a BSSMAP message, from its message type on; never raises."""
    reading = Reading(elements=elements)
    reader = Reader(data)
    if not data:
        reading.fail("MESSAGE TYPE", DecodeError("ends too early"), 0)
        return Bssmap("UNKNOWN", 0, reading, None)
    code = reader.octet()
    row = TABLE.messages.get(code)
    name = row.name if row else f"UNKNOWN 0x{code:02x}"
    if reading.elements is not None:
        section = row.section if row else TABLE.section
        reading.elements.append(Element("MESSAGE TYPE", section, 0, data[:1], Named(code, name)))
    if row is None:
        reading.fail("", DecodeError("unknown message type"), 1)
    read_message(row, TABLE, reader, reading)
    reading.fields.pop("identity_type", None)
    return Bssmap(name, code, reading, row.from_mobile if row else None)
