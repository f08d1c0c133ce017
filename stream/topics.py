"""The topics of the contracts: their names, how they are created, and the log's identity."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code  # type: ignore[import-untyped]

from stream import topic_id
from stream.config import ConfigError
from stream.config import Kafka as KafkaConfig
from stream.retry import patiently
from stream.state import InfrastructureError

EVENTS = "signalling.events"
UNDECODED = "signalling.undecoded"
DEAD_LETTERS = "signalling.dead"
"""Records of the log that no version here can read, with offset and reason."""
VERDICTS = "verdicts"
OFFERS = "offers"
OUTCOMES = "outcomes"

KAFKA = "kafka"
"""The dependency's name in logs and metrics."""
MAX_RECORD_BYTES = 16 << 20
"""A batch of 500 events takes 64 KiB; the rules with a province's cell table take more."""
_DAY_MS = 86_400_000
_GONE_SECONDS = 60.0
MOST_PARTITIONS = 10_000


class KafkaUnavailableError(InfrastructureError):
    """The broker does not answer, or answered that it cannot."""


class Log(NamedTuple):
    """The topic `signalling.events` as it stands."""

    epoch: str
    partitions: int


def wanted(config: KafkaConfig) -> list[NewTopic]:
    """Every topic as it is created where it does not exist."""
    days = {
        EVENTS: config.events_days,
        OFFERS: config.events_days,
        UNDECODED: config.events_days,
        DEAD_LETTERS: config.events_days,
        VERDICTS: config.verdicts_days,
        OUTCOMES: config.verdicts_days,
    }
    return [
        NewTopic(
            name,
            config.partitions,
            config.replication,
            topic_configs={
                "retention.ms": str(kept * _DAY_MS),
                "max.message.bytes": str(MAX_RECORD_BYTES),
                "min.insync.replicas": str(min(2, config.replication)),
            },
        )
        for name, kept in days.items()
    ]


async def prepare(config: KafkaConfig, patience: float) -> Log:
    """Creates the topics that are missing, waiting up to `patience` seconds for the broker.

    Raises:
        KafkaUnavailableError: the broker stayed away.
        ConfigError: the log has another number of partitions than `kafka.partitions` says.
    """
    try:
        log = await patiently(
            KAFKA, lambda: _prepare_once(config), (KafkaError, OSError, _NotYetError), patience
        )
    except (KafkaError, OSError, _NotYetError) as error:
        raise unavailable(config, error) from error
    if log.partitions != config.partitions:
        raise ConfigError(
            f"topic {EVENTS} has {log.partitions} partitions",
            key="kafka.partitions",
            remedy="a subscriber's state belongs to its partition; keep the number it has",
        )
    return log


async def repartition(config: KafkaConfig, partitions: int) -> None:
    """Gives the log so many partitions, and the other topics no fewer.

    Kafka takes no partition away: where there are to be fewer, the log is made anew, and must have
    been handled to its end. Raises KafkaError, OSError.
    """
    admin = _admin(config)
    await admin.start()
    try:
        if (await _identity(admin)).partitions > partitions:
            await admin.delete_topics([EVENTS])
            await patiently(KAFKA, lambda: _gone(admin, EVENTS), (_NotYetError,), _GONE_SECONDS)
        for topic in wanted(config):
            found = await topic_id.ask(admin._client, topic.name)  # noqa: SLF001  as below
            if found is not None and found.partitions < partitions:
                await admin.create_partitions({topic.name: NewPartitions(partitions)})
    finally:
        await admin.close()
    await prepare(msgspec.structs.replace(config, partitions=partitions), _GONE_SECONDS)


async def partitions(config: KafkaConfig) -> dict[str, int]:
    """How many each topic of ours has that there is; raises KafkaError, OSError."""
    admin = _admin(config)
    await admin.start()
    try:
        found = {one.name: await topic_id.ask(admin._client, one.name) for one in wanted(config)}  # noqa: SLF001  as below
        return {name: one.partitions for name, one in found.items() if one is not None}
    finally:
        await admin.close()


async def _gone(admin: AIOKafkaAdminClient, name: str) -> None:
    if name in await admin.list_topics():
        raise _NotYetError


async def identity(config: KafkaConfig, name: str = EVENTS) -> Log:
    """A topic as it stands; raises aiokafka's KafkaError or KafkaUnavailableError."""
    admin = _admin(config)
    await admin.start()
    try:
        return await _identity(admin, name)
    except _NotYetError as error:
        raise unavailable(config, error) from error
    finally:
        await admin.close()


def unavailable(config: KafkaConfig, error: BaseException) -> KafkaUnavailableError:
    """`error` as what a person can mend."""
    return KafkaUnavailableError(
        f"Kafka at {config.brokers} does not serve us ({type(error).__name__})",
        key="kafka.brokers",
        remedy="start it, or correct the address",
    )


class _NotYetError(Exception):
    """The topic was created, and the broker does not show it yet."""


def _admin(config: KafkaConfig) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(
        bootstrap_servers=config.brokers, request_timeout_ms=int(config.request_seconds * 1000)
    )


async def _prepare_once(config: KafkaConfig) -> Log:
    admin = _admin(config)
    await admin.start()
    try:
        present = set(await admin.list_topics())
        missing = [topic for topic in wanted(config) if topic.name not in present]
        if missing:
            response = await admin.create_topics(missing)
            for _, code, _ in response.topic_errors:
                if code and code != TopicAlreadyExistsError.errno:
                    raise for_code(code)
        return await _identity(admin)
    finally:
        await admin.close()


async def _identity(admin: AIOKafkaAdminClient, name: str = EVENTS) -> Log:
    found = await topic_id.ask(admin._client, name)  # noqa: SLF001  there is no public way
    if found is None:
        raise _NotYetError
    return Log(found.id, found.partitions)
