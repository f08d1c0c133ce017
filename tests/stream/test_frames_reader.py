"""P1: what the kernel reads from captures is what the plain decoder reads, message by message."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from decoders.errors import CaptureError
from decoders.kernel.plain import message
from decoders.messages import Message
from stream import frames_reader
from stream.offline import Captures, Reading

PCAP = Path(__file__).parents[2] / "fixtures" / "pcap"
EVERY = sorted(str(path) for path in PCAP.glob("*/*.pcap*"))
MSC = [str(PCAP / f"lab-{lab}" / f"{lab.upper()}_msc.pcap") for lab in "abc"]
SETS = {
    "all at once": EVERY,
    "three laboratories": MSC,
    "the same laboratory twice": [MSC[0], EVERY[0], MSC[0].replace("_msc.", "_bsc1.")],
    **{Path(path).name: [path] for path in EVERY},
}


def by_kernel(paths: list[str]) -> tuple[list[Message], list[CaptureError]]:
    found: list[CaptureError] = []
    messages = [
        message(batch, index)
        for batch in frames_reader.batches(paths, found.append)
        for index in range(len(batch.rows))
    ]
    return messages, found


@pytest.mark.parametrize("name", SETS)
def test_p1_the_same_messages_in_the_same_order(name: str) -> None:
    messages, problems = by_kernel(SETS[name])
    assert messages == list(Captures(Reading(captures=SETS[name])).messages())
    assert problems == []


def test_p1_packed_captures_and_damaged_ones_are_read_alike(tmp_path: Path) -> None:
    whole = Path(MSC[0]).read_bytes()
    other = Path(MSC[1]).read_bytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(whole))
    (tmp_path / "b.zst").write_bytes(zstandard.ZstdCompressor().compress(other))
    (tmp_path / "c.pcap").write_bytes(Path(MSC[2]).read_bytes()[:-100])
    (tmp_path / "d.pcap").write_bytes(b"no capture at all")
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    messages, problems = by_kernel(paths)
    captures = Captures(Reading(captures=paths))
    assert messages == list(captures.messages())
    with pytest.raises(ExceptionGroup) as raised:
        captures.check()
    assert [str(one) for one in problems] == [str(one) for one in raised.value.exceptions]


def test_a_capture_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        next(frames_reader.batches([MSC[0], str(tmp_path / "none")], lambda _: None))


def test_a_batch_tells_how_far_the_captures_were_read() -> None:
    found = [batch.reached for batch in frames_reader.batches(MSC, lambda _: None)]
    last = list(Captures(Reading(captures=MSC)).messages())[-1].time
    assert found == sorted(found)
    assert found[-1] >= last
