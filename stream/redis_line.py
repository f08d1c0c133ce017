"""A Redis client whose plain commands follow each other on one connection, without waiting.

The library takes a connection of its pool for each command, looks whether it is in order, and makes
a task and two timeouts to send one and read its answer: more of a worker's time than Redis needs.
Here a command is written with all others of the same moment, and answers are told apart by their
order. What Redis finds waiting on one connection it writes to its disk at once, as if it were many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

_PLAIN: Final = frozenset({"EVALSHA", "GET", "MGET", "XRANGE", "XDEL"})
"""One answer each, at once: what a worker asks for all the time."""
_PATIENCE_SECONDS: Final = 10.0
"""For an answer, where the client has no bound of its own."""
_MORE: Final = object()


class LineRedis(Redis):
    """`redis.asyncio.Redis`; scripts and a few plain commands share one connection."""

    _line: _Line | None = None
    _connecting: asyncio.Lock | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command; raises redis.exceptions.RedisError."""
        if args[0] not in _PLAIN:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        line = self._line
        if line is None or line.closed:
            line = await self._connected()
        answer = await line.ask(args)
        callback = self.response_callbacks.get(args[0])
        return callback(answer, **options) if callback else answer

    async def aclose(self, *args: Any, **options: Any) -> None:
        """Ends; who still waits gets an error."""
        if self._line is not None:
            self._line.close(RedisConnectionError("the client is closed"))
        await super().aclose(*args, **options)

    async def _connected(self) -> _Line:
        self._connecting = self._connecting or asyncio.Lock()
        async with self._connecting:
            if self._line is None or self._line.closed:
                pool: Any = self.connection_pool
                connection = pool.make_connection()
                await connection.connect()  # with password, database, TLS as configured
                self._line = _Line(connection)
            return self._line


class _Line(asyncio.Protocol):
    """A connection that the library has made, from then on ours.

    Attributes:
        closed: nothing more can be asked.
    """

    def __init__(self, connection: Any) -> None:
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._patience = connection.socket_timeout or _PATIENCE_SECONDS
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._unsent: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._transport = connection._writer.transport  # noqa: SLF001  it has no name for it
        self._transport.set_protocol(self)

    def ask(self, command: tuple[Any, ...]) -> asyncio.Future[Any]:
        """The answer to come, or redis.exceptions.RedisError."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self.closed:
            answer.set_exception(RedisConnectionError("the connection is lost"))
            return answer
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.extend(self._connection.pack_command(*command))
        self._waiting.append((self._loop.time(), answer))
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience, self._look)
        return answer

    def data_received(self, data: bytes) -> None:
        """Answers, in the order of what was asked."""
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not _MORE:
            if isinstance(answer, hiredis.PushNotification):
                continue
            if not self._waiting:
                self.close(RedisConnectionError("an answer that nobody asked for"))
                return
            _settle(self._waiting.popleft()[1], answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits does not know whether it was done."""
        self.close(RedisConnectionError(f"the connection is lost: {exc or 'closed by Redis'}"))

    def close(self, error: Exception) -> None:
        """Ends; who still waits gets `error`."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()
        while self._waiting:
            _settle(self._waiting.popleft()[1], error)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if not self.closed:
            self._transport.write(b"".join(unsent))

    def _look(self) -> None:
        """Whether the oldest question has waited too long."""
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0][0] + self._patience - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self.close(RedisTimeoutError("no answer in time"))


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # whoever asked was cancelled
        return
    if isinstance(answer, hiredis.ReplyError):
        text = str(answer)
        kind = NoScriptError if text.startswith("NOSCRIPT") else ResponseError
        future.set_exception(kind(text))
    elif isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
