"""A worker with work and without progress is seen; one that is idle, or moves, is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from stream.state import StoreUnavailableError
from stream.watchdog import Place, StalledError, Stalls, Watchdog


def test_a_partition_with_work_that_does_not_move_is_stalled() -> None:
    stalls = Stalls(60)
    assert stalls.look({0: Place(5, 9)}, 0) == []
    assert stalls.look({0: Place(5, 9)}, 59) == []
    assert stalls.look({0: Place(5, 10)}, 60) == [0]


def test_progress_starts_the_time_anew() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(5, 9)}, 0)
    assert stalls.look({0: Place(6, 9)}, 59) == []
    assert stalls.look({0: Place(6, 9)}, 118) == []
    assert stalls.look({0: Place(6, 9)}, 119) == [0]


def test_a_partition_without_work_is_never_stalled() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(9, 9)}, 0)
    assert stalls.look({0: Place(9, 9)}, 1000) == []
    assert stalls.look({0: Place(9, 12)}, 1001) == []
    assert stalls.look({0: Place(9, 12)}, 1060) == [0]


def test_a_partition_that_was_given_away_and_came_back_begins_anew() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(5, 9)}, 0)
    stalls.look({}, 30)
    assert stalls.look({0: Place(5, 9)}, 61) == []


def test_while_nobody_could_see_nobody_is_blamed() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(5, 9)}, 0)
    stalls.forget()
    assert stalls.look({0: Place(5, 9)}, 100) == []


class Fixed:
    """The ends of a topic that nobody writes to."""

    async def of(self, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 9)


async def watched(
    progress: int | None, seconds: float, *, excused: bool = False
) -> list[BaseException]:
    told: list[BaseException] = []

    async def where(_: int) -> int:
        if progress is None:
            raise StoreUnavailableError("away")
        return progress

    watchdog = Watchdog(
        owned=lambda: {0, 3},
        progress=where,
        ends=Fixed(),  # type: ignore[arg-type]
        stall_seconds=0.1,
        fail=told.append,
        excused=lambda: excused,
    )
    watching = asyncio.create_task(watchdog.run())
    await asyncio.sleep(seconds)
    watching.cancel()
    return told


async def test_a_worker_that_stopped_is_told_of() -> None:
    told = await watched(5, 0.5)
    assert isinstance(told[0], StalledError)
    assert "[0, 3]" in str(told[0])


async def test_a_worker_that_is_done_or_waits_for_redis_is_not() -> None:
    assert await watched(9, 0.3) == []
    assert await watched(None, 0.3) == []


async def test_whoever_waits_for_somebody_else_is_excused() -> None:
    assert await watched(5, 0.5, excused=True) == []
