"""Records that wait behind one another are handled as one: what comes of it is the same."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from fake_rules import FakeRules
from killed_worker import written
from outboxes import outbox, undisturbed

from decoders.times import SECOND
from stream.handler import Handler, Limits
from stream.log import Batch, Tick
from stream.memory_store import MemoryStore
from stream.state import Commit, OffsetGapError, Progress, StoreUnavailableError
from stream.together import MOST_OCTETS, Ends, Read, joined, together

SMALL = Limits(items=9, timers=2)


class Unsteady(MemoryStore):
    """Its commits fail now and then, before they are written or after."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        if self._rng.random() < 0.1:
            raise StoreUnavailableError("before")
        done = await super().commit(partition, token, commit)
        if self._rng.random() < 0.1:
            raise StoreUnavailableError("after")
        return done


def by_partition() -> dict[int, list[Batch]]:
    found: defaultdict[int, list[Batch]] = defaultdict(list)
    for partition, batch in written("log"):
        found[partition].append(batch)
    return found


async def hand_over(handler: Handler, partition: int, offset: int, batches: list[Batch]) -> None:
    """Again and again, until it is done."""
    while True:
        try:
            await handler.handle(partition, offset, joined(batches), ends=Ends.of(batches))
        except StoreUnavailableError:
            continue
        return


@pytest.mark.parametrize("seed", range(6))
async def test_p1_p2_joined_in_any_way_and_handed_over_again_in_another_each_counts_once(
    seed: int,
) -> None:
    rng = random.Random(seed)
    store = Unsteady(rng)
    handlers = [Handler(store, FakeRules, SMALL), Handler(store, FakeRules, SMALL)]
    for partition, batches in by_partition().items():
        reached = 0
        while reached < len(batches):
            begin = rng.randint(max(0, reached - 3), reached)
            end = rng.randint(reached + 1, min(len(batches), reached + 6))
            await hand_over(rng.choice(handlers), partition, begin, batches[begin:end])
            reached = end
            assert (await store.progress(partition)).offset == end
    assert await outbox(store) == await undisturbed()


async def test_p2_a_record_between_is_missed_by_records_that_are_joined_too() -> None:
    handler = Handler(MemoryStore(), FakeRules)
    await handler.handle(0, 0, batch())
    batches = [batch(Tick(second * SECOND)) for second in range(1, 4)]
    with pytest.raises(OffsetGapError):
        await handler.handle(0, 2, joined(batches), ends=Ends.of(batches))
    handled = await handler.handle(0, 2, joined(batches), ends=Ends.of(batches), accept_gap=True)
    assert (handled.progress.offset, handled.progress.clock) == (5, 3 * SECOND)


def batch(*items: Tick, epoch: str = "log", source: str = "feed") -> Batch:
    return Batch(1, epoch, source, 0, list(items))


def sizes(*records: tuple[int, Batch | None], octets: int = 1) -> list[int]:
    """How many records are joined; each has so many octets."""
    batches = dict(records)
    raw = [(offset, b"." * octets) for offset, _ in records]
    read = list(together(raw, lambda at, value: Read(at, value, batches[at])))
    assert [one.offset for run in read for one in run] == [offset for offset, _ in records]
    return [len(run) for run in read]


def test_what_does_not_belong_together_is_not_joined() -> None:
    one = batch(Tick(SECOND))
    assert sizes() == []
    assert sizes((4, one), (5, one), (6, one)) == [3]
    assert sizes((4, one), (6, one)) == [1, 1], "a record between them"
    assert sizes((4, one), (5, batch(source="control"))) == [1, 1], "another source"
    assert sizes((4, one), (5, batch(epoch="older"))) == [1, 1], "another log"
    assert sizes((4, one), (5, None), (6, one)) == [1, 1, 1], "no batch"


def test_what_is_joined_is_bounded_and_a_large_record_stands_alone() -> None:
    one = batch(Tick(SECOND))
    assert sizes(*((at, one) for at in range(5)), octets=MOST_OCTETS // 2) == [2, 2, 1]
    assert sizes(*((at, one) for at in range(3)), octets=MOST_OCTETS * 2) == [1, 1, 1]


def test_a_large_record_is_not_read_before_its_turn() -> None:
    seen: list[int] = []

    def read(offset: int, value: bytes) -> Read:
        seen.append(offset)
        return Read(offset, value, batch())

    next(together([(at, b"." * MOST_OCTETS) for at in range(4)], read))
    assert seen == [0]


def test_a_place_is_of_a_record_and_in_it() -> None:
    ends = Ends.of([batch(*[Tick(SECOND)] * size) for size in (3, 0, 2)])
    assert [ends.record(item) for item in range(6)] == [
        (0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (3, 0),
    ]  # fmt: skip
    assert [ends.item(records, 1) for records in range(4)] == [1, 4, 4, None]
    assert Ends.of([batch()]).record(0) == (1, 0)


async def test_a_record_that_was_begun_alone_is_gone_on_with_when_joined() -> None:
    store = MemoryStore()
    batches = [batch(*[Tick(second * SECOND)] * 4) for second in (1, 2)]
    begun = Progress(epoch="log", offset=0, position=3)
    assert await store.commit(0, b"", Commit(progress=begun))
    handler = Handler(store, FakeRules)
    handled = await handler.handle(0, 0, joined(batches), ends=Ends.of(batches))
    assert (handled.progress.offset, handled.progress.position) == (2, 0)
