"""A stop acts at the next submit, survives a restart, and stands in the log for every verdict."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from one_or_cluster import KINDS, opened
from redis.asyncio import Redis

from rules.engine import RuleSet
from stream import switch
from stream.audit import Audit, Change
from stream.config import Config, ConfigError, Kafka, Privacy
from stream.config import Redis as RedisConfig
from stream.connected import redis_of
from stream.embedded import RedisServer
from stream.memory_store import MemoryStore
from stream.redis_store import RedisStore
from stream.sms import outcomes
from stream.sms.gate import StoreGate
from stream.state import Commit, Progress
from stream.stops import EVERY, Stop, Stops, stopping
from tests.stream.delivery.conftest import offer

STOP = Stop(1, "engineer@here")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(params=KINDS)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


@pytest.fixture
async def redis(
    request: pytest.FixtureRequest, redis_kind: str, server: RedisServer
) -> AsyncIterator[Redis]:
    async with opened(request, redis_kind, server.url) as client:
        yield client


async def test_a_stop_stands_until_it_is_taken_back(redis: Redis) -> None:
    assert await Stops(redis).stop("going", STOP)
    assert not await Stops(redis).stop("going", Stop(2, "another"))
    after_a_restart = Stops(redis)
    assert await after_a_restart.names() == {"going"}
    assert await after_a_restart.all() == {"going": STOP}
    assert await after_a_restart.resume("going")
    assert not await after_a_restart.resume("going")
    assert await after_a_restart.names() == frozenset()


@pytest.mark.parametrize("name", [offer().campaign, EVERY])
async def test_p3_what_is_stopped_is_withheld_at_the_submit(redis: Redis, name: str) -> None:
    stops = Stops(redis)
    gate = StoreGate(MemoryStore(), 1, stops.names)
    await stops.stop(name, STOP)
    answer = await gate.ask(offer(), 0)
    assert (answer.outcome, answer.reason) == (outcomes.WITHHELD, "stopped")


def test_the_rules_settings_bear_the_stops_for_the_log() -> None:
    bundle = {"settings.json": b'{"zone": "Pacific/Auckland", "stopped": ["old"]}'}
    stopped = stopping(bundle, {"new"})
    assert RuleSet.load(stopped).settings.stopped == {"old", "new"}
    assert RuleSet.load(stopped).settings.zone.key == "Pacific/Auckland"
    assert RuleSet.load(stopping({}, {"all"})).settings.stopped == {"all"}


def test_p1_without_a_stop_the_rules_are_those_of_the_files() -> None:
    bundle = {"settings.json": b'{"zone":  "Pacific/Auckland"}'}
    assert stopping(bundle, ()) is bundle


def test_settings_that_cannot_be_read_are_left_to_whoever_loads_them() -> None:
    bundle = {"settings.json": b"{"}
    assert stopping(bundle, {"all"}) is bundle


async def test_the_audit_log_gives_the_latest_change_first(redis: Redis) -> None:
    log = Audit(redis)
    changes = [
        Change(time=number, who="me", what="rules", hash=f"{number:032x}", files={"a.yaml": "b"})
        for number in range(3)
    ]
    for change in changes:
        await log.note(change)
    assert await log.latest(2) == [changes[2], changes[1]]


def test_stop_and_resume_from_the_command_line(
    server: RedisServer, xinling: Any, tmp_path: Any
) -> None:
    config = tmp_path / "xinling.toml"
    config.write_text(f'[redis]\nurl = "{server.url}"\n')
    stopped = xinling("stop", "all", "--config", config)
    assert (stopped.code, stopped.err) == (0, "")
    assert "all is stopped" in stopped.out
    assert "stopped already" in xinling("stop", "--config", config).out
    assert "all goes on" in xinling("resume", "all", "--config", config).out
    again = xinling("resume", "all", "--config", config)
    assert again.code == 1
    assert "all is not stopped" in again.err
    history = xinling("campaigns", "history", "--config", config).out.splitlines()
    assert ["resume" in line for line in history[:2]] == [True, False]


async def test_p3_what_makes_pseudonyms_refuses_another_key_than_the_services(
    server: RedisServer,
) -> None:
    def config(key: str) -> Config:
        return msgspec.structs.replace(
            Config(), redis=RedisConfig(url=server.url), privacy=Privacy(key=key * 64)
        )

    async with redis_of(config("a"), keyed=True):
        pass
    with pytest.raises(ConfigError, match="another key"):
        async with redis_of(config("b"), keyed=True):
            pytest.fail("the key is another")
    async with redis_of(config("b")) as redis:
        assert await redis.get("xl:key"), "a stop needs no key"


async def test_a_campaign_that_no_rules_have_cannot_be_stopped(redis: Redis) -> None:
    bundle = {
        "campaigns/c.yaml": b"{campaign: going, title: x, trigger: {called: {}}, "
        b"offer: {from: '1', text: x}}"
    }
    commit = Commit(progress=Progress(offset=1), rules=bundle)
    assert await RedisStore(redis).commit(0, b"", commit)
    config = msgspec.structs.replace(Config(), kafka=Kafka(partitions=1))
    with pytest.raises(switch.XinlingError, match="no campaign 'gone' is in force"):
        await switch._stop(redis, config, "gone")
    assert await Stops(redis).names() == frozenset()
    await switch._stop(redis, config, "going")
    assert await Stops(redis).names() == {"going"}
