"""P2: SIGKILL of a worker or of Redis at any moment repeats no decision and loses none."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from killed_worker import work
from outboxes import outbox, undisturbed
from redis.asyncio import Redis
from redis_servers import RedisServer

from stream.redis_store import RedisStore

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KILLS = 5


async def empty(server: RedisServer) -> RedisStore:
    client = Redis.from_url(server.url)
    await client.flushall()
    return RedisStore(client)


def start(server: RedisServer, epoch: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(HERE), str(ROOT)])
    worker = subprocess.Popen(
        [sys.executable, str(HERE / "killed_worker.py"), server.url, epoch],
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
