"""What a live feed has taught is kept over a restart, sealed, all of one moment or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from ingests import FRAMES, KINDS, RECORDS, made
from one_or_cluster import KINDS as BOTH
from one_or_cluster import keys, opened
from redis.asyncio import Redis

from decoders.times import SECOND
from stream import checkpoint, pieces
from stream.checkpoint import ALL, LASTING, NOTHING, VERSION, Kept, RedisCheckpoint, imsis_in
from stream.embedded import RedisServer
from stream.places import FilePlace

KEY = b"k" * 32
IMSI = "460001234567890"
NOW = 1_200_000_000 * SECOND


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


@pytest.fixture(params=BOTH)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


@pytest.fixture
async def redis(request: pytest.FixtureRequest, redis_kind: str, url: str) -> AsyncIterator[Redis]:
    async with opened(request, redis_kind, url) as client:
        yield client


def reader(kind: str) -> Any:
    return made(kind, [], None)._reader


@pytest.fixture(autouse=True, params=KINDS)
async def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of the reader that remembers, and of the one that takes it up."""
    monkeypatch.setitem(globals(), "KIND", [request.param])
    return str(request.param)


KIND = [RECORDS]


def learned() -> Kept:
    one = reader(KIND[0])
    one.correlator.bindings.bind("185", "0000000a", IMSI)
    places = {"/captures": [FilePlace("a.pcap", "0a", 7, {9})]}
    return Kept(VERSION, "source", "settings", 42, NOW, NOW + 1, places, one.memory(), one.writing)


def kept(redis: Redis, key: bytes = KEY, name: str = "probe") -> RedisCheckpoint:
    return RedisCheckpoint(redis, key, name)


async def save(one: RedisCheckpoint, *, at_once: bool = True) -> None:
    async def safe() -> None:
        return

    await one.save(learned, safe, at_once=at_once)


async def restored(one: RedisCheckpoint) -> str | None:
    found = await one.load()
    after = reader(RECORDS)  # which tells what its table holds
    if found is not None:
        assert reader(KIND[0]).take_up(found) == ALL
        after.take_up(found)
    return after.correlator.bindings.find("0000000a", None, "185")


async def test_after_a_restart_all_of_it_is_known(redis: Redis) -> None:
    await save(kept(redis))
    assert await restored(kept(redis)) == IMSI
    found = await kept(redis).load()
    assert found == learned()


async def test_a_checkpoint_in_pieces_comes_back_whole_and_leaves_none_behind(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_PIECE", 7)
    await save(kept(redis))
    places = len(await keys(redis))
    assert places > 5
    await save(kept(redis))
    assert len(await keys(redis)) == places
    assert await restored(kept(redis)) == IMSI


@pytest.mark.parametrize("large", [1, 1 << 20])
async def test_p6_nothing_clear_is_in_redis(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, large: int, kind: str
) -> None:
    room = "stream.frames_ingest._LARGE" if kind == FRAMES else "stream.checkpoint._LARGE"
    monkeypatch.setattr(room, large)
    await save(kept(redis))
    clear = int("1" + IMSI).to_bytes(8, "little")
    assert (clear in learned().memory) == (large == 1)
    for place in await keys(redis):
        stored = await redis.get(place)
        assert clear not in stored
        assert IMSI.encode() not in stored
    assert await restored(kept(redis)) == IMSI


async def test_another_key_another_feed_another_version_and_damage_know_nothing(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(kept(redis))
    assert await restored(kept(redis, key=b"l" * 32)) is None
    assert await restored(kept(redis, name="another")) is None
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "VERSION", VERSION + 1)
        assert await restored(kept(redis)) is None
    for place in await keys(redis):
        if place.count(b":") > 3:
            await redis.set(place, b"damaged")
    assert await restored(kept(redis)) is None


async def test_it_is_kept_now_and_then_and_at_the_end(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(redis)
    await save(one, at_once=False)
    assert await keys(redis) == []
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    await save(kept(redis), at_once=False)
    assert await restored(kept(redis)) == IMSI


async def test_a_costly_checkpoint_comes_less_often(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", 1e-9)
    one = kept(redis)
    await save(one, at_once=False)
    assert await restored(kept(redis)) == IMSI
    await redis.flushall()
    await save(one, at_once=False)
    assert await keys(redis) == []


async def test_the_people_of_a_table_are_found_for_a_change_of_the_key() -> None:
    assert set(imsis_in(msgspec.msgpack.encode(learned()))) == {IMSI}
    assert list(imsis_in(b"damaged")) == []


async def test_either_writing_takes_up_what_lasts_of_the_other(kind: str) -> None:
    other = reader(RECORDS if kind == FRAMES else FRAMES)
    assert other.take_up(learned()) == LASTING
    assert len(other.correlator.bindings) == 1
    damaged = msgspec.structs.replace(learned(), memory=b"w\x93")
    assert other.take_up(damaged) == NOTHING
