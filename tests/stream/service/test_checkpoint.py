"""What a live feed has taught is kept over a restart, sealed, all of one moment or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from redis.asyncio import Redis

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.messages import Lai
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND
from stream import checkpoint, pieces
from stream.checkpoint import VERSION, Kept, RedisCheckpoint, imsis_in, packed, take_up
from stream.embedded import RedisServer
from stream.places import FilePlace

KEY = b"k" * 32
IMSI = "460001234567890"
HERE = Lai("460", "00", 1)
NOW = 1_200_000_000 * SECOND


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url)
    await client.flushall()
    yield client
    await client.aclose()


def correlator() -> Correlator:
    return Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)


def learned() -> Kept:
    one = correlator()
    one.bindings.serve(HERE, "185")
    one.bindings.bind("185", "0000000a", IMSI)
    places = {"/captures": [FilePlace("a.pcap", "0a", 7, {9})]}
    return Kept(VERSION, "source", "settings", 42, NOW, NOW + 1, places, packed(one))


def kept(redis: Redis, key: bytes = KEY, name: str = "probe") -> RedisCheckpoint:
    return RedisCheckpoint(redis, key, name)


async def save(one: RedisCheckpoint, *, at_once: bool = True) -> None:
    async def safe() -> None:
        return

    await one.save(learned, safe, at_once=at_once)


async def restored(one: RedisCheckpoint) -> str | None:
    found = await one.load()
    after = correlator()
    if found is not None:
        assert take_up(after, found)
    return after.bindings.find("0000000a", HERE, "185")


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
    places = len(await redis.keys())
    assert places > 5
    await save(kept(redis))
    assert len(await redis.keys()) == places
    assert await restored(kept(redis)) == IMSI


@pytest.mark.parametrize("large", [1, 1 << 20])
async def test_p6_nothing_clear_is_in_redis(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(checkpoint, "_LARGE", large)
    await save(kept(redis))
    clear = int("1" + IMSI).to_bytes(8, "little")
    assert (clear in learned().memory) == (large == 1)
    for place in await redis.keys():
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
    for place in await redis.keys():
        if place.count(b":") > 3:
            await redis.set(place, b"damaged")
    assert await restored(kept(redis)) is None


async def test_it_is_kept_now_and_then_and_at_the_end(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(redis)
    await save(one, at_once=False)
    assert await redis.keys() == []
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
    assert await redis.keys() == []


def test_the_people_of_a_table_are_found_for_a_change_of_the_key() -> None:
    assert set(imsis_in(msgspec.msgpack.encode(learned()))) == {IMSI}
    assert list(imsis_in(b"damaged")) == []
