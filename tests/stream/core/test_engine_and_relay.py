"""The embedded engine keeps order, waits, tries again and ends; the relay misses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_rules import FakeRules, event, hash_of

from stream.cancelling import cancelled
from stream.engine import QUEUE_BATCHES, Engine
from stream.handled import Handled
from stream.handler import Handler
from stream.log import Batch, RulesChanged, Signal, Tick
from stream.memory_store import MemoryStore
from stream.relay import Relay
from stream.state import Commit, OutboxEntry, Progress, StateStore, StoreUnavailableError

BUNDLE: dict[str, bytes] = {"a": b"1"}
RULES = RulesChanged(hash_of(BUNDLE), BUNDLE)


def batch(number: int) -> Batch:
    return Batch(1, "e", "s", 0, [RULES, Signal(number, event("a", 3 * number))])


async def test_batches_of_a_partition_are_handled_in_the_order_they_were_put(
    store: StateStore,
) -> None:
    seen: list[tuple[int, int]] = []

    async def note(partition: int, handled: Handled) -> None:
        seen.append((partition, handled.progress.offset))

    async with Engine(Handler(store, FakeRules), 4, workers=3, when_handled=note) as engine:
        for number in range(1, 6):
            for partition in range(4):
                await engine.put(partition, batch(number))
    for partition in range(4):
        assert [offset for to, offset in seen if to == partition] == [1, 2, 3, 4, 5]


class Failing(MemoryStore):
    """Fails for the first `failures` loads."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def load(self, *arguments: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailableError("no store")
        return await super().load(*arguments)


async def test_p2_a_store_that_comes_back_loses_nothing() -> None:
    store = Failing(2)
    async with Engine(Handler(store, FakeRules), 1) as engine:
        await engine.put(0, batch(1))
        await engine.put(0, batch(2))
    assert len(await store.outbox(0, 10)) == 2


async def test_a_store_that_stays_away_ends_the_engine_with_its_error() -> None:
    async def pour() -> None:
        async with Engine(Handler(Failing(10_000), FakeRules), 1, patience=0.05) as engine:
            for number in range(1, 10_000):
                await engine.put(0, batch(number))

    with pytest.raises(StoreUnavailableError):
        await pour()


async def test_a_full_queue_makes_the_source_wait_and_not_grow() -> None:
    store = Failing(10_000)
    put = 0

    async def pour(engine: Engine) -> None:
        nonlocal put
        for put in range(1, 10_000):
            await engine.put(0, batch(put))

    async with Engine(Handler(store, FakeRules), 1) as engine:
        pouring = asyncio.create_task(pour(engine))
        await asyncio.sleep(0.3)
        assert put <= QUEUE_BATCHES + 2
        pouring.cancel()
        store.failures = 0


async def test_leaving_with_an_exception_stops_at_once() -> None:
    async def leave() -> None:
        async with Engine(Handler(Failing(10_000), FakeRules), 2) as engine:
            await engine.put(0, batch(1))
            raise KeyError

    with pytest.raises(KeyError):
        await leave()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("worker")] == []


async def test_p2_what_was_not_acknowledged_is_published_again(store: StateStore) -> None:
    await Handler(store, FakeRules).handle(0, 0, batch(1))
    published: list[OutboxEntry] = []

    async def publish(_: int, entries: list[OutboxEntry]) -> None:
        published.extend(entries)
        if len(published) == 1:
            raise StoreUnavailableError("killed before it was acknowledged")

    relay = Relay(store, publish, [0])
    with pytest.raises(StoreUnavailableError):
        await relay.flush(0)
    assert await relay.flush(0) == 1
    assert [entry.verdict.offer for entry in published] == [published[0].verdict.offer] * 2
    assert await relay.flush(0) == 0


async def test_the_relay_publishes_what_it_is_told_of_and_what_a_dead_worker_left(
    store: StateStore,
) -> None:
    await Handler(store, FakeRules).handle(3, 0, batch(1))
    published: list[tuple[int, int]] = []

    async def publish(partition: int, entries: list[OutboxEntry]) -> None:
        published.extend((partition, entry.verdict.time) for entry in entries)

    relay = Relay(store, publish, [3, 4])
    running = asyncio.create_task(relay.run())
    await until(lambda: published == [(3, 3)])
    await Handler(store, FakeRules).handle(4, 0, batch(2))
    await Handler(store, FakeRules).handle(5, 0, batch(2))
    relay.tell(4, 5)
    await until(lambda: published == [(3, 3), (4, 6)])
    relay.own([5])
    await until(lambda: published[2:] == [(5, 6)])
    await cancelled([running])


async def test_an_entry_that_cannot_be_read_does_not_hold_up_the_others(
    store: StateStore,
) -> None:
    await store.commit(0, b"", Commit(progress=Progress(), outbox=[b"\xc1"]))
    published: list[OutboxEntry] = []

    async def publish(_: int, entries: list[OutboxEntry]) -> None:
        published.extend(entries)

    assert await Relay(store, publish, [0]).flush(0) == 1
    assert published == []
    assert await store.outbox(0, 10) == []


async def until(true: Any) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come true within five seconds")


async def test_a_tick_reaches_every_partition_through_the_engine(store: StateStore) -> None:
    async with Engine(Handler(store, FakeRules), 3) as engine:
        for partition in range(3):
            await engine.put(partition, Batch(1, "e", "s", 0, [Tick(7_000_000)]))
    assert [(await store.progress(number)).clock for number in range(3)] == [7_000_000] * 3


async def test_the_relay_tries_again_when_either_side_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.relay.POLL_SECONDS", 0.01)
    store = MemoryStore()
    await Handler(store, FakeRules).handle(0, 0, batch(1))
    published: list[int] = []
    failures = iter([True, True, False])

    async def publish(_: int, entries: list[OutboxEntry]) -> None:
        if next(failures):
            raise StoreUnavailableError("the broker is away")
        published.append(len(entries))

    running = asyncio.create_task(Relay(store, publish, [0]).run())
    await until(lambda: published == [1])
    assert not running.done()
    await cancelled([running])
