"""Which processes work on what Redis holds: each says so again and again, and is gone when silent.

Whoever changes the key (`stream.keys.rotate_key`) wants nobody there. A process that was stopped in
the middle and goes on later (SIGSTOP, a virtual machine's pause) asks for the key again with its
first word, and ends where it has changed meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Final
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from stream.config import Config
from stream.keys.key_guard import held
from stream.redis_cluster import pages

EVERY_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 30
"""A process that said nothing for so long is not there."""
_PREFIX: Final = "xl:present:"
_LEAVE_SECONDS: Final = 1.0


class Presence:
    """One role of this process."""

    def __init__(self, redis: Redis, config: Config, role: str) -> None:
        self._redis = redis
        self._config = config
        self._place = f"{_PREFIX}{uuid4().hex}"
        self._who = f"{role} on {socket.gethostname()}, process {os.getpid()}"

    async def begin(self) -> None:
        """Says that it is there, and then asks for the key; raises ConfigError for another one.

        In this order: whoever changes the key forbids it first and then looks who is there, so that
        one of the two sees the other.
        """
        await self._redis.set(self._place, self._who, ex=SILENT_SECONDS)
        try:
            await held(self._redis, self._config)
        except BaseException:
            await self.end()
            raise

    async def run(self, ended: asyncio.Event | None = None) -> None:
        """Until cancelled or `ended`; raises ConfigError once another key is in force.

        A Redis that is away is others' concern: here it is only asked again.
        """
        ended = ended or asyncio.Event()
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), EVERY_SECONDS)
            with suppress(RedisError, OSError):
                await self.begin()
        await self.end()

    async def end(self) -> None:
        """It is not there any more."""
        with suppress(RedisError, OSError, TimeoutError):
            await asyncio.wait_for(self._redis.delete(self._place), _LEAVE_SECONDS)


async def present(redis: Redis) -> list[str]:
    """The roles that are there, as a person may find them."""
    found = [
        await redis.get(place) async for places in pages(redis, f"{_PREFIX}*") for place in places
    ]
    return sorted(who.decode() for who in found if isinstance(who, bytes))
