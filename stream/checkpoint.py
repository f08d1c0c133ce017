"""What ingest remembers of a live feed, kept in Redis over a restart: sealed, for it is clear (P6).

The correlator's memory (`decoders.remembered`: the table of TMSIs, open dialogues, calls, the
scores of the feed), how far the sources were read, and the numbers that their events have. A folder
of captures or a file that grows is read on from there, and what had come onto the log since bears
the same numbers again and is recognised. A feed that cannot be rewound (``tcp://``) goes on with
its table and its dialogues, each of them marked by a gap.

All of it is one value, sealed under a key that HKDF derives from the privacy key for this alone and
written in pieces (`stream.pieces`). Captures in files are read again from their beginning instead,
which is exact.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final, Literal, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from redis.asyncio import Redis
from redis.exceptions import RedisError

from decoders import remembered
from decoders.errors import XinlingError
from decoders.identity import imsis_of
from decoders.remembered import Lasting
from decoders.times import SECOND
from stream.keys.sealing import Seal
from stream.pieces import Pieces
from stream.places import FilePlace
from stream.redis_cluster import pages
from stream.retry import patiently

EVERY_SECONDS: Final = 60.0
"""Wall time between two checkpoints, at least."""
SHARE: Final = 0.02
"""Of the time, that checkpoints may take: with much to keep they come less often."""
STALE: Final = 3600 * SECOND
"""Microseconds of capture time after which a feed that cannot be rewound begins anew."""
VERSION: Final = 1
PLAIN: Final = ""
"""`decoders.remembered` is what reads it."""
COMPILED: Final = "compiled"
"""`decoders.kernel.events.remembered` is."""
NOTHING: Final = "nothing"
LASTING: Final = "what lasts"
ALL: Final = "all"
Taken = Literal["nothing", "what lasts", "all"]
"""What of it was taken up: ``what lasts`` is the table of TMSIs and the scores of the feed."""
PREFIX: Final = "xl:ingest:kept:"
_KEPT_SECONDS: Final = 7 * 86_400
"""As long as a ring buffer may hold files that were read."""
_PATIENCE: Final = 60.0
_LARGE: Final = 128 << 20
_WHOLE: Final = b"w"
_PACKED: Final = b"z"

logger = logging.getLogger(__name__)


class Kept(msgspec.Struct, array_like=True):
    """An ingest, at one moment."""

    version: int
    source: str
    """Of the events' numbers."""
    settings: str
    """Digest of what the events depend on besides the captures."""
    next_seq: int
    clock: int
    """Microseconds: the last tick."""
    last: int
    """Microseconds of capture time reached."""
    places: dict[str, list[FilePlace]]
    memory: bytes
    """`decoders.remembered.dump`, or what `writing` says, packed."""
    writing: str = PLAIN
    """By which writing of correlation it was made, see `PLAIN`."""


class Checkpoint(Protocol):
    """Keeps an ingest of a live feed; `RedisCheckpoint` is one."""

    async def load(self) -> Kept | None:
        """What was kept; None where there is nothing of this feed and version.

        Raises what the store raises, when patience is at its end: who began anew in spite of what
        is kept would give what was read before other numbers, and it would count twice (P2).
        """

    async def save(
        self,
        make: Callable[[], Kept],
        safe: Callable[[], Awaitable[None]],
        *,
        at_once: bool = False,
    ) -> None:
        """Keep what `make` gives, if it is time for it or `at_once` asks for it.

        `safe` returns when every event before this moment is on the log. A store that is away is
        told of in the log, and asked again later.
        """


class RedisCheckpoint:
    """The checkpoint of one ingest, named by its sources."""

    def __init__(self, redis: Redis, privacy_key: bytes, name: str) -> None:
        self._pieces = pieces_of(redis, privacy_key, PREFIX + name)
        self._next = time.monotonic() + EVERY_SECONDS

    async def load(self) -> Kept | None:
        """See `Checkpoint.load`."""
        try:
            found = await patiently("redis", self._pieces.get, (RedisError, OSError), _PATIENCE)
            return None if found is None else unpacked(found[1])
        except (InvalidTag, msgspec.DecodeError) as error:
            logger.warning(
                "ingest: what was kept cannot be taken up (%s); it begins anew",
                type(error).__name__,
            )
            return None

    async def save(
        self,
        make: Callable[[], Kept],
        safe: Callable[[], Awaitable[None]],
        *,
        at_once: bool = False,
    ) -> None:
        """See `Checkpoint.save`."""
        if not at_once and time.monotonic() < self._next:
            return
        await safe()
        began = time.monotonic()
        kept = make()
        try:
            await self._pieces.put(msgspec.msgpack.encode(kept), kept.last)
        except (RedisError, OSError) as error:
            logger.warning("ingest: nothing was kept (%s)", type(error).__name__)
        now = time.monotonic()
        self._next = now + max(EVERY_SECONDS, (now - began) / SHARE)


def packed(memory: bytes, large: int | None = None) -> bytes:
    """A memory as it is kept; one that is larger than `large` as it is, which takes less time.

    A large one is a table of TMSIs above all, which does not become smaller.
    """
    large = _LARGE if large is None else large
    return _WHOLE + memory if len(memory) > large else _PACKED + zlib.compress(memory, 1)


class Correlating(Protocol):
    """Whoever takes up what was kept.

    Attributes:
        writing: of what it remembers, see `PLAIN`.
    """

    writing: str

    def restore(self, memory: bytes) -> bool:
        """Whether it could take up all of a memory of its own writing; else it has what lasts.

        Raises XinlingError where it is none.
        """

    def take_lasting(self, lasting: Lasting) -> None:
        """Takes up what any writing can; raises XinlingError where it is damaged."""


def take_up(one: Correlating, kept: Kept) -> Taken:
    """What of it could be taken up; what could not begins anew."""
    try:
        if kept.writing == one.writing:
            if one.restore(_memory(kept)):
                return ALL
        else:
            one.take_lasting(lasting_of(kept))
    except XinlingError as error:
        logger.warning("ingest: %s", error)
        return NOTHING
    logger.warning(
        "ingest: another version remembered it otherwise; the table of TMSIs lasts, "
        "what was open is met in its middle"
    )
    return LASTING


def lasting_of(kept: Kept) -> Lasting:
    """What any version can take up; raises XinlingError."""
    memory = _memory(kept)
    if kept.writing == COMPILED:
        return remembered.columns_of(memory).lasting
    return remembered.lasting_of(memory)


def unpacked(data: bytes) -> Kept | None:
    """What was kept; None for another version. Raises msgspec.DecodeError."""
    kept = msgspec.msgpack.decode(data, type=Kept)
    return kept if kept.version == VERSION else None


def imsis_in(data: bytes) -> Iterator[str]:
    """Everybody in the table of TMSIs of a checkpoint, some of them twice."""
    try:
        kept = unpacked(data)
        table = b"" if kept is None else lasting_of(kept).bindings
    except (msgspec.DecodeError, XinlingError):
        return
    yield from imsis_of(table)


def _memory(kept: Kept) -> bytes:
    form, memory = kept.memory[:1], kept.memory[1:]
    if form == _WHOLE:
        return memory
    try:
        return zlib.decompressobj().decompress(memory, 2 * _LARGE)
    except zlib.error as error:
        raise XinlingError("what was kept is damaged") from error


def pieces_of(redis: Redis, privacy_key: bytes, name: str) -> Pieces:
    """The checkpoint that lies under `name`, which begins with `PREFIX`, as this key opens it."""
    return Pieces(redis, Seal(privacy_key, b"xinling ingest checkpoint"), name, _KEPT_SECONDS)


async def tables(redis: Redis) -> AsyncIterator[str]:
    """The names of all checkpoints there are."""
    async for names in pages(redis, f"{PREFIX}*"):
        for name in names:
            if name.count(":") == PREFIX.count(":"):
                yield name
