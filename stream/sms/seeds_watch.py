"""The file of test numbers, looked at while the service runs, into the vault.

A file with a mistake changes nothing: those before stay, and the log says so once. What the numbers
are stands in no log and no history (P6): how many there are does.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from redis.exceptions import RedisError

from decoders.pseudonyms import Pseudonyms
from stream import audit, rule_files
from stream.audit import Audit, Change
from stream.rule_files import FileError
from stream.rules_watch import LOOK_SECONDS, Looks
from stream.sms import seeds
from stream.sms.seeds import SeedList
from stream.sms.vault import Vault

logger = logging.getLogger(__name__)


class SeedsWatch:
    """Keeps the test numbers in Redis what the file says; without a file there are none."""

    def __init__(
        self, file: str, seed_list: SeedList, vault: Vault, pseudonyms: Pseudonyms, log: Audit
    ) -> None:
        self._file = file
        self._list = seed_list
        self._vault = vault
        self._pseudonyms = pseudonyms
        self._audit = log
        self._looks = Looks(lambda: rule_files.signature(None, file))
        self._refused = ""

    async def begin(self) -> None:
        """Takes the file as it is; raises RedisError.

        Raises FileError for one that cannot be used, unless there are test numbers of an earlier
        start: then these stay, as with any bad change.
        """
        try:
            self._looks.seen = self._looks.signature()
            await self._take()
        except FileError as error:
            if not await self._list.names():
                raise
            await self._refuse(error)

    async def run(self, ended: asyncio.Event) -> None:
        """Looks again and again until `ended`; what Redis does not take now it takes later."""
        while self._file and not ended.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), LOOK_SECONDS)
            with suppress(RedisError, OSError):
                await self.look()

    async def look(self) -> None:
        """Takes what has changed and was then left alone for a look; raises RedisError."""
        try:
            if self._looks.settled():
                await self._take()
        except FileError as error:
            await self._refuse(error)

    async def _take(self) -> None:
        """The file as it was seen; a mistake in it is told once, and is not read again."""
        seen = self._looks.seen
        try:
            wanted = seeds.numbers(self._file) if self._file else []
        except FileError:
            self._looks.taken = seen
            raise
        before = await self._list.names()
        await self._list.put(wanted, self._vault, self._pseudonyms)
        self._looks.taken, self._refused = seen, ""
        if wanted:
            logger.info("%d test numbers get every text first", len(wanted))
        if await self._list.names() != before:
            await self._note("seeds", f"{len(wanted)} test numbers")

    async def _refuse(self, error: FileError) -> None:
        if str(error) != self._refused:
            self._refused = str(error)
            logger.error("test numbers not loaded, those before stay: %s", error)
            await self._note("refused", self._file)

    async def _note(self, what: str, name: str) -> None:
        await self._audit.note(Change(time=audit.now(), who=audit.who(), what=what, name=name))
