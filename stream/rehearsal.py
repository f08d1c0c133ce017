"""`xinling replay`: captures and the files that decide in, verdict rows out, no broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profile_codec
from rules.engine import RuleSet
from stream import rule_files, writers
from stream.log import ProfileChanged, RulesChanged
from stream.offline import Captures, Reading, correlator, say
from stream.replay import Change, Replay, Replayed

PARTITIONS = 8
"""Of the embedded engine; nothing in the rows depends on it (P1)."""


class Files(NamedTuple):
    """What decides besides the captures."""

    campaigns: Path | None
    areas: Path | None = None
    cells: Path | None = None
    profiles: Path | None = None
    settings: Path | None = None


def replay(
    reading: Reading, files: Files, offers: Path, *, workers: int, until: int | None
) -> None:
    """Write the verdict rows to `offers`, and say on standard error what it came to.

    Raises what is wrong with the files before anything is read, with the captures at the end.
    """
    changes = list(_changes(files))
    captures = Captures(reading)
    say("pseudonyms are made with the public test key")
    with writers.opened(offers, "jsonl", (), frozenset()) as writer:
        run = Replay(
            lambda verdict: writer.write(verdict.row()), partitions=PARTITIONS, workers=workers
        )
        signals = captures.signals(correlator(reading))
        _tell(asyncio.run(run.run(signals, changes, until=until)))
    captures.check()


def _changes(files: Files) -> Iterator[Change]:
    """The rules and the profiles, as the log's first records."""
    bundle = rule_files.bundle(files.campaigns, files.areas, files.cells, files.settings)
    yield RulesChanged(RuleSet.load(bundle, running=True).hash, bundle)
    if files.profiles is None:
        return
    pseudonyms = Pseudonyms(TEST_KEY)
    for imsi, _, profile in rule_files.profiles(files.profiles):
        yield ProfileChanged(pseudonyms.subscriber(imsi), profile_codec.encode(profile))


def _tell(replayed: Replayed) -> None:
    say(
        f"{replayed.events} events, {replayed.verdicts} verdicts, "
        f"{replayed.pending} timers still pending at the end"
    )
    if replayed.pending:
        say("--until TIME lets the clock run on for them")
    if replayed.faults:
        say(f"{replayed.faults} records could not be used; see the log above")
