"""The role `delivery`: the agent that delivers offers, and the session with the SMSC."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

import msgspec
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from redis.exceptions import RedisError

from decoders.pseudonyms import Pseudonyms
from decoders.times import SECOND
from stream import config as configuration
from stream import metrics, topics
from stream.app import Fail, Role
from stream.config import Config
from stream.presence import Presence
from stream.publisher import Publisher
from stream.publishing import Publishing, verdict_of
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.retry import patiently
from stream.roles import DELIVERY, Part, answering
from stream.sms import outcomes
from stream.sms.answering import Answering
from stream.sms.answers import Answers
from stream.sms.delivery import Clocks, Delivery
from stream.sms.gate import StoreGate
from stream.sms.ledger import Ledger
from stream.sms.outcomes import Outcome
from stream.sms.receipts import Receipt
from stream.sms.replies import Reply
from stream.sms.seeding import OpenGate, Seeding
from stream.sms.seeds import SeedList
from stream.sms.smpp import SmppClient, SmppConfig
from stream.sms.vault import Vault
from stream.state import InfrastructureError, StoreUnavailableError
from stream.stops import Stops
from stream.subscribers import REDIS, DeadLetter
from stream.topics import Log
from stream.watchdog import Ends, Watchdog

logger = logging.getLogger(__name__)

_REDIS_FAILURES = (RedisError, OSError, InfrastructureError)


class DeliveryPart(Part):
    """The agent that delivers offers, and the session with the SMSC."""

    def __init__(self, config: Config, log: Log, fail: Fail) -> None:
        self._config = config
        self._patience = config.service.retry_seconds
        self._redis = redis_client(config, coalescing=True)
        self._presence = Presence(self._redis, config, DELIVERY)
        self._publisher = Publisher(config.kafka, self._patience)
        self._publishing = Publishing(self._publisher, log.partitions)
        self._clock = _OfferClock(config.service.clock)
        smpp = config.smpp
        self._smsc = SmppClient(_smpp(config), self._on_receipt, self._on_reply)
        key = configuration.privacy_key(config)
        answers = Answers(self._redis, Pseudonyms(key, config.privacy.key_version))
        stopped = Stops(self._redis).names
        gate = StoreGate(RedisStore(self._redis), log.partitions, stopped, answers.said_no)
        ledger = Ledger(self._redis, f"{smpp.host}:{smpp.port}")
        clocks = Clocks(self._clock.now, _wall)
        vault = Vault(self._redis, key)
        self._delivery = Delivery(
            gate=gate,
            vault=vault,
            ledger=ledger,
            smsc=self._smsc,
            clocks=clocks,
            tell=self._tell,
            note=answers.note,
        )
        open_gate = OpenGate()
        self._seeding = Seeding(
            seeds=SeedList(self._redis),
            stops=Stops(self._redis),
            rules=gate.rules,
            delivery=Delivery(
                gate=open_gate,
                vault=vault,
                ledger=ledger,
                smsc=self._smsc,
                clocks=clocks,
                tell=self._tell,
            ),
            gate=open_gate,
            ledger=ledger,
            wait_seconds=smpp.seed_wait_seconds,
        )
        self._answering = Answering(answers, ledger, gate.keywords, clocks, self._tell)
        self._role = Role(config, topics.OFFERS, self._take, fail, window=smpp.window)
        self._ends = Ends(config.kafka, topics.OFFERS, self._role.group)
        self._watchdog = Watchdog(
            owned=self._role.partitions,
            progress=self._progress,
            ends=self._ends,
            stall_seconds=config.service.stall_seconds,
            fail=fail,
            lag=metrics.offers_lag,
            excused=lambda: not self._smsc.open or self._seeding.waiting > 0,
        )

    async def run(self) -> None:
        """See `Part.run`."""
        await answering(self._redis, self._patience)
        await self._presence.begin()
        await self._smsc.start()
        await self._role.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presence.run())
            group.create_task(self._delivery.keep_settling())
            group.create_task(self._answering.keep_settling())
            group.create_task(self._seeding.run())
            group.create_task(self._watchdog.run())
            group.create_task(self._role.watch())

    async def stop(self, patience: float) -> None:
        """See `Part.stop`."""
        await self._role.stop(patience)

    async def close(self) -> None:
        """See `Part.close`."""
        await self._smsc.stop()
        with suppress(InfrastructureError, KafkaError, TimeoutError):
            await asyncio.wait_for(self._ends.close(), 1.0)
        await self._presence.end()
        await self._publisher.close()
        await self._redis.aclose()

    async def _on_receipt(self, receipt: Receipt) -> None:
        await self._delivery.on_receipt(receipt)

    async def _on_reply(self, reply: Reply) -> None:
        await self._answering.take(reply)

    async def _progress(self, partition: int) -> int:
        """The first offer of a partition that is not dealt with; raises where Redis is away."""
        try:
            await self._redis.ping()
        except _REDIS_FAILURES as error:
            raise StoreUnavailableError("Redis does not answer") from error
        in_flight = self._role.in_flight
        reached = in_flight.position(partition) if in_flight else 0
        return max(reached, await self._ends.committed(partition))

    async def _take(self, partition: int, offset: int, value: bytes) -> None:
        try:
            verdict = verdict_of(value)
        except ValueError as error:
            await self._set_aside(partition, offset, value, error)
            return
        self._clock.advance(verdict.time)

        async def attempt() -> Outcome | None:
            await self._seeding.first(verdict)
            return await self._delivery.deliver(verdict)

        outcome = await patiently(REDIS, attempt, _REDIS_FAILURES, self._patience)
        if outcome is not None and outcome.outcome == outcomes.SUBMITTED and self._clock.live:
            seconds = (_wall() - verdict.time) / SECOND
            metrics.frame_to_submit_seconds.observe(max(seconds, 0.0))

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
        self.live = kind == "wall"
        self._latest = 0

    def advance(self, moment: int) -> None:
        self._latest = max(self._latest, moment)

    def now(self) -> int:
        return _wall() if self.live else self._latest
