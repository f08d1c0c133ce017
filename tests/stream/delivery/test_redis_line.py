"""Commands on one connection that do not wait for each other: each has its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from stream.redis_line import LineRedis

_ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[LineRedis]:
    found: Any = LineRedis.from_url(redis_url, socket_timeout=5.0)
    await found.flushall()
    yield found
    await found.aclose()


async def test_each_caller_gets_its_own_answer(client: LineRedis) -> None:
    await client.mset({f"k{n}": n for n in range(500)})
    found = await asyncio.gather(*(client.get(f"k{n}") for n in range(500)))
    assert found == [b"%d" % n for n in range(500)]


async def test_what_comes_at_once_goes_over_one_connection(client: LineRedis) -> None:
    before = int((await client.info("stats"))["total_connections_received"])
    await asyncio.gather(*(client.get("none") for _ in range(50)))
    assert int((await client.info("stats"))["total_connections_received"]) == before + 1


async def test_answers_are_parsed_as_without_it(client: LineRedis, redis_url: str) -> None:
    entry = await client.xadd("s", {"v": "1"})
    async with Redis.from_url(redis_url) as plain:
        assert await client.xrange("s") == await plain.xrange("s") == [(entry, {b"v": b"1"})]
    assert await client.mget("none", "none") == [None, None]
    assert await client.xdel("s", entry) == 1


async def test_an_error_is_that_of_the_command_alone(client: LineRedis) -> None:
    await client.rpush("list", "1")
    wrong, right = await asyncio.gather(
        client.get("list"), client.get("none"), return_exceptions=True
    )
    assert isinstance(wrong, ResponseError)
    assert right is None


async def test_a_script_that_redis_has_forgotten_is_told_again(client: LineRedis) -> None:
    script = client.register_script(_ADD)
    await client.script_flush()
    found = await asyncio.gather(*(script(keys=["n"], args=[1]) for _ in range(8)))
    assert sorted(found) == [*range(1, 9)]
    with pytest.raises(NoScriptError):
        await client.evalsha("0" * 40, 0)


async def test_whoever_gives_up_does_not_take_the_next_ones_answer(client: LineRedis) -> None:
    await client.mset({"a": "1", "b": "2"})
    asked = asyncio.ensure_future(client.get("a"))
    await asyncio.sleep(0)
    asked.cancel()
    assert await client.get("b") == b"2"


async def test_p2_a_lost_connection_is_told_to_whoever_waits_and_made_again(
    client: LineRedis, redis_url: str
) -> None:
    add = client.register_script(_ADD)
    await add(keys=["n"], args=[1])
    async with Redis.from_url(redis_url) as other:
        await other.client_pause(60_000, all=False)
        asked = asyncio.create_task(add(keys=["n"], args=[1]))
        await asyncio.sleep(0.05)
        for one in await other.client_list(_type="normal"):
            if one["cmd"] == "evalsha":
                await other.client_kill_filter(_id=one["id"])
        with pytest.raises(RedisConnectionError):
            await asked
        await other.client_unpause()
    assert await client.get("n") in {b"1", b"2"}


async def test_an_answer_that_does_not_come_is_not_waited_for(
    client: LineRedis, redis_url: str
) -> None:
    async with LineRedis.from_url(redis_url, socket_timeout=0.2) as impatient:
        add = impatient.register_script(_ADD)
        await add(keys=["n"], args=[1])
        await client.client_pause(60_000, all=False)
        with pytest.raises(RedisTimeoutError):
            await add(keys=["n"], args=[1])
        await client.client_unpause()
        assert await impatient.get("n") in {b"1", b"2"}  # nobody knows whether it was done


async def test_a_redis_that_is_away_is_an_error_of_redis() -> None:
    async with LineRedis.from_url("redis://127.0.0.1:1", socket_connect_timeout=1.0) as client:
        with pytest.raises(RedisError):
            await client.get("none")


async def test_who_waits_when_it_is_closed_is_told(client: LineRedis) -> None:
    await client.get("none")
    asked = asyncio.ensure_future(client.get("none"))
    await asyncio.sleep(0)
    await client.aclose()
    with pytest.raises(RedisConnectionError):
        await asked
