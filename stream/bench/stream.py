"""``xinling bench stream``: how many events a second the step takes, and how long each one takes.

Three measurements, as JSON lines with versions and machine:

    step      a handler in this process over records in memory: decode, load, rules, commit
    service   records on Kafka through workers in processes of their own, from the first commit to
              the last; with two workers as well
    latency   at a fixed offered load: from handing a batch to the producer until Redis' progress
              has passed it, seen by asking every two milliseconds
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from decoders.errors import XinlingError
from rules.engine import RuleSet
from stream import garbage, log, topics
from stream.batcher import Addressed
from stream.bench import load as bench_load
from stream.bench import servers as bench_servers
from stream.bench.servers import Server
from stream.config import Ingest, Kafka
from stream.handler import Handler, Limits
from stream.ingest import flush_after
from stream.log_writer import LogWriter
from stream.publisher import Publisher
from stream.redis_store import RedisStore
from stream.state import decode_progress

KAFKA_VERSION = "4.0.0"
_PARTITIONS = 8
_LOOK_SECONDS = 0.002
_PATIENCE = 60.0
_STALLED_SECONDS = 60.0
_SETTLE_SECONDS = 8.0
"""Until the group has shared the partitions out among its workers."""
_MILLION = 1_000_000


def stream(  # noqa: PLR0913  an option is an argument
    *, subscribers: int, events: int, rate: int, seconds: int, brokers: str | None, only: str | None
) -> None:
    """Measures and prints.

    Args:
        subscribers: whose events they are; each has a profile.
        events: of the measurements of throughput.
        rate: events a second offered in the measurement of latency.
        seconds: how long they are offered.
        brokers: of a Kafka that runs; by default one is started from the tests' jars.
        only: ``step`` or ``service`` (which is latency as well); None for both.

    Raises:
        XinlingError: something that it needs does not start.
    """
    if only not in {None, "step", "service"}:
        raise XinlingError("there is step and service", key="--only")
    _print({"bench": "machine", **_machine(), "subscribers": subscribers})
    with tempfile.TemporaryDirectory(prefix="xinling-bench-") as folder:
        home = Path(folder)
        if only != "service":
            with bench_servers.redis(home) as (server, url):
                asyncio.run(_step(server, url, subscribers, events))
        if only != "step":
            for count in (1, 2):
                _service(home / f"service-{count}", count, subscribers, events, brokers)
            _latency(home / "latency", subscribers, rate, seconds, brokers)


# a handler in this process


async def _step(server: Server, url: str, subscribers: int, events: int) -> None:
    store = RedisStore.at(url)
    handler = Handler(store, RuleSet.load, Limits(outbox=events))
    empty = await _memory(url)
    offsets = [0] * _PARTITIONS
    await _handle(handler, offsets, bench_load.changes(subscribers, "bench", _PARTITIONS))
    known = await _memory(url)
    batcher = bench_load.batcher("bench", _PARTITIONS)
    traffic = bench_load.Traffic(subscribers)
    await _handle(handler, offsets, bench_load.batched(traffic, events, batcher))
    records = [
        (where, log.encode(batch)) for where, batch in bench_load.batched(traffic, events, batcher)
    ]
    garbage.settle()
    wall, cpu, redis = time.perf_counter(), time.process_time(), server.cpu()
    for partition, value in records:
        await handler.handle(partition, offsets[partition], log.decode(value))
        offsets[partition] += 1
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    redis = server.cpu() - redis
    stored, verdicts = await _stored(url)
    octets = await _memory(url) - known - verdicts
    _print(
        {
            "bench": "step",
            "events": events,
            "events_per_second": round(events / wall),
            "events_per_cpu_second": round(events / cpu),
            "cpu_seconds_per_million": {
                "worker": round(cpu / events * _MILLION, 1),
                "redis": round(redis / events * _MILLION, 1),
            },
            "octets_per_event_in_the_log": round(sum(len(one) for _, one in records) / events),
            "redis_octets_per_profile": round((known - empty) / subscribers),
            "states": stored,
            "timers": sum([await store.pending(number) for number in range(_PARTITIONS)]),
            "redis_octets_per_state": round(octets / stored),
            "redis_octets_per_subscriber": round(octets / subscribers),
        }
    )
    await store.close()


async def _handle(handler: Handler, offsets: list[int], addressed: Iterable[Addressed]) -> None:
    for partition, batch in addressed:
        await handler.handle(partition, offsets[partition], batch)
        offsets[partition] += 1


async def _memory(url: str) -> int:
    async with Redis.from_url(url) as redis:
        return int((await redis.info("memory"))["used_memory"])


async def _stored(url: str) -> tuple[int, int]:
    """How many states there are, and the octets of verdicts that nobody has relayed."""
    async with Redis.from_url(url) as redis:
        buckets = [bucket async for bucket in redis.scan_iter("xl:{p*}:state:*", count=10_000)]
        pipeline = redis.pipeline(transaction=False)
        for bucket in buckets:
            pipeline.hlen(bucket)
        states = sum(await pipeline.execute())
        waiting = 0
        for partition in range(_PARTITIONS):
            key = f"xl:{{p{partition}}}:outbox"
            waiting += int(await redis.memory_usage(key, samples=0) or 0)
        return states, waiting


# workers on Kafka


def _service(home: Path, count: int, subscribers: int, events: int, brokers: str | None) -> None:
    with ExitStack() as stack:
        system = _System(home, stack, brokers)
        asyncio.run(system.produce(bench_load.changes(subscribers, system.epoch(), _PARTITIONS)))
        batcher = bench_load.batcher(system.epoch(), _PARTITIONS)
        traffic = bench_load.Traffic(subscribers)
        workers = stack.enter_context(bench_servers.workers(home, system.config, count))
        asyncio.run(system.caught_up())
        time.sleep(_SETTLE_SECONDS)
        records = list(bench_load.batched(traffic, events, batcher))
        before = system.cpu(workers)
        seconds, share = asyncio.run(system.worked_off(records))
        used = {name: cpu - before.get(name, 0.0) for name, cpu in system.cpu(workers).items()}
    _print(
        {
            "bench": "service",
            "workers": count,
            "events": round(events * share),
            "events_per_second": round(events * share / seconds),
            "cpu_seconds_per_million": {
                name: round(cpu / events * _MILLION, 1) for name, cpu in used.items()
            },
        }
    )


def _latency(home: Path, subscribers: int, rate: int, seconds: int, brokers: str | None) -> None:
    with ExitStack() as stack:
        system = _System(home, stack, brokers)
        asyncio.run(system.produce(bench_load.changes(subscribers, system.epoch(), _PARTITIONS)))
        stack.enter_context(bench_servers.workers(home, system.config, 1))
        asyncio.run(system.caught_up())
        found = sorted(asyncio.run(system.offered(subscribers, rate, seconds)))
    _print(
        {
            "bench": "latency",
            "workers": 1,
            "events_per_second": rate,
            "seconds": seconds,
            "batches": len(found),
            "milliseconds": {
                name: round(found[int(len(found) * part)] * 1000, 1)
                for name, part in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
            },
        }
    )


class _System:
    """Kafka and Redis with a configuration that names them."""

    def __init__(self, home: Path, stack: ExitStack, brokers: str | None) -> None:
        home.mkdir()
        self.produced = 0
        self._kafka: Server | None = None
        if brokers is None:
            self._kafka, brokers = stack.enter_context(bench_servers.kafka(home, _jars()))
        self._redis, self._url = stack.enter_context(bench_servers.redis(home))
        self._settings = Kafka(brokers=brokers, partitions=_PARTITIONS)
        self._log = asyncio.run(topics.prepare(self._settings, _PATIENCE))
        self.config = _configured(home, brokers, self._url)

    def epoch(self) -> str:
        """Of the log."""
        return self._log.epoch

    def cpu(self, workers: Sequence[Server]) -> dict[str, float]:
        """Seconds of processor time by part."""
        parts = {"workers": sum(worker.cpu() for worker in workers), "redis": self._redis.cpu()}
        return {**parts, "kafka": self._kafka.cpu()} if self._kafka else parts

    async def produce(self, addressed: Iterable[Addressed]) -> None:
        """Puts batches onto the log."""
        async with self._writer() as writer:
            for partition, batch in addressed:
                await writer.write(partition, batch)
                self.produced += 1
            await writer.flush()

    async def caught_up(self) -> None:
        """Waits until everything produced is committed."""
        await self._until(self.produced)

    async def worked_off(self, records: list[Addressed]) -> tuple[float, float]:
        """Seconds from the first commit seen to the last, and the share committed between."""
        async with Redis.from_url(self._url) as redis:
            base = sum(await _offsets(redis))
            producing = asyncio.create_task(self.produce(records))
            first = base
            while first == base:
                await asyncio.sleep(_LOOK_SECONDS)
                first = sum(await _offsets(redis))
            began = time.perf_counter()
            await self._until(base + len(records))
            seconds = time.perf_counter() - began
            await producing
            return seconds, (base + len(records) - first) / len(records)

    async def offered(self, subscribers: int, rate: int, seconds: int) -> list[float]:
        """Seconds from the producer to the commit, of each batch offered at `rate`."""
        batcher = bench_load.batcher(self.epoch(), _PARTITIONS)
        traffic = bench_load.Traffic(subscribers)
        every = flush_after(Ingest().flush_seconds, _PARTITIONS)
        async with Redis.from_url(self._url) as redis, self._writer() as writer:
            watch = _Watch(redis, await _offsets(redis))
            watching = asyncio.create_task(watch.run())
            began = time.perf_counter()
            for turn in range(round(seconds / every)):
                await asyncio.sleep(began + turn * every - time.perf_counter())
                count = round(rate * every)
                for partition, batch in bench_load.batched(traffic, count, batcher):
                    watch.sent(partition)
                    await writer.write(partition, batch)
            await writer.flush()
            watch.over = True
            await asyncio.wait_for(watching, _STALLED_SECONDS)
            return watch.seconds

    async def _until(self, total: int) -> None:
        async with Redis.from_url(self._url) as redis:
            seen, since = -1, time.monotonic()
            while (now := sum(await _offsets(redis))) < total:
                if now != seen:
                    seen, since = now, time.monotonic()
                if time.monotonic() - since > _STALLED_SECONDS:
                    raise XinlingError("the workers do not get on", remedy="see their logs")
                await asyncio.sleep(_LOOK_SECONDS * 5)

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[LogWriter]:
        publisher = Publisher(self._settings, _PATIENCE)
        writer = LogWriter(publisher, _PARTITIONS)
        try:
            yield writer
        finally:
            await writer.close()
            await publisher.close()


class _Watch:
    """Sees when Redis' progress passes a record.

    Attributes:
        seconds: from `sent` to then, of each record.
        over: no more is sent; `run` ends with the last.
    """

    def __init__(self, redis: Redis, offsets: list[int]) -> None:
        self.seconds: list[float] = []
        self._redis = redis
        self._next = list(offsets)
        self._seen = list(offsets)
        self._sent: list[list[float]] = [[] for _ in offsets]
        self.over = False

    def sent(self, partition: int) -> None:
        """A record is on its way to the partition's end."""
        self._next[partition] += 1
        self._sent[partition].append(time.perf_counter())

    async def run(self) -> None:
        """Until everything sent was seen."""
        while not (self.over and self._seen == self._next):
            offsets = await _offsets(self._redis)
            now = time.perf_counter()
            for partition, offset in enumerate(offsets):
                for _ in range(offset - self._seen[partition]):
                    self.seconds.append(now - self._sent[partition].pop(0))
                self._seen[partition] = offset
            await asyncio.sleep(_LOOK_SECONDS)


async def _offsets(redis: Redis) -> list[int]:
    keys = [f"xl:{{p{partition}}}:progress" for partition in range(_PARTITIONS)]
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
partitions = {_PARTITIONS}
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


def _machine() -> dict[str, Any]:
    packages = ("faust-streaming", "aiokafka", "redis", "hiredis", "msgspec")
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "kafka": KAFKA_VERSION,
        **{package: version(package) for package in packages},
    }


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
