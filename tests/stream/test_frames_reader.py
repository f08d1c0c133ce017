"""P1: what the kernel reads from captures is what the plain decoder reads, message by message."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Literal

import pytest
import zstandard

from decoders.errors import CaptureError
from decoders.kernel.plain import message
from decoders.messages import Message
from stream import frames_reader, kernel_cache, offline
from stream.offline import Captures, Reading

pytestmark = pytest.mark.timeout(900)  # whoever comes first compiles
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


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_p1_decode_writes_the_same_octets_whoever_reads(
    form: Literal["jsonl", "csv"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "c.pcap"
    damaged.write_bytes(Path(MSC[2]).read_bytes()[:-100])
    reading = Reading(captures=[*MSC[:2], str(damaged)])
    written = []
    for pays in (False, True):
        monkeypatch.setattr(kernel_cache, "pays_for", lambda _octets, pays=pays: pays)
        with pytest.raises(CaptureError, match="in the middle of record"):
            offline.decode(reading, "messages", form, tmp_path / "rows")
        written.append((tmp_path / "rows").read_bytes())
    assert written[0] == written[1]
    assert len(written[0].splitlines()) > 1000


def test_p1_what_is_wrong_with_captures_is_told_alike(tmp_path: Path) -> None:
    strange = bytearray(Path(MSC[0]).read_bytes())
    strange[20] = 147
    (tmp_path / "strange.pcap").write_bytes(strange)
    (tmp_path / "empty.pcap").write_bytes(strange[:24])
    reading = Reading(captures=[*MSC[:1], *map(str, sorted(tmp_path.iterdir()))])
    told = []
    for read in (Captures.messages, Captures.batches):
        captures = Captures(reading)
        assert sum(1 for _ in read(captures))
        with pytest.raises(ExceptionGroup) as raised:
            captures.check()
        told.append([str(one) for one in raised.value.exceptions])
    assert told[0] == told[1]


def test_compiled_code_is_used_where_it_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    small, long = kernel_cache.READY_OCTETS, kernel_cache.MAKING_OCTETS
    assert [kernel_cache.pays_for(size) for size in (small, long)] == [False, True]
    (tmp_path / "kernel_0").mkdir()
    (tmp_path / "kernel_0" / "carriers.run-116.py311.nbi").touch()
    assert [kernel_cache.pays_for(size) for size in (small - 1, small)] == [False, True]
    assert not Captures(Reading(captures=["-"])).many
