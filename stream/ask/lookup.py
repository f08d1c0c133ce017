"""Where the rows of an offer are: in a replay's file, or on the topics of a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from decoders.errors import XinlingError
from decoders.events import Event
from decoders.times import SECOND
from rules.verdicts import Verdict
from stream import log, topics
from stream.ask.homes import homes
from stream.config import Config
from stream.log import Batch, LogError, Signal
from stream.publishing import outcome_of, verdict_of
from stream.sms.ledger import Ledger
from stream.sms.outcomes import Outcome
from stream.topic_reader import Record, TopicReader

_SLACK = 600 * SECOND
"""Of capture time: links whose clocks differ, and what came late."""
_BATCHES = 200
"""Records of the log read at a time: some 13 MB of events."""
_NEAREST = 5
"""Offers named where the one asked for is not in the file."""


class Found(NamedTuple):
    """What is kept of an offer."""

    steps: list[Verdict]
    """In order; at least one."""
    outcomes: list[Outcome]
    """In the order of their times; each once."""
    events: dict[str, Event] = {}
    """Of the evidence, by id, as far as the log still has them."""


class NotFoundError(XinlingError):
    """Nobody knows an offer of that id."""


def in_file(file: Path, offer: str) -> Found:
    """The steps of `offer` in the rows of `replay --offers`; raises NotFoundError.

    A replay submits nothing: there are no outcomes.
    """
    steps = [verdict for verdict in verdicts_in(file) if verdict.offer == offer]
    if not steps:
        raise NotFoundError(
            f"no offer {offer} in it", file=str(file), remedy=_known(verdicts_in(file))
        )
    return Found(_in_order(steps), [])


def verdicts_in(file: Path) -> Iterable[Verdict]:
    """The verdicts of a file of rows; raises XinlingError with the line that is none."""
    try:
        with file.open("rb") as rows:
            for number, row in enumerate(rows, 1):
                yield _verdict(row, file, number)
    except OSError as error:
        raise XinlingError(
            error.strerror or str(error),
            file=str(file),
            remedy="name a file that `xinling replay --offers` wrote",
        ) from error


async def on_topics(config: Config, redis: Redis, offer: str) -> Found:
    """The rows of `offer` on the topics `verdicts` and `outcomes`, read from their end backwards.

    Raises NotFoundError, KafkaUnavailableError.
    """
    async with TopicReader(config.kafka) as reader:
        wanted = await _partitions(config, redis, offer, reader)
        steps, oldest, partition = await _steps(reader, wanted, offer)
        if not steps:
            raise NotFoundError(
                f"no offer {offer} on the topic {topics.VERDICTS}",
                remedy=f"verdicts are kept for {config.kafka.verdicts_days} days; "
                "a replay's are in its file (--offers FILE)",
            )
        outcomes = [
            outcome_of(record.value)
            for place in await _homes(config, redis, steps[0].subscriber) or [partition]
            async for record in _since(reader, topics.OUTCOMES, place, oldest)
            if offer.encode() in record.value
        ]
        events = await _events(reader, partition, steps[0], oldest)
    told = {(row.outcome, row.reason): row for row in outcomes if row.offer == offer}
    return Found(_in_order(steps), sorted(told.values(), key=lambda row: row.time), events)


async def _partitions(
    config: Config, redis: Redis, offer: str, reader: TopicReader
) -> Sequence[int]:
    """Where to look: one partition where the ledger knows whose the offer is, or a few."""
    try:
        entry = await Ledger(redis, "").entry(offer)
    except (RedisError, OSError):
        entry = None
    known = await _homes(config, redis, entry.subscriber) if entry is not None else []
    return known or reader.partitions()


async def _homes(config: Config, redis: Redis, subscriber: str) -> Sequence[int]:
    """Where the subscriber's rows may be; nothing where Redis does not say."""
    try:
        return await homes(redis, subscriber, config.kafka.partitions)
    except (RedisError, OSError):
        return []


async def _steps(
    reader: TopicReader, partitions: Sequence[int], offer: str
) -> tuple[list[Verdict], int, int]:
    """The steps of an offer, when the first of them was written (milliseconds), and where."""
    for partition in partitions:
        steps: list[Verdict] = []
        async for record in reader.backwards(topics.VERDICTS, partition):
            if offer.encode() not in record.value:
                continue
            verdict = verdict_of(record.value)
            if verdict.offer == offer:
                steps.append(verdict)
                if verdict.step == 0:
                    return steps, record.written, partition
        if steps:
            return steps, 0, partition
    return [], 0, 0


async def _events(
    reader: TopicReader, partition: int, verdict: Verdict, written: int
) -> dict[str, Event]:
    """The events of the evidence: on the log before the row was, and not long before the first."""
    wanted = {sample.event for sample in verdict.evidence}
    oldest = min((sample.time for sample in verdict.evidence), default=verdict.time) - _SLACK
    found: dict[str, Event] = {}
    records = reader.backwards(topics.EVENTS, partition, before=written or None, chunk=_BATCHES)
    async for record in records:
        batch = _batch(record.value)
        if batch is None:
            continue
        for item in batch.items:
            if isinstance(item, Signal) and item.event.id in wanted:
                found[item.event.id] = item.event
        if len(found) == len(wanted) or batch.clock < oldest:
            break
    return found


def _batch(value: bytes) -> Batch | None:
    try:
        return log.decode(value)
    except LogError:
        return None


async def _since(
    reader: TopicReader, topic: str, partition: int, written: int
) -> AsyncIterator[Record]:
    async for record in reader.backwards(topic, partition):
        if record.written < written:
            return
        yield record


def _in_order(steps: list[Verdict]) -> list[Verdict]:
    """Each step once: rows may repeat."""
    return [step for _, step in sorted({step.step: step for step in steps}.items())]


def _verdict(row: bytes, file: Path, line: int) -> Verdict:
    try:
        return verdict_of(row)
    except (ValueError, KeyError, TypeError) as error:
        raise XinlingError(
            "no verdict row", file=str(file), line=line, remedy="name a file of `xinling replay`"
        ) from error


def _known(verdicts: Iterable[Verdict]) -> str:
    offers: dict[str, Any] = {}
    for verdict in verdicts:
        offers[verdict.offer] = None
        if len(offers) == _NEAREST:
            break
    return "it begins with: " + ", ".join(offers) if offers else "there is no verdict in it"
