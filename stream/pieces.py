"""A large value in Redis, sealed, in pieces: whoever reads it finds all of one writing or none.

The head is written last and says which pieces belong together; those of the writing before go then.
"""

from __future__ import annotations

import secrets
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from redis.asyncio import Redis

from stream.keys.sealing import Seal

_PIECE: Final = 4_194_304


class _Head(msgspec.Struct, array_like=True):
    """Which pieces make a value."""

    stamp: str
    pieces: int
    time: int


class Pieces:
    """One value under one name. Every method raises redis.exceptions.RedisError."""

    def __init__(self, redis: Redis, seal: Seal, name: str, keep_seconds: int) -> None:
        self._redis = redis
        self._seal = seal
        self._name = name
        self._keep = keep_seconds

    async def put(self, data: bytes, time: int) -> None:
        """Writes `data` in the place of what was there; `time` is whatever the reader asks for."""
        before = await self.head()
        stamp = secrets.token_hex(8)
        parts = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        for number, part in enumerate(parts):
            place = self._place(stamp, number)
            await self._redis.set(place, self._seal.seal(place, part), ex=self._keep)
        head = msgspec.msgpack.encode(_Head(stamp, len(parts), time))
        await self._redis.set(self._name, self._seal.seal(self._name, head), ex=self._keep)
        if before is not None and before.pieces:
            gone = [self._place(before.stamp, number) for number in range(before.pieces)]
            await self._redis.delete(*gone)

    async def head(self) -> _Head | None:
        """What the head says; None where there is none, or none that this key opens."""
        sealed = await self._redis.get(self._name)
        try:
            data = b"" if sealed is None else self._seal.open(self._name, sealed)
        except InvalidTag:
            return None
        return msgspec.msgpack.decode(data, type=_Head) if data else None

    async def get(self) -> tuple[int, bytes] | None:
        """Time and data; None where nothing is there that this key opens.

        Raises InvalidTag and msgspec.DecodeError where a part of it is damaged or gone.
        """
        head = await self.head()
        if head is None:
            return None
        parts = []
        for number in range(head.pieces):
            place = self._place(head.stamp, number)
            parts.append(self._seal.open(place, await self._redis.get(place)))
        return head.time, b"".join(parts)

    def _place(self, stamp: str, number: int) -> str:
        return f"{self._name}:{stamp}:{number}"
