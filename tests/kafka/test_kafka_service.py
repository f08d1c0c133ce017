"""The service on a real broker: the same verdicts as replay (P1), each message once (P2)."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import expected
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from system import CAPTURES, PARTITIONS, Kept, System, Xinling, until

from rules.verdicts import Verdict
from stream import log, topics
from stream.sms import outcomes
from stream.sms.smsc import Fault

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

UP_SECONDS = 60
STOP_SECONDS = 10


async def up(*processes: Xinling | Kept) -> None:
    for process in processes:
        await until(lambda p=process: "partitions of log" in p.said(), UP_SECONDS, process.said)


async def again(role: Kept, starts: int) -> None:
    await until(lambda: role.starts >= starts, UP_SECONDS, role.said)
    await up(role)


async def fed(system: System, *arguments: str) -> None:
    """Feeds the captures and waits until all is on the log."""
    ingest = system.xinling("ingest", *CAPTURES, *arguments)
    await until(lambda: not ingest.running(), UP_SECONDS, ingest.said)
    assert ingest.wait(1) == 0, ingest.said()


async def decided(system: System, count: int) -> None:
    async def enough() -> bool:
        return len(expected.lines(await system.rows(topics.VERDICTS))) >= count

    await until(enough, UP_SECONDS, system.said)


async def as_replayed(system: System, verdicts: list[Verdict]) -> None:
    """Waits until everything is decided: what `replay` decides, and nothing else (P1)."""
    await decided(system, len(verdicts))
    assert expected.lines(await system.rows(topics.VERDICTS)) == expected.lines(
        [verdict.row() for verdict in verdicts]
    )


async def sent_once(system: System, wanted: Counter[tuple[str, str]]) -> None:
    """Waits until everything is sent: once each, and nothing else (P2)."""
    await until(lambda: len(system.smsc.submitted) >= wanted.total(), UP_SECONDS, system.said)
    assert expected.submitted(list(system.smsc.submitted)) == wanted


async def test_p1_the_service_decides_what_replay_decides_and_delivers_each_once(
    system: System,
) -> None:
    verdicts = await expected.replayed()
    service = system.xinling("run")
    await up(service)
    await fed(system)
    await as_replayed(system, verdicts)
    wanted = expected.submits(verdicts)
    await sent_once(system, wanted)

    await fed(system)  # the same captures once more: everything has been seen
    await asyncio.sleep(2)
    assert expected.submitted(list(system.smsc.submitted)) == wanted
    said = [row["outcome"] for row in await system.rows(topics.OUTCOMES)]
    assert said.count(outcomes.SUBMITTED) == wanted.total()
    assert said.count(outcomes.DELIVERED) == wanted.total()

    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()


async def test_p2_kills_and_outages_lose_nothing_and_repeat_nothing(lasting: System) -> None:
    system = lasting
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    system.smsc.faults.extend([None, Fault.CUT])  # one submit is taken and never answered
    roles = {role: Kept(system, role) for role in ("ingest", "subscribers", "delivery")}
    await up(*roles.values())
    feed = system.xinling("ingest", *CAPTURES, "--speed", "15")
    await decided(system, 1)

    roles["subscribers"].signal(signal.SIGKILL)
    await again(roles["subscribers"], 2)
    system.redis.stop(signal.SIGKILL)
    await asyncio.sleep(1)
    system.redis.start()
    await asyncio.sleep(2)
    await asyncio.to_thread(system.broker.stop, signal.SIGKILL)
    await asyncio.to_thread(system.broker.start)
    await asyncio.sleep(3)
    port = system.smsc.port
    await system.smsc.stop()
    roles["delivery"].signal(signal.SIGKILL)
    await again(roles["delivery"], 2)
    await system.smsc.start(port)
    await asyncio.sleep(2)
    assert feed.running(), f"the feed outlives the faults: {feed.said()}"
    feed.signal(signal.SIGKILL)
    feed.wait(5)
    roles["subscribers"].signal(signal.SIGKILL)
    await fed(system)

    await as_replayed(system, verdicts)
    await until(
        lambda: len(system.smsc.submitted) >= wanted.total() - len(in_flight(system)),
        UP_SECONDS,
        system.said,
    )
    await asyncio.sleep(3)
    taken = expected.submitted(list(system.smsc.submitted))
    missing = wanted - taken
    assert taken - wanted == {}, "a message was repeated, or sent to somebody else"
    assert missing.total() <= len(in_flight(system)), f"lost: {system.said()}"
    assert roles["subscribers"].starts >= 3, "a worker was killed twice"
    for role in roles.values():
        assert await role.stop(STOP_SECONDS) == 0, role.said()


async def signals(system: System) -> list[tuple[str, int]]:
    """(source, sequence number) of every event on the log."""
    batches = [log.decode(value) for value in await system.values(topics.EVENTS)]
    return [
        (batch.source, item.seq)
        for batch in batches
        for item in batch.items
        if isinstance(item, log.Signal)
    ]


def reached(system: System, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether more than so many events are on the log and no more have come for a second."""
    heard = [0]

    async def quiet() -> bool:
        before, heard[0] = heard[0], len(await signals(system))
        await asyncio.sleep(1)
        return heard[0] > count and heard[0] == before

    return quiet


def damaged(folder: Path) -> None:
    whole = Path(CAPTURES[0]).read_bytes()
    (folder / "cut.pcap").write_bytes(whole[:-1])
    (folder / "none.pcap").write_bytes(b"not a capture, not at all, no")


def in_flight(system: System) -> list[str]:
    """Offers claimed by a process that did not live to hear the answer."""
    with system.redis.client() as redis:
        states = {
            key.decode(): redis.hget(key, "state") for key in redis.scan_iter("xl:ledger:{*}")
        }
    return [key for key, state in states.items() if state in (b"claimed", b"unknown")]


async def test_a_foreign_record_goes_to_the_dead_letters_and_the_partition_goes_on(
    system: System,
) -> None:
    verdicts = await expected.replayed()
    service = system.xinling("run")
    await up(service)
    producer = AIOKafkaProducer(bootstrap_servers=system.broker.address)
    await producer.start()
    newer = log.encode(log.Batch(log.SCHEMA_VERSION + 1, "", "", 0, []))
    for partition in range(PARTITIONS):
        for value in (b"GET / HTTP/1.1", newer, newer[:-1], b""):
            await producer.send_and_wait(topics.EVENTS, value, partition=partition)
    await producer.stop()
    await fed(system)
    await decided(system, len(verdicts))
    letters = await system.rows(topics.DEAD_LETTERS)
    assert len(letters) == 4 * PARTITIONS
    assert {letter["topic"] for letter in letters} == {topics.EVENTS}
    assert all(letter["reason"] and letter["offset"] >= 0 for letter in letters)
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()


async def test_p2_a_recreated_topic_is_read_from_its_beginning_and_repeats_nothing(
    lasting: System,
) -> None:
    system = lasting
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    service = system.xinling("run")
    await up(service)
    await fed(system)
    await until(lambda: len(system.smsc.submitted) >= wanted.total(), UP_SECONDS, service.said)
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()

    admin = AIOKafkaAdminClient(bootstrap_servers=system.broker.address)
    await admin.start()
    await admin.delete_topics([topics.EVENTS])
    await admin.close()
    service = system.xinling("run")
    await up(service)
    await fed(system)
    await asyncio.sleep(5)
    assert expected.submitted(list(system.smsc.submitted)) == wanted
    assert len(expected.lines(await system.rows(topics.VERDICTS))) == len(verdicts)


async def test_p1_two_workers_share_the_partitions_and_one_takes_over_what_the_other_leaves(
    system: System,
) -> None:
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    first = system.xinling("run")
    second = system.xinling("run", "--only", "subscribers")
    await up(first, second)
    feed = system.xinling("ingest", *CAPTURES, "--speed", "60")
    await decided(system, 2)
    second.signal(signal.SIGKILL)
    await until(lambda: not feed.running(), UP_SECONDS, feed.said)
    await decided(system, len(verdicts))
    await until(lambda: len(system.smsc.submitted) >= wanted.total(), UP_SECONDS, first.said)
    assert expected.lines(await system.rows(topics.VERDICTS)) == expected.lines(
        [verdict.row() for verdict in verdicts]
    )
    assert expected.submitted(list(system.smsc.submitted)) == wanted


async def test_a_service_started_before_what_it_stands_on_waits_and_says_for_what(
    lasting: System,
) -> None:
    system = lasting
    await asyncio.to_thread(system.broker.stop)
    system.redis.stop(signal.SIGTERM)
    service = system.xinling("run")
    await until(lambda: "kafka is away" in service.said(), UP_SECONDS, service.said)
    await asyncio.to_thread(system.broker.start)
    await until(lambda: "redis is away" in service.said(), UP_SECONDS, service.said)
    system.redis.start()
    await until(lambda: "profiles published" in service.said(), UP_SECONDS, service.said)
    await fed(system)
    await until(lambda: len(system.smsc.submitted) > 0, UP_SECONDS, service.said)

    system.redis.stop(signal.SIGKILL)
    await asyncio.to_thread(system.broker.stop, signal.SIGKILL)
    await asyncio.sleep(1)
    service.signal(signal.SIGTERM)
    await asyncio.to_thread(service.wait, STOP_SECONDS)
    system.redis.start()


async def test_what_stays_away_ends_the_process_with_its_name(system: System) -> None:
    system.config.write_text(
        system.config.read_text().replace("retry_seconds = 60", "retry_seconds = 3")
    )
    await asyncio.to_thread(system.broker.stop)
    service = system.xinling("run")
    assert await asyncio.to_thread(service.wait, UP_SECONDS) == 1
    last = service.said().strip().splitlines()[-1]
    assert system.broker.address in last
    assert "kafka.brokers" in last


async def test_a_capture_that_is_none_or_damaged_fails_after_what_could_be_read(
    system: System, tmp_path: Path
) -> None:
    damaged(tmp_path)
    for name in ("cut.pcap", "none.pcap"):
        ingest = system.xinling("ingest", str(tmp_path / name))
        assert await asyncio.to_thread(ingest.wait, UP_SECONDS) == 1
        assert name in ingest.said().strip().splitlines()[-1]
        assert "Traceback" not in ingest.said()
    rows = [log.decode(value) for value in await system.values(topics.EVENTS)]
    assert sum(len(batch.items) for batch in rows) > 0


async def test_p2_an_ingest_of_a_folder_stops_in_time_with_all_that_it_read_on_the_log(
    system: System, tmp_path: Path
) -> None:
    folder = tmp_path / "ring"
    folder.mkdir()
    seen: list[tuple[str, int]] = []
    for number, capture in enumerate(CAPTURES[:2], 1):
        shutil.copy(capture, folder / f"ring_{number:05}.pcap")
        ingest = system.xinling("ingest", str(folder))
        await until(reached(system, len(seen)), UP_SECONDS, ingest.said)
        ingest.signal(signal.SIGTERM)
        assert await asyncio.to_thread(ingest.wait, STOP_SECONDS) == 0, ingest.said()
        seen = await signals(system)
    assert sorted(seen) == [(seen[0][0], number + 1) for number in range(len(seen))]
