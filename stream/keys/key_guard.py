"""One key for what Redis holds: with another, every opt-out, cap and claim would be a stranger's.

A fingerprint of the key stands in Redis from the first start on; it tells nothing of the key. A
role that comes with another key does not start (P3). While a key is being changed (`rekey`) both
fingerprints stand there, and no role starts at all.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from redis.asyncio import Redis

from stream import config as configuration
from stream.config import Config, ConfigError

_PLACE: Final = "xl:key"
_TO: Final = ">"
_BEGIN = """
local stored = redis.call('GET', KEYS[1])
if not stored or stored == ARGV[1] or stored == ARGV[2] then
  redis.call('SET', KEYS[1], ARGV[2])
  return ARGV[2]
end
return stored
"""


async def held(redis: Redis, config: Config) -> None:
    """Raises ConfigError where another key, or another version of it, made what `redis` holds."""
    mine = fingerprint(configuration.privacy_key(config), config.privacy.key_version)
    if await redis.set(_PLACE, mine, nx=True):
        return
    stored = _text(await redis.get(_PLACE) or mine)
    if _TO in stored:
        raise ConfigError(
            "the key is being changed, and that has not come to its end",
            key="privacy.key",
            remedy="let `xinling rotate-key` finish; it goes on where it was",
        )
    if stored != mine:
        raise ConfigError(
            "another key made what this Redis holds: opt-outs, caps and claims are under it",
            key="privacy.key",
            remedy="give the key it was made with, or change it with `xinling rotate-key`",
        )


async def is_in_force(redis: Redis, new: str) -> bool:
    """Whether a key, by its fingerprint, is the one that everything is under."""
    return _text(await redis.get(_PLACE) or "") == new


async def begin_change(redis: Redis, old: str, new: str) -> None:
    """From now on no role starts.

    Takes fingerprints. May be called again after a change was cut off. Raises ConfigError where
    neither is what made the content of `redis`, or where another change was begun.
    """
    under_way = f"{old}{_TO}{new}"
    script = redis.register_script(_BEGIN)
    stored = _text(await script(keys=[_PLACE], args=[old, under_way]))
    if stored == under_way:
        return
    raise ConfigError(
        "another change of the key was begun" if _TO in stored else "not the key that is in force",
        key="privacy.key",
        remedy="give the two keys with which it was begun"
        if _TO in stored
        else "give the key that made what this Redis holds, and its version",
    )


async def end_change(redis: Redis, new: str) -> None:
    """From now on `new` is in force."""
    await redis.set(_PLACE, new)


async def give_up_change(redis: Redis, old: str) -> None:
    """Nothing was rewritten: `old` is in force again."""
    await redis.set(_PLACE, old)


def fingerprint(key: bytes, version: int) -> str:
    """Of a key and its version; neither can be had back from it."""
    digest = blake2b(b"%d" % version, key=key, person=b"xinling key", digest_size=16)
    return f"{version}-{digest.hexdigest()}"


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
