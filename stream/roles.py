"""What the roles of the service have in common: their names, how they run, how they reach Redis."""

from __future__ import annotations

from abc import ABC, abstractmethod

from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream import rule_files
from stream.config import Config
from stream.retry import patiently
from stream.state import InfrastructureError
from stream.subscribers import REDIS

INGEST = "ingest"
SUBSCRIBERS = "subscribers"
DELIVERY = "delivery"
ROLES = (INGEST, SUBSCRIBERS, DELIVERY)


class Part(ABC):
    """One role at work."""

    @abstractmethod
    async def run(self) -> None:
        """Works until it is cancelled or has nothing more to do; raises what cannot be mended."""

    @abstractmethod
    async def stop(self, patience: float) -> None:
        """Takes nothing more, and brings what is in hand to its end within `patience` seconds."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of everything; `run` has been cancelled."""


def redis_client(config: Config) -> Redis:
    """A connection pool to the configured Redis; connects at first use."""
    return Redis.from_url(
        config.redis.url,
        password=config.redis.password or None,
        socket_timeout=config.redis.timeout_seconds,
        socket_connect_timeout=config.redis.timeout_seconds,
    )


async def answering(redis: Redis, patience: float) -> None:
    """Waits for Redis; raises InfrastructureError when it stays away."""

    async def ping() -> None:
        await redis.ping()

    try:
        await patiently(REDIS, ping, (RedisError, OSError), patience)
    except (RedisError, OSError) as error:
        raise InfrastructureError(
            f"Redis does not answer ({type(error).__name__})",
            key="redis.url",
            remedy="start it, or correct the address or the password",
        ) from error


def bundle(config: Config) -> dict[str, bytes]:
    """The configured rules' bundle; raises FileError."""
    rules = config.rules
    return rule_files.bundle(rules.campaigns, rules.areas, rules.cells, rules.settings)


def signature(config: Config) -> object:
    """Differs when a file of the configured rules was written; raises FileError."""
    rules = config.rules
    return rule_files.signature(rules.campaigns, rules.areas, rules.cells, rules.settings)
