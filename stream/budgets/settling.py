"""Where ingest waits for the allocator of shared budgets: at each whole minute of capture time.

What the allocator tells the log about a minute then stands right after that minute's tick, as in a
replay (`stream.budgets.shared_budgets`). It waits for a bounded time only, and not again while the
allocator does not move: a feed must go on without the workers. What is told later is told all the
same, and takes effect later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from redis.exceptions import RedisError

from stream import metrics
from stream.budgets.budget_store import BudgetStore
from stream.budgets.shared_budgets import MINUTE
from stream.state import BEGINNING, StoreUnavailableError

PATIENCE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.02

Safe = Callable[[], Awaitable[None]]
Asked = Callable[[], Awaitable[object]]
"""Something true while the rules in force have shared budgets (`stream.control.SHARED`)."""

logger = logging.getLogger(__name__)


class Settling(Protocol):
    """What ingest asks at each whole minute; `RedisSettling` is one."""

    def wanted(self, minute: int) -> bool:
        """Whether that whole minute (microseconds of capture time) is a new one."""

    async def wait(self, minute: int, safe: Safe) -> None:
        """Returns when the log has been told of everything before `minute`, or after a while.

        `safe` is awaited first where there is anything to wait for: everything before the minute
        must be on the log. Raises what that raises, nothing else.
        """


class RedisSettling:
    """`Settling` for the rules in force."""

    def __init__(
        self, store: BudgetStore, asked: Asked, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._store = store
        self._asked = asked
        self._patience = patience
        self._minute = BEGINNING
        self._stuck: int | None = None
        """Where the allocator stood when it was waited for in vain."""

    def wanted(self, minute: int) -> bool:
        """See `Settling.wanted`."""
        return minute > self._minute

    async def wait(self, minute: int, safe: Safe) -> None:
        """See `Settling.wait`."""
        self._minute = minute
        try:
            asked = await self._asked()
        except (RedisError, OSError) as error:
            logger.warning("ingest does not wait for shared budgets (%s)", type(error).__name__)
            return
        if asked:
            await safe()
            await self._wait(minute)

    async def _wait(self, minute: int) -> None:
        deadline = time.monotonic() + self._patience
        while (settled := await self._settled()) < minute:
            if settled == self._stuck or time.monotonic() > deadline:
                self._stuck = settled
                metrics.budget_unsettled.inc()
                return
            await asyncio.sleep(LOOK_SECONDS)
        self._stuck = None

    async def _settled(self) -> int:
        try:
            return await self._store.settled()
        except StoreUnavailableError:
            return BEGINNING


def minute_of(time_reached: int) -> int:
    """The whole minute at or before a time, both microseconds."""
    return time_reached // MINUTE * MINUTE
