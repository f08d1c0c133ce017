"""`xinling state`: partitions' states out, in, back to the log's beginning, into other partitions.

All of it while the roles are stopped: whoever works on a partition would write between.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from redis.asyncio import Redis

from decoders.errors import XinlingError
from stream import audit, migration, presence, state_file, topics
from stream import config as configuration
from stream.ask import homes
from stream.audit import Audit, Change
from stream.config import Config, ConfigError
from stream.connected import redis_of
from stream.keys import standstill
from stream.keys.past_keys import PastKeys
from stream.redis_store import RedisStore
from stream.state import Progress
from stream.topic_reader import TopicReader

_MANIFEST = "repartition.json"


class Place(NamedTuple):
    """Where the states are, and with what key they are sealed."""

    config: Config
    redis: Redis
    store: RedisStore
    key: bytes


class Manifest(msgspec.Struct, frozen=True):
    """A migration that has begun: all its files are whole."""

    before: int
    after: int
    epoch: str


def export(config: Path | None, folder: Path, partitions: Sequence[int]) -> None:
    """Writes a file for each partition; raises XinlingError."""
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_export(_loaded(config), folder, partitions))


def restore(config: Path | None, files: Sequence[Path]) -> None:
    """Puts files in place of what their partitions hold; raises XinlingError."""
    asyncio.run(_restore(_loaded(config), files))


def reset(config: Path | None, partitions: Sequence[int]) -> None:
    """Forgets partitions' states, which workers then make again of the log; raises XinlingError."""
    asyncio.run(_reset(_loaded(config), partitions))


def repartition(config: Path | None, after: int, folder: Path) -> None:
    """Moves all states into another number of partitions, through files; raises XinlingError."""
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_repartition(_loaded(config), after, folder))


async def _export(config: Config, folder: Path, partitions: Sequence[int]) -> None:
    async with _place(config) as place:
        await _nobody_works(place.redis)
        for partition in _wanted(config, partitions):
            people = await _export_one(place, partition, folder)
            _say(f"partition {partition}: {people:,} subscribers")


async def _export_one(place: Place, partition: int, folder: Path) -> int:
    file = _file(folder, partition)
    count = place.config.kafka.partitions
    return await migration.export(place.store, partition, count, file, place.key)


async def _restore(config: Config, files: Sequence[Path]) -> None:
    async with _place(config) as place:
        await _nobody_works(place.redis)
        for file in files:
            _fits(config, state_file.head_of(file, place.key), file)
        for file in files:
            head = await migration.restore(place.store, file, place.key)
            _say(f"partition {head.partition}: goes on from record {head.progress.offset:,}")
        await _noted(place, "state imported", len(files))


def _fits(config: Config, head: state_file.Head, file: Path) -> None:
    if head.partitions != config.kafka.partitions:
        raise ConfigError(
            f"of {head.partitions} partitions, and there are {config.kafka.partitions}",
            file=str(file),
            key="kafka.partitions",
            remedy="import it where there are as many, and then use `state repartition`",
        )


async def _reset(config: Config, partitions: Sequence[int]) -> None:
    async with _place(config) as place:
        await _nobody_works(place.redis)
        wanted = _wanted(config, partitions)
        await _log_has_all(place, wanted)
        work = migration.Import(place.store)
        for partition in wanted:
            await work.lock(partition)
            await work.open(partition, Progress(), {})
            _say(f"partition {partition}: begins with the log")
        await _noted(place, "state reset", len(wanted))


async def _log_has_all(place: Place, partitions: Sequence[int]) -> None:
    """Raises XinlingError where the log cannot give the states again."""
    log = await topics.identity(place.config.kafka)
    async with TopicReader(place.config.kafka) as reader:
        begins = await reader.beginnings(topics.EVENTS)
    reasons = [
        f"the log of partition {partition} begins with record {begins[partition]}"
        for partition in partitions
        if begins[partition]
    ]
    for partition in partitions:
        progress = await place.store.progress(partition)
        if progress.past_epochs or progress.epoch not in {"", log.epoch}:
            reasons.append(f"partition {partition} knows what stood in a log before this one")
    if await homes.moved_within(place.redis, log.epoch):
        reasons.append("the log was written for another number of partitions")
    if await PastKeys(place.redis, place.key).openable():
        reasons.append("the log was written under another privacy key")
    if reasons:
        raise XinlingError(
            "the log does not hold all that the states were made of: " + "; ".join(reasons),
            remedy="use `state import` with files of `state export`; the log goes on from there",
        )


async def _repartition(config: Config, after: int, folder: Path) -> None:
    async with _place(config) as place:
        if not 0 < after <= topics.MOST_PARTITIONS:
            raise XinlingError(f"{after} is no number of partitions")
        manifest = _read(folder) or await _prepared(place, after, folder)
        if manifest.after != after:
            raise XinlingError(
                f"a migration to {manifest.after} partitions has begun in this folder",
                remedy="finish that one first: give its number",
            )
        await _nobody_works(place.redis)
        files = [_file(folder, partition) for partition in range(manifest.before)]
        done = await migration.repartition(place.store, files, place.key, after)
        await homes.moved_out(place.redis, manifest.before, manifest.epoch)
        await topics.repartition(config.kafka, after)
        await _noted(place, f"from {manifest.before} to {after} partitions", done["people"])
        (folder / _MANIFEST).unlink()
    _say(
        f"{done['people']:,} subscribers are in {after} partitions: "
        f"set kafka.partitions to {after}, and start"
    )


async def _prepared(place: Place, after: int, folder: Path) -> Manifest:
    """All states in files; nothing is changed before these are whole."""
    config = place.config
    before = config.kafka.partitions
    if after == before:
        raise XinlingError(f"there are {after} partitions already")
    if lines := await standstill.in_the_way(config, place.redis, place.store):
        raise XinlingError(
            "the service does not stand still: " + "; ".join(lines),
            remedy='docs/operations.md, "Another number of partitions", has the steps',
        )
    for partition in range(before):
        await _export_one(place, partition, folder)
    log = await topics.identity(config.kafka)
    manifest = Manifest(before, after, log.epoch)
    (folder / _MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return manifest


def _read(folder: Path) -> Manifest | None:
    try:
        return msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None


@asynccontextmanager
async def _place(config: Config) -> AsyncIterator[Place]:
    key = configuration.privacy_key(config)
    try:
        async with redis_of(config, keyed=True) as redis:
            yield Place(config, redis, RedisStore(redis), key)
    except KafkaError as error:
        raise topics.unavailable(config.kafka, error) from error


async def _nobody_works(redis: Redis) -> None:
    if at_work := await presence.present(redis):
        raise XinlingError("at work: " + "; ".join(at_work), remedy="stop all roles first")


def _wanted(config: Config, partitions: Sequence[int]) -> list[int]:
    every = range(config.kafka.partitions)
    if strange := set(partitions) - set(every):
        raise XinlingError(
            f"there is no partition {min(strange)}", remedy=f"they are 0 to {every[-1]}"
        )
    return sorted(set(partitions)) or list(every)


def _file(folder: Path, partition: int) -> Path:
    return folder / f"partition-{partition:05}.xlstate"


async def _noted(place: Place, what: str, number: int) -> None:
    change = Change(time=audit.now(), who=audit.who(), what=what, name=str(number))
    await Audit(place.redis).note(change)


def _loaded(config: Path | None) -> Config:
    return configuration.load(str(config) if config else None, os.environ)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
