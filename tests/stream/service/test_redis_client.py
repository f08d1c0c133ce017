"""Redis as it is configured: one server or a cluster, and neither taken for the other."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio.cluster import ClusterNode
from redis_nodes import free_ports, one

from stream import metrics, roles
from stream.config import Config, ConfigError
from stream.config import Redis as RedisConfig
from stream.connected import redis_of
from stream.redis_client import check, redis_client
from stream.redis_cluster import ClusterChangedError, ClusterRedis, pages
from stream.redis_store import RedisStore
from stream.sms import outcomes
from stream.sms.ledger import Entry, Ledger
from stream.sms.vault import Identity, Vault
from stream.state import Commit, InfrastructureError, Progress

KEY = b"k" * 32


def config(url: str, *, cluster: bool) -> Config:
    return Config(redis=RedisConfig(url=url, cluster=cluster))


@pytest.fixture
async def client(redis_cluster_port: int) -> AsyncIterator[ClusterRedis]:
    """Of the cluster; it is told of its first node, and before it of one that is not there."""
    (away,) = free_ports(1)
    url = f"redis://127.0.0.1:{away},127.0.0.1:{redis_cluster_port}"
    found = redis_client(config(url, cluster=True))
    assert isinstance(found, ClusterRedis)
    await found.flushall()
    yield found
    await found.aclose()


async def test_a_cluster_that_is_taken_for_one_server_is_told_of(redis_cluster_port: int) -> None:
    with pytest.raises(ConfigError) as told:
        async with redis_of(config(f"redis://127.0.0.1:{redis_cluster_port}", cluster=False)):
            pytest.fail("two keys in three are not there")
    assert told.value.key == "redis.cluster"
    assert "set it to true" in (told.value.remedy or "")


async def test_one_server_that_is_taken_for_a_cluster_is_told_of(tmp_path: Path) -> None:
    with one(str(tmp_path)) as url, pytest.raises(ConfigError) as told:
        async with redis_of(config(url, cluster=True)):
            pytest.fail("it is no cluster")
    assert told.value.key == "redis.cluster"
    assert "set it to false" in (told.value.remedy or "")


async def test_a_cluster_that_is_away_is_a_redis_that_is_away() -> None:
    url = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    with pytest.raises(InfrastructureError, match="Redis does not answer"):
        async with redis_of(config(f"redis://{url}", cluster=True)):
            pytest.fail("nobody is there")


@pytest.mark.parametrize(
    ("key", "redis"),
    [
        ("redis.url", RedisConfig(url="localhost:6379")),
        ("redis.url", RedisConfig(url="http://localhost")),
        ("redis.url", RedisConfig(url="redis://:secret@")),
        ("redis.url", RedisConfig(url="redis://localhost:70000")),
        ("redis.url", RedisConfig(url="redis://one,two")),
        ("redis.url", RedisConfig(url="redis://one,:6379", cluster=True)),
        ("redis.url", RedisConfig(url="unix:///run/redis.sock", cluster=True)),
        ("redis.url", RedisConfig(url="redis://one:6379,two:6379/3", cluster=True)),
        ("redis.replicas", RedisConfig(replicas=1)),
    ],
)
def test_what_cannot_be_reached_is_told_before_it_is_tried(key: str, redis: RedisConfig) -> None:
    with pytest.raises(ConfigError) as told:
        check(redis)
    assert told.value.key == key
    assert told.value.remedy
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "redis",
    [
        RedisConfig(url="rediss://xinling:a%2Cb@one:6379,two:6379/0", cluster=True, replicas=2),
        RedisConfig(url="redis://[::1]:6379", cluster=True),
        RedisConfig(url="unix:///run/redis.sock"),
        RedisConfig(url="redis://:secret@one/3"),
    ],
)
def test_what_can_be_reached_is_taken(redis: RedisConfig) -> None:
    check(redis)
    found = redis_client(Config(redis=redis))
    assert isinstance(found, ClusterRedis) is redis.cluster


async def test_p2_every_node_must_write_before_it_answers(
    client: ClusterRedis, caplog: pytest.LogCaptureFixture
) -> None:
    for node in client.get_primaries()[:2]:
        for name, value in (("appendonly", "yes"), ("appendfsync", "always")):
            await client.config_set(name, value, target_nodes=node)
    with caplog.at_level(logging.WARNING):
        await roles.answering(client, 1)  # type: ignore[arg-type]
    assert "1 of 3 nodes" in caplog.text
    assert metrics.redis_forgets._value.get() == 1
    metrics.redis_forgets.set(0)
    await client.config_set("appendonly", "no", target_nodes=ClusterRedis.PRIMARIES)


async def test_every_key_of_every_node_comes_once(client: ClusterRedis) -> None:
    await client.mset({f"k{number}": b"" for number in range(100)})
    await client.set("another", b"")
    found = [key async for page in pages(client, "k*", 10) for key in page]
    assert sorted(found) == sorted(f"k{number}" for number in range(100))
    assert await client.mget(["k7", "none", "another"]) == [b"", None, b""]
    assert await client.delete(*found, "none") == 100
    assert await client.exists("k7", "another") == 1


async def test_what_one_redis_holds_moves_to_a_cluster(
    client: ClusterRedis, redis_cluster_port: int, tmp_path: Path
) -> None:
    """As docs/operations.md says."""
    entry = Entry("0ff3", "c", 1, "1-who", outcomes.CLAIMED)
    with one(str(tmp_path)) as url:
        settings = config(url, cluster=False)
        async with redis_of(settings) as old:
            await RedisStore(old).commit(3, b"", Commit(Progress(offset=7), states={"1-who": b"s"}))
            await Vault(old, KEY).put({"1-who": Identity("imsi", "msisdn")})
            await Ledger(old, "smsc").claim(entry, 1, "one")
        to, since = f"127.0.0.1:{redis_cluster_port}", url.removeprefix("redis://")
        move = ["redis-cli", "--cluster", "import", to, "--cluster-from", since, "--cluster-copy"]
        await asyncio.to_thread(subprocess.run, move, check=True, capture_output=True)
    loaded = await RedisStore(client).load(3, ["1-who"], None, 0)
    assert (loaded.progress.offset, loaded.states) == (7, {"1-who": b"s"})
    assert await Vault(client, KEY).get("1-who") == Identity("imsi", "msisdn")
    assert await Ledger(client, "smsc").overdue(1) == ["0ff3"]
    assert not await Ledger(client, "smsc").claim(entry, 1, "another")


async def test_slots_that_move_while_keys_are_read_are_told_of(client: ClusterRedis) -> None:
    await client.nodes()
    before, after, *_ = client.get_primaries()
    slots = client.nodes_manager.slots_cache
    slot = next(slot for slot, nodes in slots.items() if nodes[0].name == before.name)

    async def give(to: ClusterNode) -> None:
        name = await client.execute_command("CLUSTER MYID", target_nodes=to)
        for node in client.get_primaries():
            command = ("CLUSTER SETSLOT", slot, "NODE", name)
            await client.execute_command(*command, target_nodes=node)

    async def read() -> None:
        async for _ in pages(client, "k*", 10):
            await give(after)

    with pytest.raises(ClusterChangedError):
        await read()
    await give(before)
