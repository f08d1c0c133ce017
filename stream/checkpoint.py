"""What ingest has learned of TMSIs, kept in Redis over a restart: sealed, for it bears clear IMSIs.

For live feeds only. Captures in files are read again from their beginning, which is exact; a live
feed cannot be, and without its table the first hour after a restart would know nobody by a TMSI.
What is not kept: dialogues that were open. They are met again in their middle, so that an event may
be missing, and what rests on their beginning is null.

The table is written in pieces, each sealed with AES-256-GCM under a key that HKDF derives from the
privacy key for this alone (`stream.pieces`, P6).
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from redis.asyncio import Redis
from redis.exceptions import RedisError

from decoders.errors import XinlingError
from decoders.identity import Bindings
from decoders.times import SECOND
from stream.pieces import Pieces
from stream.sealing import Seal

EVERY_SECONDS: Final = 300.0
"""Wall time between two checkpoints; a table of ten million takes seconds to pack."""
STALE: Final = 3600 * SECOND
"""Microseconds of capture time after which a table is not taken up: TMSIs are given anew."""
_KEPT_SECONDS: Final = 24 * 3600
PREFIX: Final = "xl:ingest:bindings:"

logger = logging.getLogger(__name__)


class Checkpoint(Protocol):
    """Keeps the table of a live feed; `RedisCheckpoint` is one. Never raises for its store."""

    async def restore(self, bindings: Bindings, now: int) -> None:
        """Take up what was kept, if `now` (microseconds of capture time) is not too long after."""

    async def save(self, bindings: Bindings, now: int, *, at_once: bool = False) -> None:
        """Keep the table, if it is time for it or `at_once` asks for it."""


class RedisCheckpoint:
    """The table of one ingest, named by its sources."""

    def __init__(self, redis: Redis, privacy_key: bytes, name: str) -> None:
        self._pieces = pieces_of(redis, privacy_key, PREFIX + name)
        self._saved = time.monotonic()

    async def restore(self, bindings: Bindings, now: int) -> None:
        """See `Checkpoint.restore`."""
        try:
            kept = await self._pieces.get()
            if kept is not None and 0 <= now - kept[0] <= STALE:
                bindings.restore(kept[1])
                logger.info("ingest: %d TMSIs known from before", len(bindings))
        except (RedisError, OSError, InvalidTag, msgspec.DecodeError, XinlingError) as error:
            logger.warning(
                "ingest: the table of TMSIs cannot be taken up (%s); they are learned anew",
                type(error).__name__,
            )

    async def save(self, bindings: Bindings, now: int, *, at_once: bool = False) -> None:
        """See `Checkpoint.save`."""
        if not at_once and time.monotonic() - self._saved < EVERY_SECONDS:
            return
        try:
            await self._pieces.put(bindings.dump(), now)
        except (RedisError, OSError) as error:
            logger.warning("ingest: the table of TMSIs was not kept (%s)", type(error).__name__)
        self._saved = time.monotonic()


def pieces_of(redis: Redis, privacy_key: bytes, name: str) -> Pieces:
    """The table that lies under `name`, which begins with `PREFIX`, as this key opens it."""
    return Pieces(redis, Seal(privacy_key, b"xinling ingest bindings"), name, _KEPT_SECONDS)


async def tables(redis: Redis) -> AsyncIterator[str]:
    """The names of all tables there are."""
    async for place in redis.scan_iter(f"{PREFIX}*"):
        name = place.decode()
        if name.count(":") == PREFIX.count(":"):
            yield name
