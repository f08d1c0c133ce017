"""The laboratories' captures many times over: at other times, of other people.

A copy is one laboratory's MSC as MTP3 records (link type 141, which bear no transport's sequence
numbers), moved in time, with IMSIs and TMSIs of its own of the same length. A ring of them is what
a capture of many hours looks like to ingest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from decoders.decoder import Decoder, DecoderConfig
from decoders.messages import Record
from decoders.times import SECOND
from stream import sources

PCAP = Path(__file__).parents[2] / "fixtures" / "pcap"
LABS = tuple(PCAP / f"lab-{name.lower()}" / f"{name}_msc_re_mtp3.pcap" for name in "ABC")
SPACING_SECONDS = 600
"""From one copy's beginning to the next one's; a laboratory takes some nine minutes."""
MOST_COPIES = 96
BEGINNING = 1_201_471_200 * SECOND
"""2008-01-28 06:00 in Shanghai: sixteen hours of copies end before that day's 22:00."""
_MTP3 = 141
_COPY_DIGITS = slice(9, 12)
_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, _MTP3)


class Lab(NamedTuple):
    """One laboratory as it was captured."""

    records: tuple[Record, ...]
    imsis: tuple[str, ...]
    tmsis: tuple[bytes, ...]


class Person(NamedTuple):
    """Somebody in a copy."""

    imsi: str
    msisdn: str


def capture(number: int, days: int = 0) -> bytes:
    """Copy `number` as a capture file, so many days later."""
    lab = _lab(number % len(LABS))
    shift = BEGINNING + (number * SPACING_SECONDS + days * 86_400) * SECOND - lab.records[0].time
    names = _other_names(lab, number)
    return _HEADER + b"".join(_packed(record, shift, names) for record in lab.records)


def people(number: int) -> list[Person]:
    """Everybody whose IMSI passes in copy `number`."""
    lab = number % len(LABS)
    return [
        Person(_imsi(imsi, number), f"49155{lab}{number:03d}{place:03d}")
        for place, imsi in enumerate(_lab(lab).imsis)
    ]


@cache
def _lab(number: int) -> Lab:
    records = tuple(sources.merged([str(LABS[number])], _fail))
    decoder = Decoder(DecoderConfig())
    messages = [message for record in records for message in decoder.feed(record)]
    imsis = {message.imsi for message in messages if message.imsi}
    tmsis = {bytes.fromhex(message.tmsi) for message in messages if message.tmsi}
    return Lab(records, tuple(sorted(imsis)), tuple(sorted(tmsis)))


def _imsi(imsi: str, copy: int) -> str:
    digits = list(imsi)
    digits[_COPY_DIGITS] = f"{copy:03d}"
    return "".join(digits)


def _other_names(lab: Lab, copy: int) -> dict[bytes, bytes]:
    """What to put in place of each IMSI and TMSI, as they stand in messages."""
    names = {_bcd(imsi): _bcd(_imsi(imsi, copy)) for imsi in lab.imsis}
    for tmsi in lab.tmsis:
        names[tmsi] = bytes([tmsi[0], tmsi[1] ^ copy, *tmsi[2:]])
    return names


def _bcd(imsi: str) -> bytes:
    """A mobile identity after the octet of its first digit (TS 24.008 10.5.1.4)."""
    rest = imsi[1:]
    return bytes(int(rest[at + 1]) << 4 | int(rest[at]) for at in range(0, 14, 2))


def _packed(record: Record, shift: int, names: dict[bytes, bytes]) -> bytes:
    data = record.data
    for old, new in names.items():
        if old in data:
            data = data.replace(old, new)
    seconds, micros = divmod(record.time + shift, SECOND)
    return struct.pack("<IIII", seconds, micros, len(data), len(data)) + data


def ring(folder: Path, copies: int) -> Iterator[Path]:
    """Writes one copy after another into `folder`, as a ring-buffer capture does."""
    for number in range(copies):
        hidden = folder / f".{number:05d}"
        hidden.write_bytes(capture(number))
        yield hidden.rename(folder / f"ring_{number:05d}.pcap")


def _fail(error: Exception) -> None:
    raise error
