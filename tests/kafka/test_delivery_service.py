"""A running delivery on Kafka: a window of offers in hand, test numbers first, a watchdog."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import copies
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from expected import PSEUDONYMS
from system import PARTITIONS, System, until
from test_kafka_service import STOP_SECONDS, UP_SECONDS, up
from test_waves_service import CAMPAIGN, fed, rules_of

from decoders.times import from_text
from stream import topics
from stream.log import partition_of
from stream.publisher import Publisher
from stream.sms.smsc import Fault, Submitted

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

TESTERS = ["13900000001", "13900000002"]
THIRD = "13900000003"
DRAFT = (
    CAMPAIGN.replace("asked-twice", "not-yet").replace("live", "draft").replace("您在这里", "草")
)


def configured(system: System, **sections: str) -> None:
    """Adds keys to sections of the service's configuration."""
    text = system.config.read_text()
    for section, keys in sections.items():
        text = text.replace(f"[{section}]\n", f"[{section}]\n{keys}\n", 1)
    system.config.write_text(text)


async def committed(system: System) -> list[int]:
    """From where the group would go on, by partition of `offers`; none yet is 0."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=system.broker.address,
        group_id=f"xinling-{topics.OFFERS}",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        places = [TopicPartition(topics.OFFERS, each) for each in range(PARTITIONS)]
        return [await consumer.committed(place) or 0 for place in places]
    finally:
        await consumer.stop()


async def offers(system: System) -> list[int]:
    return [len(values) for values in await system.partitions(topics.OFFERS)]


def text_of(one: Submitted) -> str:
    return one.body.decode("utf-16-be")


async def test_numbers_of_the_seed_list_get_every_text_before_the_first_subscriber(
    system: System, tmp_path: Path
) -> None:
    rules_of(system, tmp_path)
    (tmp_path / "seeds.csv").write_text("\n".join(TESTERS))
    (tmp_path / "campaigns" / "not-yet.yaml").write_text(DRAFT, "utf-8")
    configured(system, rules=f'seeds = "{tmp_path / "seeds.csv"}"')
    service = system.xinling("run")
    await up(service)
    await until(lambda: len(system.smsc.submitted) == 2, UP_SECONDS, service.said)
    asked = system.xinling("campaigns", "seed", "not-yet")
    assert await asyncio.to_thread(asked.wait, UP_SECONDS) == 0, asked.said()
    await until(lambda: len(system.smsc.submitted) == 4, UP_SECONDS, service.said)
    await fed(system, tmp_path, 0)
    await until(lambda: len(system.smsc.submitted) >= 9, UP_SECONDS, service.said)
    taken = list(system.smsc.submitted)
    assert [one.destination for one in taken[:4]] == 2 * TESTERS
    assert "草" in text_of(taken[2])
    assert not {one.destination for one in taken[4:]} & set(TESTERS)
    assert not any(number in service.said() for number in TESTERS), "P6"

    async def told() -> bool:
        rows = await system.rows(topics.OUTCOMES)
        return sum(row.get("test", False) for row in rows) == 8  # submitted and delivered

    await until(told, UP_SECONDS, service.said)
    (tmp_path / "seeds.csv").write_text("\n".join([*TESTERS, THIRD]))
    await until(lambda: system.smsc.submitted[-1].destination == THIRD, UP_SECONDS, service.said)
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()


async def test_p2_what_is_done_out_of_order_is_committed_in_order(
    system: System, tmp_path: Path
) -> None:
    """One submit that gets no answer for long holds its partition's commit, and nothing else."""
    rules_of(system, tmp_path)
    system.config.write_text(
        system.config.read_text().replace("timeout_seconds = 3", "timeout_seconds = 15")
    )
    system.smsc.faults.append(Fault.SILENCE)
    service = system.xinling("run")
    await up(service)
    await until(lambda: "profiles published" in service.said(), UP_SECONDS, service.said)
    await fed(system, tmp_path, 0)
    await until(lambda: len(system.smsc.submitted) >= 5, UP_SECONDS, service.said)
    ends = await offers(system)
    await until(lambda: one_waits(system), UP_SECONDS, service.said)
    silent = system.smsc.submitted[0].destination
    waiting = partition_of(subscriber_of(silent), PARTITIONS)
    await asyncio.sleep(3)
    reached = await committed(system)
    assert reached[waiting] < ends[waiting], "what is not done is not committed"
    for partition in range(PARTITIONS):
        assert partition == waiting or reached[partition] == ends[partition]
    service.signal(signal.SIGKILL)
    service.wait(5)

    before = len(system.smsc.submitted)
    service = system.xinling("run")
    await up(service)

    async def all_done() -> bool:
        return await committed(system) == await offers(system)

    await until(all_done, UP_SECONDS, service.said)
    assert len(system.smsc.submitted) == before, "a claim without an answer is not sent again"


def one_waits(system: System) -> bool:
    """Whether every offer but one has been answered."""
    with system.redis.client() as redis:
        states = [redis.hget(key, "state") for key in redis.scan_iter("xl:ledger:{*}")]
    return states.count(b"claimed") == 1 and len(states) >= 5


def subscriber_of(number: str) -> str:
    return next(PSEUDONYMS.subscriber(p.imsi) for p in copies.people(0) if p.msisdn == number)


async def test_a_delivery_that_does_nothing_is_ended_and_one_that_waits_for_its_smsc_is_not(
    system: System, tmp_path: Path
) -> None:
    rules_of(system, tmp_path)
    configured(system, service="stall_seconds = 4")
    await system.smsc.stop()
    service = system.xinling("run")
    await up(service)
    await until(lambda: "profiles published" in service.said(), UP_SECONDS, service.said)
    await fed(system, tmp_path, 0)
    await asyncio.sleep(8)
    assert service.running(), f"whoever waits for the SMSC is not to blame: {service.said()}"
    service.signal(signal.SIGTERM)
    await asyncio.to_thread(service.wait, STOP_SECONDS)


async def test_offers_of_many_people_go_out_side_by_side(system: System, tmp_path: Path) -> None:
    """An SMSC that thinks for half a second about each would take as long for all as for one."""
    rules_of(system, tmp_path)
    system.smsc.answers_after = 0.5
    service = system.xinling("run")
    await up(service)
    await until(lambda: "profiles published" in service.said(), UP_SECONDS, service.said)
    people = copies.people(0)
    await until(lambda: in_force(system), UP_SECONDS, service.said)
    await asyncio.sleep(2)  # profiles come in a record of their own
    await offered(system, people[:10])
    loop = asyncio.get_running_loop()
    await until(lambda: len(system.smsc.submitted) >= 1, UP_SECONDS, service.said)
    began = loop.time()
    await until(lambda: len(system.smsc.submitted) >= len(people[:10]), UP_SECONDS, service.said)
    assert loop.time() - began < 0.5 * len(people[:10]) - 1
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()


def in_force(system: System) -> bool:
    """Whether every partition has the rules and everybody's profile."""
    with system.redis.client() as redis:
        offsets = [redis.get(f"xl:{{p{number}}}:progress") for number in range(PARTITIONS)]
        rules = [redis.exists(f"xl:{{p{number}}}:rules") for number in range(PARTITIONS)]
    return all(offsets) and all(rules)


async def offered(system: System, people: list[copies.Person]) -> None:
    """An offer to each, as a worker would have published it."""
    publisher = Publisher(system.kafka_config(), 10)
    for number, person in enumerate(people):
        who = PSEUDONYMS.subscriber(person.imsi)
        row: dict[str, Any] = {
            "offer": f"{number:032x}",
            "step": 0,
            "campaign": "asked-twice",
            "campaign_hash": "x",
            "wave": 1,
            "subscriber": who,
            "time": "2008-01-28T02:00:00.000000Z",
            "trigger": "t",
            "verdict": "send",
            "text": "您在这里",
        }
        assert from_text(row["time"])
        partition = partition_of(who, PARTITIONS)
        value = msgspec.json.encode(row)
        await publisher.send(topics.OFFERS, value, partition=partition, key=who.encode())
    await publisher.close()
