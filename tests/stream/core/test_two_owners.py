"""P2 where Kafka gives more than it should: a partition to two workers, a record twice."""

from __future__ import annotations

import asyncio
import random

from fake_rules import FakeRules
from killed_worker import PARTITIONS, written
from outboxes import outbox, undisturbed
from redis.asyncio import Redis
from redis_servers import RedisServer

from stream.handler import Handler, Limits
from stream.memory_store import MemoryStore
from stream.redis_store import RedisStore
from stream.state import ContendedError, StateStore

OWNERS = 3
MOST_AT_ONCE = Limits(items=9, timers=2)


async def owner(store: StateStore, seed: int) -> int:
    """Works through the whole log, believing that all of it is its own; how often it was refused.

    Whoever is refused too often hands the record over again, as the driver does.
    """
    handler = Handler(store, FakeRules, MOST_AT_ONCE)
    rng = random.Random(seed)
    offsets = [0] * PARTITIONS
    refused = 0
    for partition, batch in written("log"):
        done = False
        while not done:
            try:
                await handler.handle(partition, offsets[partition], batch)
                done = True
            except ContendedError:
                refused += 1
                await asyncio.sleep(rng.uniform(0, 0.005))
        offsets[partition] += 1
        if rng.random() < 0.1:
            await asyncio.sleep(rng.uniform(0, 0.01))
    return refused


async def test_p2_workers_that_all_believe_they_own_every_partition_decide_each_thing_once(
    redis_server: RedisServer,
) -> None:
    await Redis.from_url(redis_server.url).flushall()
    stores = [RedisStore.at(redis_server.url) for _ in range(OWNERS)]
    await asyncio.gather(*(owner(store, seed) for seed, store in enumerate(stores)))
    assert await outbox(stores[0]) == await undisturbed()
    for store in stores:
        await store.close()


async def test_p2_a_record_that_a_producers_retry_wrote_twice_counts_once() -> None:
    store = MemoryStore()
    handler = Handler(store, FakeRules, MOST_AT_ONCE)
    offsets = [0] * PARTITIONS
    for partition, batch in written("log"):
        for _ in range(2):
            await handler.handle(partition, offsets[partition], batch)
            offsets[partition] += 1
    assert await outbox(store) == await undisturbed()
