"""P2 where a replica takes the place of a primary that had answered what no replica has.

A partition's decisions go back together and are made again, the same. The ledger's claims are not
made again: `redis.replicas` has each write wait until it is on a replica.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path

import pytest
import redis
from killed_worker import PARTITIONS, written
from redis_nodes import RedisNodes, eventually
from test_lost_second import MORE, SOME, handled, made_again

from stream.config import Config
from stream.config import Redis as RedisConfig
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.state import StateStore, StoreUnavailableError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[RedisNodes]:
    with tempfile.TemporaryDirectory() as directory:
        found = RedisNodes(Path(directory), replicas=1, durable=False)
        try:
            found.start()
            yield found
        finally:
            found.stop()


@pytest.fixture
async def store(nodes: RedisNodes, replicas: int) -> AsyncIterator[StateStore]:
    settings = RedisConfig(url=nodes.url, cluster=True, replicas=replicas)
    client = redis_client(Config(redis=settings))
    await client.flushall()
    opened = RedisStore(client)
    yield opened
    await opened.close()


def cut_off(nodes: RedisNodes) -> tuple[int, int]:
    """The primary of partition 0 goes on, and its replica hears no more of it; their ports.

    The replica has what was written before, and takes the primary's place when `promoted` lets it:
    no sooner and no later, however slow the machine is.
    """
    port = nodes.primary_of("{p0}")
    with redis.Redis(port=port) as primary:
        assert primary.wait(1, 10_000) == 1
        replica = int(primary.info("replication")["slave0"]["port"])
        with redis.Redis(port=replica) as node:
            node.config_set("cluster-replica-no-failover", "yes")
            primary.execute_command("ACL SETUSER", "default", "-psync", "-sync", "-replconf")
            primary.client_kill_filter(_type="replica")
            eventually(lambda: stands(node, role="slave", master_link_status="down"))
    return port, replica


def promoted(replica: int) -> None:
    """Waits until a replica has taken its primary's place."""
    with redis.Redis(port=replica) as node:
        node.config_set("cluster-replica-no-failover", "no")
        eventually(lambda: stands(node, role="master"))


def stands(node: redis.Redis, **wanted: str) -> None:
    """Raises RedisError where a node's replication is not as wanted."""
    about = node.info("replication")
    if any(about[name] != value for name, value in wanted.items()):
        raise redis.RedisError(f"not {wanted} yet")


@pytest.mark.parametrize("replicas", [0])
@pytest.mark.parametrize("had", [0, SOME])
async def test_p2_what_a_failover_lost_is_noticed_and_its_decisions_made_again(
    nodes: RedisNodes, store: StateStore, had: int
) -> None:
    """The replica has all records up to some, or is empty: it was to get its first copy."""
    log = written("log")
    offsets = [0] * PARTITIONS
    assert await handled(store, list(islice(log, had)), offsets) is None
    primary, replica = cut_off(nodes)
    assert await handled(store, list(islice(log, MORE)), offsets) is None
    nodes.kill(primary)
    promoted(replica)
    gap = await handled(store, list(log), offsets)
    nodes.start_node(primary)
    nodes.wait()
    assert gap is not None, "records that the replica never had were passed over"
    assert gap.expected < gap.found
    assert sum(await made_again(store)) < sum(offsets)


@pytest.mark.parametrize("replicas", [1])
async def test_p2_nothing_counts_before_a_replica_has_it(
    nodes: RedisNodes, store: StateStore
) -> None:
    log = written("log")
    offsets = [0] * PARTITIONS
    assert await handled(store, list(islice(log, SOME)), offsets) is None
    primary, replica = cut_off(nodes)
    with pytest.raises(StoreUnavailableError, match="too few replicas"):
        await handled(store, list(islice(log, MORE)), offsets)
    nodes.kill(primary)
    promoted(replica)
    nodes.start_node(primary)
    nodes.wait()
    begin = await made_again(store)
    assert all(kept >= told for kept, told in zip(begin, offsets, strict=True))


async def test_p2_a_client_of_many_outlives_a_failover_and_no_answered_write_is_lost(
    nodes: RedisNodes,
) -> None:
    settings = RedisConfig(url=nodes.url, cluster=True, replicas=1)
    client = redis_client(Config(redis=settings), coalescing=True)
    answered: Counter[str] = Counter()
    keys = [f"{{p{number % 8}}}:{number}" for number in range(24)]
    going_on: set[str] = set()
    failed_over, over = asyncio.Event(), asyncio.Event()

    async def write(key: str) -> None:
        while not over.is_set():
            try:
                await client.set(key, answered[key] + 1)
            except redis.RedisError:
                await asyncio.sleep(0.1)
                continue
            answered[key] += 1
            if failed_over.is_set():
                going_on.add(key)
            if len(going_on) == len(keys):
                over.set()

    writing = [asyncio.create_task(write(key)) for key in keys]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(nodes.fail_over, "{p0}")
    failed_over.set()
    async with asyncio.timeout(30):
        await asyncio.gather(*writing)
    for key, number in answered.items():
        assert int(await client.get(key) or 0) >= number
    await client.aclose()


@pytest.mark.parametrize("replicas", [0, 1])
@pytest.mark.parametrize("coalescing", [False, True])
async def test_a_slot_that_has_moved_is_asked_where_it_is(
    nodes: RedisNodes, replicas: int, *, coalescing: bool
) -> None:
    settings = RedisConfig(url=nodes.url, cluster=True, replicas=replicas)
    client = redis_client(Config(redis=settings), coalescing=coalescing)
    await client.flushall()
    add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert await add(keys=["other"], args=[1]) == 1
    for _ in range(2):
        nodes.move("moved")
        async with asyncio.timeout(20):
            assert await client.mget(["moved", "other"]) == [None, b"1"]
        nodes.move("moved")
        async with asyncio.timeout(20):
            assert await client.set("moved", "1")
            assert await client.delete("moved") == 1
        nodes.move("moved")
        async with asyncio.timeout(20):
            done = await asyncio.gather(*(add(keys=["moved"], args=[2]) for _ in range(9)))
        assert sorted(done) == list(range(2, 20, 2))
        await client.delete("moved")
    await client.aclose()
