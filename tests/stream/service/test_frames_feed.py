"""P1: sources by the thousand give the records that they give one by one, in the same order."""

from __future__ import annotations

import io
import random
import socket
import struct
import threading
from pathlib import Path

import pytest

from decoders.errors import CaptureError
from decoders.kernel import Frames, frames_of
from decoders.messages import Record
from stream import feeds, frames_feed
from stream.feeds import Feed
from stream.frames_feed import FramesFeed

pytestmark = pytest.mark.timeout(900)  # whoever comes first compiles
PCAP = Path(__file__).parents[3] / "fixtures" / "pcap"
MSC = [str(PCAP / f"lab-{lab}" / f"{lab.upper()}_msc.pcap") for lab in "abc"]


def refuse(error: CaptureError) -> None:
    raise error


def octets(name: str) -> bytes:
    return Path(name).read_bytes()


def records_of(blocks: list[Frames]) -> list[Record]:
    return [frames.record(index) for frames in blocks for index in range(len(frames.times))]


async def one_by_one(feed: Feed, count: int) -> list[Record]:
    found: list[Record] = []
    while len(found) < count and (some := await feed.take(0.5)) is not None:
        found += some
    feed.stop()
    return found


async def by_the_thousand(feed: FramesFeed, count: int) -> list[Record]:
    found: list[Record] = []
    while len(found) < count and (some := await feed.take(0.5)) is not None:
        found += records_of(some)
    feed.stop()
    return found


async def test_p1_files_and_their_identity() -> None:
    plain, thousand = Feed(MSC, refuse), FramesFeed(MSC, refuse)
    found = await one_by_one(plain, 1 << 30)
    assert await by_the_thousand(thousand, 1 << 30) == found
    assert thousand.source_id(found[0]) == plain.source_id(found[0])


async def test_p1_a_folder_that_is_filled(tmp_path: Path) -> None:
    for index, name in enumerate(MSC):
        (tmp_path / f"ring_{index}.pcap").write_bytes(octets(name))
    count = len(await one_by_one(Feed(MSC, refuse), 1 << 30))
    found = await one_by_one(Feed([str(tmp_path)], refuse), count)
    assert await by_the_thousand(FramesFeed([str(tmp_path)], refuse), count) == found


async def test_p1_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    for kind in (0, 1):
        given = io.BytesIO(octets(MSC[1]))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(given)))
        if kind:
            read.append(await by_the_thousand(FramesFeed(["-"], refuse), 1 << 30))
        else:
            read.append(await one_by_one(Feed(["-"], refuse), 1 << 30))
    assert read[0] == read[1]
    assert read[0]


async def test_p1_pcap_over_ip_in_small_portions() -> None:
    data = octets(MSC[0])
    count = len(await one_by_one(Feed([MSC[0]], refuse), 1 << 30))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_sends, args=(server, data), daemon=True).start()
        found = await by_the_thousand(FramesFeed([f"tcp://127.0.0.1:{port}"], refuse), count)
    plain = await one_by_one(Feed([MSC[0]], refuse), count)
    assert [one._replace(source="") for one in found] == [one._replace(source="") for one in plain]


def _sends(server: socket.socket, data: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        for at in range(0, len(data), 1700):
            connection.sendall(data[at : at + 1700])
        connection.recv(1)


@pytest.mark.parametrize("seed", range(6))
def test_p1_what_runs_side_by_side_waits_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (feeds, frames_feed):
        monkeypatch.setattr(module, "HELD_RECORDS", 60)
    chance = random.Random(seed)
    plain, thousand = feeds._SideBySide(0.5), frames_feed._SideBySide(0.5)
    now, time = 0.0, 1_000_000
    for number in range(200):
        now += chance.random() / 10
        time += chance.randrange(20)
        some = [
            Record("s", number, time + chance.randrange(40), 1, struct.pack(">I", index), "")
            for index in range(chance.randrange(12))
        ]
        assert records_of(thousand.passed(list(frames_of(some)), now)) == plain.passed(some, now)
    assert records_of(thousand.all()) == plain.all()
