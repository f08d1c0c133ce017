"""P2: SIGKILL of a worker or of Redis at any moment repeats no decision and loses none."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from killed_worker import PARTITIONS, work
from outboxes import outbox, undisturbed
from redis.asyncio import Redis
from redis_servers import RedisServer

from stream.redis_store import RedisStore
from stream.state import decode_entry

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KILLS = 5
RELAYS = 3


async def empty(server: RedisServer) -> RedisStore:
    client = Redis.from_url(server.url)
    await client.flushall()
    return RedisStore(client)


def start(server: RedisServer, what: str, script: str = "killed_worker") -> subprocess.Popen[str]:
    path = os.pathsep.join([str(HERE), str(ROOT)])
    worker = subprocess.Popen(
        [sys.executable, str(HERE / f"{script}.py"), server.url, what],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


@pytest.mark.slow
@pytest.mark.parametrize("same_log", [True, False], ids=["redelivered", "sent again"])
async def test_p2_a_worker_killed_at_any_moment_repeats_nothing_and_loses_nothing(
    redis_server: RedisServer, *, same_log: bool
) -> None:
    store = await empty(redis_server)
    rng = random.Random(5)
    cut_short = 0
    for kill in range(KILLS):
        worker = start(redis_server, "log" if same_log else f"log {kill}")
        await asyncio.sleep(rng.uniform(0.02, 0.4))
        cut_short += worker.poll() is None
        worker.kill()
        worker.communicate()
    worker = start(redis_server, "log" if same_log else "the last log")
    assert worker.communicate(timeout=60)[0] == "done\n"
    assert await outbox(store) == await undisturbed()
    assert cut_short >= KILLS // 2
    await store.close()


@pytest.mark.slow
async def test_p2_a_redis_killed_at_any_moment_repeats_nothing_and_loses_nothing(
    redis_server: RedisServer,
) -> None:
    store = await empty(redis_server)
    rng = random.Random(6)
    working = asyncio.create_task(work(store, "log"))
    kills = 0
    for kills in range(1, KILLS + 1):  # noqa: B007  counted for what follows
        await asyncio.sleep(rng.uniform(0.02, 0.3))
        if working.done():
            break
        redis_server.kill()
        await asyncio.sleep(rng.uniform(0, 0.2))
        redis_server.start()
    await working
    assert await outbox(store) == await undisturbed()
    assert kills > 1
    await store.close()


@pytest.mark.slow
async def test_p2_a_relay_killed_at_any_moment_publishes_each_entry_and_copies_alone(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    store = await empty(redis_server)
    await work(store, "log")
    decided = [
        [partition, entry.verdict.offer, entry.verdict.step]
        for partition, entries in enumerate(await outbox(store))
        for entry in map(decode_entry, entries)
    ]
    rng = random.Random(8)
    file = tmp_path / "published"
    cut_short = 0
    for kill in range(RELAYS):
        relay = start(redis_server, str(file), "killed_relay")
        if kill < RELAYS - 1:
            await asyncio.sleep(rng.uniform(0.01, 0.05))
        while kill == RELAYS - 1 and any(await outbox(store)):  # noqa: ASYNC110  a process
            await asyncio.sleep(0.05)
        cut_short += any(await outbox(store))
        relay.kill()
        relay.communicate()
    found = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    for partition in range(PARTITIONS):
        assert firsts(found, partition) == firsts(decided, partition), "in the order of decisions"
    assert cut_short
    await store.close()


def firsts(rows: list[list[object]], partition: int) -> list[tuple[object, ...]]:
    """The rows of a partition without copies."""
    return list(dict.fromkeys(tuple(row) for row in rows if row[0] == partition))
