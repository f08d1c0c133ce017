"""`xinling profiles load`: profiles of a file into a running service: its log and its vault."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from decoders.errors import XinlingError
from decoders.pseudonyms import Pseudonyms
from stream import audit, progress
from stream import config as configuration
from stream.audit import Audit, Change
from stream.config import Config
from stream.connected import redis_of
from stream.log_control import control_of
from stream.offline import say
from stream.profile_files import Bad, Good, ProfileRows
from stream.sms.vault import Vault

MOST_SHOWN = 10
"""Bad rows that are told on standard error; `--report` has all of them."""


class Report(Protocol):
    """Takes the rows that cannot be loaded."""

    def __call__(self, bad: Bad) -> None:
        """Takes one."""


def load(config: Path | None, file: Path, report: Path | None) -> None:
    """Loads every good row of `file`; raises XinlingError when there were bad ones, at the end.

    `report` gets a line ``file,line,reason`` for each bad row.
    """
    loaded = configuration.load(str(config) if config else None, os.environ)
    rows = ProfileRows(file)
    with ExitStack() as stack:
        bad = BadRows(file, report, stack)
        shown = progress.measured(rows, "rows", lambda: (rows.done, rows.total))
        done = asyncio.run(_into(loaded, good(shown, bad), file))
    say(f"{done:,} profiles loaded")
    if bad.number:
        raise XinlingError(
            f"{bad.number:,} rows were not loaded",
            file=str(file),
            remedy=f"{report} names them" if report else "--report FILE names all of them",
        )


def good(rows: Iterator[Good | Bad], report: Report) -> Iterator[Good]:
    """The good rows; the others go to `report`."""
    for row in rows:
        if isinstance(row, Bad):
            report(row)
        else:
            yield row


class BadRows:
    """Tells the first bad rows, writes all of them to a file if there is one, and counts them."""

    def __init__(self, file: Path, report: Path | None, stack: ExitStack) -> None:
        """`stack` closes the report; raises XinlingError where it cannot be written."""
        self.number = 0
        self._file = file
        self._writer: Any = None
        if report is not None:
            try:
                opened = stack.enter_context(report.open("w", encoding="utf-8", newline=""))
            except OSError as error:
                raise XinlingError(
                    error.strerror or str(error), file=str(report), key="--report"
                ) from error
            self._writer = csv.writer(opened, lineterminator="\n")
            self._writer.writerow(("file", "line", "reason"))

    def __call__(self, bad: Bad) -> None:
        """Takes one."""
        self.number += 1
        if self._writer is not None:
            self._writer.writerow((self._file, bad.line, bad.reason))
        if self.number <= MOST_SHOWN:
            say(f"{self._file}:{bad.line}: {bad.reason}")
        elif self.number == MOST_SHOWN + 1:
            say("further rows are not shown")


async def _into(config: Config, rows: Iterator[Good], file: Path) -> int:
    """How many profiles came onto the log; the same twice changes nothing."""
    key = configuration.privacy_key(config)
    pseudonyms = Pseudonyms(key, config.privacy.key_version)
    async with redis_of(config, keyed=True) as redis, control_of(config, redis) as control:
        done = await control.load(rows, pseudonyms, Vault(redis, key))
        await Audit(redis).note(
            Change(
                time=audit.now(), who=audit.who(), what="profiles", name=f"{done} of {file.name}"
            )
        )
    return done
