"""How a partition lies in Redis: small names, many to a key, and what an earlier version left."""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis_nodes import need
from redis_servers import RedisServer

from stream.layout import field, subscriber
from stream.memory_store import MemoryStore
from stream.redis_store import RedisStore
from stream.state import (
    Commit,
    Progress,
    StateStore,
    StoredDataError,
    decode_progress,
    encode_progress,
)

SOME = [f"1-{number:024x}" for number in range(0, 2**96, 2**96 // 40)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    need("redis-server")
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(directory)
        yield f"unix://{Path(directory) / 'redis.sock'}"
        server.kill()


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(url) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def opened(redis: Redis) -> RedisStore:
    return RedisStore(redis)


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("1-00112233445566778899aabb", 13),
        ("9-ffffffffffffffffffffffff", 13),
        ("1-00112233445566778899aabB", 27),
        ("1-00112233445566778899aab ", 27),
        ("12-0112233445566778899aabbc", 28),
        ("1-0011", 7),
        ("两个城市", 13),
        ("", 1),
    ],
)
def test_a_pseudonym_takes_thirteen_octets_and_any_name_comes_back(name: str, octets: int) -> None:
    assert len(field(name)) == octets
    assert subscriber(field(name)) == name


def test_no_two_names_have_one_field() -> None:
    names = [*SOME, "\x01" + "a" * 12, "1-" + "a" * 12, "2-" + SOME[0][2:], ""]
    assert len({field(name) for name in names}) == len(names)


async def test_timers_that_are_due_at_different_times_come_first_things_first(
    opened: StateStore,
) -> None:
    rng = random.Random(5)
    timers = {f"1-{rng.getrandbits(96):024x}": rng.randrange(50) for _ in range(900)}
    await opened.commit(0, b"", Commit(progress=Progress(), timers=dict(timers)))
    ordered = sorted((due, name) for name, due in timers.items())
    dues = [due for due, _ in ordered]
    for until, limit in ((60, 900), (20, 900), (60, 1), (60, 10), (60, 400), (0, 3), (-1, 3)):
        found = (await opened.load(0, [], until, limit)).due
        expected = [due for due in dues if due <= until][:limit]
        assert [due for due, _ in found] == expected
        assert all(timers[name] == due for due, name in found)
        assert len(set(found)) == len(found)


async def test_a_hundred_thousand_timers_due_at_one_instant_come_in_bounded_steps(
    opened: StateStore,
) -> None:
    rng = random.Random(5)
    progress, token = Progress(), b""
    timers = {f"1-{rng.getrandbits(96):024x}": 7 for _ in range(20_000)}
    await opened.commit(0, token, Commit(progress=progress, timers=dict(timers)))
    seen: set[str] = set()
    while (loaded := await opened.load(0, [], 7, 1000)).due:
        assert len(loaded.due) == 1000
        gone = dict.fromkeys(name for _, name in loaded.due)
        seen.update(gone)
        progress = Progress(turns=progress.turns + 1)
        assert await opened.commit(0, loaded.token, Commit(progress=progress, timers=dict(gone)))
    assert seen == set(timers)
    assert await opened.pending(0) == 0


async def _named(store: StateStore, partition: int) -> set[str]:
    found: set[str] = set()
    page: int | None = 0
    while page is not None:
        names, page = await store.names(partition, page)
        found.update(names)
    return found


async def test_everybody_of_whom_something_is_kept_is_named(store: StateStore) -> None:
    commit = Commit(
        progress=Progress(),
        states=dict.fromkeys(SOME[:20], b"s"),
        profiles=dict.fromkeys(SOME[10:30], b"p"),
    )
    await store.commit(3, b"", commit)
    assert await _named(store, 3) == set(SOME[:30])
    assert await _named(store, 4) == set()


async def _first_layout(redis: Redis, progress: Progress) -> None:
    """What an earlier version left of partition 3."""
    await redis.set("xl:{p3}:progress", encode_progress(progress))
    for number, name in enumerate(SOME):
        await redis.set(f"xl:{{p3}}:s:{name}", f"state {number}")
        await redis.set(f"xl:{{p3}}:f:{name}", f"profile {number}")
        await redis.zadd("xl:{p3}:timers", {name: 1_201_500_000_000_000 + number % 4})


async def test_what_an_earlier_version_kept_is_read_and_moves_when_it_is_written(
    redis: Redis, opened: RedisStore
) -> None:
    before = Progress(version=1, epoch="e", offset=9)
    await _first_layout(redis, before)
    assert await _named(opened, 3) == set(SOME)
    loaded = await opened.load(3, SOME[:2], None, 0)
    assert loaded.progress == before
    assert loaded.states == {SOME[0]: b"state 0", SOME[1]: b"state 1"}
    assert loaded.profiles == {SOME[0]: b"profile 0", SOME[1]: b"profile 1"}
    commit = Commit(
        progress=Progress(offset=10),
        states={SOME[0]: b"new", SOME[1]: None},
        profiles={SOME[0]: b"new"},
        timers={SOME[0]: 5, SOME[1]: None},
    )
    assert await opened.commit(3, loaded.token, commit)
    gone = [f"xl:{{p3}}:s:{name}" for name in SOME[:2]]
    assert not await redis.exists(*gone, f"xl:{{p3}}:f:{SOME[0]}")
    loaded = await RedisStore(redis).load(3, SOME[:3], 1_201_500_000_000_001, 15)
    ordered = sorted((1_201_500_000_000_000 + n % 4, name) for n, name in enumerate(SOME))
    left = [entry for entry in ordered if entry[1] not in {SOME[0], SOME[1]}]
    assert loaded.due == [(5, SOME[0]), *left[:14]]
    assert loaded.states[SOME[0]] == b"new"
    assert SOME[1] not in loaded.states
    assert loaded.states[SOME[2]] == b"state 2"
    assert loaded.profiles[SOME[1]] == b"profile 1"
    assert {name for _, name in loaded.due} <= set(loaded.states)
    assert await opened.pending(3) == len(SOME) - 1
    assert await _named(opened, 3) == set(SOME)


def test_an_earlier_version_does_not_take_such_a_partition_for_an_empty_one() -> None:
    assert Progress().version > 1
    with pytest.raises(StoredDataError, match="version"):
        decode_progress(encode_progress(Progress(version=Progress().version + 1)))


async def test_memory_gives_timers_in_the_same_order() -> None:
    names = [SOME[7], SOME[3], SOME[30]]
    store = MemoryStore()
    await store.commit(0, b"", Commit(progress=Progress(), timers=dict.fromkeys(names, 5)))
    assert [name for _, name in (await store.load(0, [], 5, 9)).due] == sorted(names, key=field)
