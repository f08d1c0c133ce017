"""One key for what Redis holds: with another, every opt-out, cap and claim would be a stranger's.

A fingerprint of the key stands in Redis from the first start on; it tells nothing of the key. A
role that comes with another key does not start (P3).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from redis.asyncio import Redis

from stream import config as configuration
from stream.config import Config, ConfigError

_PLACE: Final = "xl:key"


async def held(redis: Redis, config: Config) -> None:
    """Raises ConfigError where another key, or another version of it, made what `redis` holds."""
    mine = fingerprint(configuration.privacy_key(config), config.privacy.key_version)
    if await redis.set(_PLACE, mine, nx=True):
        return
    stored = await redis.get(_PLACE)
    if stored is not None and _text(stored) != mine:
        raise ConfigError(
            "another key made what this Redis holds: opt-outs, caps and claims are under it",
            key="privacy.key",
            remedy="give the key it was made with; docs/operations.md says what a new key takes",
        )


def fingerprint(key: bytes, version: int) -> str:
    """Of a key and its version; neither can be had back from it."""
    digest = blake2b(b"%d" % version, key=key, person=b"xinling key", digest_size=16)
    return f"{version}-{digest.hexdigest()}"


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
