"""The roles of the service, `ingest`, `subscribers`, `delivery`; alone or all in one process."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from contextlib import suppress

import msgspec
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from redis.asyncio import Redis
from redis.exceptions import RedisError

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError, XinlingError
from decoders.pseudonyms import Pseudonyms
from decoders.transport import TransportConfig
from rules.engine import RuleSet
from stream import config as configuration
from stream import metrics, rule_files, topics
from stream.app import Fail, Role
from stream.config import Config
from stream.control import Control, RedisMark
from stream.delivery import Clocks, Delivery
from stream.feeds import Feed
from stream.gate import StoreGate
from stream.handler import Handler
from stream.ingest import Ingest, Reader
from stream.ledger import Ledger
from stream.log_writer import LogWriter
from stream.outcomes import Outcome
from stream.publisher import Publisher
from stream.publishing import Publishing, verdict_of
from stream.receipts import Receipt
from stream.redis_store import RedisStore
from stream.relay import Relay
from stream.retry import patiently
from stream.smpp import SmppClient, SmppConfig
from stream.state import InfrastructureError
from stream.subscribers import REDIS, DeadLetter, Subscribers
from stream.topics import Log
from stream.vault import Vault
from stream.watchdog import Ends, Watchdog

logger = logging.getLogger(__name__)

INGEST = "ingest"
SUBSCRIBERS = "subscribers"
DELIVERY = "delivery"
ROLES = (INGEST, SUBSCRIBERS, DELIVERY)
_REDIS_FAILURES = (RedisError, OSError, InfrastructureError)


class Part(ABC):
    """One role at work."""

    @abstractmethod
    async def run(self) -> None:
        """Works until it is cancelled or has nothing more to do; raises what cannot be mended."""

    @abstractmethod
    async def stop(self, patience: float) -> None:
        """Ends what is in hand within `patience` seconds and lets go of everything."""


def redis_client(config: Config) -> Redis:
    """A connection pool to the configured Redis; connects at first use."""
    return Redis.from_url(
        config.redis.url,
        password=config.redis.password or None,
        socket_timeout=config.redis.timeout_seconds,
        socket_connect_timeout=config.redis.timeout_seconds,
    )


async def answering(redis: Redis, patience: float) -> None:
    """Waits for Redis; raises InfrastructureError when it stays away."""

    async def ping() -> None:
        await redis.ping()

    try:
        await patiently(REDIS, ping, (RedisError, OSError), patience)
    except (RedisError, OSError) as error:
        raise InfrastructureError(
            f"Redis does not answer ({type(error).__name__})",
            key="redis.url",
            remedy="start it, or correct the address or the password",
        ) from error


class SubscribersPart(Part):
    """The agent that decides, the relay of its verdicts, and the watchdog over both."""

    def __init__(self, config: Config, log: Log, fail: Fail) -> None:
        self._patience = config.service.retry_seconds
        self._redis = redis_client(config)
        self._store = RedisStore(self._redis)
        self._publisher = Publisher(config.kafka, self._patience)
        publishing = Publishing(self._publisher, log.partitions)
        self._relay = Relay(self._store, publishing.verdicts)
        self._ends = Ends(config.kafka, topics.EVENTS)
        driver = Subscribers(
            handler=Handler(self._store, RuleSet.load),
            store=self._store,
            relay=self._relay,
            publisher=self._publisher,
            log=log,
            earliest=self._earliest,
            patience=self._patience,
        )
        self._role = Role(
            config, topics.EVENTS, driver.take, fail, start=driver.start, assigned=self._relay.own
        )
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
        await self._role.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._relay.run())
            group.create_task(self._watchdog.run())
            group.create_task(self._role.watch())

    async def stop(self, patience: float) -> None:
        """See `Part.stop`."""
        await self._role.stop(patience)
        with suppress(InfrastructureError, KafkaError, TimeoutError):
            await asyncio.wait_for(self._ends.close(), 1.0)
        await self._publisher.close()
        await self._store.close()

    async def _earliest(self, partition: int) -> int:
        return await self._role.earliest(partition)


class DeliveryPart(Part):
    """The agent that delivers offers, and the session with the SMSC."""

    def __init__(self, config: Config, log: Log, fail: Fail) -> None:
        self._patience = config.service.retry_seconds
        self._redis = redis_client(config)
        self._publisher = Publisher(config.kafka, self._patience)
        self._publishing = Publishing(self._publisher, log.partitions)
        self._clock = _OfferClock(config.service.clock)
        smpp = config.smpp
        self._smsc = SmppClient(_smpp(config), self._on_receipt)
        self._delivery = Delivery(
            gate=StoreGate(RedisStore(self._redis), log.partitions),
            vault=Vault(self._redis, configuration.privacy_key(config)),
            ledger=Ledger(self._redis, f"{smpp.host}:{smpp.port}"),
            smsc=self._smsc,
            clocks=Clocks(self._clock.now, _wall),
            tell=self._tell,
        )
        self._role = Role(config, topics.OFFERS, self._take, fail)

    async def run(self) -> None:
        """See `Part.run`."""
        await answering(self._redis, self._patience)
        await self._smsc.start()
        await self._role.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._delivery.keep_settling())
            group.create_task(self._role.watch())

    async def stop(self, patience: float) -> None:
        """See `Part.stop`."""
        await self._role.stop(patience)
        await self._smsc.stop()
        await self._publisher.close()
        await self._redis.aclose()

    async def _on_receipt(self, receipt: Receipt) -> None:
        await self._delivery.on_receipt(receipt)

    async def _take(self, partition: int, offset: int, value: bytes) -> None:
        try:
            verdict = verdict_of(value)
        except ValueError as error:
            await self._set_aside(partition, offset, value, error)
            return
        self._clock.advance(verdict.time)

        async def attempt() -> None:
            await self._delivery.deliver(verdict)

        await patiently(REDIS, attempt, _REDIS_FAILURES, self._patience)

    async def _tell(self, outcome: Outcome) -> None:
        row = msgspec.json.encode(outcome.row())
        await self._publishing.row(topics.OUTCOMES, outcome.subscriber, row)

    async def _set_aside(
        self, partition: int, offset: int, value: bytes, error: ValueError
    ) -> None:
        metrics.dead_letters.labels("not an offer").inc()
        logger.error("offers, partition %d: record %d is no offer", partition, offset)
        letter = DeadLetter(topics.OFFERS, partition, offset, type(error).__name__, len(value))
        await self._publisher.send(
            topics.DEAD_LETTERS, msgspec.json.encode(letter), partition=partition
        )


class IngestPart(Part):
    """Rules and profiles onto the log, then captures; waits when its sources have ended."""

    def __init__(self, config: Config, log: Log, *, control: bool = True) -> None:
        self._config = config
        self._log = log
        self._control = control
        self._errors: list[CaptureError] = []
        self._pseudonyms = Pseudonyms(configuration.privacy_key(config), config.privacy.key_version)
        self._publisher = Publisher(config.kafka, config.service.retry_seconds)
        self._writer = LogWriter(self._publisher, log.partitions)
        self._ingest: Ingest | None = None
        if config.ingest.sources:
            self._ingest = self._over(Feed(config.ingest.sources, self._errors.append))

    @property
    def ingest(self) -> Ingest | None:
        """The ingest over the configured sources, if there are any."""
        return self._ingest

    async def run(self) -> None:
        """See `Part.run`; raises an ExceptionGroup of what was wrong with which capture."""
        if self._control:
            await self._publish_rules()
        if self._ingest is not None:
            await self._ingest.run()
            self._check(self._ingest)
        if self._errors:
            raise ExceptionGroup("captures", self._errors)

    async def stop(self, patience: float) -> None:
        """See `Part.stop`."""
        if self._ingest is not None:
            self._ingest.stop()
        with suppress(TimeoutError, XinlingError):
            await asyncio.wait_for(self._writer.flush(), patience)
        await self._writer.close()
        await self._publisher.close()

    def _check(self, ingest: Ingest) -> None:
        done = ingest.totals
        logger.info(
            "ingest: %d frames, %d messages, %d events, %d batches",
            done.frames, done.messages, done.events, done.batches,
        )  # fmt: skip
        if not done.messages and not self._errors and not ingest.stopped:
            self._errors.append(
                CaptureError(
                    "no A-interface (BSSAP) traffic in it",
                    file=", ".join(self._config.ingest.sources),
                    remedy="see ingest.point_code_bits and ingest.ipa_ports",
                )
            )

    async def _publish_rules(self) -> None:
        config, patience = self._config, self._config.service.retry_seconds
        redis = redis_client(config)
        try:
            await answering(redis, patience)
            control = Control(self._writer, self._log, RedisMark(redis, self._log.epoch))
            if await control.rules(bundle(config)):
                logger.info("rules published")
            if config.rules.profiles:
                vault = Vault(redis, configuration.privacy_key(config))
                done = await control.profiles(config.rules.profiles, self._pseudonyms, vault)
                logger.info("%d profiles published", done)
        finally:
            await redis.aclose()

    def _over(self, feed: Feed) -> Ingest:
        config = self._config.ingest
        plan = rule_files.plan(self._config.rules.plan)
        reader = Reader(
            Decoder(DecoderConfig(transport=transport(self._config))),
            Correlator(CorrelatorConfig(), self._pseudonyms, plan),
            self._errors.append,
        )
        return Ingest(
            feed=feed,
            reader=reader,
            writer=self._writer,
            log=self._log,
            settings=_settings(self._config),
            flush_seconds=config.flush_seconds,
            speed=configuration.speed(config),
        )


def bundle(config: Config) -> dict[str, bytes]:
    """The configured rules' bundle; raises FileError."""
    rules = config.rules
    return rule_files.bundle(rules.campaigns, rules.areas, rules.cells, rules.settings)


def transport(config: Config) -> TransportConfig:
    """How captures are read."""
    ingest = config.ingest
    return TransportConfig(point_code_bits=ingest.point_code_bits, ipa_ports=ingest.ipa_ports)


def _settings(config: Config) -> bytes:
    """What the events depend on besides the captures."""
    ingest, privacy = config.ingest, config.privacy
    plan = rule_files.plan_text(config.rules.plan)
    parts = (ingest.point_code_bits, ingest.ipa_ports, privacy.key_version, plan)
    return repr(parts).encode()


def _smpp(config: Config) -> SmppConfig:
    smpp = config.smpp
    return SmppConfig(
        host=smpp.host,
        port=smpp.port,
        system_id=smpp.system_id,
        password=smpp.password,
        system_type=smpp.system_type,
        window=smpp.window,
        response_seconds=smpp.timeout_seconds,
    )


def _wall() -> int:
    return time.time_ns() // 1000


class _OfferClock:
    """What delivery goes by: wall time, or the latest offer's."""

    def __init__(self, kind: str) -> None:
        self._wall = kind == "wall"
        self._latest = 0

    def advance(self, moment: int) -> None:
        self._latest = max(self._latest, moment)

    def now(self) -> int:
        return _wall() if self._wall else self._latest
