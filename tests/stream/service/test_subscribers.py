"""The driver never raises for what a record holds, and passes no record over (P2, P4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from decoders.times import SECOND
from rules.engine import RuleSet
from stream import log, metrics, topics
from stream.handled import Handled
from stream.handler import Handler
from stream.log import Batch, OptedOut, Tick
from stream.memory_store import MemoryStore
from stream.relay import Relay
from stream.state import Commit, OffsetGapError, OutboxEntry, StoreUnavailableError
from stream.subscribers import Subscribers
from stream.topics import KafkaUnavailableError, Log

EPOCH = "0a" * 16


class Letters:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, dict[str, Any]]] = []

    async def send(self, topic: str, value: bytes, *, partition: int) -> int:
        self.sent.append((topic, partition, msgspec.json.decode(value)))
        return 0


class Broken(Handler):
    """A handler with a fault of its own in records with a tick of second 13."""

    async def handle(self, partition: int, offset: int, batch: Batch, **more: Any) -> Handled:
        if any(isinstance(item, Tick) and item.time == 13 * SECOND for item in batch.items):
            raise ZeroDivisionError
        return await super().handle(partition, offset, batch, **more)


class Flaky(MemoryStore):
    """A store whose first loads fail."""

    failures = 2

    async def load(self, *arguments: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("away")
        return await super().load(*arguments)


class Counting(MemoryStore):
    """A store that counts its commits."""

    commits = 0
    clock = 0

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        self.commits += 1
        self.clock = commit.progress.clock
        return await super().commit(partition, token, commit)


async def ignore(_partition: int, _entries: list[OutboxEntry]) -> None:
    return


class Bench:
    def __init__(self, store: MemoryStore | None = None, earliest: int = 0) -> None:
        self.store = store or MemoryStore()
        self.letters = Letters()

        async def first(_: int) -> int:
            return earliest

        self.driver = Subscribers(
            handler=Broken(self.store, RuleSet.load),
            store=self.store,
            relay=Relay(self.store, ignore),
            publisher=self.letters,  # type: ignore[arg-type]
            log=Log(EPOCH, 4),
            earliest=first,
            patience=5,
            key_version=2,
        )

    async def take(self, offset: int, *values: bytes) -> None:
        await self.driver.take(1, list(enumerate(values, offset)))

    async def offset(self) -> int:
        return (await self.store.progress(1)).offset


def record(second: int) -> bytes:
    tick = Tick(second * SECOND)
    return log.encode(Batch(log.SCHEMA_VERSION, EPOCH, "source", tick.time, [tick]))


@pytest.mark.parametrize(
    "value",
    [b"", b"\xc1", b"GET / HTTP/1.1", record(1)[:-1], record(1).replace(b"\x01", b"\x63", 1)],
)
async def test_p4_what_is_no_batch_is_a_dead_letter_with_its_place_and_the_partition_goes_on(
    value: bytes,
) -> None:
    bench = Bench()
    await bench.take(0, value)
    await bench.take(1, record(1))
    (topic, partition, letter) = bench.letters.sent[0]
    assert (topic, partition) == (topics.DEAD_LETTERS, 1)
    assert letter["offset"] == 0
    assert letter["octets"] == len(value)
    assert letter["reason"]
    assert await bench.offset() == 2


async def test_p4_a_record_that_a_fault_of_ours_cannot_handle_is_a_dead_letter() -> None:
    bench = Bench()
    await bench.take(0, record(13))
    await bench.take(1, record(14))
    assert [letter["reason"] for _, _, letter in bench.letters.sent] == ["ZeroDivisionError"]
    assert await bench.offset() == 2


async def test_p2_records_that_wait_behind_one_another_are_one_commit() -> None:
    bench = Bench(store := Counting())
    await bench.take(0, *(record(second) for second in range(1, 6)))
    assert (await bench.offset(), store.commits) == (5, 1)


async def test_p4_a_record_that_cannot_be_used_takes_none_of_those_around_it_along() -> None:
    bench = Bench(store := Counting())
    await bench.take(0, record(11), record(12), b"", record(13), record(14), record(15))
    assert [letter["offset"] for _, _, letter in bench.letters.sent] == [2, 3]
    assert await bench.offset() == 6
    assert store.clock == 15 * SECOND


async def test_p2_a_store_that_comes_back_loses_nothing() -> None:
    bench = Bench(Flaky())
    await bench.take(0, record(1))
    assert await bench.offset() == 1


async def test_a_store_that_stays_away_is_raised_and_the_record_not_done() -> None:
    store = Flaky()
    store.failures = 1_000
    bench = Bench(store)
    bench.driver._patience = 0.2
    with pytest.raises(StoreUnavailableError):
        await bench.take(0, record(1))
    store.failures = 0
    assert await bench.offset() == 0


async def test_p2_records_passed_over_are_read_again_not_accepted() -> None:
    bench = Bench(earliest=0)
    await bench.take(0, record(1))
    with pytest.raises(OffsetGapError):
        await bench.take(5, record(6))
    assert await bench.offset() == 1


async def test_p2_of_an_emptied_redis_the_log_is_read_from_its_beginning() -> None:
    bench = Bench(earliest=0)
    with pytest.raises(OffsetGapError):
        await bench.take(5, record(6))
    assert await bench.driver.start(1) == 0


async def test_a_log_that_is_older_than_its_redis_is_taken_from_what_it_still_has() -> None:
    bench = Bench(earliest=5)
    lost = metrics.dead_letters.labels("lost by the log")
    before = lost._value.get()
    await bench.take(5, record(6))
    assert await bench.offset() == 6
    assert lost._value.get() == before + 5


async def test_p2_a_kafka_that_does_not_say_what_it_has_costs_no_record() -> None:
    bench = Bench(earliest=5)
    asked = 0

    async def first(_: int) -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise KafkaUnavailableError("away")
        return 5

    bench.driver._earliest = first
    await bench.take(5, record(6))
    assert bench.letters.sent == []
    assert (await bench.store.progress(1)).clock == 6 * SECOND


async def test_p4_a_record_written_for_the_log_before_counts_where_it_stands() -> None:
    bench = Bench()
    tick = Tick(3 * SECOND)
    await bench.take(0, log.encode(Batch(log.SCHEMA_VERSION, "before", "source", 0, [])))
    await bench.take(1, record(2))
    await bench.take(2, log.encode(Batch(log.SCHEMA_VERSION, "before", "source", 0, [tick])))
    await bench.take(3, record(4))
    assert await bench.offset() == 4
    assert (await bench.store.progress(1)).clock == 4 * SECOND


async def test_records_that_the_log_has_lost_are_counted_and_the_partition_goes_on() -> None:
    bench = Bench(earliest=5)
    await bench.take(0, record(1))
    await bench.take(5, record(6))
    assert await bench.offset() == 6


async def test_p2_a_partition_is_read_from_redis_progress_of_this_log_only() -> None:
    bench = Bench()
    assert await bench.driver.start(1) == 0
    await bench.take(0, record(1))
    assert await bench.driver.start(1) == 1
    bench.driver._log = Log("another", 4)
    assert await bench.driver.start(1) == 0


@pytest.mark.parametrize("name", ["2-0f3a", "1-0f3a"])
async def test_p6_a_record_made_under_another_key_is_set_aside(name: str) -> None:
    bench = Bench()
    items = [Tick(SECOND), OptedOut(name, SECOND, 1)]
    await bench.take(0, log.encode(Batch(log.SCHEMA_VERSION, EPOCH, "control/x", SECOND, items)))
    kept = (await bench.store.load(1, [name], None, 0)).profiles
    assert (name in kept) == name.startswith("2-")
    letters = [letter["reason"] for _, _, letter in bench.letters.sent]
    assert letters == ([] if name in kept else ["made under another key"])
    assert await bench.offset() == 1


async def test_p6_so_is_one_that_waits_behind_others_that_are_ours() -> None:
    bench = Bench()
    behind = Batch(log.SCHEMA_VERSION, EPOCH, "s", SECOND, [OptedOut("1-0f3a", SECOND, 1)])
    ours = Batch(log.SCHEMA_VERSION, EPOCH, "s", SECOND, [OptedOut("2-0f3a", SECOND, 2)])
    batches = [Batch(log.SCHEMA_VERSION, EPOCH, "s", SECOND, [Tick(SECOND)]), behind, ours]
    await bench.driver.take(1, [(at, log.encode(batch)) for at, batch in enumerate(batches)])
    kept = (await bench.store.load(1, ["1-0f3a", "2-0f3a"], None, 0)).profiles
    assert list(kept) == ["2-0f3a"]
    assert [letter["reason"] for _, _, letter in bench.letters.sent] == ["made under another key"]
    assert await bench.offset() == 3
