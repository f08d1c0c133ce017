"""Several ingests on one log: the slowest live one is its clock; who is silent is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from fake_rules import DELAY, FakeRules, event, hash_of

from decoders.times import SECOND
from stream.batcher import Batcher
from stream.handler import Handler, Limits
from stream.log import (
    SCHEMA_VERSION,
    Batch,
    FeedLeft,
    Item,
    RulesChanged,
    Signal,
    Tick,
    decode,
    encode,
)
from stream.memory_store import MemoryStore
from stream.silence import Silences
from stream.state import BEGINNING, Loaded, decode_entry

RULES = {"r": b""}


class Partition:
    """One partition, and what it decides."""

    def __init__(self, store: MemoryStore | None = None, **limits: int) -> None:
        self.store = store or MemoryStore()
        self._handler = Handler(self.store, FakeRules, Limits(**limits))
        self._offset = 0
        self.late = 0

    async def takes(self, source: str, *items: Item) -> None:
        batch = decode(encode(Batch(SCHEMA_VERSION, "e", source, 0, [*items])))
        await self._handler.handle(0, self._offset, batch)
        self._offset += 1

    def goes_on(self, before: Partition) -> Partition:
        """Where another worker has come to."""
        self._offset = before._offset
        return self

    async def clock(self) -> int:
        return (await self.store.progress(0)).clock

    async def times(self) -> list[int]:
        entries = await self.store.outbox(0, 1000)
        return [decode_entry(entry.data).verdict.time for entry in entries]


@pytest.fixture
async def partition() -> Partition:
    made = Partition()
    await made.takes("control/r", RulesChanged(hash_of(RULES), RULES))
    return made


async def test_the_clock_is_that_of_the_slowest_feed(partition: Partition) -> None:
    await partition.takes("a", Tick(10 * SECOND, "one"))
    assert await partition.clock() == 10 * SECOND, "alone"
    await partition.takes("b", Tick(4 * SECOND, "two"))
    await partition.takes("a", Tick(20 * SECOND, "one"))
    assert await partition.clock() == 10 * SECOND, "it never goes back"
    await partition.takes("b", Tick(15 * SECOND, "two"))
    assert await partition.clock() == 15 * SECOND
    await partition.takes("b", Tick(30 * SECOND, "two"))
    assert await partition.clock() == 20 * SECOND


async def test_p1_no_timer_fires_before_the_slowest_feed_has_passed_it(
    partition: Partition,
) -> None:
    await partition.takes("b", Tick(0, "two"))
    await partition.takes("a", Signal(1, event("x", 1)), Signal(2, event("x", 2)))
    await partition.takes("a", Tick(60 * SECOND, "one"))
    assert await partition.times() == []
    await partition.takes("b", Tick(60 * SECOND, "two"))
    assert await partition.times() == [2 + DELAY]


async def test_a_feed_that_runs_ahead_loads_no_timers_that_it_cannot_fire(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    due: list[int] = []
    load = partition.store.load

    async def counting(*asked: Any) -> Loaded:
        loaded = await load(*asked)
        due.append(len(loaded.due))
        return loaded

    monkeypatch.setattr(partition.store, "load", counting)
    await partition.takes("b", Tick(0, "two"))
    await partition.takes("a", Signal(1, event("x", 1)), Signal(2, event("x", 2)))
    await partition.takes("a", Tick(60 * SECOND, "one"))
    await partition.takes("a", Tick(90 * SECOND, "one"))
    assert due == [0, 0, 0, 0]
    await partition.takes("b", Tick(60 * SECOND, "two"))
    assert due == [0, 0, 0, 0, 1]
    assert await partition.times() == [2 + DELAY]


async def test_p1_what_another_worker_has_done_to_the_clocks_is_seen(partition: Partition) -> None:
    other = Partition(partition.store)
    await partition.takes("b", Tick(0, "two"))
    await partition.takes("a", Signal(1, event("x", 1)), Signal(2, event("x", 2)))
    await partition.takes("a", Tick(0, "one"))
    await other.goes_on(partition).takes("b", Tick(60 * SECOND, "two"))
    await partition.goes_on(other).takes("a", Tick(60 * SECOND, "one"))
    assert await partition.times() == [2 + DELAY]


async def test_a_feed_that_left_is_waited_for_no_more_until_it_ticks_again(
    partition: Partition,
) -> None:
    await partition.takes("a", Signal(1, event("x", 1)), Signal(2, event("x", 2)))
    await partition.takes("b", Tick(SECOND, "two"))
    await partition.takes("a", Tick(60 * SECOND, "one"))
    await partition.takes("control/feeds", FeedLeft("two"))
    assert await partition.times() == [2 + DELAY]
    assert await partition.clock() == 60 * SECOND
    await partition.takes("b", Tick(2 * SECOND, "two"))
    await partition.takes("a", Tick(70 * SECOND, "one"))
    assert await partition.clock() == 60 * SECOND, "it is back, and behind"
    await partition.takes("b", FeedLeft("two"))
    await partition.takes("a", FeedLeft("one"))
    assert await partition.clock() == 70 * SECOND
    assert (await partition.store.progress(0)).clocks == {}


async def test_when_all_have_left_the_clock_is_where_the_furthest_was(partition: Partition) -> None:
    await partition.takes("a", Tick(SECOND, "one"))
    await partition.takes("b", Signal(1, event("x", 1)), Signal(2, event("x", 2)))
    await partition.takes("b", Tick(60 * SECOND, "two"), FeedLeft("two"))
    assert await partition.times() == []
    await partition.takes("a", Tick(2 * SECOND, "one"), FeedLeft("one"))
    assert await partition.clock() == 60 * SECOND
    assert await partition.times() == [2 + DELAY]


async def test_what_is_due_when_a_feed_leaves_fires_in_bounded_steps() -> None:
    partition = Partition(timers=3)
    await partition.takes("control/r", RulesChanged(hash_of(RULES), RULES))
    people = [f"p{number}" for number in range(20)]
    seen = [Signal(number + 1, event(who, 1)) for number, who in enumerate(people)]
    again = [Signal(number + 100, event(who, 2)) for number, who in enumerate(people)]
    await partition.takes("b", Tick(0, "two"))
    await partition.takes("a", *seen, *again, Tick(60 * SECOND, "one"))
    assert await partition.times() == []
    await partition.takes("control/feeds", FeedLeft("two"))
    assert await partition.times() == [2 + DELAY] * len(people)


async def test_a_log_of_before_feeds_had_names_goes_on(partition: Partition) -> None:
    await partition.takes("a", Tick(5 * SECOND))
    assert await partition.clock() == 5 * SECOND
    await partition.takes("a", Tick(9 * SECOND, "one"))
    assert await partition.clock() == 9 * SECOND


async def test_events_that_come_late_are_counted_and_used(partition: Partition) -> None:
    from stream import metrics  # noqa: PLC0415  the counter is what is asked

    before = metrics.late_events._value.get()
    await partition.takes("a", Tick(60 * SECOND, "one"))
    await partition.takes("b", Signal(1, event("x", 30 * SECOND)), Signal(2, event("x", SECOND)))
    assert metrics.late_events._value.get() == before + 2
    assert (await partition.store.load(0, ["x"], None, 0)).states
    assert 30 * SECOND in await partition.times(), "a third of a time gives a verdict"
    assert await partition.clock() == 60 * SECOND


def test_a_feed_that_ends_says_so_to_every_partition() -> None:
    batcher = Batcher("s", "e", 3, feed="one")
    batcher.tick(5 * SECOND)
    filled = batcher.leave()
    assert [place for place, _ in filled] == [0, 1, 2]
    assert all(batch.items == [Tick(5 * SECOND, "one"), FeedLeft("one")] for _, batch in filled)
    assert batcher.clock > BEGINNING


def test_time_counts_against_a_feed_only_while_others_move() -> None:
    silences = Silences(3)
    assert silences.look({"a": 1, "b": 1}, 0.0) == []
    for now in range(1, 10):
        assert silences.look({"a": 1, "b": 1}, float(now)) == [], "nobody moves: nobody is blamed"
    assert silences.look({"a": 2, "b": 1}, 10.0) == []
    assert silences.look({"a": 3, "b": 1}, 11.0) == []
    assert silences.look({"a": 4, "b": 1}, 12.0) == ["b"]


def test_a_long_pause_of_the_watch_counts_little() -> None:
    silences = Silences(60)
    silences.look({"a": 1, "b": 1}, 0.0)
    assert silences.look({"a": 2, "b": 1}, 1000.0) == []


def test_a_feed_that_moves_again_begins_anew() -> None:
    silences = Silences(2)
    silences.look({"a": 1, "b": 1}, 0.0)
    silences.look({"a": 2, "b": 1}, 1.0)
    silences.look({"a": 3, "b": 2}, 2.0)
    assert silences.look({"a": 4, "b": 2}, 3.0) == []
    assert silences.look({"b": 2}, 9.0) == [], "alone nobody is silent"
