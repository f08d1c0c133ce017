"""P2 of the service where a primary of its Redis Cluster is lost and a replica takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import expected
import pytest
from broker import Broker
from redis_nodes import RedisNodes
from system import CAPTURES, Kept, System, until
from test_kafka_service import (
    STOP_SECONDS,
    UP_SECONDS,
    as_replayed,
    decided,
    in_flight,
    sent_once,
    up,
)

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
async def system(tmp_path: Path, broker: Broker) -> AsyncIterator[System]:
    """Each write counts when the one replica of its primary has it (`redis.replicas`)."""
    whole = System(tmp_path, broker, RedisNodes(tmp_path / "redis", replicas=1))
    await whole.start()
    yield whole
    await whole.stop()


async def test_p2_a_primary_that_is_lost_takes_nothing_along(system: System) -> None:
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    roles = [Kept(system, role) for role in ("ingest", "subscribers", "delivery")]
    await up(*roles)
    feed = system.xinling("ingest", *CAPTURES, "--speed", "40")
    await decided(system, 2)
    await asyncio.to_thread(system.redis.fail_over, "{p0}")
    await until(lambda: not feed.running(), UP_SECONDS, feed.said)
    assert feed.wait(1) == 0, feed.said()
    await as_replayed(system, verdicts)
    await sent_once(system, wanted)
    await until(lambda: not in_flight(system), UP_SECONDS, system.said)
    for role in roles:
        assert await role.stop(STOP_SECONDS) == 0, role.said()
