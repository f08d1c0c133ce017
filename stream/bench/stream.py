"""``xinling bench stream``: how many events a second the step takes, and how long each one takes.

Three measurements, as JSON lines with versions and machine:

    step      a handler in this process over records in memory: decode, load, rules, commit
    service   records that are on Kafka already through workers in processes of their own, the
              middle half of them timed; with one worker and with two, each held to a share of a
              core where that is asked for: then it is not this machine's cores that two have in
              common; full batches, or such as ingest flushes at the rate of the measurement of
              latency
    latency   at a fixed offered load: from handing a batch to the producer until Kafka has it, and
              until Redis' progress has passed it, seen by asking every two milliseconds; the worker
              held to a share of a core where that is asked for
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from decoders.errors import XinlingError
from rules.engine import RuleSet
from stream import garbage, log
from stream.batcher import Addressed
from stream.bench import latency as bench_latency
from stream.bench import load as bench_load
from stream.bench import servers as bench_servers
from stream.bench.servers import Server
from stream.bench.system import KAFKA_VERSION, PARTITIONS, System
from stream.handler import Handler, Limits
from stream.redis_store import RedisStore

WARM_SECONDS = 20
"""Offered before latency counts."""
_MILLION = 1_000_000


class Asked(msgspec.Struct, frozen=True):
    """What is to be measured."""

    subscribers: int
    """Whose events they are; each has a profile."""
    events: int
    """Of the measurements of throughput."""
    rate: int = 2_000
    """Events a second offered in the measurement of latency."""
    seconds: int = 30
    """How long they are offered and counted."""
    brokers: str | None = None
    """Of a Kafka that runs; by default one is started from the tests' jars."""
    share: float = 0.0
    """Of a core, that each worker is held to on Kafka; 0 for no bound."""
    as_offered: bool = False
    """Whether batches of the measurement of throughput are as ingest flushes them at `rate`."""


def stream(asked: Asked, only: str | None) -> None:
    """Measures and prints: ``step``, ``service`` or ``latency``; None for all.

    Raises XinlingError: something that it needs does not start.
    """
    if only not in {None, "step", "service", "latency"}:
        raise XinlingError("there is step, service and latency", key="--only")
    bench_servers.end_by_signal()
    _print({"bench": "machine", **_machine(), "subscribers": asked.subscribers})
    with tempfile.TemporaryDirectory(prefix="xinling-bench-") as folder:
        home = Path(folder)
        if only in {None, "step"}:
            with bench_servers.redis(home) as (server, url):
                asyncio.run(_step(server, url, asked.subscribers, asked.events))
        if only in {None, "service"}:
            for count in (1, 2):
                _service(home / f"service-{count}", asked, count)
        if only in {None, "latency"}:
            _latency(home / "latency", asked)


# a handler in this process


async def _step(server: Server, url: str, subscribers: int, events: int) -> None:
    store = RedisStore.at(url)
    handler = Handler(store, RuleSet.load, Limits(outbox=events))
    empty = await _memory(url)
    offsets = [0] * PARTITIONS
    await _handle(handler, offsets, bench_load.changes(subscribers, "bench", PARTITIONS))
    known = await _memory(url)
    batcher = bench_load.batcher("bench", PARTITIONS)
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
            "timers": sum([await store.pending(number) for number in range(PARTITIONS)]),
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
        for partition in range(PARTITIONS):
            key = f"xl:{{p{partition}}}:outbox"
            waiting += int(await redis.memory_usage(key, samples=0) or 0)
        return states, waiting


# workers on Kafka


def _service(home: Path, asked: Asked, count: int) -> None:
    """So many workers over records that are on Kafka before the first of them starts."""
    with ExitStack() as stack:
        system = System(home, stack, asked.brokers)
        asyncio.run(
            system.produce(bench_load.changes(asked.subscribers, system.epoch(), PARTITIONS))
        )
        known = system.produced
        batcher = bench_load.batcher(system.epoch(), PARTITIONS)
        traffic = bench_load.Traffic(asked.subscribers)
        together = bench_latency.flushes(asked.rate)[0] if asked.as_offered else None
        asyncio.run(system.produce(bench_load.batched(traffic, asked.events, batcher, together)))
        records = system.produced - known
        workers = stack.enter_context(bench_servers.workers(home, system.config, count))
        if asked.share:
            stack.enter_context(bench_servers.held(workers, asked.share))
        asyncio.run(system.reached(known + records // 4))
        began, before = time.perf_counter(), system.cpu(workers)
        asyncio.run(system.reached(known + records * 3 // 4))
        seconds = time.perf_counter() - began
        used = {name: cpu - before[name] for name, cpu in system.cpu(workers).items()}
    events = asked.events // 2
    _print(
        {
            "bench": "service",
            "workers": count,
            "worker_share": asked.share,
            "events": events,
            "events_a_record": round(asked.events / records),
            "events_per_second": round(events / seconds),
            "cpu_seconds_per_million": {
                name: round(cpu / events * _MILLION, 1) for name, cpu in used.items()
            },
        }
    )


def _latency(home: Path, asked: Asked) -> None:
    with ExitStack() as stack:
        system = System(home, stack, asked.brokers)
        asyncio.run(
            system.produce(bench_load.changes(asked.subscribers, system.epoch(), PARTITIONS))
        )
        workers = stack.enter_context(bench_servers.workers(home, system.config, 1))
        asyncio.run(system.caught_up())
        if asked.share:
            stack.enter_context(bench_servers.held(workers, asked.share))
        load, every = bench_latency.turns(
            system, asked.subscribers, asked.rate, WARM_SECONDS + asked.seconds
        )
        before = system.cpu(workers) | {"producer": time.process_time()}
        found = asyncio.run(bench_latency.offered(system, load, every, round(WARM_SECONDS / every)))
        after = system.cpu(workers) | {"producer": time.process_time()}
        used = {name: cpu - before[name] for name, cpu in after.items()}
    _print(
        {
            "bench": "latency",
            "workers": 1,
            "worker_share": asked.share,
            "events_per_second": asked.rate,
            "warm_up_seconds": WARM_SECONDS,
            "seconds": asked.seconds,
            "batches": len(found["commit"]),
            "milliseconds": _parts(found["commit"]),
            "milliseconds_to_kafka": _parts(found["kafka"]),
            "cores": {
                name: round(cpu / (WARM_SECONDS + asked.seconds), 2) for name, cpu in used.items()
            },
        }
    )


def _parts(seconds: list[float]) -> dict[str, float]:
    """Milliseconds below which so many lie."""
    found = sorted(seconds)
    return {
        name: round(found[int(len(found) * part)] * 1000, 1)
        for name, part in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    }


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
