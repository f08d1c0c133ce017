"""Sources as one stream by time; a source's identity is in its content (P1)."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from decoders.errors import CaptureError
from decoders.messages import Record
from decoders.ordering import in_order
from stream.feeds import Feed, _Alone, _SideBySide, content_id
from stream.handoff import WAITING, Handoff


def header() -> bytes:
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 142)


def record(seconds: int, data: bytes = b"\x09\x00", micros: int = 0) -> bytes:
    return struct.pack("<IIII", seconds, micros, len(data), len(data)) + data


def capture(path: Path, *seconds: int) -> str:
    path.write_bytes(header() + b"".join(record(second) for second in seconds))
    return str(path)


async def read(feed: Feed, count: int = 1_000) -> list[Record]:
    records: list[Record] = []
    while len(records) < count and (some := await feed.take(0.5)) is not None:
        records += some
    return records


def seconds(records: list[Record]) -> list[int]:
    return [one.time // 1_000_000 for one in records]


def refuse(error: CaptureError) -> None:
    raise error


async def test_files_are_merged_by_time(tmp_path: Path) -> None:
    names = [capture(tmp_path / "a.pcap", 1, 4, 5), capture(tmp_path / "b.pcap", 2, 3, 6)]
    assert seconds(await read(Feed(names, refuse))) == [1, 2, 3, 4, 5, 6]


async def test_a_damaged_capture_gives_what_comes_before_the_damage(tmp_path: Path) -> None:
    name = capture(tmp_path / "a.pcap", 1, 2, 3)
    os.truncate(name, os.stat(name).st_size - 1)  # noqa: PTH116  a loop's test, no thread waits
    errors: list[CaptureError] = []
    assert seconds(await read(Feed([name], errors.append))) == [1, 2]
    assert [error.file for error in errors] == [name]


def test_p1_a_capture_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    name = capture(tmp_path / "a.pcap", 1, 2)
    copy = shutil.copy(name, tmp_path / "elsewhere.pcap")
    other = capture(tmp_path / "b.pcap", 3)
    assert content_id([name], refuse) == content_id([copy], refuse)
    assert len({content_id(names, refuse) for names in ([name], [other], [name, other])}) == 3


async def test_a_folder_is_followed_file_by_file(tmp_path: Path) -> None:
    capture(tmp_path / "ring_001.pcap", 1)
    feed = Feed([str(tmp_path)], refuse)
    assert feed.live
    assert seconds(await read(feed, 1)) == [1]
    with (tmp_path / "ring_001.pcap").open("ab") as growing:
        growing.write(record(2)[:10])
        growing.flush()
        assert await feed.take(0.3) == []
        growing.write(record(2)[10:])
    assert seconds(await read(feed, 1)) == [2]
    capture(tmp_path / "ring_002.pcap", 3)
    assert seconds(await read(feed, 1)) == [3]
    feed.stop()
    while await feed.take(0.5) is not None:
        pass


async def test_a_file_that_is_still_growing_is_followed(tmp_path: Path) -> None:
    name = tmp_path / "growing.pcap"
    feed = Feed([str(name)], refuse, follow=True)
    assert feed.live
    assert await feed.take(0.3) == [], "it is waited for"
    capture(name, 1)
    assert seconds(await read(feed, 1)) == [1]
    with name.open("ab") as growing:
        growing.write(record(2)[:10])
        growing.flush()
        assert await feed.take(0.3) == []
        growing.write(record(2)[10:])
    assert seconds(await read(feed, 1)) == [2]
    capture(tmp_path / "next.pcap", 3)
    (tmp_path / "next.pcap").rename(name)
    assert seconds(await read(feed, 1)) == [3], "another file took its name"
    feed.stop()
    while await feed.take(0.5) is not None:
        pass


async def test_a_capture_that_is_cut_while_it_is_followed_is_reported(tmp_path: Path) -> None:
    name = capture(tmp_path / "growing.pcap", 1, 2)
    errors: list[CaptureError] = []
    feed = Feed([name], errors.append, follow=True)
    assert seconds(await read(feed, 2)) == [1, 2]
    os.truncate(name, 30)
    while not errors:
        await feed.take(0.2)
    assert errors[0].file == name
    feed.stop()


async def test_a_source_that_nobody_takes_from_waits_and_the_time_is_told(tmp_path: Path) -> None:
    name = capture(tmp_path / "much.pcap", *range(1, WAITING + 100))
    feed = Feed([name], refuse, follow=True)
    while not feed.blocked:  # noqa: ASYNC110  a thread waits, not the loop
        await asyncio.sleep(0.05)
    assert feed.waiting == WAITING
    assert len(await read(feed, WAITING + 99)) == WAITING + 99
    feed.stop()


async def test_pcap_over_ip_is_read_over_reconnects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            for second in (1, 2):
                connection, _ = server.accept()
                connection.sendall(header() + record(second))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        feed = Feed([f"tcp://127.0.0.1:{port}"], refuse)
        assert seconds(await read(feed, 2)) == [1, 2]
        feed.stop()


@pytest.mark.parametrize("name", ["tcp://", "tcp://host", "tcp://host:0", "tcp://host:port"])
async def test_what_is_no_address_is_refused(name: str) -> None:
    with pytest.raises(CaptureError):
        Feed([name], refuse)


async def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as caught:
        await read(Feed([str(tmp_path / "none.pcap")], refuse))
    assert caught.value.file == str(tmp_path / "none.pcap")


def test_live_sources_are_put_in_order_within_a_bound() -> None:
    def at(second: int) -> Record:
        return Record("x", 1, second, 142, b"")

    hold = _SideBySide(0.5)
    assert hold.passed([at(2)], 10.0) == []
    assert hold.passed([at(1)], 10.2) == []
    assert [one.time for one in hold.passed([], 10.6)] == []
    assert [one.time for one in hold.passed([], 10.7)] == [1, 2]
    assert hold.passed([at(3)], 11.0) == []
    assert [one.time for one in hold.all()] == [3]


def test_p1_a_live_source_is_put_in_order_as_a_file_is_and_silence_frees_what_waits() -> None:
    taken = [Record("x", 1, time, 142, b"") for time in (0, 40_000, 10_000, 90_000, 60_000)]
    alone = _Alone(0.05)
    free = alone.passed(taken, 1.0)
    assert free == list(in_order(taken))[: len(free)] != []
    assert alone.passed([], 1.02) == []
    assert free + alone.passed([], 1.06) == list(in_order(taken))


async def test_p1_standard_input_is_put_in_order_as_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapped = record(3, micros=40_000) + record(3, micros=10_000)
    (tmp_path / "a.pcap").write_bytes(header() + record(1) + swapped + record(4))
    times = [one.time for one in await read(Feed([str(tmp_path / "a.pcap")], refuse))]
    piped = io.TextIOWrapper(io.BytesIO((tmp_path / "a.pcap").read_bytes()))
    monkeypatch.setattr("sys.stdin", piped)
    assert [one.time for one in await read(Feed(["-"], refuse))] == times == sorted(times)


async def test_a_slow_loop_makes_the_source_wait_not_grow() -> None:
    made = 0

    def numbers() -> Iterator[int]:
        nonlocal made
        while made < 3 * WAITING:
            made += 1
            yield made

    handoff = Handoff([numbers])
    await asyncio.sleep(0.1)
    assert made <= WAITING + 1
    taken: list[int] = []
    while (some := await handoff.take(1)) is not None:
        taken += some
    assert taken == list(range(1, 3 * WAITING + 1))
