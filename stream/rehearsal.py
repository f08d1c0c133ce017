"""`xinling replay`: captures and the files that decide in, verdict rows out, no broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profile_codec
from rules.campaign import DRAFT
from rules.engine import RuleSet
from rules.verdicts import Verdict
from stream import garbage, printed, rule_files, writers
from stream.ask import outlook_view
from stream.ask.outlook import Campaign, Outlook
from stream.closed_loop import ANYWAY, OFFER, PRODUCTS, Market
from stream.log import ProfileChanged, RulesChanged
from stream.offline import Captures, Reading, correlation, say
from stream.replay import Change, Replay, Replayed


class Files(NamedTuple):
    """What decides besides the captures."""

    campaigns: Path | None
    areas: Path | None = None
    cells: Path | None = None
    profiles: Path | None = None
    settings: Path | None = None


class Simulated(NamedTuple):
    """People who answer offers."""

    folder: Path
    """What `xinling simulate` wrote."""
    outcomes: Path | None = None
    """Where their answers are written."""


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
    simulated: Simulated | None = None,
) -> None:
    """Write the verdict rows to `offers`, and say on standard error what it came to.

    Where `launch` wants it, an outlook goes to standard output. Raises what is wrong with the
    files before anything is read, with the captures at the end.
    """
    bundle = rule_files.bundle(files.campaigns, files.areas, files.cells, files.settings)
    before = RuleSet.load(bundle)
    bundle = launched(before, bundle, launch.drafts)
    changes = list(changes_of(bundle, files.profiles))
    captures = Captures(reading)
    outlook = Outlook([Campaign(one.id, one.title, one.status) for one in before.campaigns])
    say("pseudonyms are made with the public test key")
    with (
        writers.opened(offers, "jsonl", (), frozenset()) as writer,
        _market(simulated) as market,
    ):

        def take(verdict: Verdict) -> None:
            writer.write(verdict.row())
            if launch.wanted:
                outlook.take(verdict)
            if market is not None:
                market.take(verdict)

        answers = None if market is None else market.reached
        garbage.settle()
        run = Replay(take, partitions=workers, answers=answers)
        signals = captures.signals(correlation(reading))
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


def changes_of(bundle: dict[str, bytes], profiles: Path | None) -> Iterator[Change]:
    """The rules and the profiles, as the log's first records."""
    yield RulesChanged(RuleSet.load(bundle, running=True, allocated=True).hash, bundle)
    if profiles is None:
        return
    pseudonyms = Pseudonyms(TEST_KEY)
    for imsi, _, profile in rule_files.profiles(profiles):
        yield ProfileChanged(pseudonyms.subscriber(imsi), profile_codec.encode(profile))


@contextmanager
def _market(simulated: Simulated | None) -> Iterator[Market | None]:
    """The people who answer, if any; in the end, what the campaigns really changed."""
    if simulated is None:
        yield None
        return
    with ExitStack() as stack:
        rows = None
        if simulated.outcomes is not None:
            rows = stack.enter_context(writers.opened(simulated.outcomes, "jsonl", (), frozenset()))
        write = (lambda _outcome: None) if rows is None else (lambda one: rows.write(one.row()))
        market = Market(simulated.folder, write)
        yield market
        market.close()
    for campaign in PRODUCTS:
        say(_brought(market, campaign))


def _brought(market: Market, campaign: str) -> str:
    """What a campaign did and really changed, on one line."""
    effect = market.effect(campaign)
    offered, anyway = (market.sign_ups[campaign, why] for why in (OFFER, ANYWAY))
    return (
        f"{campaign}: {effect.sent} sent, {effect.control} control, {offered} sign-ups by offer, "
        f"{anyway} anyway, true uplift {effect.uplift:.2%}"
    )


def _tell(replayed: Replayed) -> None:
    say(
        f"{replayed.events} events, {replayed.verdicts} verdicts, "
        f"{replayed.pending} timers still pending at the end"
    )
    if replayed.pending:
        say("--until TIME lets the clock run on for them")
    if replayed.faults:
        say(f"{replayed.faults} records could not be used; see the log above")
