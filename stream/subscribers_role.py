"""The role `subscribers`: the agent that decides, the relay of its verdicts, the watchdog."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from stream import topics
from stream.app import Fail, Role
from stream.budgets.allocator import Allocator
from stream.budgets.budget_store import BudgetStore
from stream.budgets.candidates import Candidates
from stream.config import Config
from stream.handler import Handler
from stream.lanes import Lanes
from stream.log import Batch, encode
from stream.presence import Presence
from stream.publisher import Publisher
from stream.publishing import Publishing
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.relay import Relay
from stream.roles import SUBSCRIBERS, Part, answering
from stream.silence import SilenceWatch
from stream.state import InfrastructureError
from stream.subscribers import Subscribers
from stream.topics import Log
from stream.watchdog import Ends, Watchdog

LEADING = 0
"""Who has this partition does what must be done once for all of them."""


class SubscribersPart(Part):
    """The agent that decides, the relay of its verdicts, and the watchdog over both."""

    def __init__(self, config: Config, log: Log, fail: Fail) -> None:
        self._config = config
        self._patience = config.service.retry_seconds
        self._redis = redis_client(config, line=True)
        self._presence = Presence(self._redis, config, SUBSCRIBERS)
        self._store = RedisStore(self._redis)
        self._publisher = Publisher(config.kafka, self._patience)
        publishing = Publishing(self._publisher, log.partitions)
        budgets = BudgetStore(self._redis)
        self._candidates = Candidates(budgets)
        self._relay = Relay(
            self._store,
            self._candidates.apart(publishing.verdicts),
            listener=self._candidates,
        )
        self._allocator = Allocator(
            budgets, log, partial(publishing.verdicts, 0), self._onto_the_log, self._leads
        )
        self._silence = SilenceWatch(
            log,
            config.service.silent_seconds,
            progress=partial(self._store.progress, LEADING),
            write=self._onto_the_log,
            leading=self._leads,
        )
        self._ends = Ends(config.kafka, topics.EVENTS)
        driver = Subscribers(
            handler=Handler(self._store, self._candidates.load),
            store=self._store,
            relay=self._relay,
            publisher=self._publisher,
            log=log,
            earliest=self._earliest,
            patience=self._patience,
            key_version=config.privacy.key_version,
        )
        self._role = Role(
            config, topics.EVENTS, None, fail,
            start=driver.start, assigned=self._relay.own, lanes=Lanes(driver.take, fail),
        )  # fmt: skip
        self._watchdog = Watchdog(
            owned=self._role.partitions,
            progress=driver.start,
            ends=self._ends,
            stall_seconds=config.service.stall_seconds,
            fail=fail,
        )

    async def run(self) -> None:
        """See `Part.run`."""
        await answering(self._redis, self._patience)
        await self._presence.begin()
        await self._candidates.begin()
        await self._role.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presence.run())
            group.create_task(self._relay.run())
            group.create_task(self._allocator.run())
            group.create_task(self._silence.run())
            group.create_task(self._watchdog.run())
            group.create_task(self._role.watch())

    async def stop(self, patience: float) -> None:
        """See `Part.stop`."""
        await self._role.stop(patience)

    async def close(self) -> None:
        """See `Part.close`."""
        with suppress(InfrastructureError, KafkaError, TimeoutError):
            await asyncio.wait_for(self._ends.close(), 1.0)
        await self._presence.end()
        await self._publisher.close()
        await self._store.close()

    def _leads(self) -> bool:
        """Whether what one process does for all is this one's to do."""
        return LEADING in self._role.partitions()

    async def _onto_the_log(self, partition: int, batch: Batch) -> None:
        await self._publisher.send(topics.EVENTS, encode(batch), partition=partition)

    async def _earliest(self, partition: int) -> int:
        try:
            return await self._role.earliest(partition)
        except (KafkaError, OSError) as error:
            raise topics.unavailable(self._config.kafka, error) from error
