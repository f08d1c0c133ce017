"""P3: no role starts with another key than the one that Redis' opt-outs and caps are under."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from stream.config import Config, ConfigError, Privacy
from stream.embedded import RedisServer
from stream.key_guard import fingerprint, held

KEY, OTHER = "0a" * 32, "0b" * 32


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    with RedisServer() as server:
        client = Redis.from_url(server.url)
        yield client
        await client.aclose()


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
