"""What the allocator of shared budgets keeps in Redis.

All under one hash tag, so that the scripts run on Redis Cluster too::

    xl:{budgets}:waiting  sorted set of candidates, OFFER:STEP by capture second (microseconds)
    xl:{budgets}:entries  hash of candidate to `stream.state.encode_entry`
    xl:{budgets}:reached  hash of partition to the clock up to which its candidates are all here
    xl:{budgets}:state    packed `Kept`; whoever decides must have read what stands here
    xl:{budgets}:decided  capture second before which everything is decided, for `put`
    xl:{budgets}:rows     stream of decided verdicts on their way out
    xl:{budgets}:log      stream of records on their way to the log
    xl:{budgets}:settled  capture minute up to which the log has been told

A candidate that comes twice is taken once: one whose second is decided is a copy, since no
partition brings another after it has said that it passed that second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rules.budget import Granted
from stream.budgets.shared_budgets import Told
from stream.state import (
    BEGINNING,
    OutboxEntry,
    OutboxFullError,
    StoredDataError,
    StoreUnavailableError,
    Waiting,
    decode_entry,
    encode_entry,
)

T = TypeVar("T")
FORMAT_VERSION = 1
MOST_WAITING = 100_000
"""Candidates, or rows on their way out, before partitions must wait."""

_PUT = """
local p, most = KEYS[1], tonumber(ARGV[1])
if redis.call('ZCARD', p .. 'waiting') + (#ARGV - 1) / 3 > most then return 0 end
local decided = tonumber(redis.call('GET', p .. 'decided') or '-9007199254740992')
for i = 2, #ARGV, 3 do
  if tonumber(ARGV[i]) >= decided then
    redis.call('ZADD', p .. 'waiting', ARGV[i], ARGV[i + 1])
    redis.call('HSET', p .. 'entries', ARGV[i + 1], ARGV[i + 2])
  end
end
return 1
"""
_REACHED = """
local before = redis.call('HGET', KEYS[1] .. 'reached', ARGV[1])
if not before or tonumber(before) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1] .. 'reached', ARGV[1], ARGV[2])
end
return 1
"""
_LOOK = """
local p = KEYS[1]
local found = redis.call('ZRANGE', p .. 'waiting', 0, tonumber(ARGV[1]) - 1)
local whole = #found < tonumber(ARGV[1])
if not whole then
  local last = redis.call('ZSCORE', p .. 'waiting', found[#found])
  local same = redis.call('ZRANGEBYSCORE', p .. 'waiting', last, last)
  local first = redis.call('ZRANK', p .. 'waiting', same[1])
  while #found > first do table.remove(found) end
  for _, member in ipairs(same) do found[#found + 1] = member end
end
local entries = {}
for i, member in ipairs(found) do
  entries[i] = redis.call('HGET', p .. 'entries', member)
end
return {redis.call('GET', p .. 'state') or '', redis.call('HGETALL', p .. 'reached'),
  redis.call('XLEN', p .. 'rows'), entries, whole and 1 or 0}
"""
_COMMIT = """
local p = KEYS[1]
if (redis.call('GET', p .. 'state') or '') ~= ARGV[1] then return 0 end
redis.call('SET', p .. 'state', ARGV[2])
redis.call('SET', p .. 'decided', ARGV[3])
redis.call('SET', p .. 'settled', ARGV[4])
local at = 5
local function each(write)
  local count = tonumber(ARGV[at])
  for i = at + 1, at + count do write(ARGV[i]) end
  at = at + 1 + count
end
each(function(member)
  redis.call('ZREM', p .. 'waiting', member)
  redis.call('HDEL', p .. 'entries', member)
end)
each(function(row) redis.call('XADD', p .. 'rows', '*', 'v', row) end)
each(function(record) redis.call('XADD', p .. 'log', '*', 'v', record) end)
return 1
"""

_REPLACE = """
redis.call('DEL', KEYS[1])
for i = 1, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], 'v', ARGV[i + 1]) end
return 1
"""


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What the allocator remembers: the same for whoever does its work next."""

    version: int = FORMAT_VERSION
    decided: int = BEGINNING
    """Microseconds: every candidate of an earlier second is decided."""
    settled: int = BEGINNING
    """Microseconds, a whole minute: what was decided before it has been told to the log."""
    seq: int = 0
    """Of the last record to the log."""
    granted: dict[str, Granted] = {}
    """By `rules.budget.spender`."""
    told: dict[str, int] = {}
    """Totals that were told to be used up, likewise."""


class Look(NamedTuple):
    """What there is to decide."""

    token: bytes
    """For `commit`: what was kept when this was seen."""
    kept: Kept
    reached: dict[int, int]
    """The clock of each partition that has said how far its candidates are here."""
    candidates: list[OutboxEntry]
    """The earliest, by second and offer; never a part of a second."""
    rows: int
    """Verdicts that wait to be published."""
    whole: bool
    """There are no further candidates."""


class BudgetStore:
    """The allocator's books. Every method raises `StoreUnavailableError`."""

    def __init__(self, redis: Redis, namespace: str = "xl") -> None:
        self._redis = redis
        self._prefix = f"{namespace}:{{budgets}}:"
        self._put = redis.register_script(_PUT)
        self._reached = redis.register_script(_REACHED)
        self._look = redis.register_script(_LOOK)
        self._commit = redis.register_script(_COMMIT)

    async def put(self, entries: Sequence[OutboxEntry]) -> None:
        """Takes candidates, each once however often it comes; raises `OutboxFullError`."""
        arguments: list[Any] = [MOST_WAITING]
        for entry in entries:
            arguments += (entry.second, _member(entry), encode_entry(entry))
        if not await _asked(self._put(keys=[self._prefix], args=arguments)):
            raise OutboxFullError(
                f"{MOST_WAITING} offers wait for their shared budget",
                remedy="see that every partition has a worker: the slowest one holds them up",
            )

    async def reached(self, partition: int, clock: int) -> None:
        """Every candidate that the partition decided before `clock` has been put here."""
        await _asked(self._reached(keys=[self._prefix], args=[partition, clock]))

    async def look(self, limit: int) -> Look:
        """The first `limit` candidates, to the end of the last one's second, and all the rest.

        Raises `StoredDataError` where what is kept cannot be read.
        """
        token, flat, rows, entries, whole = await _asked(
            self._look(keys=[self._prefix], args=[limit])
        )
        clocks = {int(name): int(clock) for name, clock in zip(flat[::2], flat[1::2], strict=True)}
        candidates = [decode_entry(data) for data in entries]
        return Look(token, _kept(token), clocks, candidates, rows, bool(whole))

    async def commit(
        self,
        token: bytes,
        kept: Kept,
        taken: Sequence[OutboxEntry] = (),
        rows: Sequence[OutboxEntry] = (),
        records: Sequence[Told] = (),
    ) -> bool:
        """Writes a decision, all of it; or nothing and False, where another one was made since."""
        arguments: list[Any] = [token, _encoder.encode(kept), kept.decided, kept.settled]
        for values in (
            [_member(entry) for entry in taken],
            [encode_entry(entry) for entry in rows],
            [_encoder.encode(record) for record in records],
        ):
            arguments += (len(values), *values)
        return bool(await _asked(self._commit(keys=[self._prefix], args=arguments)))

    async def rows(self, limit: int) -> list[Waiting]:
        """Decided verdicts on their way out, as `stream.state.OutboxEntry`, the oldest first."""
        return await self._stream("rows", limit)

    async def records(self, limit: int) -> list[Waiting]:
        """Records on their way to the log, as `Told`, the oldest first."""
        return await self._stream("log", limit)

    async def rows_out(self, ids: Sequence[str]) -> None:
        """Takes published verdicts out."""
        await _asked(self._redis.xdel(self._prefix + "rows", *ids))

    async def records_out(self, ids: Sequence[str]) -> None:
        """Takes records that are safe on the log out."""
        await _asked(self._redis.xdel(self._prefix + "log", *ids))

    async def candidates(self, at_once: int) -> AsyncIterator[dict[str, OutboxEntry]]:
        """Those that wait to be decided, some at a time, as `put_back` takes them."""
        cursor = 0
        while True:
            cursor, found = await _asked(
                self._redis.hscan(self._prefix + "entries", cursor, count=at_once)
            )
            yield {member.decode(): decode_entry(data) for member, data in found.items()}
            if not cursor:
                return

    async def put_back(self, candidates: Mapping[str, OutboxEntry]) -> None:
        """Candidates that wait, changed; nobody decides meanwhile."""
        if candidates:
            packed: dict[Any, Any] = {
                member: encode_entry(entry) for member, entry in candidates.items()
            }
            await _asked(self._redis.hset(self._prefix + "entries", mapping=packed))

    async def replace_records(self, records: Mapping[str, Told]) -> None:
        """The records on their way to the log, all of them, changed; by their ids, in order."""
        arguments = [part for id_, told in records.items() for part in (id_, _encoder.encode(told))]
        script = self._redis.register_script(_REPLACE)
        await _asked(script(keys=[self._prefix + "log"], args=arguments))

    async def settled(self) -> int:
        """Microseconds: the capture minute up to which the log has been told."""
        return int(await _asked(self._redis.get(self._prefix + "settled")) or BEGINNING)

    async def used(self) -> bool:
        """Whether anybody ever had a shared budget here."""
        return bool(await _asked(self._redis.exists(self._prefix + "reached")))

    async def _stream(self, name: str, limit: int) -> list[Waiting]:
        entries = await _asked(self._redis.xrange(self._prefix + name, count=limit))
        return [Waiting(entry.decode(), fields[b"v"]) for entry, fields in entries]


_encoder = msgspec.msgpack.Encoder()
_kept_decoder = msgspec.msgpack.Decoder(Kept)
_record_decoder: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)


def record_of(data: bytes) -> Told:
    """The record for the log in `data`; raises `StoredDataError`."""
    try:
        return _record_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise StoredDataError(f"a record of the allocator cannot be read: {error}") from error


def _kept(data: bytes) -> Kept:
    try:
        kept = _kept_decoder.decode(data) if data else Kept()
    except msgspec.DecodeError as error:
        raise StoredDataError(f"what the allocator keeps cannot be read: {error}") from error
    if kept.version > FORMAT_VERSION:
        raise StoredDataError(
            f"the allocator's books have version {kept.version}, this reads {FORMAT_VERSION}",
            remedy="run the version of xinling that wrote them, or a newer one",
        )
    return kept


def _member(entry: OutboxEntry) -> str:
    return f"{entry.verdict.offer}:{entry.verdict.step}"


async def _asked(answer: Awaitable[T] | Any) -> Any:
    try:
        return await answer
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(
            f"Redis does not do its part: {type(error).__name__}: {error}",
            remedy="see that it runs, that address and password are right and its disk has room",
        ) from error
