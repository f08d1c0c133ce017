"""The seed list: test numbers that get every text before the first subscriber does.

A file with one number a line (what follows a comma or a # is a note). Only ingest gets to see it;
it puts the numbers into the vault, sealed like all others, under names that begin with `SEED` and
say nothing. No log, metric or row ever bears one (P6).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from stream.rule_files import FileError
from stream.sms.vault import Identity, Vault

SEED = "seed/"
"""What the names of test numbers begin with; no pseudonym does."""
MOST_SEEDS = 100
_NAMES = "xl:seeds"
_ASKED = "xl:seeds:asked"
_SHORTEST, _LONGEST = 3, 20


def numbers(file: str) -> list[str]:
    """The numbers in a file, each once; raises FileError with the line, never with what it says."""
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(
            f"cannot be read ({type(error).__name__})", file=file, key="rules.seeds"
        ) from error
    found = list(dict.fromkeys(_numbers(lines, file)))
    if len(found) > MOST_SEEDS:
        raise FileError(
            f"{len(found)} test numbers",
            file=file,
            key="rules.seeds",
            remedy=f"at most {MOST_SEEDS}: each gets every text",
        )
    return found


def _numbers(lines: list[str], file: str) -> Iterator[str]:
    for line, text in enumerate(lines, 1):
        number = text.partition("#")[0].partition(",")[0].strip()
        if not number or (line == 1 and number == "msisdn"):
            continue
        digits = number.removeprefix("+")
        if not (digits.isascii() and digits.isdigit() and _SHORTEST <= len(digits) <= _LONGEST):
            raise FileError(
                "not a number", file=file, line=line, key="rules.seeds", remedy="digits alone"
            )
        yield digits


class SeedList:
    """The test numbers of a service. Every method raises redis.exceptions.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, wanted: list[str], vault: Vault, pseudonyms: Pseudonyms) -> None:
        """From now on these are the test numbers, and no others."""
        named = {
            SEED + pseudonyms.number(f"seed {number}"): Identity("", number) for number in wanted
        }
        before = await self.names()
        await vault.put(named)
        await self._redis.set(_NAMES, msgspec.json.encode(list(named)))
        for name in before:
            if name not in named:
                await vault.forget(name)

    async def names(self) -> list[str]:
        """Their names in the vault, in the order of the file."""
        found = await self._redis.get(_NAMES)
        return msgspec.json.decode(found, type=list[str]) if found else []

    async def ask(self, campaign: str) -> None:
        """Asks delivery to send a campaign's texts to them, whatever its status."""
        await self._redis.sadd(_ASKED, campaign)

    async def asked(self) -> frozenset[str]:
        """The campaigns whose texts are asked for."""
        found = await self._redis.smembers(_ASKED)
        return frozenset(one if isinstance(one, str) else one.decode() for one in found)

    async def answered(self, campaign: str) -> None:
        """What was asked for has gone out."""
        await self._redis.srem(_ASKED, campaign)
