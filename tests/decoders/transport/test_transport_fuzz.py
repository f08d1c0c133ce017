"""P4: whatever the bytes, decoding ends, raises nothing, stays within bounds, and tells no one's
identity in its samples."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable

import pytest
from transport_frames import FIXTURES, captures, read

from decoders.messages import Record
from decoders.transport import Transport, TransportConfig

ROUNDS = 4
CONFIG = TransportConfig(
    max_associations=32, max_datagrams=16, max_waiting_bytes=16_384, max_samples=8
)


def flip(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def truncate(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data)) :]


def lie_about_length(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(max(1, len(data) - 1))
    data[at : at + 2] = dice.choice([0, 1, 3, 4, 0x7FFF, 0xFFFF]).to_bytes(2, "big")


def swap(data: bytearray, dice: random.Random) -> None:
    one, other = sorted(dice.randrange(len(data)) for _ in range(2))
    data[one:other] = data[one:other][::-1]


def nest(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data))
    data[at:at] = data[dice.randrange(len(data)) :][:200]


MUTATIONS: list[Callable[[bytearray, random.Random], None]] = [
    flip,
    truncate,
    lie_about_length,
    swap,
    nest,
]


def mutated(record: Record, dice: random.Random) -> Record:
    data = bytearray(record.data)
    for _ in range(dice.randint(1, 3)):
        if data:
            dice.choice(MUTATIONS)(data, dice)
    link_type = record.link_type if dice.random() < 0.8 else dice.choice([0, 1, 101, 113, 140, 276])
    return record._replace(data=bytes(data), link_type=link_type)


def within_bounds(transport: Transport) -> bool:
    ip, sctp, tcp = transport._ip, transport._sctp, transport._tcp
    return (
        max(len(sctp._streams), len(tcp._directions), len(transport._mtp2._sequences)) <= 32
        and max(ip._waiting, sctp._waiting, tcp._waiting) <= 16_384
        and min(ip._waiting, sctp._waiting, tcp._waiting) >= 0
        and len(ip._datagrams) <= 16
        and all(len(framer.buffer) < 4200 for framer in transport._ipa._framers.values())
        and len(transport.samples) <= 8
    )


@pytest.mark.parametrize("path", captures(), ids=lambda path: path.name)
def test_p4_mutated_frames_raise_nothing_and_stay_within_bounds(path: str) -> None:
    records = read(path)  # type: ignore[arg-type]
    for seed in range(ROUNDS):
        dice = random.Random(f"{records[0].source} {seed}")
        transport = Transport(CONFIG)
        for record in records:
            for unit in transport.feed(record if dice.random() < 0.3 else mutated(record, dice)):
                assert unit.data
        assert within_bounds(transport)


def test_p4_noise_raises_nothing_on_any_link_type() -> None:
    dice = random.Random(2008)
    transport = Transport(CONFIG)
    for frame in range(5000):
        link_type = dice.choice([0, 1, 12, 101, 108, 113, 139, 140, 141, 142, 228, 229, 276])
        data = dice.randbytes(dice.randrange(120))
        transport.feed(Record("noise", frame, dice.randrange(1 << 50), link_type, data))
    assert within_bounds(transport)


def swapped_digits(digits: str) -> bytes:
    """Semi-octets as in a mobile identity, from its second digit on (TS 24.008 10.5.1.4)."""
    pairs = zip(digits[1::2], digits[2::2], strict=False)
    return bytes(int(low) | int(high) << 4 for low, high in pairs)


@pytest.mark.parametrize("lab", ["lab-a", "lab-b", "lab-c"])
def test_p6_samples_hold_nobodys_identity_even_where_a_capture_lies_about_its_link(
    lab: str,
) -> None:
    with (FIXTURES / lab / "truth" / "msc_connections.csv").open(encoding="utf-8") as rows:
        identities = {row.get("imsi", "") for row in csv.DictReader(rows)} - {"", None}
    secrets = [swapped_digits(imsi)[-4:] for imsi in identities]
    assert secrets
    dice = random.Random(lab)
    for path in sorted((FIXTURES / lab).glob("*_msc*.pcap")):
        records = read(path)
        for link_type in (0, 1, 101, 113, 140, 141, 276):
            transport = Transport(TransportConfig(max_samples=10_000))
            for record in records:
                transport.feed(record._replace(link_type=link_type))
                transport.feed(mutated(record, dice))
            headers = b"|".join(sample.header for sample in transport.samples)
            assert transport.samples
            assert max(len(sample.header) for sample in transport.samples) <= 2
            assert not any(secret in headers for secret in secrets), (path.name, link_type)
