"""`signalling.undecoded`: what could not be decoded, discreetly, and in nobody's way."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import msgspec

from decoders.capture import CaptureParser
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.undecoded import Sample
from stream import topics
from stream.reading import Reader
from stream.undecoded import WAITING, Undecoded, UndecodedWriter

PARTITIONS = 8


class Kept:
    """Keeps what is published; waits for `open` first."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Undecoded, int, bytes | None]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(
        self, topic: str, value: bytes, *, partition: int, key: bytes | None = None
    ) -> int:
        await self.open.wait()
        self.rows.append((topic, msgspec.json.decode(value, type=Undecoded), partition, key))
        return len(self.rows)


def sample(frame: int, source: str = "A_msc.pcap") -> Sample:
    return Sample("BSSAP: broken", source, frame, b"\x57\x00", 141, 60)


async def test_each_sample_is_told_once_under_its_point_of_capture() -> None:
    kept = Kept()
    writer = UndecodedWriter(kept, PARTITIONS)
    writer.offer([sample(1), sample(2)])
    writer.offer([sample(2), sample(3, "other.pcap")])
    await writer.flush()
    await writer.close()
    assert [row.frame for _, row, _, _ in kept.rows] == [1, 2, 3]
    assert {topic for topic, *_ in kept.rows} == {topics.UNDECODED}
    assert [key for *_, key in kept.rows] == [b"A_msc.pcap", b"A_msc.pcap", b"other.pcap"]
    assert kept.rows[0][2] == kept.rows[1][2] < PARTITIONS
    assert kept.rows[0][1].sample == "5700"


async def test_a_slow_broker_holds_up_nothing_and_what_is_left_out_is_counted() -> None:
    kept = Kept()
    kept.open.clear()
    writer = UndecodedWriter(kept, PARTITIONS)
    for frame in range(3 * WAITING):
        writer.offer([sample(frame)])
        await asyncio.sleep(0)
    assert writer.dropped >= 2 * WAITING - 2
    kept.open.set()
    await writer.flush()
    await writer.close()
    assert len(kept.rows) + writer.dropped == 3 * WAITING


async def test_a_broker_that_fails_for_good_does_not_hang_the_end() -> None:
    class Gone(Kept):
        async def send(self, *_: object, **__: object) -> int:
            raise OSError

    writer = UndecodedWriter(Gone(), PARTITIONS)
    writer.offer([sample(1)])
    await asyncio.wait_for(writer.flush(), 5)
    await writer.close()


async def test_p6_ingest_tells_what_it_could_not_decode_without_naming_anybody(pcap: Path) -> None:
    kept = Kept()
    writer = UndecodedWriter(kept, PARTITIONS)
    reader = Reader(
        Decoder(DecoderConfig()),
        Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None),
        lambda _: None,
        writer.offer,
    )
    whole = (pcap / "lab-a" / "A_msc_re_mtp3.pcap").read_bytes()
    for record in CaptureParser("cut.pcap").feed(whole):
        reader.feed(record._replace(data=record.data[:-2]))
    reader.count()
    await writer.flush()
    await writer.close()
    assert 0 < len(kept.rows) <= 2 * DecoderConfig().max_samples
    with (pcap / "lab-a" / "truth" / "msc_connections.csv").open(encoding="utf-8") as rows:
        imsis = {row.get("imsi") or "" for row in csv.DictReader(rows)} - {""}
    told = msgspec.json.encode([row for _, row, _, _ in kept.rows]).decode()
    assert imsis
    assert not any(imsi in told for imsi in imsis)
    assert not any(_bcd(imsi) in told for imsi in imsis)


def _bcd(imsi: str) -> str:
    """The last ten digits as they stand in a mobile identity, hexadecimal."""
    return "".join(imsi[at + 1] + imsi[at] for at in range(5, 15, 2))
