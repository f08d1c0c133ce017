"""P4, P6: whatever the bytes, decoding ends, raises nothing, allocates no more than a bound that
the configuration gives, and reports what it could not read, without anyone's identity or text in
the report. A minute's worth of `make fuzz`, and every case that it ever found."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from random import Random

import pytest
import zstandard
from fuzz_corpus import FIXTURES, corpora, secrets
from fuzz_invariant import SMALL_CORRELATOR, Life, holdings
from fuzz_mutations import LINK_TYPES, Mutator
from fuzz_run import CRASHERS, lead

from decoders.capture import CaptureParser
from decoders.carriers import Carriers
from decoders.connections import Connections
from decoders.decoder import DecoderConfig
from decoders.direction import Directions
from decoders.errors import CaptureError
from decoders.messages import Message, Record
from decoders.survey import Survey
from stream import doctor

QUICK_FRAMES = 6_000
CAPTURE = FIXTURES / "lab-b" / "B_bsc2_ipa.pcap"


@pytest.mark.parametrize("seed", range(4))
def test_p4_p6_mutated_frames_of_every_fixture_break_nothing(seed: int) -> None:
    result = lead(seed, QUICK_FRAMES)
    assert result["broke"] is None, f"python tests/fuzz/fuzz_run.py repeats it: {result['broke']}"
    assert result["messages"] > QUICK_FRAMES // 4, "nearly nothing was decoded: no test of much"
    assert result["events"] > 0


@pytest.mark.parametrize(
    "case",
    [json.loads(line) for line in CRASHERS.read_text(encoding="utf-8").splitlines()],
    ids=lambda case: case["found"],
)
def test_p4_p6_what_fuzzing_once_found_stays_mended(case: dict[str, object]) -> None:
    life = Life(secrets(), Random(0))
    data = bytes.fromhex(str(case["data"]))
    for frame in range(3):
        life.feed(Record("found", frame, int(str(case["time"])), int(str(case["link_type"])), data))
    life.end()


def test_p6_the_secrets_that_no_report_may_show_are_there_to_be_found() -> None:
    known = secrets()
    assert len(known.octets) > 500
    assert len(known.digits) > 50
    everything = b"|".join(record.data for corpus in corpora() for record in corpus.records)
    shown = sum(window in everything for window in known.octets)
    assert shown > 0.9 * len(known.octets)


def test_p4_a_seed_gives_the_same_frames_again() -> None:
    def made() -> list[list[Record]]:
        mutator = Mutator(corpora()[0], Random(7))
        return [mutator.of(record) for record in islice(corpora()[0].records, 200)]

    assert made() == made()


def test_p4_noise_on_every_link_type_breaks_nothing() -> None:
    dice = Random(2008)
    life = Life(secrets(), dice)
    for frame in range(4_000):
        data = dice.randbytes(dice.randrange(120))
        life.feed(Record("noise", frame, dice.randrange(1 << 50), dice.choice(LINK_TYPES), data))
    life.end()


def test_p4_where_time_stands_still_what_is_remembered_stays_small() -> None:
    connections = Connections(SMALL_CORRELATOR.limits)
    for number in range(20_000):
        connections.receive(_request(number), from_network=False)
        connections.overflow()
    assert holdings(connections).items < 20_000
    assert Directions().from_network(_request(1)) is False


def test_p4_p6_the_doctor_survives_whatever_he_is_shown() -> None:
    dice = Random(1)
    carriers, frames = Carriers(), []
    for corpus in corpora()[::4]:
        mutator = Mutator(corpus, dice)
        frames += [one for record in corpus.records for one in mutator.of(record)]
    for frame in frames:
        carriers.feed(frame)
    survey = Survey(DecoderConfig(transport=carriers.transport()))
    for frame in frames:
        survey.feed(frame)
    survey.finish()
    told = "\n".join(doctor.findings(carriers, survey))
    assert survey.protocols.total() > 1000
    assert not any(digits in told for digits in secrets().digits)


def _request(number: int) -> Message:
    """A connection request that uses one reference again and again."""
    return Message(
        frame=number,
        time=1,
        opc=1,
        dpc=2,
        sccp="CR",
        slr=7,
        protocol="BSSMAP",
        message="COMPLETE LAYER 3 INFORMATION",
        code=0x57,
        raw=number.to_bytes(4, "big"),
    )


def _other_order(data: bytes) -> bytes:
    """A little-endian pcap as a big-endian one."""
    made = [struct.pack(">IHHiIII", *struct.unpack_from("<IHHiIII", data))]
    at = 24
    while at < len(data):
        fields = struct.unpack_from("<IIII", data, at)
        made.append(struct.pack(">IIII", *fields) + data[at + 16 : at + 16 + fields[2]])
        at += 16 + fields[2]
    return b"".join(made)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "pcap": bytes,
    "pcap of the other byte order": _other_order,
    "gzip": gzip.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "gzip in gzip": lambda data: gzip.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("form", PACKED)
def test_p4_a_broken_capture_file_raises_capture_errors_alone(form: str) -> None:
    whole = PACKED[form](CAPTURE.read_bytes())
    dice = Random(form)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 2, 10))):
            at = dice.randrange(len(data)) if dice.random() < 0.5 else dice.randrange(200)
            data[at] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
        cut = dice.randrange(len(data)) if dice.random() < 0.3 else len(data)
        with suppress(CaptureError):
            _read_in_pieces(bytes(data[:cut]))


def _read_in_pieces(data: bytes) -> None:
    parser = CaptureParser("broken.pcap")
    for start in range(0, len(data), 5000):
        for record in parser.records(data[start : start + 5000]):
            assert len(record.data) <= 1 << 20
            assert 0 <= record.time < 1 << 62
    parser.close()


def test_p4_a_small_file_that_unpacks_to_a_huge_one_is_refused() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    one = struct.pack("<IIII", 1, 0, 60, 60) + bytes(60)
    bomb = gzip.compress(head + one * 300_000)
    assert len(bomb) < 100_000
    with pytest.raises(CaptureError, match="unpacks to far more"):
        _read(bomb)


def _read(data: bytes) -> int:
    parser = CaptureParser("bomb.pcap.gz")
    count = sum(1 for _ in parser.records(data))
    parser.close()
    return count
