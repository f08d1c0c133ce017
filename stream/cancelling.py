"""Tasks that end when they are told to, whatever they wait in."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

_AGAIN_SECONDS = 0.05
_CLOSE_SECONDS = 1.0


async def cancelled(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancels each task until it is done.

    Once is not enough: redis-py 8 waits with `asyncio.wait_for`, which in Python 3.11 loses a
    cancellation that comes at the same moment as the answer.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_AGAIN_SECONDS)


async def until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Until `work` ends, or SIGINT or SIGTERM comes; raises what it raises. The whole of a loop.

    Whatever libraries leave behind ends too: asyncio's own way out cancels once, and waits for ever
    for a task that lost it.
    """
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    task, waiting = asyncio.create_task(work), asyncio.create_task(interrupted.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    await cancelled(asyncio.all_tasks() - {asyncio.current_task()})
    if not task.cancelled():
        task.result()


async def closed(closing: Awaitable[Any]) -> None:
    """Waits a second for a connection to be closed: it may be to a broker that is gone."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await closing
