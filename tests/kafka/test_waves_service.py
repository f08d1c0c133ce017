"""Outcomes on the log of a running service: who answers gets no second offer, others do."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
from pathlib import Path
from typing import Any

import copies
import msgspec
import pytest
from expected import PSEUDONYMS, lines
from system import System, Xinling, until
from test_kafka_service import STOP_SECONDS, UP_SECONDS, up

from rules.engine import RuleSet
from rules.verdicts import SEND
from stream import log, topics
from stream.handler import Handler
from stream.log import OutcomeRecorded
from stream.memory_store import MemoryStore
from stream.publisher import Publisher
from stream.sms import outcomes
from stream.state import decode_entry

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

CAMPAIGN = """
campaign: asked-twice
title: 问两次
status: live
trigger: {updated: {}}
offer: {from: "10086", text: 【测试】您在这里。回复1开通，回复TD退订。, valid_for: 24h}
limits: {per_subscriber: {times: 1, every: 12h}}
waves: {times: 1, after: 1d}
"""
SETTINGS = {
    "zone": "Asia/Shanghai",
    "quiet_hours": {"from": "23:00", "until": "05:00"},
    "control_salt": "waves",
}


def rules_of(system: System, home: Path) -> None:
    """One campaign with a second wave, and everybody of the first copy willing."""
    (home / "campaigns").mkdir()
    (home / "campaigns" / "asked-twice.yaml").write_text(CAMPAIGN, "utf-8")
    (home / "settings.json").write_text(json.dumps(SETTINGS), "utf-8")
    with (home / "people.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["imsi", "msisdn", "consent", "time_zone"])
        rows.writerows([p.imsi, p.msisdn, "sms", "Asia/Shanghai"] for p in copies.people(0))
    before, rest = system.config.read_text().split("[rules]")
    rules = f"""
[rules]
campaigns = "{home / "campaigns"}"
settings = "{home / "settings.json"}"
profiles = "{home / "people.csv"}"
"""
    system.config.write_text(before + rules + "[metrics]" + rest.split("[metrics]")[1])


async def fed(system: System, home: Path, number: int, days: int = 0) -> None:
    file = home / f"copy-{number}-{days}.pcap"
    file.write_bytes(copies.capture(number, days))
    ingest = system.xinling("ingest", str(file))
    await until(lambda: not ingest.running(), UP_SECONDS, ingest.said)
    assert ingest.wait(1) == 0, ingest.said()


async def sends(system: System, wave: int) -> list[dict[str, Any]]:
    rows = await system.rows(topics.VERDICTS)
    return [row for row in rows if row["verdict"] == SEND and row["wave"] == wave]


async def on_the_log(system: System) -> list[OutcomeRecorded]:
    batches = [log.decode(value) for value in await system.values(topics.EVENTS)]
    return [i for batch in batches for i in batch.items if isinstance(i, OutcomeRecorded)]


async def written(system: System, row: dict[str, Any], outcome: str) -> None:
    """Another system's row on the topic, as `converted` comes from billing."""
    said = {key: row[key] for key in ("offer", "campaign", "wave", "subscriber", "time")}
    publisher = Publisher(system.kafka_config(), 10)
    value = msgspec.json.encode({**said, "outcome": outcome})
    await publisher.send(topics.OUTCOMES, b"no outcome", partition=0)
    await publisher.send(topics.OUTCOMES, value, partition=0)  # anywhere: it is no key of ours
    await publisher.close()


async def replayed_from_the_log(system: System) -> list[bytes]:
    """What the log decides, by another hand: P1."""
    store = MemoryStore()
    handler = Handler(store, RuleSet.load)
    rows = []
    for partition, values in enumerate(await values_by_partition(system)):
        for offset, value in enumerate(values):
            await handler.handle(partition, offset, log.decode(value))
            waiting = await store.outbox(partition, 10_000)
            rows += [decode_entry(one.data).verdict.row() for one in waiting]
            await store.acknowledge(partition, [one.id for one in waiting])
    return lines(rows)


async def values_by_partition(system: System) -> list[list[bytes]]:
    return await system.partitions(topics.EVENTS)


async def stopped(service: Xinling) -> None:
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()


async def test_p1_who_answers_gets_no_second_wave_and_the_log_says_why(
    system: System, tmp_path: Path
) -> None:
    rules_of(system, tmp_path)
    service = system.xinling("run")
    await up(service)
    await until(lambda: "profiles published" in service.said(), UP_SECONDS, service.said)
    await fed(system, tmp_path, 0)
    numbers = {PSEUDONYMS.subscriber(p.imsi): p.msisdn for p in copies.people(0)}
    await until(lambda: len(system.smsc.submitted) >= 5, UP_SECONDS, service.said)
    await asyncio.sleep(2)
    first = await sends(system, 1)
    assert len(first) == len(system.smsc.submitted) >= 5
    replying, refusing, buying, late = first[:4]

    await system.smsc.reply(numbers[replying["subscriber"]], "10086", "1开通")
    await system.smsc.reply(numbers[refusing["subscriber"]], "10086", "退订")
    await written(system, buying, "converted")
    await until(lambda: recorded(system, 3), UP_SECONDS, service.said)
    found = {(one.subscriber, one.outcome) for one in await on_the_log(system)}
    assert found == {
        (replying["subscriber"], outcomes.REPLIED),
        (refusing["subscriber"], outcomes.OPTED_OUT),
        (buying["subscriber"], "converted"),
    }

    await stopped(service)
    service = system.xinling("run")
    await up(service)
    await fed(system, tmp_path, 1, days=2)  # other people, two days later: the clock runs on
    quiet = {replying["offer"], refusing["offer"], buying["offer"]}
    wanted = {row["subscriber"] for row in first if row["offer"] not in quiet}
    assert late["subscriber"] in wanted

    async def all_asked() -> bool:
        return {row["subscriber"] for row in await sends(system, 2)} == wanted

    await until(all_asked, UP_SECONDS, service.said)
    again = len(first) + len(wanted)
    await until(lambda: len(system.smsc.submitted) >= again, UP_SECONDS, service.said)
    await asyncio.sleep(2)
    assert len(system.smsc.submitted) == again
    assert len(await on_the_log(system)) == 3, "a restart carries nothing twice"
    letters = await system.rows(topics.DEAD_LETTERS)
    assert [letter["topic"] for letter in letters] == [topics.OUTCOMES]
    rows = lines(await system.rows(topics.VERDICTS))
    assert rows == await replayed_from_the_log(system)
    await stopped(service)

    with system.redis.client() as redis:
        assert redis.delete(*redis.scan_iter("xl:outcomes:*")) == 1
    service = system.xinling("run")
    await until(lambda: recorded(system, 6), UP_SECONDS, service.said)
    await asyncio.sleep(2)
    assert lines(await system.rows(topics.VERDICTS)) == rows, "carried twice is applied once"
    assert rows == await replayed_from_the_log(system)
    assert len(system.smsc.submitted) == again
    await stopped(service)


async def recorded(system: System, count: int) -> bool:
    return len(await on_the_log(system)) >= count
