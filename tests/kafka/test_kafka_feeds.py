"""Two ingests on one log, on a real broker: the slowest counts, the silent one is passed over."""

from __future__ import annotations

import asyncio
import signal

import expected
import pytest
from system import CAPTURES, DEMO, System, until
from test_kafka_service import UP_SECONDS, up

from rules.verdicts import Verdict
from stream import log, rule_files, topics
from stream.log import FeedLeft, Tick

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

SILENT_SECONDS = 4


async def replayed(captures: list[str]) -> list[Verdict]:
    bundle = rule_files.bundle(
        DEMO / "campaigns", DEMO / "areas.geojson", DEMO / "cells.csv", DEMO / "settings.json"
    )
    return await expected.under(bundle, captures)


async def items(system: System) -> list[log.Item]:
    batches = [log.decode(value) for value in await system.values(topics.EVENTS)]
    return [item for batch in batches for item in batch.items]


async def rows(system: System) -> list[bytes]:
    return expected.lines(await system.rows(topics.VERDICTS))


async def test_p1_two_ingests_far_apart_decide_what_their_captures_merged_decide(
    system: System,
) -> None:
    captures = CAPTURES[:2]
    wanted = expected.lines([one.row() for one in await replayed(captures)])
    service = system.xinling("run")
    await up(service)
    slow = system.xinling("ingest", captures[0], "--speed", "40")
    await asyncio.sleep(3)
    fast = system.xinling("ingest", captures[1])
    for one in (fast, slow):
        await until(lambda one=one: not one.running(), UP_SECONDS * 2, one.said)
        assert one.wait(1) == 0, one.said()

    async def all_rows() -> bool:
        return len(await rows(system)) >= len(wanted)

    await until(all_rows, UP_SECONDS, system.said)
    assert await rows(system) == wanted
    found = await items(system)
    assert len({item.feed for item in found if isinstance(item, Tick)}) == 2
    assert len({item.feed for item in found if isinstance(item, FeedLeft)}) == 2


async def test_a_silent_ingest_is_passed_over_by_a_record_and_counts_again_when_it_is_back(
    system: System,
) -> None:
    captures = CAPTURES[:2]
    wanted = expected.lines([one.row() for one in await replayed(captures)])
    text = system.config.read_text("utf-8")
    system.config.write_text(text + f"silent_seconds = {SILENT_SECONDS}\n", "utf-8")
    service = system.xinling("run")
    await up(service)
    stopped = system.xinling("ingest", captures[0], "--speed", "20")

    async def heard() -> bool:
        return any(isinstance(item, Tick) for item in await items(system))

    await until(heard, UP_SECONDS, stopped.said)
    stopped.signal(signal.SIGSTOP)
    other = system.xinling("ingest", captures[1], "--speed", "30")

    async def passed_over() -> bool:
        return any(isinstance(item, FeedLeft) for item in await items(system))

    await until(passed_over, UP_SECONDS, service.said)
    assert "is silent" in service.said()
    assert other.running(), "it was passed over by the service, not by an end"
    stopped.signal(signal.SIGCONT)
    for one in (stopped, other):
        await until(lambda one=one: not one.running(), UP_SECONDS * 2, one.said)

    async def all_rows() -> bool:
        return len(await rows(system)) >= len(wanted)

    await until(all_rows, UP_SECONDS, system.said)
    assert len(await rows(system)) == len(wanted), "late events are decided too, each once"
