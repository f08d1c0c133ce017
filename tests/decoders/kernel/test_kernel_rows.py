"""P1: rows made of columns are the rows made of messages, key for key and in the same order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decoders.decoder import Decoder
from decoders.kernel import Kernel, frames_of
from decoders.kernel.rows import rows_of
from decoders.pseudonyms import Pseudonyms
from decoders.rows import row
from tests.decoders.kernel.readings import CAPTURES, records

KEY = Pseudonyms(b"another key than the public one")


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_p1_rows_are_alike_octet_by_octet(path: Path, *, clear: bool) -> None:
    found, kernel, decoder = records(path), Kernel(), Decoder()
    theirs = [
        row(message, clear=clear, pseudonyms=KEY)
        for record in found
        for message in decoder.feed(record)
    ]
    ours = [
        made
        for frames in frames_of(found)
        for batch in kernel.feed(frames)
        for made in rows_of(batch, clear=clear, pseudonyms=KEY)
    ]
    assert [json.dumps(one) for one in ours] == [json.dumps(one) for one in theirs]
