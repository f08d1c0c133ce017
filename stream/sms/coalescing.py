"""A Redis client for many at once: commands that come while one round trip runs share the next one.

A durable Redis writes its disk once for all commands that it finds waiting, and a round trip costs
this process the same whatever is in it. Each caller has its own answer or its own error; nothing
else is promised: two commands of different callers may stand in either order.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from stream.redis_cluster import ClusterRedis

_MOST = 500
"""Commands of one round trip."""


_Asked = tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]
"""A command, its options, and who waits for the answer."""


class Coalescing:
    """Before a client's class: its plain commands share their round trips; pipelines do not."""

    _waiting: list[_Asked]
    _sending: asyncio.Task[None] | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        """As the client."""
        super().__init__(*args, **options)
        self._waiting = []

    def alone(self, command: str) -> bool:
        """Whether a command cannot stand in a pipeline."""
        del command
        return False

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command; raises redis.exceptions.RedisError."""
        if self.alone(args[0]):
            return await self._asked(*args, **options)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((args, options, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name="redis commands")
        return await answer

    async def aclose(self, *args: Any, **options: Any) -> None:
        """Ends; who still waits gets an error."""
        sending, self._sending = self._sending, None
        while sending is not None and not sending.done():
            sending.cancel()
            await asyncio.wait([sending], timeout=0.05)
        self._fail(self._waiting, RedisConnectionError("the client is closed"))
        await super().aclose(*args, **options)  # type: ignore[misc]  # of the client

    async def _send(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                answers = await self._answers(some)
            except asyncio.CancelledError:
                self._fail(some, RedisConnectionError("the client is closed"))
                raise
            except Exception as error:  # noqa: BLE001  whoever asked decides what it means
                self._fail(some, error)
                continue
            for (_, _, future), answer in zip(some, answers, strict=True):
                _settle(future, answer)

    async def _answers(self, some: list[_Asked]) -> list[Any]:
        """Answers and errors, one for each; raises where nobody answers."""
        if len(some) == 1:
            args, options, _ = some[0]
            try:
                return [await self._asked(*args, **options)]
            except ResponseError as error:
                return [error]
        pipe = self.pipeline(transaction=False)  # type: ignore[attr-defined]  # of the client
        for args, options, _ in some:
            pipe.execute_command(*args, **options)
        return list(await pipe.execute(raise_on_error=False))

    async def _asked(self, *args: Any, **options: Any) -> Any:
        return await super().execute_command(*args, **options)  # type: ignore[misc]  # of the client

    def _fail(self, some: list[_Asked], error: Exception) -> None:
        for _, _, future in some:
            _settle(future, error)


class CoalescingRedis(Coalescing, Redis):  # type: ignore[misc]  # as the library does
    """`redis.asyncio.Redis`, likewise."""


class CoalescingCluster(Coalescing, ClusterRedis):  # type: ignore[misc]  # likewise
    """`ClusterRedis`, likewise: a round trip to each node that is asked."""

    def alone(self, command: str) -> bool:
        """What goes to nodes, not to a key; of a round trip what another node has."""
        return self.at_work or self.keyless(command)

    async def aclose(self, *args: Any, **options: Any) -> None:
        """Ends; see `ClusterRedis.aclose`."""
        if self.at_work:
            await ClusterRedis.aclose(self)
        else:
            await super().aclose(*args, **options)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # whoever asked was cancelled
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
