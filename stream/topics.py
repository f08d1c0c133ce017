"""The topics of the contracts: their names, how they are created, and the log's identity."""

from __future__ import annotations

from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
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
