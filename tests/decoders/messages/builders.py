"""Messages built by hand for these tests: SCCP units with what they carry."""

from __future__ import annotations

from decoders.decoder import Decoder, DecoderConfig
from decoders.messages import Message, Record, SccpUnit

BSC, MSC = 187, 185
LINK = "test mtp3"


def unit(data: bytes, *, frame: int = 1, from_bsc: bool = True, gap: bool = False) -> SccpUnit:
    """An SCCP message as a carrier with point codes gives it."""
    opc, dpc = (BSC, MSC) if from_bsc else (MSC, BSC)
    record = Record("test", frame, 1_200_000_000_000_000 + frame, 141, b"")
    return SccpUnit(record, LINK, opc, dpc, data, None, gap)


def bssmap(data: bytes) -> bytes:
    """BSSAP with a BSSMAP message."""
    return bytes([0, len(data)]) + data


def dtap(data: bytes, dlci: int = 0) -> bytes:
    """BSSAP with a layer 3 message."""
    return bytes([1, dlci, len(data)]) + data


def udt(data: bytes, subsystem: int = 254) -> bytes:
    """A UDT between two subsystems."""
    address = bytes([2, 0x42, subsystem])
    return bytes([9, 0, 3, 5, 7]) + address + address + bytes([len(data)]) + data


def dt1(reference: int, data: bytes, *, more: bool = False) -> bytes:
    """A DT1."""
    return bytes([6]) + reference.to_bytes(3, "little") + bytes([more, 1, len(data)]) + data


def request(reference: int, data: bytes, subsystem: int = 254) -> bytes:
    """A CR with user data."""
    head = bytes([1]) + reference.to_bytes(3, "little") + bytes([2, 2, 4, 2, 0x42, subsystem])
    return head + bytes([0x0F, len(data)]) + data + b"\0"


def layer3(hexadecimal: str, **config: bool) -> Message:
    """A layer 3 message decoded from a DT1."""
    decoder = Decoder(DecoderConfig(**config))
    (message,) = decoder.unit(unit(dt1(1, dtap(bytes.fromhex(hexadecimal)))))
    return message


def management(hexadecimal: str, **config: bool) -> list[Message]:
    """A BSSMAP message and what it carries, decoded from a UDT."""
    decoder = Decoder(DecoderConfig(**config))
    return decoder.unit(unit(udt(bssmap(bytes.fromhex(hexadecimal)))))
