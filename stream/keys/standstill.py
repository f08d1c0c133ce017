"""Whether the service stands still: nobody works, and nothing is on its way in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from redis.asyncio import Redis

from stream import presence, topics
from stream.budgets.budget_store import BudgetStore
from stream.cancelling import closed
from stream.config import Config
from stream.config import Kafka as KafkaConfig
from stream.state import StateStore

Offsets = Mapping[int, int]
"""By partition."""


async def in_the_way(config: Config, redis: Redis, store: StateStore) -> list[str]:
    """What is still at work or on its way, a line each for a person; empty at a standstill.

    Raises KafkaUnavailableError, redis.exceptions.RedisError, `InfrastructureError`.
    """
    found = [f"{who} is at work" for who in await presence.present(redis)]
    found += [line async for line in _decided(store, range(config.kafka.partitions))]
    if rows := await BudgetStore(redis).rows(1):
        found.append(f"{len(rows)} or more decided offers are not published: start subscribers")
    try:
        found += [line async for line in _on_topics(config.kafka, redis, store)]
    except (KafkaError, OSError) as error:
        raise topics.unavailable(config.kafka, error) from error
    return found


async def _decided(store: StateStore, partitions: range) -> AsyncIterator[str]:
    for partition in partitions:
        waiting = (await store.load(partition, [], None, 0)).outbox
        if waiting:
            yield f"{waiting} verdicts of partition {partition} wait: start subscribers"


async def _on_topics(config: KafkaConfig, redis: Redis, store: StateStore) -> AsyncIterator[str]:
    log = await topics.identity(config)
    ends = await _ends(config, topics.EVENTS)
    for partition, end in ends.items():
        progress = await store.progress(partition)
        reached = progress.offset if progress.epoch == log.epoch else 0
        if reached < end:
            left = end - reached
            yield f"{left} records of partition {partition} are not handled: start subscribers"
    behind = _behind(await _ends(config, topics.OFFERS), await _committed(config, topics.OFFERS))
    if behind:
        yield f"{behind} offers are not delivered: start delivery"
    outcomes = await topics.identity(config, topics.OUTCOMES)
    found = await redis.hgetall(f"xl:outcomes:{log.epoch}:{outcomes.epoch}")
    carried = {int(partition): int(offset) for partition, offset in found.items()}
    behind = _behind(await _ends(config, topics.OUTCOMES), carried)
    if behind:
        yield f"{behind} outcomes are not on the log: start ingest, without sources"


def _behind(ends: Offsets, reached: Offsets) -> int:
    return sum(max(0, end - reached.get(partition, 0)) for partition, end in ends.items())


async def _ends(config: KafkaConfig, topic: str) -> Offsets:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=config.brokers, request_timeout_ms=int(config.request_seconds * 1000)
    )
    try:
        await consumer.start()
        places = [TopicPartition(topic, number) for number in range(config.partitions)]
        found = await consumer.end_offsets(places)
        return {place.partition: end for place, end in found.items()}
    finally:
        await closed(consumer.stop())


async def _committed(config: KafkaConfig, topic: str) -> Offsets:
    """What the topic's group has done."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=config.brokers, request_timeout_ms=int(config.request_seconds * 1000)
    )
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(f"{config.group}-{topic}")
    finally:
        await admin.close()
    return {place.partition: each.offset for place, each in found.items() if place.topic == topic}
