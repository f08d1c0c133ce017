"""A long capture made of short ones is other people's traffic each time."""

from __future__ import annotations

from pathlib import Path

from decoders.capture import CaptureParser
from decoders.decoder import Decoder
from decoders.messages import Message, Record
from stream.bench import multiply

CAPTURE = Path(__file__).parents[3] / "fixtures" / "pcap" / "lab-a" / "A_msc.pcap"


def read(data: bytes) -> tuple[list[Message], Decoder]:
    decoder = Decoder()
    return [m for r in CaptureParser("x").feed(data) for m in decoder.feed(r)], decoder


def records() -> list[Record]:
    return CaptureParser("x").feed(CAPTURE.read_bytes())


def test_every_copy_is_decoded_whole_and_nothing_in_it_is_a_repetition(tmp_path: Path) -> None:
    multiply.write(tmp_path / "long.pcap", [records()], 5)
    once, _ = read(CAPTURE.read_bytes())
    long, decoder = read((tmp_path / "long.pcap").read_bytes())
    for_calls = [m.message for m in once if m.message != "RESET"]
    assert [m.message for m in long if m.message != "RESET"] == for_calls * 5
    assert not decoder.undecoded
    assert not decoder.gaps


def test_every_copy_has_its_own_people_and_connections(tmp_path: Path) -> None:
    multiply.write(tmp_path / "long.pcap", [records()], 3)
    once, _ = read(CAPTURE.read_bytes())
    long, _ = read((tmp_path / "long.pcap").read_bytes())
    for name in ("imsi", "tmsi", "slr"):
        people = {getattr(m, name) for m in once} - {None}
        assert len({getattr(m, name) for m in long} - {None}) == 3 * len(people)
