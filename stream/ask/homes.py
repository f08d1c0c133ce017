"""Where a subscriber's rows lie on the topics, also those of before the partitions were others."""

from __future__ import annotations

from redis.asyncio import Redis

from stream.log import partition_of

_PAST = "xl:partitions:past"
"""Hash of a number of partitions to the log's epoch under which it was given up."""


async def homes(redis: Redis, subscriber: str, partitions: int) -> list[int]:
    """The partitions to look in, the present one first; raises redis.exceptions.RedisError."""
    past = [int(number) for number in await redis.hkeys(_PAST)]
    return list(dict.fromkeys(partition_of(subscriber, number) for number in (partitions, *past)))


async def moved_out(redis: Redis, partitions: int, epoch: str) -> None:
    """From now on there is another number of partitions."""
    await redis.hset(_PAST, str(partitions), epoch)


async def moved_within(redis: Redis, epoch: str) -> bool:
    """Whether the log of that epoch was written under several numbers of partitions."""
    return epoch.encode() in await redis.hvals(_PAST)
