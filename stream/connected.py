"""A command's way to a running service: its Redis, and its log; failures a person can mend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream import roles, topics
from stream.config import Config
from stream.control import Control, RedisMark
from stream.log_writer import LogWriter
from stream.publisher import Publisher
from stream.state import InfrastructureError


@asynccontextmanager
async def redis_of(config: Config) -> AsyncIterator[Redis]:
    """A client that is closed in the end; its errors become `InfrastructureError`."""
    redis = roles.redis_client(config)
    try:
        yield redis
    except (RedisError, OSError) as error:
        raise InfrastructureError(
            f"Redis does not answer ({type(error).__name__})",
            key="redis.url",
            remedy="start it, or correct the address or the password, and try again",
        ) from error
    finally:
        await redis.aclose()


@asynccontextmanager
async def control_of(config: Config, redis: Redis) -> AsyncIterator[Control]:
    """What publishes onto the service's log; raises KafkaUnavailableError, ConfigError."""
    log = await topics.prepare(config.kafka, config.service.retry_seconds)
    publisher = Publisher(config.kafka, config.service.retry_seconds)
    writer = LogWriter(publisher, log.partitions)
    try:
        yield Control(writer, log, RedisMark(redis, log.epoch))
    finally:
        await writer.close()
        await publisher.close()
