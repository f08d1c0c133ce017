"""What the roles of the service have in common: their names, how they run, how they reach Redis."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from stream import metrics, rule_files
from stream.config import Config
from stream.layout import SMALL_ENTRY
from stream.redis_client import right_kind
from stream.redis_cluster import settings_of_each
from stream.retry import patiently
from stream.state import InfrastructureError
from stream.subscribers import REDIS

logger = logging.getLogger(__name__)

INGEST = "ingest"
SUBSCRIBERS = "subscribers"
DELIVERY = "delivery"
_ROOM = "hash-max-listpack-value"
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


async def answering(redis: Redis, patience: float) -> None:
    """Waits for Redis, all of it, and warns of one that may forget what it answered.

    Raises InfrastructureError when it stays away, ConfigError where it is a cluster that is taken
    for one server, or the reverse.
    """

    async def ping() -> None:
        await redis.ping()
        await right_kind(redis)
        await _warn_of_forgetting(redis)
        await _warn_of_room(redis)

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


async def _warn_of_forgetting(redis: Redis) -> None:
    """Without `appendfsync always` a crash may take claims of the ledger back (P2)."""
    try:
        servers = await settings_of_each(redis, "append*")
    except ResponseError:
        logger.info("Redis does not let us see whether it keeps what it answers")
        return
    forgetting = [kept for kept in servers if not _durable(kept)]
    metrics.redis_forgets.set(bool(forgetting))
    if forgetting:
        logger.warning(
            "Redis may forget its last second in a crash (appendonly %s, appendfsync %s%s): "
            "offers submitted in it could be sent again; set appendonly yes, appendfsync always",
            forgetting[0].get("appendonly"),
            forgetting[0].get("appendfsync"),
            f", {len(forgetting)} of {len(servers)} nodes" if len(servers) > 1 else "",
        )


async def _warn_of_room(redis: Redis) -> None:
    """Buckets of subscribers stay small as long as their longest entry may (`stream.layout`)."""
    try:
        servers = await settings_of_each(redis, _ROOM)
    except ResponseError:
        return
    octets = min(int(kept.get(_ROOM) or SMALL_ENTRY) for kept in servers)
    if octets < SMALL_ENTRY:
        logger.warning(
            "Redis needs twice the memory for states: set %s to %d (it is %d)",
            _ROOM, SMALL_ENTRY, octets,
        )  # fmt: skip


def _durable(kept: dict[str, str]) -> bool:
    return kept.get("appendonly") == "yes" and kept.get("appendfsync") == "always"
