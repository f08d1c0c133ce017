"""`xinling rotate-key`: from one privacy key to the next, while the service stands still."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from redis.asyncio import Redis

from decoders.errors import XinlingError
from stream import audit, presence
from stream import config as configuration
from stream.audit import Audit, Change
from stream.config import Config, ConfigError
from stream.connected import redis_of
from stream.keys import key_guard, standstill
from stream.keys.rekey import Key, Rekey
from stream.redis_store import RedisStore
from stream.sms.vault import VaultError


def run(config: Path | None, *, check: bool) -> None:
    """Changes the key, or with `check` only says what stands in the way.

    Raises ConfigError, InfrastructureError, KafkaUnavailableError, and XinlingError where the
    service does not stand still.
    """
    loaded = configuration.load(str(config) if config else None, os.environ)
    old, new = keys(loaded)
    if check:
        asyncio.run(_check(loaded))
        return
    done = asyncio.run(_change(loaded, old, new))
    for what, number in sorted(done.items()):
        sys.stdout.write(f"{what}: {number:,}\n")
    sys.stdout.write(
        f"key {new.version} is in force: put it into privacy.key or privacy.key_file, "
        f"set privacy.key_version to {new.version}, take privacy.next_key out, and start\n"
    )


def keys(config: Config) -> tuple[Key, Key]:
    """The key in force and the next one; raises ConfigError."""
    old = Key(configuration.privacy_key(config), config.privacy.key_version)
    version = config.privacy.next_key_version or old.version + 1
    new = Key(configuration.next_key(config), version)
    if new.version == old.version or new.secret == old.secret:
        raise ConfigError(
            "the next key must be another one, under another version",
            key="privacy.next_key",
            remedy="make one with `openssl rand -hex 32`",
        )
    return old, new


async def _check(config: Config) -> None:
    async with redis_of(config) as redis:
        _refuse(await standstill.in_the_way(config, redis, RedisStore(redis)))
    sys.stdout.write("nothing is on its way and nobody is at work: the key can be changed\n")


async def _change(config: Config, old: Key, new: Key) -> dict[str, int]:
    """What was moved; nothing where the new key is in force already."""
    async with redis_of(config) as redis:
        if await key_guard.is_in_force(redis, new.fingerprint):
            return {}
        store = RedisStore(redis)
        rekey = Rekey(store, redis, config.kafka.partitions, old, new)
        begun = await rekey.has_begun()
        if not begun:  # asked before it is forbidden: a service that runs must not end for it
            _refuse(await standstill.in_the_way(config, redis, store))
        await key_guard.begin_change(redis, old.fingerprint, new.fingerprint)
        if begun:
            _refuse(await presence.present(redis))
        else:
            await _stands_still(config, redis, store, old)
        try:
            await rekey.run()
        except VaultError as error:
            raise XinlingError(
                "the vault holds a record that the old key does not open",
                key="privacy.key",
                remedy="see whether the key is the one in force; what was moved stays moved",
            ) from error
        change = Change(time=audit.now(), who=audit.who(), what="key", name=str(new.version))
        await Audit(redis).note(change)  # first: who is killed between does it again
        await key_guard.end_change(redis, new.fingerprint)
        return dict(rekey.done)


async def _stands_still(config: Config, redis: Redis, store: RedisStore, old: Key) -> None:
    """Else the old key stays in force: nothing has been rewritten yet."""
    try:
        _refuse(await standstill.in_the_way(config, redis, store))
    except BaseException:
        await key_guard.give_up_change(redis, old.fingerprint)
        raise


def _refuse(lines: list[str]) -> None:
    if lines:
        raise XinlingError(
            "the service does not stand still: " + "; ".join(lines),
            remedy='docs/operations.md, "A new key", has the steps',
        )
