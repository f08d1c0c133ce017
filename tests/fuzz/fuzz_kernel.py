"""Kernel and plain decoder on mutated frames: ``python tests/fuzz/fuzz_kernel.py --frames 1000``.

The kernel reads each portion twice, the frames in one buffer with other octets between them each
time: what depends on an octet outside its frame differs in one of the two from the plain decoder,
which sees the frame alone. Nothing may be raised, and every message and counter must be the same.
A line of JSON for each life; ends with 1 where any broke.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from itertools import islice
from random import Random
from typing import Final

import numpy as np
from fuzz_corpus import Corpus, corpora
from fuzz_invariant import SMALL
from fuzz_run import LIFE, mutated, say

from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.kernel import Frames, Kernel, frames_of
from decoders.kernel.plain import message
from decoders.link import ETHERNET, MTP3
from decoders.messages import Message, Record
from stream import kernel_cache

PORTION: Final = 500
_FILLS: Final = (b"\x00", b"\xff", b"\x01\x03\x06")
"""What stands between frames: nothing, everything, and plausible elements."""
_BETWEEN: Final = 96


class Pair:
    """The two readings side by side."""

    def __init__(self, config: DecoderConfig) -> None:
        self._kernels = [Kernel(config) for _ in _FILLS[:2]]
        self._decoder = Decoder(config)
        self._portions = 0
        self.messages = 0

    def feed(self, records: list[Record]) -> None:
        """Raises AssertionError where they differ, and whatever reading raises."""
        expected = [message for record in records for message in self._plain(record)]
        self._portions += 1
        for index, kernel in enumerate(self._kernels):
            fill = _FILLS[(self._portions + index) % len(_FILLS)]
            found = list(_read(kernel, records, fill))
            assert found == expected, _difference(found, expected)
            for name in ("undecoded", "skipped", "gaps"):
                ours, theirs = getattr(kernel.decoder, name), getattr(self._decoder, name)
                assert +ours == +theirs, f"{name}: {ours - theirs} {theirs - ours}"
        self.messages += len(expected)

    @property
    def asked(self) -> int:
        """Frames that the kernel handed to its plain decoder."""
        return self._kernels[0].asked

    def _plain(self, record: Record) -> list[Message]:
        try:
            return self._decoder.feed(record)
        except CaptureError:
            return []


def _read(kernel: Kernel, records: list[Record], fill: bytes) -> list[Message]:
    refused: list[CaptureError] = []
    return [
        message(batch, index)
        for frames in frames_of(records)
        for batch in kernel.feed(_apart(frames, fill), refused.append)
        for index in range(len(batch.rows))
    ]


def _apart(frames: Frames, fill: bytes) -> Frames:
    """The same frames with other octets between them."""
    between = (fill * _BETWEEN)[:_BETWEEN]
    parts = [frames.record(index).data for index in range(len(frames.sizes))]
    offsets = frames.offsets + _BETWEEN * np.arange(1, len(parts) + 1)
    data = b"".join(between + part for part in parts) + between
    return frames._replace(data=data, offsets=offsets)


def _difference(found: list[Message], expected: list[Message]) -> str:
    for ours, theirs in zip(found, expected, strict=False):
        if ours != theirs:
            names = ours.__struct_fields__
            differs = [name for name in names if getattr(ours, name) != getattr(theirs, name)]
            return f"record {theirs.frame}: {theirs.message} differs in {differs}"
    return f"{len(found)} messages, not {len(expected)}"


def lead(seed: int, frames: int) -> dict[str, object]:
    """One life of so many mutated frames; what broke is in the result."""
    pair, count, broke = Pair(SMALL if seed % 4 == 0 else DecoderConfig()), 0, None
    records = mutated(Random(seed), _chosen(seed))
    began = time.monotonic()
    while count < frames and broke is None:
        portion = list(islice(records, PORTION))
        count += sum(touched for _, touched in portion)
        try:
            pair.feed([record for record, _ in portion])
        except Exception as error:  # noqa: BLE001  that anything escapes is what is looked for
            where = traceback.format_exception(error)[-2].strip()
            broke = {"error": f"{type(error).__name__}: {error}", "where": where, "after": count}
    seconds = round(time.monotonic() - began, 1)
    told = {"seed": seed, "mutated": count, "messages": pair.messages, "asked": pair.asked}
    return {**told, "seconds": seconds, "broke": broke}


def _chosen(seed: int) -> list[Corpus]:
    """Captures that the kernel reads by itself; most lives with none of the carriers that remember,
    for there a mutated frame leaves those behind it to the plain decoder."""
    kinds = {MTP3} if seed % 2 else {MTP3, ETHERNET}
    return [corpus for corpus in corpora() if corpus.records[0].link_type in kinds]


def main() -> int:
    """Leads lives until there are frames enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000, help="mutated frames in all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kernel_cache.choose()
    broken = 0
    for life in range(max(1, options.frames // LIFE)):
        result = lead(options.seed + life, min(LIFE, options.frames))
        say({"kernel": result})
        broken += result["broke"] is not None
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
