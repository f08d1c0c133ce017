"""Tasks that end when they are told to, whatever they wait in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_SECONDS = 0.05


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
