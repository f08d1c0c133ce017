"""Two readings of the same records: the kernel's, with its counters, and the plain decoder's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from decoders.capture import CaptureParser
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.kernel import Kernel, frames_of
from decoders.kernel.plain import message
from decoders.messages import Message, Record

PCAP = Path(__file__).parents[3] / "fixtures" / "pcap"
CAPTURES = sorted(PCAP.glob("*/*.pcap"))


class Read(NamedTuple):
    messages: list[Message]
    undecoded: Counter[str]
    skipped: Counter[str]
    gaps: Counter[str]
    asked: int


def records(path: Path) -> list[Record]:
    return CaptureParser(path.name).feed(path.read_bytes())


def by_kernel(
    found: Sequence[Record], config: DecoderConfig | None = None, rows: int = 4096
) -> Read:
    kernel = Kernel(config, rows)
    messages: list[Message] = []
    for frames in frames_of(found):
        try:
            for batch in kernel.feed(frames):
                messages += [message(batch, index) for index in range(len(batch.rows))]
        except CaptureError:
            continue
    return _read(messages, kernel.decoder, kernel.asked)


def by_decoder(found: Sequence[Record], config: DecoderConfig | None = None) -> Read:
    decoder = Decoder(config)
    messages: list[Message] = []
    for record in found:
        try:
            messages += decoder.feed(record)
        except CaptureError:
            continue
    return _read(messages, decoder, len(found))


def _read(messages: list[Message], decoder: Decoder, asked: int) -> Read:
    skipped = +decoder.skipped
    return Read(messages, +decoder.undecoded, skipped, +decoder.gaps, asked)


def agree(found: Sequence[Record], config: DecoderConfig | None = None, rows: int = 4096) -> Read:
    """Every field of every message, and every counter; gives the kernel's reading."""
    ours, theirs = by_kernel(found, config, rows), by_decoder(found, config)
    for mine, other in zip(ours.messages, theirs.messages, strict=False):
        assert mine == other
    assert len(ours.messages) == len(theirs.messages)
    assert ours.undecoded == theirs.undecoded
    assert ours.skipped == theirs.skipped
    assert ours.gaps == theirs.gaps
    return ours
