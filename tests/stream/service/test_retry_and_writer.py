"""Outages are waited out within bounds; a partition's records never overtake each other (P2)."""

from __future__ import annotations

import asyncio

import pytest

from stream import log
from stream.log import Batch, Tick
from stream.log_writer import WAITING, LogWriter
from stream.retry import patiently
from stream.topics import KafkaUnavailableError


class Away(Exception):  # noqa: N818  what a dependency raises
    pass


class Slow:
    """A publisher that lets one record through for each release, and writes down the order."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []
        self.under_way: dict[int, int] = {}
        self.most_at_once = 0
        self.gate = asyncio.Semaphore(0)
        self.failure: Exception | None = None

    async def send(self, _topic: str, value: bytes, *, partition: int) -> int:
        self.under_way[partition] = self.under_way.get(partition, 0) + 1
        self.most_at_once = max(self.most_at_once, self.under_way[partition])
        await self.gate.acquire()
        self.under_way[partition] -= 1
        if self.failure is not None:
            raise self.failure
        self.sent.append((partition, log.decode(value).clock))
        return len(self.sent)


def batch(number: int) -> Batch:
    return Batch(log.SCHEMA_VERSION, "epoch", "source", number, [Tick(number)])


async def test_what_is_away_is_tried_until_it_is_back() -> None:
    tries = 0

    async def attempt() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Away
        return "back"

    assert await patiently("redis", attempt, (Away,), 10) == "back"
    assert tries == 3


async def test_what_stays_away_is_raised_when_patience_ends() -> None:
    async def attempt() -> None:
        raise Away

    with pytest.raises(Away):
        await patiently("redis", attempt, (Away,), 0.25)


async def test_what_is_no_outage_is_raised_at_once() -> None:
    async def attempt() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await patiently("redis", attempt, (Away,), 60)


async def test_p2_a_partition_has_one_record_on_its_way_and_keeps_their_order() -> None:
    publisher = Slow()
    writer = LogWriter(publisher, 2)  # type: ignore[arg-type]
    for number in range(10):
        await writer.write(number % 2, batch(number))
    for _ in range(10):
        publisher.gate.release()
    await writer.flush()
    await writer.close()
    assert publisher.most_at_once == 1
    assert [clock for partition, clock in publisher.sent if partition == 0] == [0, 2, 4, 6, 8]
    assert [clock for partition, clock in publisher.sent if partition == 1] == [1, 3, 5, 7, 9]


async def test_a_slow_broker_makes_the_writer_wait_not_grow() -> None:
    publisher = Slow()
    writer = LogWriter(publisher, 1)  # type: ignore[arg-type]

    async def write_many() -> None:
        for number in range(WAITING * 2):
            await writer.write(0, batch(number))

    writing = asyncio.create_task(write_many())
    await asyncio.sleep(0.05)
    assert not writing.done()
    for _ in range(WAITING * 2):
        publisher.gate.release()
    await writing
    await writer.flush()
    await writer.close()
    assert len(publisher.sent) == WAITING * 2


@pytest.mark.parametrize("waiting_in", ["write", "flush"])
async def test_a_broker_that_stays_away_is_told_to_whoever_writes(waiting_in: str) -> None:
    publisher = Slow()
    publisher.failure = KafkaUnavailableError("away")
    writer = LogWriter(publisher, 1)  # type: ignore[arg-type]
    await writer.write(0, batch(0))
    publisher.gate.release()

    async def go_on() -> None:
        if waiting_in == "flush":
            await writer.flush()
        for number in range(WAITING * 2):
            await writer.write(0, batch(number))

    with pytest.raises(KafkaUnavailableError):
        await go_on()
    await writer.close()
