"""`xinling replay`: captures and the files that decide in, verdict rows out, no broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profile_codec
from rules.campaign import DRAFT
from rules.engine import RuleSet
from rules.verdicts import Verdict
from stream import outlook_view, printed, rule_files, writers
from stream.log import ProfileChanged, RulesChanged
from stream.offline import Captures, Reading, correlator, say
from stream.outlook import Campaign, Outlook
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


class Launch(NamedTuple):
    """What a manager wants to see before a launch."""

    drafts: str | None = None
    """Replay drafts as ``shadow`` (beside the others, in nobody's way) or as ``live``."""
    summary: bool = False
    html: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether an outlook is shown."""
        return self.summary or self.drafts is not None or self.html is not None


def replay(  # noqa: PLR0913  a command's options
    reading: Reading,
    files: Files,
    offers: Path,
    *,
    workers: int,
    until: int | None,
    launch: Launch = Launch(),  # noqa: B008  immutable
) -> None:
    """Write the verdict rows to `offers`, and say on standard error what it came to.

    Where `launch` wants it, an outlook goes to standard output. Raises what is wrong with the
    files before anything is read, with the captures at the end.
    """
    bundle = rule_files.bundle(files.campaigns, files.areas, files.cells, files.settings)
    before = RuleSet.load(bundle)
    bundle = launched(before, bundle, launch.drafts)
    changes = list(_changes(bundle, files.profiles))
    captures = Captures(reading)
    outlook = Outlook([Campaign(one.id, one.title, one.status) for one in before.campaigns])
    say("pseudonyms are made with the public test key")
    with writers.opened(offers, "jsonl", (), frozenset()) as writer:

        def take(verdict: Verdict) -> None:
            writer.write(verdict.row())
            if launch.wanted:
                outlook.take(verdict)

        run = Replay(take, partitions=PARTITIONS, workers=workers)
        signals = captures.signals(correlator(reading))
        _tell(asyncio.run(run.run(signals, changes, until=until)))
    if launch.wanted:
        outlook_view.show(outlook, before.settings.zone, printed.console())
    if launch.html is not None:
        outlook_view.page(outlook, before.settings.zone, launch.html)
    captures.check()


def launched(rules: RuleSet, bundle: dict[str, bytes], status: str | None) -> dict[str, bytes]:
    """The bundle of `rules` with its drafts in another status; as it is where that is None."""
    if status is None:
        return bundle
    drafts = [campaign for campaign in rules.campaigns if campaign.status == DRAFT]
    specs = {one.file: msgspec.structs.replace(one.spec, status=status) for one in drafts}
    return {**bundle, **{file: msgspec.json.encode(spec) for file, spec in specs.items()}}


def _changes(bundle: dict[str, bytes], profiles: Path | None) -> Iterator[Change]:
    """The rules and the profiles, as the log's first records."""
    yield RulesChanged(RuleSet.load(bundle, running=True, allocated=True).hash, bundle)
    if profiles is None:
        return
    pseudonyms = Pseudonyms(TEST_KEY)
    for imsi, _, profile in rule_files.profiles(profiles):
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
