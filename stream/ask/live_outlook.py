"""`xinling campaigns outlook`: what live and shadow campaigns came to in a running service."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from redis.asyncio import Redis

from decoders.errors import XinlingError
from decoders.times import SECOND
from rules.engine import RuleSet
from rules.units import DAY
from stream import audit, printed, topics
from stream import config as configuration
from stream.ask import outlook_view
from stream.ask.outlook import Campaign, Outlook
from stream.config import Config
from stream.connected import redis_of
from stream.progress import counted
from stream.publishing import verdict_of
from stream.redis_store import RedisStore
from stream.topic_reader import TopicReader


def show(config: Path | None, days: int, html: Path | None) -> None:
    """Prints the outlook of the verdicts written in the last `days` days; `html` gets it too.

    A shadow stands beside the live ones with whom it shares people. Raises XinlingError where no
    rules are in force, KafkaUnavailableError, InfrastructureError.
    """
    loaded = configuration.load(str(config) if config else None, os.environ)
    rules, outlook = asyncio.run(_read(loaded, days))
    outlook_view.show(outlook, rules.settings.zone, printed.console())
    if html is not None:
        outlook_view.page(outlook, rules.settings.zone, html)


async def _read(config: Config, days: int) -> tuple[RuleSet, Outlook]:
    async with redis_of(config) as redis, TopicReader(config.kafka) as reader:
        rules = await in_force(redis, config)
        outlook = Outlook([Campaign(one.id, one.title, one.status) for one in rules.campaigns])
        since = (audit.now() - days * DAY) // (SECOND // 1000)
        for partition in counted(reader.partitions(), "partitions"):
            async for record in reader.backwards(topics.VERDICTS, partition):
                if record.written < since:
                    break
                outlook.take(verdict_of(record.value))
    return rules, outlook


async def in_force(redis: Redis, config: Config) -> RuleSet:
    """The rules that partitions have; raises XinlingError where none has any."""
    store = RedisStore(redis)
    for partition in range(config.kafka.partitions):
        if bundle := await store.rules(partition):
            return RuleSet.load(bundle)
    raise XinlingError("no rules are in force", remedy="start `xinling run` with campaigns first")
