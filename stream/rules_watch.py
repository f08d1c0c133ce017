"""Live change: campaign files and stops, looked at while the service runs, onto the log.

A file that cannot be used changes nothing: what was good stays in force, the metric
``xinling_rules_refused`` is 1 and each mistake is logged once, until the files are right again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import blake2b

from redis.exceptions import RedisError

from decoders.errors import XinlingError
from rules.bundle import bundle_hash
from rules.errors import CampaignErrors
from stream import audit, metrics
from stream.audit import Audit, Change
from stream.rule_files import FileError
from stream.stops import Stops, stopping

LOOK_SECONDS = 0.4
"""Between two looks; a change is read at the second look that finds it the same."""

logger = logging.getLogger(__name__)

Bundle = dict[str, bytes]
Signature = Callable[[], object]
"""Something that differs when a file was written; raises FileError."""
Read = Callable[[], Bundle]
Publish = Callable[[Bundle], Awaitable[bool]]
"""Puts rules onto the log; False where they are in force; raises CampaignErrors."""


class Looks:
    """A file, or several, looked at again and again.

    Attributes:
        seen: the signature at the last look.
        taken: that of what was read last.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.seen: object = None
        self.taken: object = None

    def settled(self) -> bool:
        """Whether it has changed and was then left alone for a look; raises FileError."""
        before, self.seen = self.seen, self.signature()
        return before == self.seen != self.taken


class RulesWatch:
    """Keeps the rules on the log what the files and the stops say."""

    def __init__(
        self, signature: Signature, read: Read, publish: Publish, stops: Stops, log: Audit
    ) -> None:
        self._looks = Looks(signature)
        self._read = read
        self._publish = publish
        self._stops = stops
        self._audit = log
        self._good: Bundle = {}
        self._stopped: frozenset[str] = frozenset()
        self._refused = ""

    async def begin(self, in_force: Bundle | None = None) -> None:
        """Publishes what the files say now; raises RedisError.

        Files that cannot be used raise CampaignErrors or FileError, unless a start before this one
        left rules `in_force`: then these stay, as with any bad change.
        """
        try:
            self._looks.seen = self._looks.taken = self._looks.signature()
            bundle = await asyncio.to_thread(self._read)
            await self._into_force(bundle, await self._stops.names())
        except (CampaignErrors, FileError) as error:
            if not in_force:
                raise
            self._good = in_force
            await self._refuse(str(error), _mistakes(error))

    async def run(self, ended: asyncio.Event) -> None:
        """Looks again and again until `ended`; raises what publishing raises."""
        away = False
        while not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), LOOK_SECONDS)
            try:
                await self.look()
                away = False
            except (RedisError, OSError) as error:
                if not away:
                    logger.warning("stops cannot be looked up (%s)", type(error).__name__)
                away = True

    async def look(self) -> None:
        """Takes in what has changed since the last look; raises RedisError."""
        stopped = await self._stops.names()
        bundle = await self._changed_files()
        if bundle is not None:
            try:
                await self._into_force(bundle, stopped)
                self._accepted()
            except CampaignErrors as errors:
                await self._refuse(str(errors), _mistakes(errors))
        if stopped != self._stopped:
            await self._into_force(self._good, stopped)

    async def _changed_files(self) -> Bundle | None:
        """The files, once what changed in them has been left alone for a look."""
        looks = self._looks
        try:
            if not looks.settled():
                return None
            bundle = await asyncio.to_thread(self._read)
            if looks.signature() != looks.seen:
                return None
        except FileError as error:
            await self._refuse(str(error), _mistakes(error))
            return None
        looks.taken = looks.seen
        if bundle == self._good:
            self._accepted()
            return None
        return bundle

    async def _into_force(self, bundle: Bundle, stopped: frozenset[str]) -> None:
        effective = stopping(bundle, stopped)
        published = await self._publish(effective)
        before, self._good, self._stopped = self._good, bundle, stopped
        if published:
            metrics.rules_published.inc()
            await self._audit.note(
                Change(
                    time=audit.now(),
                    who=audit.who(),
                    what="rules",
                    name="stopped: " + ", ".join(sorted(stopped)) if stopped else "",
                    hash=bundle_hash(effective),
                    files=changed(before, bundle),
                )
            )

    async def _refuse(self, what: str, errors: Sequence[XinlingError]) -> None:
        metrics.rules_refused.set(1)
        if what == self._refused:
            return
        self._refused = what
        for error in errors:
            logger.error("rules not loaded, those before stay in force: %s", error)
        names = ", ".join(sorted({error.file or "" for error in errors}))
        await self._audit.note(
            Change(time=audit.now(), who=audit.who(), what="refused", name=names)
        )

    def _accepted(self) -> None:
        metrics.rules_refused.set(0)
        self._refused = ""


def _mistakes(error: CampaignErrors | FileError) -> Sequence[XinlingError]:
    return error.errors if isinstance(error, CampaignErrors) else [error]


def changed(before: Bundle, after: Bundle) -> dict[str, str]:
    """The files that differ, with the hash of what they hold now; empty for one that is gone."""
    return {
        name: blake2b(after[name], digest_size=16).hexdigest() if name in after else ""
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
