"""How what is kept of a partition lies in Redis: names in few bytes, many subscribers to a key.

A key of its own costs a subscriber some 90 bytes beside what it holds; an entry of a small hash, 4.
So subscribers lie in buckets, 4,096 a partition and kind, by the first bits of their pseudonym: up
to some hundred and fifty in each at 600,000 subscribers a partition. Redis keeps such a hash as one
list of bytes as long as `hash-max-listpack-value` allows its longest entry (deploy/redis).

Keys of partition 7, all with one hash tag so that the scripts run on Redis Cluster too::

    xl:{p7}:progress      `stream.state.encode_progress`
    xl:{p7}:state:0a3     hash of `field` to packed state (`rules.packed`)
    xl:{p7}:profile:0a3   hash of `field` to packed profile (`rules.profile`)
    xl:{p7}:timers:0a3    sorted set of `field` by due time, microseconds (exact below 2**53)
    xl:{p7}:due           sorted set of buckets by their earliest timer
    xl:{p7}:outbox        stream of verdicts on their way out
    xl:{p7}:rules         hash of file name to content: the rules in force
    xl:{p7}:aside         hash of subscriber to the reason why its state could not be read
    xl:{p7}:layout        `CURRENT`; absent where the first layout may still hold somebody

The first layout had a key for each subscriber, ``s:NAME`` and ``f:NAME``, and one sorted set,
``timers``. What it holds is read where the buckets hold nothing, and moves when it is written.
"""

from __future__ import annotations

CURRENT = 2
BUCKETS = 4096
SMALL_ENTRY = 1024
"""Octets up to which Redis should keep an entry in a small hash (deploy/redis/redis.conf)."""
_PSEUDONYM = 26
_FIELD = 13
_KEYS = frozenset("123456789")
_OTHER = b"\x00"
"""Before a name that is no pseudonym."""


def field(subscriber: str) -> bytes:
    """A subscriber's name in thirteen bytes, if it is a pseudonym: its key's version, its digits.

    Fields stand in the order of names.
    """
    if len(subscriber) == _PSEUDONYM and subscriber[1] == "-" and subscriber[0] in _KEYS:
        try:
            packed = bytes.fromhex(f"0{subscriber[0]}{subscriber[2:]}")
        except ValueError:
            packed = b""
        if len(packed) == _FIELD and subscriber == subscriber.lower():
            return packed
    return _OTHER + subscriber.encode()


def subscriber(packed: bytes) -> str:
    """The name that `field` packed."""
    version = packed[0]
    return f"{version}-{packed[1:].hex()}" if version else packed[1:].decode()


def octets(value: bytes | str | None) -> bytes:
    """Text in UTF-8; None as nothing."""
    return value.encode() if isinstance(value, str) else value or b""
