"""A command's way onto a running service's log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from stream import config as configuration
from stream import topics
from stream.config import Config
from stream.control import Control, RedisMark
from stream.keys.past_keys import PastKeys
from stream.log_writer import LogWriter
from stream.publisher import Publisher


@asynccontextmanager
async def control_of(config: Config, redis: Redis) -> AsyncIterator[Control]:
    """What publishes onto the service's log; raises KafkaUnavailableError, ConfigError."""
    log = await topics.prepare(config.kafka, config.service.retry_seconds)
    publisher = Publisher(config.kafka, config.service.retry_seconds)
    writer = LogWriter(publisher, log.partitions)
    try:
        past = PastKeys(redis, configuration.privacy_key(config))
        yield Control(writer, log, RedisMark(redis, log.epoch), past)
    finally:
        await writer.close()
        await publisher.close()
