"""The same test on one Redis and on a Redis Cluster of three nodes.

A test that is to run on both is parametrised with `KINDS` for `redis_kind`; a file of such tests
overrides the fixture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from stream.redis_cluster import ClusterRedis
from stream.sms.coalescing import CoalescingCluster, CoalescingRedis

KINDS = ("one", "cluster")


@asynccontextmanager
async def opened(
    request: pytest.FixtureRequest, kind: str, url: str, *, coalescing: bool = False
) -> AsyncIterator[Any]:
    """A client of an empty Redis of a kind: the one at `url`, or the cluster."""
    client: Redis | ClusterRedis
    if kind == "cluster":
        port = request.getfixturevalue("redis_cluster_port")
        client = (CoalescingCluster if coalescing else ClusterRedis)(host="127.0.0.1", port=port)
    else:
        client = (CoalescingRedis if coalescing else Redis).from_url(url)
    await client.flushall()
    yield client
    await client.aclose()


async def keys(redis: Redis) -> list[bytes]:
    """The names of all keys, of every node."""
    return sorted([key async for key in redis.scan_iter()])
