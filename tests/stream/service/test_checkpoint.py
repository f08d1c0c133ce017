"""What a live feed has taught of TMSIs is kept over a restart, sealed, and not for too long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from decoders.identity import Bindings
from decoders.messages import Lai
from decoders.times import SECOND
from stream import checkpoint, pieces
from stream.checkpoint import STALE, RedisCheckpoint
from stream.embedded import RedisServer

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


def learned() -> Bindings:
    table = Bindings()
    table.serve(HERE, "185")
    table.bind("185", "0000000a", IMSI)
    return table


def kept(redis: Redis, key: bytes = KEY, name: str = "probe") -> RedisCheckpoint:
    return RedisCheckpoint(redis, key, name)


async def restored(one: RedisCheckpoint, now: int = NOW) -> str | None:
    table = Bindings()
    await one.restore(table, now)
    return table.find("0000000a", HERE, "185")


async def test_after_a_restart_a_tmsi_is_known(redis: Redis) -> None:
    await kept(redis).save(learned(), NOW, at_once=True)
    assert await restored(kept(redis)) == IMSI


async def test_a_table_in_pieces_comes_back_whole_and_leaves_none_behind(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_PIECE", 7)
    await kept(redis).save(learned(), NOW, at_once=True)
    places = len(await redis.keys())
    assert places > 5
    await kept(redis).save(learned(), NOW, at_once=True)
    assert len(await redis.keys()) == places
    assert await restored(kept(redis)) == IMSI


async def test_p6_nothing_clear_is_in_redis(redis: Redis) -> None:
    table = learned()
    await kept(redis).save(table, NOW, at_once=True)
    packed = int("1" + IMSI).to_bytes(8, "little")
    assert packed in table.dump()
    for place in await redis.keys():
        stored = await redis.get(place)
        assert packed not in stored
        assert IMSI.encode() not in stored


@pytest.mark.parametrize("now", [NOW - 1, NOW + STALE + 1])
async def test_p1_what_is_read_again_or_long_past_is_learned_anew(redis: Redis, now: int) -> None:
    await kept(redis).save(learned(), NOW, at_once=True)
    assert await restored(kept(redis), now) is None


async def test_another_key_another_feed_and_damage_know_nothing(redis: Redis) -> None:
    await kept(redis).save(learned(), NOW, at_once=True)
    assert await restored(kept(redis, key=b"l" * 32)) is None
    assert await restored(kept(redis, name="another")) is None
    for place in await redis.keys():
        if place.count(b":") > 3:
            await redis.set(place, b"damaged")
    assert await restored(kept(redis)) is None


async def test_it_is_kept_now_and_then_and_at_the_end(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = kept(redis)
    await one.save(learned(), NOW)
    assert await redis.keys() == []
    monkeypatch.setattr(checkpoint, "EVERY_SECONDS", 0.0)
    await one.save(learned(), NOW)
    assert await restored(kept(redis)) == IMSI


async def test_a_redis_that_is_away_stops_nothing() -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0")
    one = kept(away)
    await one.save(learned(), NOW, at_once=True)
    assert await restored(one) is None
    await away.aclose()
