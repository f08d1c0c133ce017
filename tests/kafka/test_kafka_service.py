"""The service on a real broker: the same verdicts as replay (P1), each message once (P2)."""

from __future__ import annotations

import asyncio
import signal

import expected
import pytest
from aiokafka import AIOKafkaProducer
from redis import Redis
from system import CAPTURES, System, Xinling, until

from stream import outcomes, topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

UP_SECONDS = 60
STOP_SECONDS = 10


async def up(*processes: Xinling) -> None:
    for process in processes:
        await until(
            lambda p=process: "partitions of log" in p.said() or not p.running(),
            UP_SECONDS,
            process.said,
        )
        assert process.running(), process.said()


async def fed(system: System, *arguments: str) -> None:
    """Feeds the captures and waits until all is on the log."""
    ingest = system.xinling("ingest", *CAPTURES, *arguments)
    await until(lambda: not ingest.running(), UP_SECONDS, ingest.said)
    assert ingest.wait(1) == 0, ingest.said()


async def decided(system: System, count: int) -> None:
    async def enough() -> bool:
        return len(expected.lines(await system.rows(topics.VERDICTS))) >= count

    await until(enough, UP_SECONDS, system.said)


async def test_p1_the_service_decides_what_replay_decides_and_delivers_each_once(
    system: System,
) -> None:
    verdicts = await expected.replayed()
    service = system.xinling("run")
    await up(service)
    await fed(system)
    await decided(system, len(verdicts))
    wanted = expected.submits(verdicts)
    await until(lambda: len(system.smsc.submitted) >= wanted.total(), UP_SECONDS, service.said)

    assert expected.lines(await system.rows(topics.VERDICTS)) == expected.lines(
        [verdict.row() for verdict in verdicts]
    )
    assert expected.submitted(list(system.smsc.submitted)) == wanted

    await fed(system)  # the same captures once more: everything has been seen
    await asyncio.sleep(2)
    assert expected.submitted(list(system.smsc.submitted)) == wanted
    said = [row["outcome"] for row in await system.rows(topics.OUTCOMES)]
    assert said.count(outcomes.SUBMITTED) == wanted.total()
    assert said.count(outcomes.DELIVERED) == wanted.total()

    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()
