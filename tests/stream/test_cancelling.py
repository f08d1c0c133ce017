"""Commands that end when they are told to, whatever a library does with that."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from stream.cancelling import cancelled, closed, until_interrupted


async def deaf(times: int) -> None:
    """Loses a cancellation, as redis-py and aiokafka may."""
    while times:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            times -= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_loses_it_and_what_that_left_behind(number: int) -> None:
    left: list[asyncio.Task[None]] = []

    async def follow() -> None:
        left.append(asyncio.create_task(deaf(2)))
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        await deaf(3)

    asyncio.run(until_interrupted(follow()))
    assert [task.done() for task in left] == [True]


def test_what_ends_by_itself_says_how() -> None:
    async def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  bare on purpose
        asyncio.run(until_interrupted(fails()))


async def test_a_task_that_loses_cancellations_is_cancelled_again() -> None:
    task = asyncio.create_task(deaf(2))
    await asyncio.sleep(0)
    await cancelled([task])
    assert task.done()


async def test_a_connection_that_does_not_close_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.cancelling._CLOSE_SECONDS", 0.01)
    await closed(asyncio.Event().wait())
