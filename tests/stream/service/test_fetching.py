"""What a worker is given of each partition, where much is there (docs/decisions/0040)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from aiokafka.consumer.fetcher import Fetcher, FetchResult
from faust.types import TP

from stream.fetching import FairThread, SeekingConsumer

PARTITIONS = [TP("log", number) for number in range(4)]


class Numbers:
    """Records of a partition, as aiokafka unpacks them: their offsets."""

    def __init__(self, count: int) -> None:
        self.next_fetch_offset = 0
        self._left = iter(range(count))

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        found = next(self._left)
        self.next_fetch_offset = found + 1
        return found


class Fetched(Fetcher):
    """aiokafka's own fetcher with records in it, and no broker."""

    def __init__(self, counts: dict[TP, int]) -> None:
        positions = {tp: SimpleNamespace(position=0, paused=False) for tp in PARTITIONS}
        for state in positions.values():
            state.consumed_to = lambda to, state=state: setattr(state, "position", to)
        self.assignment = SimpleNamespace(active=True, state_value=positions.__getitem__)
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._subscriptions = SimpleNamespace(
            reassignment_in_progress=False, is_assigned=lambda _: True, fetch_context=nullcontext
        )
        self._records: dict[TP, Any] = {}
        self._wait_consume_future = None
        self._fetch_waiters: set[asyncio.Future[None]] = set()
        for tp, count in counts.items():
            self.arrive(tp, count)

    def arrive(self, tp: TP, count: int) -> None:
        self._records[tp] = FetchResult(
            tp, assignment=self.assignment, partition_records=Numbers(count), backoff=0
        )
        for waiter in self._fetch_waiters:
            self._notify(waiter)

    def __del__(self) -> None:
        return


async def given(fetcher: Fetched, most: int, patience: float = 0) -> dict[TP, list[int]]:
    thread = object.__new__(FairThread)
    thread.consumer = SimpleNamespace(flow_active=True)
    consumer = SimpleNamespace(_fetcher=fetcher, _closed=False)
    return await thread._fetch_records(consumer, set(PARTITIONS), patience, most)


async def test_each_partition_gets_its_share_of_what_a_worker_takes() -> None:
    fetcher = Fetched(dict.fromkeys(PARTITIONS, 1000))
    first = await given(fetcher, 32)
    assert {tp: len(found) for tp, found in first.items()} == dict.fromkeys(PARTITIONS, 8)
    second = await given(fetcher, 32)
    assert [second[tp][0] for tp in PARTITIONS] == [8] * 4, "in the order of their offsets"


async def test_what_a_partition_does_not_use_others_get() -> None:
    zero, one, two, three = PARTITIONS
    found = {zero: 0, **dict.fromkeys(PARTITIONS, 0)}
    fetcher = Fetched({zero: 2, one: 1000, three: 1})
    for _ in range(2):
        for tp, some in (await given(fetcher, 30)).items():
            found[tp] += len(some)
    assert (found[zero], found[two], found[three]) == (2, 0, 1)
    assert found[one] >= 30


async def test_a_worker_with_nothing_to_do_hears_of_the_first_record_at_once() -> None:
    fetcher = Fetched({})
    waiting = asyncio.create_task(given(fetcher, 32, patience=30))
    await asyncio.sleep(0)
    fetcher.arrive(PARTITIONS[2], 3)
    fetcher.arrive(PARTITIONS[1], 40)
    found = await waiting
    assert found[PARTITIONS[2]] == [0, 1, 2]
    one = found.get(PARTITIONS[1], [])
    one += (await given(fetcher, 32))[PARTITIONS[1]]
    assert one == list(range(len(one))), "and none is passed over"


def test_a_full_buffer_makes_its_writer_wait_and_nobody_sleep() -> None:
    """Faust sleeps a second when its buffers have passed over every partition."""
    consumer = object.__new__(SeekingConsumer)
    consumer._active_partitions = set(PARTITIONS)
    for tp in PARTITIONS:
        consumer.on_buffer_full(tp)
    assert consumer._active_partitions == set(PARTITIONS)


async def test_an_error_of_one_partition_is_raised_when_the_others_are_empty() -> None:
    fetcher = Fetched({PARTITIONS[0]: 2})
    fetcher._records[PARTITIONS[1]] = Refused()
    assert await given(fetcher, 32) == {PARTITIONS[0]: [0, 1]}
    try:
        await given(fetcher, 32, patience=0.01)
    except PermissionError:
        return
    raise AssertionError("the error was lost")


class Refused:
    """As `FetchError`."""

    def check_raise(self) -> None:
        raise PermissionError
