"""Which offer a reply answers, and who has said no by one.

Before each submit the offer is noted under the pseudonym of the number it goes to, so that a reply
to a message whose submit never got its answer finds it too. The last sixteen of a number are kept,
for as long as the ledger. A no is in force from here at once: it does not wait for its place in the
log, which it gets through the topic `outcomes`.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from decoders.times import SECOND
from stream.redis_cluster import pages
from stream.sms.ledger import KEEP_SECONDS

ANSWER_SECONDS = 30 * 86_400
"""A keyword counts as an answer to an offer sent no longer ago; a no always counts."""
_MOST_OFFERS = 16
_SIGNIFICANT = 11
"""Digits of a number that are compared, from its end: a Chinese mobile number has as many, and an
SMSC may write it with or without country code."""


class Noted(NamedTuple):
    """An offer that went to a number."""

    offer: str
    address: str
    """The sender it was sent from."""
    time: int
    """Microseconds of wall time."""


class Moved(NamedTuple):
    """A subscriber whose name changes with the privacy key."""

    old: str
    new: str
    number: str
    """Where their offers went; digits."""


class Answers:
    """The last offers of each number in Redis. Every method raises redis.exceptions.RedisError."""

    def __init__(self, redis: Redis, pseudonyms: Pseudonyms) -> None:
        self._redis = redis
        self._pseudonyms = pseudonyms

    async def note(self, number: str, noted: Noted) -> None:
        """An offer is about to go to a number."""
        key, redis = self._key(number), self._redis
        await redis.zadd(key, {f"{noted.offer} {noted.address}": noted.time})
        await gather(
            redis.zremrangebyrank(key, 0, -_MOST_OFFERS - 1), redis.expire(key, KEEP_SECONDS)
        )

    async def of(self, number: str) -> list[Noted]:
        """The offers that went to a number, the latest first."""
        found: list[Any] = await self._redis.zrevrange(self._key(number), 0, -1, withscores=True)
        return [_noted(member, score) for member, score in found]

    async def say_no(self, subscriber: str) -> None:
        """From now on nothing more is submitted to a subscriber."""
        await self._redis.set(_NO + subscriber, b"1")

    async def said_no(self, subscriber: str) -> bool:
        """Whether a subscriber has opted out by a reply."""
        return bool(await self._redis.exists(_NO + subscriber))

    async def take_over(self, before: Answers, people: Sequence[Moved]) -> None:
        """What `before`, under another privacy key, has of `people`; it is gone there then."""
        if not people:
            return
        said_no = await self._redis.mget([_NO + one.old for one in people])
        async with self._redis.pipeline(transaction=False) as pipe:
            for one in people:
                pipe.zrange(before._key(one.number), 0, -1, withscores=True)
            found = await pipe.execute()
            gone: list[str] = []
            for one, noted, no in zip(people, found, said_no, strict=True):
                if noted:
                    pipe.zadd(self._key(one.number), dict(noted))
                    pipe.expire(self._key(one.number), KEEP_SECONDS)
                    gone.append(before._key(one.number))
                if no is not None:
                    pipe.set(_NO + one.new, no)
                    gone.append(_NO + one.old)
            for place in gone:
                pipe.delete(place)
            await pipe.execute()

    def _key(self, number: str) -> str:
        digits = "".join(each for each in number if each.isdigit())
        return "xl:answers:" + self._pseudonyms.number("reply " + digits[-_SIGNIFICANT:])


_NO = "xl:no:"


def answered(noted: list[Noted], address: str, now: int, *, opts_out: bool) -> list[Noted]:
    """The offers that a reply to `address` at `now` may answer, the likeliest first.

    `noted` as `Answers.of` gives it. Those from that address; for a keyword, within
    `ANSWER_SECONDS`. A no to any of our addresses is a no, whichever of them sent.
    """
    same = [each for each in noted if _ours(each.address) == _ours(address)]
    if opts_out:
        return [*same, *(each for each in noted if each not in same)]
    return [each for each in same if now - each.time <= ANSWER_SECONDS * SECOND]


def _ours(address: str) -> str:
    """As it is compared: handsets answer 10086 with or without a plus and zeros in front."""
    return address.lstrip("+0").upper()


def _noted(member: bytes | str, score: float) -> Noted:
    offer, _, address = text(member).partition(" ")
    return Noted(offer, address, int(score))


async def who_said_no(redis: Redis, prefix: str, at_once: int) -> AsyncIterator[list[str]]:
    """Who has opted out by a reply, of those whose names begin with `prefix`, some at a time."""
    async for places in pages(redis, f"{_NO}{prefix}*", at_once):
        yield [place.removeprefix(_NO) for place in places]


async def forget_no(redis: Redis, subscribers: Sequence[str]) -> None:
    """That they have opted out is kept elsewhere now."""
    if subscribers:
        await redis.delete(*(_NO + name for name in subscribers))


def text(value: bytes | str) -> str:
    """What Redis gives, as text."""
    return value if isinstance(value, str) else value.decode()
