"""The ledger: each offer is claimed before it is submitted, and only once (P2).

A record lives under ``xl:ledger:{OFFER}``. Offers whose outcome has not been told yet stand in
``xl:ledger:open`` with the wall time at which somebody must look after them: a process that was
killed between its claim and the SMSC's answer leaves one there, and `overdue` finds it.

A receipt may come before the answer that names its message. So both sides write first and read
then: `submitted` writes message id → offer and then looks for an early receipt; `receipt` keeps
what came and then looks for the offer. Whoever is second sees both.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from stream.redis_cluster import pages
from stream.sms import outcomes

KEEP_SECONDS = 155 * 86_400
"""Five months and a little: as long as proof of consent must be kept (MIIT's draft of 2020)."""
_RECEIPT_SECONDS = 8 * 86_400
"""An SMSC keeps trying for a week at most."""
_EARLY_SECONDS = 120
_GRANTED = 50_000
"""Claims that a process remembers besides Redis: tens of megabytes."""

_RECORD = "xl:ledger:{%s}"
_OPEN = "xl:ledger:open"
_ANSWERS = "xl:ledger:answers"
"""As `_OPEN`, of answers that have not been told yet."""

_UNTOLD = "untold"
_ANSWER, _ANSWER_UNTOLD = "answer", "answer_untold"

_CLAIM = """
local old = redis.call('HGET', KEYS[1], 'state')
if old and not (old == ARGV[1] and redis.call('HGET', KEYS[1], 'claimant') == ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'claimant', ARGV[2], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
_MOVE = """
local old = redis.call('HGET', KEYS[1], 'state') or ''
if not string.find(ARGV[2], '|' .. old .. '|', 1, true) then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""
_RELEASE = """
if redis.call('HGET', KEYS[1], 'state') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
_ANSWERED = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old == ARGV[5] or old == ARGV[3] or redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[4] and 1 or 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4])
return 1
"""
_MARK_PART = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGETALL', KEYS[1])
"""


class Entry(msgspec.Struct, frozen=True):
    """What the ledger holds of an offer."""

    offer: str
    campaign: str
    wave: int
    subscriber: str
    state: str
    reason: str | None = None
    parts: dict[str, str] = {}
    """The SMSC's message id of each part → the outcome its receipt gave, empty before one came."""
    untold: str = ""
    """Who wrote the state and has not told it as an outcome yet; empty when it has been told."""
    answer: str = ""
    """``replied`` or ``opted out``, whatever the state; empty where nobody answered."""
    answer_untold: str = ""
    """As `untold`, of the answer."""

    def from_receipts(self) -> str | None:
        """What the receipts of all parts say together; None while some are missing."""
        said = set(self.parts.values())
        if outcomes.FAILED in said:
            return outcomes.FAILED
        if "" in said or not said:
            return None
        return outcomes.UNKNOWN if outcomes.UNKNOWN in said else outcomes.DELIVERED


class _Granted(NamedTuple):
    """A claim of this process."""

    entry: Entry
    claimant: str


class Ledger:
    """Claims and outcomes of offers in Redis; message ids are unique under the name `smsc`.

    A Redis that lost its last second has forgotten claims. Whoever made them has not: it makes none
    of them again, and puts back what it has an outcome for.
    """

    def __init__(self, redis: Redis, smsc: str) -> None:
        self._redis = redis
        self._smsc = smsc
        self._claim = redis.register_script(_CLAIM)
        self._move = redis.register_script(_MOVE)
        self._mark_part = redis.register_script(_MARK_PART)
        self._release = redis.register_script(_RELEASE)
        self._answered = redis.register_script(_ANSWERED)
        self._granted: dict[str, _Granted] = {}
        """By offer, the latest."""

    async def claim(self, entry: Entry, deadline: int, claimant: str) -> bool:
        """Claims an offer for one submit; False when it was claimed or settled before.

        `deadline` (microseconds of wall time): when a claim without result counts as unknown.
        `claimant` names this one attempt: it may ask again when the answer to a claim was lost.
        """
        before = self._granted.get(entry.offer)
        if before is not None and before.claimant != claimant:
            return False
        await self._redis.zadd(_OPEN, {entry.offer: deadline}, nx=True)
        claim = _Granted(entry, claimant)
        granted = await self._write(claim)
        if granted:
            while len(self._granted) >= _GRANTED:
                del self._granted[next(iter(self._granted))]
            self._granted[entry.offer] = claim
        return granted

    async def _write(self, claim: _Granted) -> bool:
        """False where another one stands there, or what has followed it."""
        flat = [part for pair in _fields(claim.entry).items() for part in pair]
        args: list[str | int] = [outcomes.CLAIMED, claim.claimant, KEEP_SECONDS, *flat]
        return bool(await self._claim(keys=[_RECORD % claim.entry.offer], args=args))

    async def settle(self, entry: Entry, state: str, deadline: int, teller: str) -> bool:
        """Records `withheld` or `expired` for an offer never claimed; False when seen before.

        `teller` is who will tell it: see `move`.
        """
        if entry.offer in self._granted:
            return False
        await self._redis.zadd(_OPEN, {entry.offer: deadline}, nx=True)
        return await self._to(entry.offer, state, {**_fields(entry), _UNTOLD: teller})

    async def release(self, offer: str) -> None:
        """Takes back a claim of an offer that surely was not sent."""
        self._granted.pop(offer, None)
        await self._release(keys=[_RECORD % offer], args=[outcomes.CLAIMED])
        await self.told(offer)

    async def move(self, offer: str, state: str, reason: str | None, teller: str) -> bool:
        """Moves an offer on to `state`; False where `outcomes.MAY_FOLLOW` forbids it.

        `teller` names the one attempt that will tell of it: when the answer to this was lost, it
        finds its name in `Entry.untold`.
        """
        fields = {"reason": reason} if reason else {}
        return await self._to(offer, state, {**fields, _UNTOLD: teller})

    async def abandon(self, offer: str) -> bool:
        """Moves a claim without result to `unknown`; False where there is a result."""
        fields = {"reason": "no answer before its claimant ended", _UNTOLD: "settling"}
        return await self._to(offer, outcomes.UNKNOWN, fields, frozenset({outcomes.CLAIMED}))

    async def submitted(self, offer: str, message_ids: list[str]) -> str | None:
        """Records the SMSC's acceptance of every part; what early receipts said, if all came."""
        redis = self._redis
        await gather(
            *(redis.set(self._message_key(one), offer, ex=_RECEIPT_SECONDS) for one in message_ids)
        )
        found = await gather(*(redis.get(self._early_key(one)) for one in message_ids))
        early = dict(zip(message_ids, found, strict=True))
        fields = {
            f"part:{message_id}": _text(early[message_id] or b"") for message_id in message_ids
        }
        await self._to(offer, outcomes.SUBMITTED, fields)
        entry = await self.entry(offer)
        return entry.from_receipts() if entry else None

    async def receipt(self, message_id: str, outcome: str) -> tuple[Entry, str | None] | None:
        """Keeps a part's receipt; the offer and what its receipts say now, None if not ours."""
        await self._redis.set(self._early_key(message_id), outcome, ex=_EARLY_SECONDS)
        offer = await self._redis.get(self._message_key(message_id))
        if offer is None:
            return None
        flat = await self._mark_part(
            keys=[_RECORD % _text(offer)], args=[f"part:{message_id}", outcome]
        )
        if not flat:
            return None
        entry = _entry(_text(offer), dict(zip(flat[::2], flat[1::2], strict=True)))
        return entry, entry.from_receipts()

    async def answer(self, offer: str, answer: str, deadline: int, teller: str) -> bool:
        """Keeps what a subscriber answered; False for the same again and for what a no has ended.

        `teller` as in `move`: it is told by `deadline`, or by whoever finds it in
        `overdue_answers`.
        """
        await self._redis.zadd(_ANSWERS, {offer: deadline}, nx=True)
        new = await self._answered(
            keys=[_RECORD % offer],
            args=[_ANSWER, _ANSWER_UNTOLD, answer, teller, outcomes.OPTED_OUT],
        )
        return bool(new)

    async def answer_told(self, offer: str) -> None:
        """The offer's answer has been told."""
        redis = self._redis
        await gather(redis.hdel(_RECORD % offer, _ANSWER_UNTOLD), redis.zrem(_ANSWERS, offer))

    async def overdue_answers(self, now: int, limit: int = 1_000) -> list[str]:
        """Offers whose answer should have been told by `now`, the oldest first."""
        return await self._overdue(_ANSWERS, now, limit)

    async def entry(self, offer: str) -> Entry | None:
        """What is known of an offer."""
        fields = await self._redis.hgetall(_RECORD % offer)
        return _entry(offer, fields) if fields else None

    async def reopen(self, offer: str, deadline: int) -> None:
        """Announces an outcome: told by `deadline`, or told again by whoever finds it overdue."""
        await self._redis.zadd(_OPEN, {offer: deadline}, nx=True)

    async def told(self, offer: str) -> None:
        """The offer's outcome has been told; nobody needs to look after it."""
        redis = self._redis
        await gather(redis.hdel(_RECORD % offer, _UNTOLD), redis.zrem(_OPEN, offer))

    async def overdue(self, now: int, limit: int = 1_000) -> list[str]:
        """Offers whose deadline is at or before `now`, at most `limit`, the oldest first."""
        return await self._overdue(_OPEN, now, limit)

    async def _overdue(self, key: str, now: int, limit: int) -> list[str]:
        found = await self._redis.zrangebyscore(key, "-inf", now, start=0, num=limit)
        return [offer.decode() for offer in found if isinstance(offer, bytes)]

    async def _to(
        self,
        offer: str,
        state: str,
        fields: dict[str, str],
        after: frozenset[str | None] | None = None,
    ) -> bool:
        allowed = "|".join(before or "" for before in after or outcomes.MAY_FOLLOW[state])
        flat = [part for pair in fields.items() for part in pair]
        args: list[str | int] = [state, f"|{allowed}|", KEEP_SECONDS, *flat]
        if await self._move(keys=[_RECORD % offer], args=args):
            return True
        claim = self._granted.get(offer)
        if claim is None or not await self._write(claim):
            return False
        return bool(await self._move(keys=[_RECORD % offer], args=args))

    def _message_key(self, message_id: str) -> str:
        return f"xl:ledger:message:{self._smsc}:{message_id}"

    def _early_key(self, message_id: str) -> str:
        return f"xl:ledger:early:{self._smsc}:{message_id}"


def _fields(entry: Entry) -> dict[str, str]:
    fields = {
        "campaign": entry.campaign,
        "wave": str(entry.wave),
        "subscriber": entry.subscriber,
    }
    return {**fields, "reason": entry.reason} if entry.reason else fields


def _entry(offer: str, fields: Mapping[Any, Any]) -> Entry:
    plain = {_text(name): _text(value) for name, value in fields.items()}
    return Entry(
        offer=offer,
        campaign=plain["campaign"],
        wave=int(plain["wave"]),
        subscriber=plain["subscriber"],
        state=plain["state"],
        reason=plain.get("reason"),
        untold=plain.get(_UNTOLD, ""),
        answer=plain.get(_ANSWER, ""),
        answer_untold=plain.get(_ANSWER_UNTOLD, ""),
        parts={
            name.removeprefix("part:"): value
            for name, value in plain.items()
            if name.startswith("part:")
        },
    )


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()


async def of_subscribers(redis: Redis, prefix: str, at_once: int) -> AsyncIterator[dict[str, str]]:
    """Offers whose subscriber's name begins with `prefix`, with that name, some at a time."""
    head, tail = (_RECORD % "*").split("*")
    async for places in pages(redis, _RECORD % "*", at_once):
        async with redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hget(place, "subscriber")
            names = await pipe.execute()
        found = {
            place.removeprefix(head).removesuffix(tail): _text(name or b"")
            for place, name in zip(places, names, strict=True)
        }
        yield {offer: name for offer, name in found.items() if name.startswith(prefix)}


async def rename(redis: Redis, subscribers: Mapping[str, str]) -> None:
    """Offer → what its subscriber is called from now on."""
    async with redis.pipeline(transaction=False) as pipe:
        for offer, name in subscribers.items():
            pipe.hset(_RECORD % offer, "subscriber", name)
        await pipe.execute()
