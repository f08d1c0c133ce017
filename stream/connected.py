"""A command's way to a running service's Redis; failures that a person can mend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream.config import Config
from stream.keys.key_guard import held
from stream.redis_client import redis_client, right_kind
from stream.state import InfrastructureError


@asynccontextmanager
async def redis_of(config: Config, *, keyed: bool = False) -> AsyncIterator[Redis]:
    """A client that is closed in the end; its errors become `InfrastructureError`.

    `keyed`: what is done makes or reads pseudonyms; ConfigError where the key is not the one that
    made what Redis holds.
    """
    redis = redis_client(config)
    try:
        await right_kind(redis)
        if keyed:
            await held(redis, config)
        yield redis
    except (RedisError, OSError) as error:
        raise InfrastructureError(
            f"Redis does not answer ({type(error).__name__})",
            key="redis.url",
            remedy="start it, or correct the address or the password, and try again",
        ) from error
    finally:
        await redis.aclose()
