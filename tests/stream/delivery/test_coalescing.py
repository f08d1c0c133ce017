"""Commands that come at once share a round trip, and each has its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from one_or_cluster import KINDS, opened
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from stream.embedded import RedisServer
from stream.sms.coalescing import CoalescingRedis

_ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


@pytest.fixture(params=KINDS)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


@pytest.fixture
async def client(
    request: pytest.FixtureRequest, redis_kind: str, redis_url: str
) -> AsyncIterator[CoalescingRedis]:
    async with opened(request, redis_kind, redis_url, coalescing=True) as found:
        yield found


async def test_each_caller_gets_its_own_answer(client: CoalescingRedis) -> None:
    await asyncio.gather(*(client.set(f"k{n}", str(n)) for n in range(1_200)))
    assert await asyncio.gather(*(client.get(f"k{n}") for n in range(1_200))) == [
        str(n).encode() for n in range(1_200)
    ]


async def test_answers_are_parsed_as_without_it(client: CoalescingRedis) -> None:
    await client.hset("h", mapping={"a": "1"})
    await client.zadd("z", {"x": 5.0})
    assert await asyncio.gather(
        client.hgetall("h"), client.zrange("z", 0, -1, withscores=True), client.exists("none")
    ) == [{b"a": b"1"}, [(b"x", 5.0)], 0]


async def test_commands_that_come_at_once_share_a_round_trip(client: CoalescingRedis) -> None:
    await client.ping()
    trips = 0
    whole = client.pipeline

    def counted(**options: bool) -> object:
        nonlocal trips
        trips += 1
        return whole(**options)

    client.pipeline = counted  # type: ignore[assignment, method-assign]
    await asyncio.gather(*(client.incr("n") for _ in range(100)))
    assert trips == 1


async def test_an_error_is_its_callers_alone(client: CoalescingRedis) -> None:
    await client.set("text", "x")
    good, bad, after = await asyncio.gather(
        client.set("a", "1"), client.incr("text"), client.get("a"), return_exceptions=True
    )
    assert good is True
    assert isinstance(bad, ResponseError)
    assert after == b"1"


async def test_scripts_are_loaded_where_the_server_does_not_know_them(
    client: CoalescingRedis,
) -> None:
    await client.script_flush()
    with pytest.raises(NoScriptError):
        await client.evalsha("0" * 40, 0)
    add = client.register_script(_ADD)
    await asyncio.gather(*(add(keys=["sum"], args=[n]) for n in range(10)))
    assert await client.get("sum") == b"45"


async def test_whoever_is_cancelled_takes_nobody_along(client: CoalescingRedis) -> None:
    asked = [asyncio.create_task(client.incr("n")) for _ in range(10)]
    await asyncio.sleep(0)
    asked[3].cancel()
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in done].count(True) == 1
    assert await client.get("n") == b"10"


async def test_a_server_that_is_away_is_everybodys_error_and_comes_back() -> None:
    with RedisServer() as server:
        client = CoalescingRedis.from_url(server.url)
        assert await client.ping()
    done = await asyncio.gather(client.ping(), client.get("x"), return_exceptions=True)
    assert all(isinstance(one, RedisError | OSError) for one in done)
    await client.aclose()


async def test_a_client_that_is_closed_leaves_nobody_waiting(redis_url: str) -> None:
    client = CoalescingRedis.from_url(redis_url)
    asked = [asyncio.create_task(client.get("x")) for _ in range(3)]
    await asyncio.sleep(0)
    await client.aclose()
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert all(one is None or isinstance(one, RedisConnectionError) for one in done)
