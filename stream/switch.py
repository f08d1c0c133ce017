"""`xinling stop` and `xinling resume`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import yaml
from redis.asyncio import Redis
from rich.console import Console

from decoders.errors import XinlingError
from decoders.times import to_text
from stream import audit, rule_files
from stream import config as configuration
from stream.audit import Audit, Change
from stream.config import Config
from stream.connected import redis_of
from stream.redis_store import RedisStore
from stream.sms.seeds import SeedList
from stream.stops import EVERY, Stop, Stops

_Work = Callable[[Redis, Config, str], Awaitable[list[str]]]


def stop(config: Path | None, name: str) -> None:
    """Stops a campaign, or all; raises XinlingError for a campaign that nobody knows."""
    _run(config, name, _stop)


def resume(config: Path | None, name: str) -> None:
    """Takes a stop back; raises XinlingError where there is none."""
    _run(config, name, _resume)


def history(config: Path | None, number: int) -> None:
    """Prints the last `number` changes of what decides, the latest first."""
    _run(config, str(number), _history)


def seed(config: Path | None, name: str) -> None:
    """Sends a campaign's texts to the test numbers; XinlingError where there are none."""
    _run(config, name, _seed)


async def _seed(redis: Redis, config: Config, name: str) -> list[str]:
    known = await _in_force(redis, config)
    if name not in known:
        raise XinlingError(
            f"no campaign {name!r} is in force", remedy=f"there are: {', '.join(sorted(known))}"
        )
    seeds = SeedList(redis)
    numbers = len(await seeds.names())
    if not numbers:
        raise XinlingError(
            "there are no test numbers",
            key="rules.seeds",
            remedy="name a file of them, and start ingest again",
        )
    await seeds.ask(name)
    return [f"{name}: each text that they do not have yet goes to {numbers} test numbers"]


async def _stop(redis: Redis, config: Config, name: str) -> list[str]:
    await _check(redis, config, name)
    stops = Stops(redis)
    made = await stops.stop(name, Stop(audit.now(), audit.who()))
    if made:
        await Audit(redis).note(Change(time=audit.now(), who=audit.who(), what="stop", name=name))
    said = "is stopped" if made else "was stopped already"
    return [f"{name} {said}: nothing more of it is submitted", *await _standing(stops)]


async def _resume(redis: Redis, _config: Config, name: str) -> list[str]:
    stops = Stops(redis)
    if not await stops.resume(name):
        standing = ", ".join(await stops.all()) or "nothing"
        raise XinlingError(f"{name} is not stopped", remedy=f"stopped is: {standing}")
    await Audit(redis).note(Change(time=audit.now(), who=audit.who(), what="resume", name=name))
    said = f"{name} goes on; what was withheld in the meantime is not sent later"
    return [said, *await _standing(stops)]


async def _history(redis: Redis, _config: Config, number: str) -> list[str]:
    lines = []
    for change in await Audit(redis).latest(int(number)):
        lines.append(
            f"{to_text(change.time)}  {change.who}  {change.what}  {change.name} {change.hash}"
        )
        lines += [f"    {file} {content or 'is gone'}" for file, content in change.files.items()]
    return lines or ["no change is written down"]


async def _standing(stops: Stops) -> list[str]:
    return [
        f"stopped: {name}, since {to_text(stop.time)} by {stop.who}"
        for name, stop in (await stops.all()).items()
    ]


async def _check(redis: Redis, config: Config, name: str) -> None:
    """Refuses a name that the rules do not have: a slip of the finger would stop nothing."""
    if name == EVERY:
        return
    known = await _in_force(redis, config)
    if known and name not in known:
        raise XinlingError(
            f"no campaign {name!r} is in force", remedy=f"there are: {', '.join(sorted(known))}"
        )


async def _in_force(redis: Redis, config: Config) -> set[str]:
    """Campaigns of the first partition that has any: by name alone, for a stop is in a hurry."""
    store = RedisStore(redis)
    for partition in range(config.kafka.partitions):
        if bundle := await store.rules(partition):
            return {
                str(yaml.load(content, yaml.CSafeLoader)["campaign"])
                for name, content in bundle.items()
                if name.startswith(rule_files.CAMPAIGNS)
            }
    return set()


def _run(config: Path | None, name: str, work: _Work) -> None:
    loaded = configuration.load(str(config) if config else None, os.environ)

    async def connected() -> list[str]:
        async with redis_of(loaded) as redis:
            return await work(redis, loaded, name)

    console = Console(highlight=False, soft_wrap=True, markup=False)
    for line in asyncio.run(connected()):
        console.print(line)
