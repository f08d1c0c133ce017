"""What ingest has learned of TMSIs, kept in Redis over a restart: sealed, for it bears clear IMSIs.

For live feeds only. Captures in files are read again from their beginning, which is exact; a live
feed cannot be, and without its table the first hour after a restart would know nobody by a TMSI.
What is not kept: dialogues that were open. They are met again in their middle, so that an event may
be missing, and what rests on their beginning is null.

The table is written in pieces, each sealed with AES-256-GCM under a key that HKDF derives from the
privacy key for this alone, and bound to its place; the head, written last, says which pieces belong
together (P6).
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis.asyncio import Redis
from redis.exceptions import RedisError

from decoders.errors import XinlingError
from decoders.identity import Bindings
from decoders.times import SECOND

EVERY_SECONDS: Final = 300.0
"""Wall time between two checkpoints; a table of ten million takes seconds to pack."""
STALE: Final = 3600 * SECOND
"""Microseconds of capture time after which a table is not taken up: TMSIs are given anew."""
_KEPT_SECONDS: Final = 24 * 3600
_PIECE: Final = 4_194_304
_NONCE: Final = 12
_SHORTEST: Final = _NONCE + 16
_PREFIX: Final = "xl:ingest:bindings:"

logger = logging.getLogger(__name__)


class Checkpoint(Protocol):
    """Keeps the table of a live feed; `RedisCheckpoint` is one. Never raises for its store."""

    async def restore(self, bindings: Bindings, now: int) -> None:
        """Take up what was kept, if `now` (microseconds of capture time) is not too long after."""

    async def save(self, bindings: Bindings, now: int, *, at_once: bool = False) -> None:
        """Keep the table, if it is time for it or `at_once` asks for it."""


class _Head(msgspec.Struct, array_like=True):
    """Which pieces make a table."""

    stamp: str
    pieces: int
    time: int
    """Microseconds of capture time."""


class RedisCheckpoint:
    """The table of one ingest, named by its sources."""

    def __init__(self, redis: Redis, privacy_key: bytes, name: str) -> None:
        self._redis = redis
        derived = HKDF(SHA256(), length=32, salt=None, info=b"xinling ingest bindings")
        self._cipher = AESGCM(derived.derive(privacy_key))
        self._name = _PREFIX + name
        self._saved = time.monotonic()

    async def restore(self, bindings: Bindings, now: int) -> None:
        """See `Checkpoint.restore`."""
        try:
            packed = await self._load(now)
            if packed is not None:
                bindings.restore(packed)
                logger.info("ingest: %d TMSIs known from before", len(bindings))
        except (RedisError, OSError, InvalidTag, msgspec.DecodeError, XinlingError) as error:
            logger.warning(
                "ingest: the table of TMSIs cannot be taken up (%s); they are learned anew",
                type(error).__name__,
            )

    async def save(self, bindings: Bindings, now: int, *, at_once: bool = False) -> None:
        """See `Checkpoint.save`."""
        if not at_once and time.monotonic() - self._saved < EVERY_SECONDS:
            return
        try:
            await self._store(bindings.dump(), now)
        except (RedisError, OSError) as error:
            logger.warning("ingest: the table of TMSIs was not kept (%s)", type(error).__name__)
        self._saved = time.monotonic()

    async def _store(self, packed: bytes, now: int) -> None:
        stamp = secrets.token_hex(8)
        parts = [packed[at : at + _PIECE] for at in range(0, len(packed), _PIECE)]
        before = await self._head()
        for number, part in enumerate(parts):
            place = f"{self._name}:{stamp}:{number}"
            await self._redis.set(place, self._seal(place, part), ex=_KEPT_SECONDS)
        head = msgspec.msgpack.encode(_Head(stamp, len(parts), now))
        await self._redis.set(self._name, self._seal(self._name, head), ex=_KEPT_SECONDS)
        if before is not None:
            gone = [f"{self._name}:{before.stamp}:{number}" for number in range(before.pieces)]
            await self._redis.delete(*gone)

    async def _load(self, now: int) -> bytes | None:
        head = await self._head()
        if head is None or not 0 <= now - head.time <= STALE:
            return None
        parts = []
        for number in range(head.pieces):
            place = f"{self._name}:{head.stamp}:{number}"
            sealed = await self._redis.get(place)
            parts.append(self._open(place, sealed or b""))
        return b"".join(parts)

    async def _head(self) -> _Head | None:
        """What the head says; None where there is none, or none that this key opens."""
        sealed = await self._redis.get(self._name)
        if sealed is None:
            return None
        try:
            return msgspec.msgpack.decode(self._open(self._name, sealed), type=_Head)
        except InvalidTag:
            logger.warning("ingest: the table of TMSIs was sealed with another key")
            return None

    def _seal(self, place: str, data: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, place.encode())

    def _open(self, place: str, sealed: bytes | str) -> bytes:
        """Raises InvalidTag where it was not sealed for this place under this key."""
        if not isinstance(sealed, bytes) or len(sealed) < _SHORTEST:
            raise InvalidTag
        return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
