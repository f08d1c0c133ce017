"""Rules and profiles onto the log, once for each content: what decides has a place in its order.

What was published last stands in Redis under the log's epoch. A publication that was cut off is
done again from its beginning; the records are the same, and the same twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from rules import profile as profiles
from rules.engine import RuleSet
from rules.errors import CampaignError, CampaignErrors
from rules.profile import Profile
from stream import rule_files
from stream.batcher import Addressed, Batcher
from stream.ingest import Writer
from stream.keys.past_keys import PastKeys
from stream.log import Erased, ProfileChanged, RulesChanged
from stream.sms.vault import Identity, Vault
from stream.state import PUBLICATION
from stream.topics import MAX_RECORD_BYTES, Log

_ROWS = 500
_MOST_OCTETS = MAX_RECORD_BYTES - (1 << 16)
"""Of a bundle: a record must hold it."""
SHARED = "shared"
"""The mark that is set while the rules in force have shared budgets."""


class Mark(Protocol):
    """Remembers what was published."""

    async def get(self, what: str) -> str | None:
        """The hash that was set last."""

    async def set(self, what: str, digest: str) -> None:
        """From now on this is what was published."""


class RedisMark:
    """`Mark` in Redis, under the log's epoch."""

    def __init__(self, redis: Redis, epoch: str) -> None:
        self._redis = redis
        self._key = f"xl:control:{epoch}"

    async def get(self, what: str) -> str | None:
        """See `Mark.get`."""
        found = await self._redis.hget(self._key, what)
        return found.decode() if isinstance(found, bytes) else found

    async def set(self, what: str, digest: str) -> None:
        """See `Mark.set`."""
        await self._redis.hset(self._key, what, digest)


class Control:
    """Publishes rules and profiles that the log does not have yet.

    Each one is a source of its own, whose records are applied once, however often Kafka has them.
    """

    def __init__(self, writer: Writer, log: Log, mark: Mark, past: PastKeys | None = None) -> None:
        """`past`: who said no under a key before, by the IMSIs that come with profiles."""
        self._past = past
        self._writer = writer
        self._mark = mark
        self._batcher = Batcher(PUBLICATION + uuid4().hex[:16], log.epoch, log.partitions)

    async def rules(self, bundle: dict[str, bytes]) -> bool:
        """Publishes the rules to every partition; False where they are the ones in force.

        Raises CampaignErrors for rules that cannot be used; nothing is published then.
        """
        rules = RuleSet.load(bundle, running=True, allocated=True)
        if (octets := sum(map(len, bundle.values()))) > _MOST_OCTETS:
            raise CampaignErrors(
                [
                    CampaignError(
                        f"the rules' files hold {octets} octets",
                        remedy=f"keep them under {_MOST_OCTETS}",
                    )
                ]
            )
        shared = any(each.shared_budget for each in rules.campaigns)
        if await self._mark.get("rules") == rules.hash:
            return False
        if shared:
            await self._mark.set(SHARED, "1")
        await self._write(self._batcher.change_everywhere(RulesChanged(rules.hash, bundle)))
        await self._writer.flush()
        await self._mark.set("rules", rules.hash)
        if not shared:
            await self._mark.set(SHARED, "")
        return True

    async def profiles(self, file: str, pseudonyms: Pseudonyms, vault: Vault) -> int:
        """Publishes a file's profiles and fills the vault; 0 where its content was published.

        Raises FileError; what stands before the line at fault is published then, and will be again.
        """
        digest = _digest(Path(file), pseudonyms)
        if await self._mark.get("profiles") == digest:
            return 0
        done = await self.load(rule_files.profiles(file), pseudonyms, vault)
        await self._mark.set("profiles", digest)
        return done

    async def load(
        self, rows: Iterable[tuple[str, str, Profile]], pseudonyms: Pseudonyms, vault: Vault
    ) -> int:
        """Publishes profiles (IMSI, MSISDN, profile) and fills the vault first; how many.

        Returns when all are safe. Raises redis.exceptions.RedisError, KafkaUnavailableError.
        """
        done = 0
        pseudonymous = _pseudonymous(iter(rows), pseudonyms)
        while chunk := list(islice(pseudonymous, _ROWS)):
            await vault.put({who: identity for who, identity, _ in chunk})
            said_no = await self._said_no([identity.imsi for _, identity, _ in chunk])
            for (who, _, loaded), no in zip(chunk, said_no, strict=True):
                profile = profiles.opted_out(loaded) if no else loaded
                change = ProfileChanged(who, profiles.encode(profile))
                await self._write(self._batcher.change(change))
            done += len(chunk)
        await self._write(self._batcher.flush())
        await self._writer.flush()
        return done

    async def _said_no(self, imsis: list[str]) -> list[bool]:
        return [False] * len(imsis) if self._past is None else await self._past.opted_out(imsis)

    async def erase(self, subscriber: str) -> None:
        """Publishes that a subscriber is to be forgotten; returns when that is safe."""
        await self._write(self._batcher.change(Erased(subscriber)))
        await self._write(self._batcher.flush())
        await self._writer.flush()

    async def _write(self, addressed: list[Addressed]) -> None:
        for partition, batch in addressed:
            await self._writer.write(partition, batch)


def _pseudonymous(
    rows: Iterator[tuple[str, str, Profile]], pseudonyms: Pseudonyms
) -> Iterator[tuple[str, Identity, Profile]]:
    for imsi, msisdn, profile in rows:
        yield pseudonyms.subscriber(imsi), Identity(imsi, msisdn), profile


def _digest(file: Path, pseudonyms: Pseudonyms) -> str:
    """Of the content, under the key's version: another key means other subscribers."""
    state = blake2b(str(pseudonyms.version).encode(), digest_size=16)
    with file.open("rb") as opened:
        while chunk := opened.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()
