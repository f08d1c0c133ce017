"""The role `ingest`: rules and profiles onto the log, then captures."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from hashlib import blake2b

from redis.asyncio import Redis

from decoders.correlator import CorrelatorConfig
from decoders.decoder import DecoderConfig
from decoders.errors import CaptureError
from decoders.pseudonyms import Pseudonyms
from decoders.transport import TransportConfig
from stream import config as configuration
from stream import rule_files, ways
from stream.audit import Audit
from stream.budgets.budget_store import BudgetStore
from stream.budgets.settling import RedisSettling
from stream.checkpoint import RedisCheckpoint
from stream.config import Config
from stream.control import SHARED, Control, RedisMark
from stream.ingest import flush_after
from stream.keys.past_keys import PastKeys
from stream.log_writer import LogWriter
from stream.outcome_bridge import OutcomeBridge
from stream.presence import Presence
from stream.publisher import Publisher
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.roles import INGEST, Part, answering, bundle, signature
from stream.rules_watch import RulesWatch
from stream.sms.seeds import SeedList
from stream.sms.seeds_watch import SeedsWatch
from stream.sms.vault import Vault
from stream.stops import Stops
from stream.topics import Log
from stream.undecoded import UndecodedWriter
from stream.ways import SomeIngest

logger = logging.getLogger(__name__)


class IngestPart(Part):
    """Rules and profiles onto the log, then captures; rules stay watched when those have ended."""

    def __init__(self, config: Config, log: Log, *, control: bool = True) -> None:
        self._config = config
        self._log = log
        self._control = control
        self._errors: list[CaptureError] = []
        self._done = asyncio.Event()
        self._stopping = asyncio.Event()
        self._pseudonyms = Pseudonyms(configuration.privacy_key(config), config.privacy.key_version)
        self._publisher = Publisher(config.kafka, config.service.retry_seconds)
        self._writer = LogWriter(self._publisher, log.partitions)
        self._undecoded = UndecodedWriter(self._publisher, log.partitions)
        self._kept: Redis | None = None
        self._ingest: SomeIngest | None = None
        if config.ingest.sources:
            self._ingest = self._made()

    @property
    def ingest(self) -> SomeIngest | None:
        """The ingest over the configured sources, if there are any."""
        return self._ingest

    async def run(self) -> None:
        """See `Part.run`; raises an ExceptionGroup of what was wrong with which capture."""
        try:
            if self._control:
                await self._govern()
            else:
                await self._beside()
        finally:
            self._done.set()

    async def stop(self, patience: float) -> None:
        """See `Part.stop`."""
        self._stopping.set()
        if self._ingest is not None:
            self._ingest.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), patience)

    async def close(self) -> None:
        """See `Part.close`."""
        await self._writer.close()
        await self._undecoded.close()
        await self._publisher.close()
        if self._kept is not None:
            await self._kept.aclose()

    def _check(self, ingest: SomeIngest) -> None:
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

    async def _read(self) -> None:
        if self._ingest is not None:
            await self._ingest.run()
            await self._undecoded.flush()
            self._check(self._ingest)
        if self._errors:
            raise ExceptionGroup("captures", self._errors)

    async def _beside(self) -> None:
        """Captures alone, beside a process that governs."""
        redis, ended = self._redis(), asyncio.Event()
        await answering(redis, self._config.service.retry_seconds)
        presence = Presence(redis, self._config, INGEST)
        await presence.begin()
        async with asyncio.TaskGroup() as group:
            group.create_task(presence.run(ended))
            await self._read()
            ended.set()

    async def _govern(self) -> None:
        """Rules and profiles first, then captures, and changes of the rules beside them.

        These have a writer of their own: they must not wait until everything read is on the log.
        """
        config = self._config
        redis = redis_client(config)
        writer = LogWriter(self._publisher, self._log.partitions)
        try:
            await answering(redis, config.service.retry_seconds)
            presence = Presence(redis, config, INGEST)
            await presence.begin()
            past = PastKeys(redis, configuration.privacy_key(config))
            control = Control(writer, self._log, RedisMark(redis, self._log.epoch), past)
            watch = RulesWatch(
                lambda: signature(config),
                lambda: bundle(config),
                control.rules,
                Stops(redis),
                Audit(redis),
            )
            test_numbers = self._seeds_watch(redis)
            await test_numbers.begin()  # before the rules: no campaign may go live without them
            await watch.begin(await RedisStore(redis).rules(0))
            await self._publish_profiles(control, redis)
            bridge = OutcomeBridge(
                config.kafka,
                self._log,
                writer=writer,
                publisher=self._publisher,
                redis=redis,
                patience=config.service.retry_seconds,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(presence.run(self._stopping))
                group.create_task(watch.run(self._stopping))
                group.create_task(test_numbers.run(self._stopping))
                group.create_task(bridge.run(self._stopping))
                group.create_task(self._read())
        finally:
            await writer.close()
            await redis.aclose()

    async def _publish_profiles(self, control: Control, redis: Redis) -> None:
        config = self._config
        if config.rules.profiles:
            vault = Vault(redis, configuration.privacy_key(config))
            done = await control.profiles(config.rules.profiles, self._pseudonyms, vault)
            logger.info("%d profiles published", done)

    def _seeds_watch(self, redis: Redis) -> SeedsWatch:
        vault = Vault(redis, configuration.privacy_key(self._config))
        file = self._config.rules.seeds
        return SeedsWatch(file, SeedList(redis), vault, self._pseudonyms, Audit(redis))

    def _made(self) -> SomeIngest:
        """Over the configured sources, by compiled code where that is to be had."""
        config, kept = self._config, self._errors.append
        how = ways.Way(
            decoder=DecoderConfig(transport=transport(config)),
            correlator=CorrelatorConfig(pool=configuration.pool(config.ingest)),
            pseudonyms=self._pseudonyms,
            plan=rule_files.plan(config.rules.plan),
            report=kept,
            show=self._undecoded.offer,
        )
        kind = ways.chosen(
            config.ingest.compiled, config.ingest.sources, follow=config.ingest.follow
        )
        feed = kind.feed(config.ingest.sources, kept, follow=config.ingest.follow, waits=True)
        return kind.ingest(
            feed=feed,
            reader=kind.reader(how),
            writer=self._writer,
            log=self._log,
            settings=_settings(config),
            flush_seconds=flush_after(config.ingest.flush_seconds, self._log.partitions),
            speed=configuration.speed(config.ingest),
            checkpoint=self._checkpoint() if feed.live else None,
            settling=self._settling(),
            name=self._name() if feed.live else "",
        )

    def _name(self) -> str:
        """Of a live feed, by its sources: the same after a restart."""
        return blake2b(repr(self._config.ingest.sources).encode(), digest_size=8).hexdigest()

    def _redis(self) -> Redis:
        if self._kept is None:
            self._kept = redis_client(self._config)
        return self._kept

    def _checkpoint(self) -> RedisCheckpoint:
        """Keeps what a live feed has taught, and how far it was read."""
        key = configuration.privacy_key(self._config)
        return RedisCheckpoint(self._redis(), key, self._name())

    def _settling(self) -> RedisSettling:
        redis = self._redis()
        mark = RedisMark(redis, self._log.epoch)
        return RedisSettling(BudgetStore(redis), lambda: mark.get(SHARED))


def transport(config: Config) -> TransportConfig:
    """How captures are read."""
    ingest = config.ingest
    return TransportConfig(point_code_bits=ingest.point_code_bits, ipa_ports=ingest.ipa_ports)


def _settings(config: Config) -> bytes:
    """What the events depend on besides the captures and the key.

    Their numbers do not depend on the key: under the next one (`stream.keys.rekey`) they are
    recognised.
    """
    ingest = config.ingest
    plan = rule_files.plan_text(config.rules.plan)
    parts = (ingest.point_code_bits, ingest.ipa_ports, plan)
    pools = (ingest.nri_bits, ingest.nris) if ingest.nri_bits else ()
    return repr((*parts, *pools)).encode()
