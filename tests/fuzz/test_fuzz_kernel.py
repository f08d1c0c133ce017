"""P4: the kernel reads mutated frames as the plain decoder does, and nothing outside them."""

from __future__ import annotations

from random import Random

import pytest
from fuzz_corpus import corpora
from fuzz_kernel import Pair, lead

from decoders.decoder import DecoderConfig

QUICK_FRAMES = 3_000

pytestmark = pytest.mark.timeout(900)  # whoever comes first compiles


@pytest.mark.parametrize("seed", range(100, 104))
def test_p4_kernel_and_plain_decoder_agree_on_mutated_frames(seed: int) -> None:
    result = lead(seed, QUICK_FRAMES)
    assert result["broke"] is None, f"python tests/fuzz/fuzz_kernel.py repeats it: {result}"
    assert int(str(result["messages"])) > QUICK_FRAMES // 4


def test_p4_frames_cut_anywhere_tell_nothing_of_what_stands_behind_them() -> None:
    dice = Random(11)
    pair = Pair(DecoderConfig())
    for corpus in corpora():
        records = list(corpus.records)
        for record in dice.sample(records, min(30, len(records))):
            sizes = range(0, len(record.data), 1 + len(record.data) // 60)
            pair.feed([record._replace(data=record.data[:size]) for size in sizes])
    assert pair.messages > 1000
