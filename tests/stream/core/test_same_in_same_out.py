"""P1: the same events give the same verdict rows, byte for byte and in the same order.

Whatever the number of partitions and workers, wherever batches end, on every store. A small fake
rule set makes many timers and verdicts; the captures have their own test (`test_replay.py`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec
import pytest
from fake_rules import FakeRules, event
from made_events import FIRST, stream
from stores import STORES, open_store

from decoders.events import Event
from rules.verdicts import Verdict
from stream.handler import Limits
from stream.log import RulesChanged
from stream.replay import Change, Replay, Replayed
from stream.state import StateStore

SECOND = 1_000_000
MANY = [(1, 1), (2, 1), (8, 2), (8, 4), (32, 1), (32, 4)]
"""Partitions and workers."""


async def rows(
    items: Iterable[Event | Change],
    partitions: int,
    workers: int,
    *,
    store: StateStore | None = None,
    max_items: int = 500,
    until: int | None = None,
) -> tuple[bytes, Replayed]:
    written: list[Verdict] = []
    replay = Replay(
        written.append,
        partitions=partitions,
        workers=workers,
        store=store,
        load_rules=FakeRules,
        max_items=max_items,
    )
    replayed = await replay.run(items, FIRST, until=until)
    return b"\n".join(msgspec.json.encode(verdict.row()) for verdict in written), replayed


@pytest.mark.parametrize(("partitions", "workers"), MANY)
@pytest.mark.parametrize("max_items", [1, 7, 500])
async def test_p1_partitions_workers_and_batches_mean_nothing(
    partitions: int, workers: int, max_items: int
) -> None:
    expected, one = await rows(stream(), 1, 1)
    got, many = await rows(stream(), partitions, workers, max_items=max_items)
    assert got == expected
    assert many == one
    assert one.events == 3000
    assert one.verdicts > 1000
    assert b'"send"' in expected
    assert b'"46000-1"' in expected


@pytest.mark.parametrize("name", STORES)
async def test_p1_every_store_gives_the_same(name: str, request: pytest.FixtureRequest) -> None:
    expected, one = await rows(stream(), 1, 1)
    store = await open_store(request, name)
    got, replayed = await rows(stream(), 8, 2, store=store)
    await store.close()
    assert got == expected
    assert replayed == one


async def test_p1_a_clock_that_ticks_more_often_changes_nothing() -> None:
    """An idle live feed ticks by wall time less its bound for late records; a capture does not."""
    times = sorted(random.Random(3).sample(range(900 * SECOND), 400))
    events = [event(f"s{time % 11}", time) for time in times]
    expected, _ = await rows(events, 3, 1)
    written: list[Verdict] = []
    replay = Replay(written.append, partitions=3, load_rules=FakeRules, max_items=2)

    def idling() -> Iterator[Event]:
        for before, item in pairwise([event("nobody", 0), *events]):
            replay._batcher.tick((before.time + item.time) // 2)
            yield item

    await replay.run(idling(), FIRST)
    assert b"\n".join(msgspec.json.encode(verdict.row()) for verdict in written) == expected


async def test_the_end_fires_nothing_and_until_lets_the_clock_run_on() -> None:
    items = [event("a", 1), event("a", 4), event("b", 1), event("b", 5)]
    short, ended = await rows(items, 2, 1)
    assert (short, ended.pending) == (b"", 2)
    late, ran_on = await rows(items, 2, 1, until=4 * SECOND)
    assert (late.count(b"timer"), ran_on.pending) == (2, 0)


async def test_more_verdicts_at_one_instant_than_an_outbox_holds_get_through() -> None:
    items = [event(f"s{number:06}", time) for time in (1, 5) for number in range(1000)]
    written: list[Verdict] = []
    replay = Replay(written.append, load_rules=FakeRules)
    replay._handler._limits = Limits(timers=40, outbox=100)
    replayed = await replay.run(items, FIRST, until=9 * SECOND)
    assert replayed.verdicts == len(written) == 1000


async def test_clear_events_give_clear_verdicts() -> None:
    clear = event("a", 3)
    clear.imsi = "001010000000001"
    text, _ = await rows([clear], 1, 1)
    assert b'"imsi":"001010000000001"' in text


async def test_what_cannot_be_used_is_counted() -> None:
    broken = RulesChanged("x", {"broken": b""})
    _, replayed = await rows([broken, event("a", 3)], 4, 1)
    assert (replayed.faults, replayed.verdicts) == (4, 1)
