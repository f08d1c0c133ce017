"""Keys that were in force before: what is known of people whom nobody could name when they changed.

A change of the key (`rekey`) moves what is kept of everybody whose IMSI the vault or the
table of TMSIs knows. Of the others one thing must not be lost: that they said no (P3). It stays
under the pseudonym of that time, and so does that key, sealed under the one in force. Nobody is
sent anything without a profile, and whoever loads one has the IMSI: there the no is found again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from stream.keys.sealing import Seal

_KEYS = "xl:key:past"
_NO = "xl:key:past:no"
_PURPOSE = b"xinling past keys"


class PastKeys:
    """The keys before, and the opt-outs that stand under them; an object of one loading."""

    def __init__(self, redis: Redis, privacy_key: bytes) -> None:
        """`privacy_key` is the one in force."""
        self._redis = redis
        self._seal = Seal(privacy_key, _PURPOSE)
        self._known: list[Pseudonyms] | None = None

    async def keep(self, version: int, key: bytes) -> None:
        """`key` was in force until now; the same again changes nothing."""
        await self._redis.hset(_KEYS, str(version), self._seal.seal(str(version), key))
        self._known = None

    async def keys(self) -> dict[int, bytes]:
        """Version → key. Raises InvalidTag where the key in force is not the one that sealed it."""
        stored = await self._redis.hgetall(_KEYS)
        texts = {_text(version): sealed for version, sealed in stored.items()}
        return {int(text): self._seal.open(text, sealed) for text, sealed in texts.items()}

    async def openable(self) -> dict[int, bytes]:
        """Those of `keys` that the key in force opens: between two keys both open some."""
        found = {}
        for version, sealed in (await self._redis.hgetall(_KEYS)).items():
            with suppress(InvalidTag):
                found[int(version)] = self._seal.open(_text(version), sealed)
        return found

    async def said_no(self, subscribers: Iterable[str]) -> None:
        """These people, known by the pseudonyms of a key before, have opted out."""
        names = list(subscribers)
        if names:
            await self._redis.sadd(_NO, *names)

    async def opted_out(self, imsis: list[str]) -> list[bool]:
        """Of each IMSI, whether its subscriber said no under one of the keys before."""
        if self._known is None:
            self._known = [Pseudonyms(key, version) for version, key in (await self.keys()).items()]
        if not self._known or not imsis:
            return [False] * len(imsis)
        names = [past.subscriber(imsi) for imsi in imsis for past in self._known]
        found = await self._redis.smismember(_NO, names)
        width = len(self._known)
        return [any(found[at : at + width]) for at in range(0, len(found), width)]

    async def pseudonyms(self, imsi: str) -> list[str]:
        """What the subscriber was called under the keys before, the oldest first."""
        return [
            Pseudonyms(key, version).subscriber(imsi)
            for version, key in sorted((await self.keys()).items())
        ]


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
