"""P3: no role starts with another key than the one that Redis' opt-outs and caps are under."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from one_or_cluster import KINDS, opened
from redis.asyncio import Redis

from stream.config import Config, ConfigError, Privacy
from stream.embedded import RedisServer
from stream.keys.key_guard import begin_change, end_change, fingerprint, give_up_change, held
from stream.presence import Presence, present

KEY, OTHER = "0a" * 32, "0b" * 32


@pytest.fixture(params=KINDS)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


@pytest.fixture
async def redis(request: pytest.FixtureRequest, redis_kind: str) -> AsyncIterator[Redis]:
    with RedisServer() as server:
        async with opened(request, redis_kind, server.url) as client:
            yield client


def config(key: str, version: int = 1) -> Config:
    return Config(privacy=Privacy(key=key, key_version=version))


async def test_p3_the_first_key_is_the_only_one(redis: Redis) -> None:
    await held(redis, config(KEY))
    await held(redis, config(KEY))
    for wrong in (config(OTHER), config(KEY, 2)):
        with pytest.raises(ConfigError) as refused:
            await held(redis, wrong)
        assert refused.value.key == "privacy.key"
        assert refused.value.remedy
    assert KEY.encode() not in await redis.get("xl:key")


def test_a_fingerprint_is_of_key_and_version() -> None:
    prints = {
        fingerprint(bytes.fromhex(key), version) for key in (KEY, OTHER) for version in (1, 2)
    }
    assert len(prints) == 4


def print_of(key: str, version: int) -> str:
    return fingerprint(bytes.fromhex(key), version)


async def test_p6_while_the_key_is_changed_no_role_starts_with_either(redis: Redis) -> None:
    old, new = print_of(KEY, 1), print_of(OTHER, 2)
    await held(redis, config(KEY))
    await begin_change(redis, old, new)
    await begin_change(redis, old, new)
    for either in (config(KEY), config(OTHER, 2)):
        with pytest.raises(ConfigError, match="being changed"):
            await held(redis, either)
    with pytest.raises(ConfigError, match="another change"):
        await begin_change(redis, old, print_of(OTHER, 3))
    await end_change(redis, new)
    await held(redis, config(OTHER, 2))
    with pytest.raises(ConfigError, match="rotate-key"):
        await held(redis, config(KEY))


async def test_a_change_that_rewrote_nothing_can_be_given_up(redis: Redis) -> None:
    old, new = print_of(KEY, 1), print_of(OTHER, 2)
    await held(redis, config(KEY))
    with pytest.raises(ConfigError, match="not the key that is in force"):
        await begin_change(redis, print_of(OTHER, 1), new)
    await begin_change(redis, old, new)
    await give_up_change(redis, old)
    await held(redis, config(KEY))


async def test_p6_who_is_at_work_is_seen_and_ends_when_the_key_has_changed(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.presence.EVERY_SECONDS", 0.05)
    one = Presence(redis, config(KEY), "ingest")
    await one.begin()
    assert [who.split()[0] for who in await present(redis)] == ["ingest"]
    task = asyncio.create_task(one.run())
    await asyncio.sleep(0.12)
    assert not task.done()
    await begin_change(redis, print_of(KEY, 1), print_of(OTHER, 2))
    with pytest.raises(ConfigError, match="being changed"):
        await asyncio.wait_for(task, 5)
    assert await present(redis) == []


async def test_a_process_that_ends_is_not_there(redis: Redis) -> None:
    one, ended = Presence(redis, config(KEY), "delivery"), asyncio.Event()
    await one.begin()
    ended.set()
    await one.run(ended)
    assert await present(redis) == []
    other = Presence(redis, config(OTHER), "subscribers")
    with pytest.raises(ConfigError):
        await other.begin()
    assert await present(redis) == []
