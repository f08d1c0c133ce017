"""The delivery vault: the only place where a subscriber's clear identity is kept (P6).

A record is sealed with AES-256-GCM under a key that HKDF derives from the service's privacy key,
and bound to its subscriber: a record copied under another pseudonym does not open.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis.asyncio import Redis

from decoders.errors import XinlingError
from stream.redis_cluster import pages

_PREFIX = "xl:vault:"
_FORM = b"\x01"
"""First byte of a sealed record: how it is made. A change of key or cipher gets the next."""
_NONCE_BYTES = 12


class VaultError(XinlingError):
    """A record that does not open: another key sealed it, or it was changed."""


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """A subscriber in clear."""

    imsi: str
    msisdn: str
    """Digits, with country code where the operator's SMSC wants it."""

    def __repr__(self) -> str:
        """Without digits, so that no log and no traceback bears them."""
        return "Identity(…)"


def masked(number: str) -> str:
    """`number` for people's eyes: its last two digits, the others as ``•``."""
    return "•" * max(len(number) - 2, 0) + number[-2:] if len(number) > 3 else "•" * len(number)


class Vault:
    """Sealed identities in Redis, by subscriber pseudonym."""

    def __init__(self, redis: Redis, privacy_key: bytes) -> None:
        self._redis = redis
        derived = HKDF(SHA256(), length=32, salt=None, info=b"xinling delivery vault")
        self._cipher = AESGCM(derived.derive(privacy_key))

    async def put(self, identities: Mapping[str, Identity]) -> None:
        """Keeps pseudonym → identity, replacing what was there; one round trip."""
        if not identities:
            return
        sealed: dict[Any, Any] = {
            _PREFIX + who: self._seal(who, identity) for who, identity in identities.items()
        }
        await self._redis.mset(sealed)

    async def get(self, subscriber: str) -> Identity | None:
        """The identity behind a pseudonym, or None; raises `VaultError` when it does not open."""
        sealed = await self._redis.get(_PREFIX + subscriber)
        assert not isinstance(sealed, str), "the connection must not decode responses"
        return None if sealed is None else self._open(subscriber, sealed)

    async def get_all(self, subscribers: Collection[str]) -> dict[str, Identity]:
        """The identities that are known, by pseudonym; raises `VaultError` as `get` does."""
        names = list(subscribers)
        sealed = await self._redis.mget([_PREFIX + name for name in names]) if names else []
        return {
            name: self._open(name, record)
            for name, record in zip(names, sealed, strict=True)
            if isinstance(record, bytes)
        }

    async def forget_all(self, subscribers: Collection[str]) -> None:
        """Erases identities; one round trip."""
        if subscribers:
            await self._redis.delete(*(_PREFIX + name for name in subscribers))

    async def forget(self, subscriber: str) -> bool:
        """Erases an identity; whether there was one."""
        return bool(await self._redis.delete(_PREFIX + subscriber))

    def _seal(self, subscriber: str, identity: Identity) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = msgspec.msgpack.encode(identity)
        return _FORM + nonce + self._cipher.encrypt(nonce, plain, subscriber.encode())

    def _open(self, subscriber: str, sealed: bytes) -> Identity:
        form, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if form != _FORM:
                raise VaultError("a vault record is of a form that this version does not read")
            plain = self._cipher.decrypt(nonce, body, subscriber.encode())
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                "a vault record does not open with this privacy key",
                key="privacy.key",
                remedy="start with the key that sealed it, or load the profiles again",
            ) from error
        return msgspec.msgpack.decode(plain, type=Identity)


async def in_vault(redis: Redis, prefix: str, at_once: int) -> AsyncIterator[list[str]]:
    """The pseudonyms beginning with `prefix` under which somebody is known, some at a time.

    One may come twice. Who is put or erased meanwhile may come or not.
    """
    async for places in pages(redis, f"{_PREFIX}{prefix}*", at_once):
        yield [place.removeprefix(_PREFIX) for place in places]
