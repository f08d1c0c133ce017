"""The service as a measurement runs it: Kafka, Redis and workers, and how far these have come."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from decoders.errors import XinlingError
from stream import topics
from stream.batcher import Addressed
from stream.bench import load as bench_load
from stream.bench import servers as bench_servers
from stream.bench.servers import Server
from stream.config import Kafka
from stream.log_writer import LogWriter
from stream.publisher import Publisher
from stream.redis_line import LineRedis
from stream.state import decode_progress

KAFKA_VERSION = "4.0.0"
PARTITIONS = 8
LOOK_SECONDS = 0.002
STALLED_SECONDS = 60.0
_PATIENCE = 60.0

Safe = Callable[[int], None]
"""Told of the partition of a record."""


class System:
    """Kafka and Redis with a configuration that names them.

    Attributes:
        config: the file that workers are given.
        produced: records put onto the log.
    """

    def __init__(self, home: Path, stack: ExitStack, brokers: str | None) -> None:
        """`brokers` are those of a Kafka that runs; by default one is started."""
        home.mkdir()
        self.produced = 0
        self._home = home
        self._kafka: Server | None = None
        if brokers is None:
            self._kafka, brokers = stack.enter_context(bench_servers.kafka(home, _jars()))
        self._redis, self._url = stack.enter_context(bench_servers.redis(home))
        self._settings = Kafka(brokers=brokers, partitions=PARTITIONS)
        self._log = asyncio.run(topics.prepare(self._settings, _PATIENCE))
        self.config = _configured(home, brokers, self._url)

    def epoch(self) -> str:
        """Of the log."""
        return self._log.epoch

    def redis(self) -> Redis:
        """A client of the workers' Redis; an asynchronous context."""
        return LineRedis.from_url(self._url)

    def cpu(self, workers: Sequence[Server]) -> dict[str, float]:
        """Seconds of processor time by part."""
        parts = {"workers": sum(worker.cpu() for worker in workers), "redis": self._redis.cpu()}
        return {**parts, "kafka": self._kafka.cpu()} if self._kafka else parts

    async def introduce(self, subscribers: int) -> None:
        """The rules and a profile of every subscriber onto the log."""
        await self.produce(bench_load.changes(subscribers, self.epoch(), PARTITIONS))

    async def produce(self, addressed: Iterable[Addressed]) -> None:
        """Puts batches onto the log."""
        async with self.writer() as writer:
            for partition, batch in addressed:
                await writer.write(partition, batch)
                self.produced += 1
            await writer.flush()

    async def caught_up(self) -> None:
        """Waits until everything produced is committed."""
        await self.reached(self.produced)

    async def reached(self, total: int) -> None:
        """Waits until so many records are committed; raises XinlingError where they do not move."""
        async with self.redis() as redis:
            seen, since = -1, time.monotonic()
            while (now := sum(await offsets(redis))) < total:
                if now != seen:
                    seen, since = now, time.monotonic()
                if time.monotonic() - since > STALLED_SECONDS:
                    raise XinlingError("the workers do not get on", remedy="see their logs")
                await asyncio.sleep(LOOK_SECONDS * 5)

    @asynccontextmanager
    async def writer(self, safe: Safe | None = None) -> AsyncIterator[LogWriter]:
        """What ingest writes with; `safe` is told of each record that Kafka has."""
        publisher = _Telling(self._settings, _PATIENCE)
        publisher.safe = safe
        writer = LogWriter(publisher, PARTITIONS)
        try:
            yield writer
        finally:
            await writer.close()
            await publisher.close()


class _Telling(Publisher):
    """Tells when a record of a partition is safe."""

    safe: Safe | None = None

    async def send(
        self, topic: str, value: bytes, *, partition: int, key: bytes | None = None
    ) -> int:
        """See `Publisher.send`."""
        offset = await super().send(topic, value, partition=partition, key=key)
        if self.safe is not None:
            self.safe(partition)
        return offset


async def offsets(redis: Redis) -> list[int]:
    """How far each partition is committed."""
    keys = [f"xl:{{p{partition}}}:progress" for partition in range(PARTITIONS)]
    found = await redis.mget(keys)
    return [decode_progress(one if isinstance(one, bytes) else b"").offset for one in found]


def _jars() -> Path:
    default = Path.home() / ".cache" / "xinling" / f"kafka-{KAFKA_VERSION}"
    return Path(os.environ.get("XINLING_TEST_KAFKA_HOME") or default)


def _configured(home: Path, brokers: str, url: str) -> Path:
    for name, content in bench_load.bundle().items():
        file = home / "rules" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    config = home / "xinling.toml"
    config.write_text(
        f"""
[privacy]
key = "{"5a" * 32}"
[kafka]
brokers = "{brokers}"
partitions = {PARTITIONS}
[redis]
url = "{url}"
[rules]
campaigns = "{home / "rules" / "campaigns"}"
areas = "{home / "rules" / "areas.geojson"}"
settings = "{home / "rules" / "settings.json"}"
[metrics]
port = 0
[service]
data_dir = "{home / "faust"}"
"""
    )
    return config
