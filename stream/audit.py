"""The audit log: every change of what decides, with its hash, its time and who made it.

A stream in Redis, bounded in number; it bears no subscriber's identity.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import time
from typing import Any

import msgspec
from redis.asyncio import Redis

MOST = 100_000
"""Changes kept; the oldest go."""
_KEY = "xl:audit"

logger = logging.getLogger("xinling.audit")


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change."""

    time: int
    """Microseconds of wall time."""
    who: str
    what: str
    """``rules`` ``refused`` ``stop`` ``resume`` ``profiles`` ``seeds`` and other words."""
    name: str = ""
    """What was changed: a campaign, a file."""
    hash: str = ""
    """Of the rules or the file from then on."""
    files: dict[str, str] = {}
    """Of the rules: each file that changed, with its new hash; empty for one that is gone."""


class Audit:
    """Writes and reads changes. Every method raises redis.exceptions.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def note(self, change: Change) -> None:
        """Writes a change down, here and in the process's log."""
        await self._redis.xadd(
            _KEY, {b"v": msgspec.json.encode(change)}, maxlen=MOST, approximate=True
        )
        logger.info("%s %s %s by %s", change.what, change.name, change.hash, change.who)

    async def latest(self, number: int) -> list[Change]:
        """The last `number` changes, the latest first."""
        found: Any = await self._redis.xrevrange(_KEY, count=number)
        return [msgspec.json.decode(fields[b"v"], type=Change) for _, fields in found]


def who() -> str:
    """The user of this process and its machine, or XINLING_WHO where somebody says so."""
    try:
        user = os.environ.get("XINLING_WHO") or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def now() -> int:
    """Microseconds of wall time."""
    return time.time_ns() // 1000
