"""A total over partitions, workers and their deaths, on a real broker: exactly what there is."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import expected
import pytest
import system as systems
from broker import ApacheKafka, Broker
from system import CAPTURES, DEMO, Kept, System, until
from test_kafka_service import UP_SECONDS, up

from rules.verdicts import SEND, Verdict
from stream import log, rule_files, topics
from stream.log import BudgetSpent

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

TOTAL = 12
CAMPAIGN = """
campaign: few
title: few of them
status: live
priority: 50
trigger: {updated: {}}
offer: {from: "10086", text: 优惠回复TD退订。, valid_for: 24h}
limits: {total: TOTAL}
"""
OPEN = '{"zone": "Asia/Shanghai", "quiet_hours": {"from": "03:00", "until": "03:01"}}'


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "PARTITIONS", 8)


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One campaign with a total of its own, and everybody willing at any hour."""
    home = tmp_path / "rules"
    (home / "campaigns").mkdir(parents=True)
    (home / "campaigns" / "few.yaml").write_text(CAMPAIGN.replace("TOTAL", str(TOTAL)), "utf-8")
    (home / "settings.json").write_text(OPEN, "utf-8")
    shutil.copy(DEMO / "profiles.csv", home / "profiles.csv")
    for name in ("campaigns", "settings.json"):
        key = f"XINLING_RULES_{name.split('.')[0].upper()}"
        monkeypatch.setenv(key, str(home / name))
    return home


@pytest.fixture
async def service(
    eight: None, rules: Path, tmp_path: Path, broker: Broker
) -> AsyncIterator[System]:
    del eight, rules
    if broker.kind != ApacheKafka.kind:
        pytest.skip("kills need a broker that keeps its data")
    whole = System(tmp_path, broker)
    await whole.start()
    yield whole
    await whole.stop()


async def replayed(rules: Path) -> list[Verdict]:
    bundle = rule_files.bundle(
        rules / "campaigns", DEMO / "areas.geojson", DEMO / "cells.csv", rules / "settings.json"
    )
    return await expected.under(bundle)


async def test_p2_a_total_over_eight_partitions_and_two_workers_is_sent_exactly_in_spite_of_kills(
    service: System, rules: Path
) -> None:
    verdicts = await replayed(rules)
    due = [one for one in verdicts if one.reason in (None, "sold out")]
    granted = [one for one in verdicts if one.verdict == SEND]
    assert len(granted) == TOTAL < len(due)

    whole = Kept(service, "ingest"), Kept(service, "delivery")
    workers = [Kept(service, "subscribers"), Kept(service, "subscribers")]
    await up(*whole, *workers)
    feed = service.xinling("ingest", *CAPTURES, "--speed", "30")
    for turn in range(6):
        await asyncio.sleep(2.5)
        workers[turn % 2].signal(signal.SIGKILL)
    await until(lambda: not feed.running(), UP_SECONDS * 2, feed.said)
    assert feed.wait(1) == 0, feed.said()

    async def all_rows() -> bool:
        return len(expected.lines(await service.rows(topics.VERDICTS))) >= len(verdicts)

    await until(all_rows, UP_SECONDS * 2, service.said)
    await until(lambda: len(service.smsc.submitted) >= TOTAL, UP_SECONDS, service.said)
    await asyncio.sleep(3)
    assert len(service.smsc.submitted) == TOTAL
    assert expected.lines(await service.rows(topics.VERDICTS)) == expected.lines(
        [verdict.row() for verdict in verdicts]
    )
    told = {
        item.spent
        for value in await service.values(topics.EVENTS)
        for item in log.decode(value).items
        if isinstance(item, BudgetSpent)
    }
    assert told == {TOTAL}
    for role in (*whole, *workers):
        assert await role.stop(15) == 0, role.said()
