"""What the decoder gives: one `Message` for each row of the contracts.

The attributes up to ``error`` are the keys of a message row (`docs/` and the contracts give their
meaning); those after it serve dialogues and explanations and are never part of a row.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Record(NamedTuple):
    """One record of a capture, as read."""

    source: str
    """Label of the capture it came from (a file's base name, a feed's name)."""
    frame: int
    """1-based index in that capture."""
    time: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    link_type: int
    """LINKTYPE_ value of pcap, https://www.tcpdump.org/linktypes.html."""
    data: bytes
    """The bytes captured, from the first of the link layer on."""
    feed: str = ""
    """Label of the point of capture, where several files follow each other from it (a ring
    buffer); empty where `source` says it. Links and their sequence numbers belong to the feed."""


class SccpUnit(NamedTuple):
    """One SCCP message as its carrier delivered it, whole and once."""

    record: Record
    """The record in which it was completed."""
    link: str
    """What it came over, stable for the life of an association: feed, carrier, addresses."""
    opc: int | None
    """Originating point code; None where the carrier has none (SCCPlite)."""
    dpc: int | None
    """Destination point code; None where the carrier has none."""
    data: bytes
    """The SCCP message, from its message type octet on."""
    from_msc: bool | None = None
    """For carriers without point codes: sent by the TCP server, the MSC side; else None."""
    gap: int = 0
    """How many pieces are visibly missing (TSN, TCP, FSN) between this unit and the one before it
    on its link; 1 where only that something is missing can be told, 0 where nothing is."""


class Lai(msgspec.Struct, frozen=True, gc=False):
    """Location area identification, TS 24.008 10.5.1.3."""

    mcc: str
    mnc: str
    lac: int


class Cell(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """As much of a cell global identification as a cell identifier holds, TS 48.008 3.2.2.17."""

    mcc: str | None = None
    mnc: str | None = None
    lac: int | None = None
    ci: int | None = None


class PartyNumber(msgspec.Struct, frozen=True, gc=False):
    """A BCD number with its type of number and numbering plan, TS 24.008 10.5.4.7."""

    digits: str
    ton: int
    npi: int


class Element(msgspec.Struct):
    """One information element (or header field) of a message, for people and explanations."""

    name: str
    section: str
    """Of the specification, such as ``48.008 3.2.2.27``."""
    offset: int
    """Of its first byte within the message's own bytes."""
    raw: bytes
    value: object | None = None
    """What its decoder made of it; None where it is kept as bytes only."""
    identity: bool = False
    """Its raw bytes and value bear identity digits: masked unless clear output was asked for."""
    text: bool = False
    """Its raw bytes bear text of a person's message: masked always."""
    children: list[Element] = []


class Message(msgspec.Struct, kw_only=True):
    """One decoded message; the attributes up to `error` are the row of the contracts."""

    frame: int
    time: int
    opc: int | None = None
    dpc: int | None = None
    sccp: str
    slr: int | None = None
    dlr: int | None = None
    protocol: str
    message: str
    code: int
    within: str | None = None
    imsi: str | None = None
    imei: str | None = None
    imeisv: str | None = None
    tmsi: str | None = None
    lai: Lai | None = None
    cell: Cell | None = None
    target_cell: Cell | None = None
    cells: list[Cell] | None = None
    update: str | None = None
    follow_on: bool | None = None
    service: int | None = None
    ti: int | None = None
    ti_flag: int | None = None
    called: PartyNumber | None = None
    calling: PartyNumber | None = None
    service_centre: PartyNumber | None = None
    cause: int | None = None
    error: str | None = None

    source: str = ""
    """Label of the capture."""
    link: str = ""
    """See `SccpUnit.link`."""
    from_msc: bool | None = None
    """See `SccpUnit.from_msc`."""
    gap: int = 0
    """See `SccpUnit.gap`; of a layer 3 message within another one that one's."""
    raw: bytes = b""
    """The message's own bytes: BSSMAP from its message type on, layer 3 from its protocol
    discriminator on, SCCP from its message type on."""
    layer3: bytes | None = None
    """Layer 3 that this BSSMAP message carries (LAYER 3 INFORMATION, LAYER 3 MESSAGE CONTENTS)."""
    new_tmsi: bool = False
    """`tmsi` is one being assigned here (LOCATION UPDATING ACCEPT, TMSI REALLOCATION COMMAND)."""
    identity_type: int | None = None
    """Type of the mobile identity of a LOCATION UPDATING ACCEPT: None where it has none."""
    from_mobile: bool | None = None
    """Direction of a layer 3 message, where the SAPI/DLCI octet or the SCCP direction tells it."""
    operation: int | None = None
    """Operation code of a supplementary service or USSD component, TS 24.080 4.5."""
    service_code: int | None = None
    """SS-Code of a supplementary service, or None."""
    rp_message: str | None = None
    """RP message inside a CP-DATA, TS 24.011 7.3: ``RP-DATA`` ``RP-ACK`` ``RP-ERROR`` …."""
    rp_reference: int | None = None
    """RP message reference, which an RP-ACK or RP-ERROR repeats, TS 24.011 8.2.3."""
    tp_message: str | None = None
    """TPDU inside an RP message, TS 23.040 9.2.2: ``SMS-DELIVER`` ``SMS-SUBMIT`` and so on."""
    envelope: list[Element] | None = None
    """Header fields of the SCCP message that carried this one, offsets within that; only filled
    with `elements`, and only in the first message of an SCCP message."""
    elements: list[Element] | None = None
    """Every element in order; only filled when the decoder is asked for them (`dissect`)."""
