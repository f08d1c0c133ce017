"""Campaigns stopped by hand: in force at the next submit, and in every verdict from the log on.

A hash in Redis, campaign → when and by whom; ``all`` stops every one. Delivery asks it before each
submit; ingest's control puts it into the rules' settings and these onto the log, so that a replay
of the log refuses the same offers with ``stopped`` (P1).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from redis.asyncio import Redis

from stream.rule_files import SETTINGS

EVERY = "all"
_KEY = "xl:stops"


class Stop(msgspec.Struct, frozen=True):
    """Who stopped something, and when."""

    time: int
    """Microseconds of wall time."""
    who: str


class Stops:
    """What is stopped. Every method raises redis.exceptions.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def names(self) -> frozenset[str]:
        """Campaigns that are stopped, and ``all``."""
        return frozenset(_text(name) for name in await self._redis.hkeys(_KEY))

    async def all(self) -> dict[str, Stop]:
        """What is stopped, since when and by whom, by name."""
        found = await self._redis.hgetall(_KEY)
        return {
            _text(name): msgspec.json.decode(value, type=Stop)
            for name, value in sorted(found.items())
        }

    async def stop(self, name: str, stop: Stop) -> bool:
        """Stops a campaign or ``all``; False where it was stopped before."""
        return bool(await self._redis.hsetnx(_KEY, name, msgspec.json.encode(stop)))

    async def resume(self, name: str) -> bool:
        """Takes a stop back; False where there was none."""
        return bool(await self._redis.hdel(_KEY, name))


def stopping(bundle: dict[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    """The rules' bundle with `names` stopped in its settings; the very same where there are none.

    Settings that cannot be read stay as they are: whoever loads them says what is wrong.
    """
    wanted = set(names)
    if not wanted:
        return bundle
    try:
        settings = msgspec.json.decode(bundle.get(SETTINGS, b"{}"), type=dict[str, object])
        before = msgspec.convert(settings.get("stopped", []), set[str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return bundle
    settings["stopped"] = sorted(before | wanted)
    return {**bundle, SETTINGS: msgspec.json.encode(settings)}


def _text(name: bytes | str) -> str:
    return name if isinstance(name, str) else name.decode()
