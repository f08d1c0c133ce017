"""Trying again, within bounds, what a dependency refuses just now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stream import metrics

logger = logging.getLogger(__name__)

T = TypeVar("T")
FIRST_SECONDS = 0.1
LONGEST_SECONDS = 5.0


async def patiently(
    dependency: str,
    attempt: Callable[[], Awaitable[T]],
    refusals: tuple[type[BaseException], ...],
    patience: float,
) -> T:
    """What `attempt` gives, tried again after each of `refusals` for at most `patience` seconds.

    The wait doubles from a tenth of a second to five seconds. The first refusal and the return are
    logged with the dependency's name; the last refusal is raised when patience is at its end.
    """
    began = time.monotonic()
    wait = FIRST_SECONDS
    away = False
    while True:
        try:
            result = await attempt()
        except refusals as error:
            metrics.dependency_up.labels(dependency).set(0)
            if time.monotonic() - began + wait > patience:
                raise
            if not away:
                logger.warning("%s is away (%s); waiting for it", dependency, _what(error))
            away = True
        else:
            metrics.dependency_up.labels(dependency).set(1)
            if away:
                logger.warning("%s is back", dependency)
            return result
        metrics.retries.labels(dependency).inc()
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_SECONDS)


def _what(error: BaseException) -> str:
    """The kind of an error: its text might hold what no log may bear."""
    cause = error.__cause__
    return type(error).__name__ + (f", {type(cause).__name__}" if cause else "")
