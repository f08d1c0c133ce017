"""`xinling tail`: what a running service is doing, a line an event, verdict or outcome, masked."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from decoders.errors import XinlingError
from decoders.events import TYPES
from decoders.times import to_text
from stream import config as configuration
from stream import log, topics
from stream.ask import told
from stream.cancelling import until_interrupted
from stream.config import Config
from stream.log import LogError, RulesChanged, Signal
from stream.publishing import outcome_of, verdict_of
from stream.sms.outcomes import Outcome
from stream.topic_reader import Record, TopicReader


class Wanted(NamedTuple):
    """What to show; everything where neither is given."""

    types: frozenset[str] = frozenset()
    """Types of events."""
    campaign: str | None = None
    """Verdicts and outcomes of this one."""

    @property
    def events(self) -> bool:
        """Whether events are shown."""
        return bool(self.types) or self.campaign is None

    @property
    def decisions(self) -> bool:
        """Whether verdicts and outcomes are shown."""
        return self.campaign is not None or not self.types

    def topics(self) -> list[str]:
        """Where it stands."""
        decided = [topics.VERDICTS, topics.OUTCOMES] if self.decisions else []
        return [topics.EVENTS, *decided] if self.events else decided


def tail(config: Path | None, types: list[str], campaign: str | None) -> None:
    """Prints lines until interrupted; raises KafkaUnavailableError, ConfigError."""
    unknown = sorted(set(types) - set(TYPES))
    if unknown:
        raise XinlingError(
            f"no event type {unknown[0]!r}", key="--type", remedy=f"there are: {', '.join(TYPES)}"
        )
    loaded = configuration.load(str(config) if config else None, os.environ)
    lines = Lines(Wanted(frozenset(types), campaign))
    asyncio.run(until_interrupted(_follow(loaded, lines)))


async def _follow(config: Config, lines: Lines) -> None:
    async with TopicReader(config.kafka) as reader:
        async for record in reader.follow(lines.wanted.topics()):
            for line in lines.of(record):
                sys.stdout.write(line + "\n")
            sys.stdout.flush()


class Lines:
    """Records as lines."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self._rules = ""

    def of(self, record: Record) -> Iterator[str]:
        """The lines of a record; one that cannot be read is a line that says so."""
        try:
            if record.topic == topics.EVENTS:
                yield from self._batch(record.value)
            elif record.topic == topics.VERDICTS:
                yield from self._verdict(record.value)
            else:
                yield from self._outcome(outcome_of(record.value))
        except (LogError, ValueError, KeyError, TypeError):
            yield f"{record.topic} {record.partition}/{record.offset} cannot be read"

    def _batch(self, value: bytes) -> Iterator[str]:
        for item in log.decode(value).items:
            if isinstance(item, RulesChanged):
                yield from self._rules_changed(item)
            elif isinstance(item, Signal):
                event = item.event
                if not self.wanted.types or event.type in self.wanted.types:
                    head, _, rest = told.event_line(event, None, event.number_class).partition(
                        "   "
                    )
                    yield f"{head}  event    {told.short(event.subscriber)}  {rest}"

    def _rules_changed(self, item: RulesChanged) -> Iterator[str]:
        """Once, although every partition is told."""
        if item.hash != self._rules and not self.wanted.types:
            yield f"{'':27}  rules    {item.hash}"
        self._rules = item.hash

    def _verdict(self, value: bytes) -> Iterator[str]:
        verdict = verdict_of(value)
        if self.wanted.campaign in {None, verdict.campaign}:
            who = told.short(verdict.subscriber)
            said = told.outcome_text(verdict)
            yield (
                f"{to_text(verdict.time)}  verdict  {who}  {verdict.campaign}  {said}"
                f"  offer {verdict.offer}"
            )

    def _outcome(self, outcome: Outcome) -> Iterator[str]:
        if self.wanted.campaign in {None, outcome.campaign}:
            said = outcome.outcome + (f" ({outcome.reason})" if outcome.reason else "")
            yield (
                f"{to_text(outcome.time)}  outcome  {told.short(outcome.subscriber)}"
                f"  {outcome.campaign}  {said}  offer {outcome.offer}"
            )
