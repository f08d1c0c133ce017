"""A Redis Cluster, asked as if it were one Redis: what ours asks of several keys goes to each node.

Only what one script touches must lie together, and does: its keys share a hash tag. Everything else
that names several keys (`mget`, `mset`, `delete`) is a pipeline here, in which each key finds its
node. A cluster that is out of order just now (a node gone, slots without one) is a `RedisError`
like a Redis that is away, whatever the library calls it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode, ClusterPipeline
from redis.commands.cluster import READ_COMMANDS
from redis.exceptions import AskError, MovedError, RedisClusterException, RedisError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from stream.config import ConfigError

_WAIT_MS: Final = 2_000
"""For replicas to have a write."""
_REDIRECTIONS: Final = 16
_MOVING_SECONDS: Final = 0.05
"""Between two rounds, one more each time, for a slot that is moving to another node."""
_MOVED: Final = (MovedError, AskError, TryAgainError)
_AT_ONCE: Final = 1000
"""Keys that a node looks at for a page."""
_SCRIPTS: Final = frozenset({"EVAL", "EVALSHA"})
_NO_CLUSTER: Final = "Cluster mode is not enabled"


_Command = tuple[tuple[Any, ...], dict[str, Any]]
"""And its options."""
_at_work: ContextVar[bool] = ContextVar("_at_work", default=False)
"""Whether the library is executing a command."""


class NotReplicatedError(RedisConnectionError):
    """Too few replicas have what was written, which stands there all the same."""


class ClusterChangedError(RedisError):
    """Slots moved from node to node while all keys were being read: some may not have been seen."""


class ClusterRedis(RedisCluster):
    """`redis.asyncio.Redis` over a cluster, as far as ours asks it.

    Attributes:
        replicas: how many replicas must have a write before it is answered; else
            `NotReplicatedError`. A primary that fails then takes nothing along that was answered.
    """

    replicas = 0

    def keyless(self, command: str) -> bool:
        """Whether a command goes to nodes, not to a key."""
        return command in self.command_flags or command == "SCAN"

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command; raises RedisError, ConfigError where this is no cluster."""
        command, alone = args[0], self.at_work  # a pipeline's command that another node has
        if self.replicas and not (alone or command in READ_COMMANDS or self.keyless(command)):
            pipe = self.pipeline()
            pipe.execute_command(*args, **options)
            return (await pipe.execute())[0]
        with _library_at_work():
            return await super().execute_command(*args, **options)

    def pipeline(self, transaction: object = None, shard_hint: object = None) -> ClusterPipeline:
        """Commands in one round trip to each node; never a transaction."""
        del transaction, shard_hint
        return _Pipeline(self)  # type: ignore[abstract]  # as the library does

    async def ping(self, **options: Any) -> bool:
        """Whether every primary answers."""
        await self.execute_command("PING", target_nodes=self.PRIMARIES, **options)
        return True

    async def mget(self, keys: Iterable[Any], *more: Any) -> list[Any]:
        """The values of several keys, in their order."""
        return await self._each("GET", [(key,) for key in (*keys, *more)])

    async def mset(self, mapping: Mapping[Any, Any]) -> bool:
        """Writes several keys; not at one instant."""
        await self._each("SET", list(mapping.items()))
        return True

    async def delete(self, *names: Any) -> int:
        """How many of several keys were there; they are not any more."""
        return sum(await self._each("DEL", [(name,) for name in names]))

    async def exists(self, *names: Any) -> int:
        """How many of several keys are there."""
        return sum(await self._each("EXISTS", [(name,) for name in names]))

    async def aclose(self) -> None:
        """Ends. While the library executes a command: it asks anew who has which slot.

        There the library means to close whatever is connected, and others' commands with it.
        """
        if not self.at_work:
            await super().aclose()
            return
        self._initialize = True
        for node in self.get_nodes():
            await node.disconnect_free_connections()

    @property
    def at_work(self) -> bool:
        """Whether it is the library that calls, in the middle of a command."""
        return _at_work.get()

    async def nodes(self) -> list[str]:
        """The primary of each slot, in the order of slots, as the cluster has it now."""
        with _library_at_work():
            await self.initialize()
            await self.nodes_manager.initialize()
        slots = self.nodes_manager.slots_cache
        return [slots[slot][0].name for slot in sorted(slots)]

    async def _each(self, command: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
        if len(arguments) == 1:
            return [await self.execute_command(command, *arguments[0])]
        pipe = self.pipeline()
        for one in arguments:
            pipe.execute_command(command, *one)
        return await pipe.execute()


class _Pipeline(ClusterPipeline):
    """Commands in one round trip to each node, and at its end a wait for the replicas."""

    def __init__(self, client: ClusterRedis) -> None:
        super().__init__(client)
        self._client = client
        self._commands: list[_Command] = []

    def execute_command(self, *args: Any, **options: Any) -> ClusterPipeline:
        """One more command."""
        self._commands.append((args, options))
        return self

    async def execute(
        self,
        raise_on_error: bool = True,  # noqa: FBT001, FBT002  as above it
        allow_redirections: bool = True,  # noqa: FBT001, FBT002
    ) -> list[Any]:
        """The answers, in order; raises RedisError."""
        commands, self._commands = self._commands, []
        if not self._client.replicas:
            with _library_at_work():
                return await self._made(commands).execute(raise_on_error, allow_redirections)
        answers = await self._round(commands)
        for attempt in range(_REDIRECTIONS):
            moved = [at for at, answer in enumerate(answers) if isinstance(answer, _MOVED)]
            if not moved:
                break
            await asyncio.sleep(attempt * _MOVING_SECONDS)
            await self._client.nodes()
            again = await self._round([commands[at] for at in moved])
            for at, answer in zip(moved, again, strict=True):
                answers[at] = answer
        if raise_on_error:
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    async def _round(self, commands: list[_Command]) -> list[Any]:
        """Answers and errors; raises NotReplicatedError."""
        with _library_at_work():
            await self._client.initialize()
            pipe = self._made(commands)
            for node in self._written(commands):
                pipe.execute_command("WAIT", self._client.replicas, _WAIT_MS, target_nodes=node)
            answers = await pipe.execute(raise_on_error=False, allow_redirections=False)
        waits = answers[len(commands) :]
        if any(_too_few(found, self._client.replicas) for found in waits):
            raise NotReplicatedError("too few replicas have what was written")
        return answers[: len(commands)]

    def _made(self, commands: list[_Command]) -> ClusterPipeline:
        """Of the library, which redirects each command by itself."""
        pipe = ClusterPipeline(self._client)  # type: ignore[abstract]  # as the library does
        for args, options in commands:
            pipe.execute_command(*args, **options)
        return pipe

    def _written(self, commands: list[_Command]) -> list[ClusterNode]:
        """The nodes that are written to."""
        keys = [_key_of(args) for args, _ in commands if args[0] not in READ_COMMANDS]
        nodes = [self._client.get_node_from_key(key) for key in keys]
        return list({node.name: node for node in nodes if node is not None}.values())


async def pages(
    redis: Redis | ClusterRedis, match: str, at_once: int = _AT_ONCE
) -> AsyncIterator[list[str]]:
    """The keys that look like `match`, some at a time, of every node.

    One may come twice. What is made or deleted meanwhile may come or not. Raises RedisError;
    `ClusterChangedError` at the end, where slots moved meanwhile.
    """
    if not isinstance(redis, ClusterRedis):
        async for page in _pages(redis, match, at_once):
            yield page
        return
    before = await redis.nodes()
    for name in dict.fromkeys(before):
        async for page in _pages(
            redis, match, at_once, target_nodes=redis.get_node(node_name=name)
        ):
            yield page
    if await redis.nodes() != before:
        raise ClusterChangedError("the cluster moved slots meanwhile: begin again")


async def settings_of_each(redis: Redis | ClusterRedis, pattern: str) -> list[dict[str, str]]:
    """What every server is set to, of a cluster replicas too; raises RedisError."""
    if isinstance(redis, ClusterRedis):
        await redis.nodes()
        nodes = redis.get_nodes()
        found = [await redis.config_get(pattern, target_nodes=node) for node in nodes]
    else:
        found = [await redis.config_get(pattern)]
    return [{_text(name or ""): _text(value or "") for name, value in one.items()} for one in found]


async def _pages(
    redis: Redis | ClusterRedis, match: str, at_once: int, **options: Any
) -> AsyncIterator[list[str]]:
    cursor: Any = 0
    while True:
        cursor, keys = await redis.scan(cursor, match=match, count=at_once, **options)
        if isinstance(cursor, dict):
            (cursor,) = cursor.values()
        yield [_text(key) for key in keys]
        if not cursor:
            return


@contextmanager
def _library_at_work() -> Iterator[None]:
    """What the library raises beside `RedisError` while nodes come and go, as that."""
    token = _at_work.set(True)
    try:
        yield
    except AttributeError as error:  # a connection that another command has just closed
        raise RedisConnectionError("the connection was closed") from error
    except RedisClusterException as error:
        if _NO_CLUSTER in str(error):
            raise ConfigError(
                "the server is not a node of a Redis Cluster",
                key="redis.cluster",
                remedy="set it to false, or name nodes of a cluster in redis.url",
            ) from error
        raise RedisConnectionError(str(error)) from error
    finally:
        _at_work.reset(token)


def _key_of(command: tuple[Any, ...]) -> Any:
    return command[3] if command[0] in _SCRIPTS else command[1]


def _too_few(found: object, wanted: int) -> bool:
    return not isinstance(found, int) or found < wanted


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
