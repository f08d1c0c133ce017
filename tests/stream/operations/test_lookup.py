"""Where the rows of an offer are found on the topics, whichever way they were written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Self

import msgspec
import pytest

from decoders.events import Event
from decoders.times import SECOND
from rules.verdicts import HOLD, SEND, Sample, Verdict
from stream import topics
from stream.ask import lookup
from stream.ask.lookup import NotFoundError
from stream.config import Config, Kafka
from stream.log import SCHEMA_VERSION, Batch, Signal, encode, partition_of
from stream.sms.outcomes import DELIVERED, SUBMITTED, Outcome
from stream.topic_reader import Record

OFFER = "0f" * 16
WHO = "1-0f3a"
NOON = 1_201_500_000 * SECOND
PARTITIONS = 3
CONFIG = msgspec.structs.replace(Config(), kafka=Kafka(partitions=PARTITIONS))
MINE = partition_of(WHO, PARTITIONS)
EVENT = Event(id="e1", type="call.attempted", time=NOON, subscriber=WHO, identity="imsi",
              dialogue="d")  # fmt: skip


class Topics:
    """Stands in for `TopicReader`: records by topic and partition, oldest first."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Record]] = {}
        self.read = 0

    def __call__(self, _config: Kafka) -> Topics:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def partitions(self) -> range:
        return range(PARTITIONS)

    def put(self, topic: str, value: bytes, written: int, partition: int = MINE) -> None:
        log = self.records.setdefault((topic, partition), [])
        log.append(Record(topic, partition, len(log), written, value))

    async def backwards(
        self, topic: str, partition: int, *, before: int | None = None, chunk: int = 0
    ) -> AsyncIterator[Record]:
        del chunk
        for record in reversed(self.records.get((topic, partition), [])):
            if before is None or record.written <= before:
                self.read += 1
                yield record


class NoRedis:
    async def hgetall(self, _name: str) -> dict[bytes, bytes]:
        return {}

    async def hkeys(self, _name: str) -> list[bytes]:
        return []

    def register_script(self, _script: str) -> None:
        return


def step(number: int, said: str, offer: str = OFFER) -> bytes:
    verdict = Verdict(
        offer=offer,
        step=number,
        campaign="going",
        campaign_hash="",
        wave=1,
        subscriber=WHO,
        time=NOON + number,
        trigger="e1",
        evidence=[Sample("e1", NOON)],
        verdict=said,
    )
    return msgspec.json.encode(verdict.row())


def outcome(said: str, time: int) -> bytes:
    row = Outcome(
        offer=OFFER, campaign="going", wave=1, subscriber=WHO, time=NOON + time, outcome=said
    )
    return msgspec.json.encode(row.row())


def batch(clock: int, *events: Event) -> bytes:
    items = [Signal(number, event) for number, event in enumerate(events)]
    return encode(Batch(SCHEMA_VERSION, "e", "s", clock, list(items)))


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Topics:
    made = Topics()
    monkeypatch.setattr(lookup, "TopicReader", made)
    return made


async def found() -> lookup.Found:
    redis: Any = NoRedis()
    return await lookup.on_topics(CONFIG, redis, OFFER)


async def test_steps_come_in_order_and_each_once(kafka: Topics) -> None:
    kafka.put(topics.VERDICTS, step(0, HOLD), 1)
    kafka.put(topics.VERDICTS, step(0, SEND, "0e" * 16), 2)
    kafka.put(topics.VERDICTS, step(1, SEND), 3)
    kafka.put(topics.VERDICTS, step(1, SEND), 4)
    assert [one.verdict for one in (await found()).steps] == [HOLD, SEND]


async def test_nothing_older_than_the_first_step_is_read(kafka: Topics) -> None:
    for number in range(50):
        kafka.put(topics.VERDICTS, step(0, SEND, f"{number:032x}"), number)
        kafka.put(topics.OUTCOMES, outcome(SUBMITTED, 0).replace(b"0f0f", b"0000"), number)
    kafka.put(topics.VERDICTS, step(0, SEND), 60)
    kafka.put(topics.OUTCOMES, outcome(SUBMITTED, 1), 61)
    await found()
    assert kafka.read == 3, "the step, the outcome, and the first that is too old"


async def test_outcomes_come_in_the_order_of_their_times_and_each_once(kafka: Topics) -> None:
    kafka.put(topics.VERDICTS, step(0, SEND), 1)
    for number, said in enumerate((SUBMITTED, SUBMITTED, DELIVERED)):
        kafka.put(topics.OUTCOMES, outcome(said, number), 2 + number)
    assert [one.outcome for one in (await found()).outcomes] == [SUBMITTED, DELIVERED]


async def test_the_evidences_events_come_off_the_log(kafka: Topics) -> None:
    other = msgspec.structs.replace(EVENT, id="e0")
    kafka.put(topics.EVENTS, batch(0), 0)
    kafka.put(topics.EVENTS, batch(NOON, other, EVENT), 1)
    kafka.put(topics.EVENTS, b"no batch", 2)
    kafka.put(topics.VERDICTS, step(0, SEND), 3)
    kafka.put(topics.EVENTS, batch(NOON + SECOND, other), 4)
    assert (await found()).events == {"e1": EVENT}


async def test_events_that_the_log_has_lost_are_not_looked_for_for_ever(kafka: Topics) -> None:
    for minute in range(100):
        kafka.put(topics.EVENTS, batch(NOON - minute * 60 * SECOND), 0)
    kafka.put(topics.VERDICTS, step(0, SEND), 1)
    kafka.records[topics.EVENTS, MINE].reverse()
    assert (await found()).events == {}
    assert kafka.read < 20


async def test_an_offer_that_no_topic_has_says_how_long_they_are_kept(kafka: Topics) -> None:
    kafka.put(topics.VERDICTS, step(0, SEND, "0e" * 16), 1)
    with pytest.raises(NotFoundError, match="150 days"):
        await found()
