"""What fuzzing begins with: the fixtures' records and messages, and what must never show."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from decoders import bssap, sccp
from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import DecodeError
from decoders.messages import Element, Message, Record, SccpUnit
from decoders.transport import Transport

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "pcap"
SECRET_OCTETS = 4
"""A report that shows so many octets in a row of an identity or a text gives somebody away."""
SECRET_DIGITS = 8
LEFT = 3
"""Octets of an element that bears an identity that are left as they are: identifier, length, the
kind of the identity or the type of the number."""
PASSED_ON = ("LAYER 3", "CP-USER", "RP-USER")
"""Elements that are messages of their own, looked at there."""


class Corpus(NamedTuple):
    """One capture."""

    name: str
    records: list[Record]
    units: list[SccpUnit]
    bodies: list[bytes]
    """User data of the SCCP messages: BSSAP, header and all."""


class Secrets(NamedTuple):
    """What no report may show."""

    octets: frozenset[bytes]
    """Every `SECRET_OCTETS` in a row of an element that bears identity or text."""
    digits: frozenset[str]
    """Identities and numbers as digits."""


@cache
def corpora() -> tuple[Corpus, ...]:
    """Every capture among the fixtures, its people made unlike anything else in it.

    A laboratory's identities are nearly all zeros, as is much else: where a report shows zeros,
    nobody could tell whose. So each gets other digits, and each text other octets, the same
    wherever they stand.
    """
    return tuple(_corpus(path) for path in sorted(FIXTURES.glob("*/*.pcap")))


@cache
def secrets() -> Secrets:
    """What these captures hold of people."""
    octets: set[bytes] = set()
    digits: set[str] = set()
    for corpus in corpora():
        for message in _messages(corpus.records):
            for element in _secret(message.elements or []):
                octets |= windows(element.raw[LEFT:])
            digits |= _digits(message)
    return Secrets(frozenset(octets), frozenset(digits))


def windows(data: bytes) -> set[bytes]:
    """Every `SECRET_OCTETS` in a row."""
    return {data[at : at + SECRET_OCTETS] for at in range(len(data) - SECRET_OCTETS + 1)}


def _corpus(path: Path) -> Corpus:
    records = [_made_unlike(record) for record in CaptureParser(path.name).feed(path.read_bytes())]
    transport = Transport()
    units = [unit for record in records for unit in transport.feed(record)]
    return Corpus(path.name, records, units, list(_bodies(units)))


def _made_unlike(record: Record) -> Record:
    """The record with other identities and texts of the same shape."""
    data = bytearray(record.data)
    for message in _messages([record]):
        at = record.data.find(message.raw)
        for element in _secret(message.elements or []) if at >= 0 else []:
            start = at + element.offset
            data[start : start + len(element.raw)] = _other(element)
    return record._replace(data=bytes(data))


def _other(element: Element) -> bytes:
    """Digits become other digits and text other octets, drawn from what they were."""
    kept, value = element.raw[:LEFT], element.raw[LEFT:]
    drawn = blake2b(value, digest_size=64).digest() * 4
    if element.text:
        return kept + bytes(octet | 1 for octet in drawn[: len(value)])
    return kept + bytes(map(_digit_pair, value, drawn[: len(value)]))


def _digit_pair(octet: int, drawn: int) -> int:
    low, high = octet & 15, octet >> 4
    low = low if low > 9 else 1 + drawn % 9
    high = high if high > 9 else 1 + drawn // 9 % 9
    return high << 4 | low


def _messages(records: list[Record]) -> Iterator[Message]:
    decoder = Decoder(DecoderConfig(elements=True))
    for record in records:
        yield from decoder.feed(record)


def _secret(elements: list[Element]) -> Iterator[Element]:
    for element in elements:
        if element.children:
            yield from _secret(element.children)
        elif (element.identity or element.text) and not element.name.startswith(PASSED_ON):
            yield element


def _bodies(units: list[SccpUnit]) -> Iterator[bytes]:
    for unit in units:
        data = sccp.parse(unit.data).data
        if data:
            try:
                bssap.split(data)
            except DecodeError:
                continue
            yield data


def _digits(message: Message) -> set[str]:
    numbers = (message.called, message.calling)
    found = {message.imsi, message.imei, message.imeisv}
    found |= {number.digits for number in numbers if number is not None}
    return {digits for digits in found if digits is not None and len(digits) >= SECRET_DIGITS}
