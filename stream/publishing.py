"""Verdicts from the outbox onto the topics `verdicts` and `offers`; outcomes onto theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from decoders.times import from_text
from rules.verdicts import SEND, Verdict
from stream import topics
from stream.log import partition_of
from stream.publisher import Keyed, Publisher
from stream.sms.outcomes import Outcome
from stream.state import OutboxEntry

_TIMES = ("time", "not_before", "since")


class Publishing:
    """Rows as JSON, keyed by the subscriber's pseudonym, one subscriber always on one partition."""

    def __init__(self, publisher: Publisher, partitions: int) -> None:
        self._publisher = publisher
        self._partitions = partitions

    async def verdicts(self, partition: int, entries: list[OutboxEntry]) -> None:
        """Publishes entries in order; returns when all are safe. `stream.relay.Publish`.

        Offers follow when all verdicts are safe.
        """
        del partition  # rows go by their subscriber
        rows = [(entry.verdict, msgspec.json.encode(entry.verdict.row())) for entry in entries]
        await self._rows(topics.VERDICTS, rows)
        await self._rows(topics.OFFERS, [one for one in rows if is_offer(one[0])])

    async def row(self, topic: str, subscriber: str, row: bytes) -> None:
        """Publishes one row; raises KafkaUnavailableError."""
        partition = partition_of(subscriber, self._partitions)
        await self._publisher.send(topic, row, partition=partition, key=subscriber.encode())

    async def _rows(self, topic: str, rows: Iterable[tuple[Verdict, bytes]]) -> None:
        """Publishes rows, those of a partition in their order."""
        found: defaultdict[int, list[Keyed]] = defaultdict(list)
        for verdict, row in rows:
            where = partition_of(verdict.subscriber, self._partitions)
            found[where].append((verdict.subscriber.encode(), row))
        for partition, records in found.items():
            await self._publisher.send_all(topic, partition, records)


def is_offer(verdict: Verdict) -> bool:
    """Whether a verdict is to be delivered; one of a campaign in the shadow is not."""
    return verdict.verdict == SEND and ("status", "shadow") not in verdict.checks


def verdict_of(row: bytes) -> Verdict:
    """The verdict of a row of the topics; raises ValueError for anything else."""
    plain: dict[str, Any] = msgspec.json.decode(row, type=dict[str, Any])
    for name in _TIMES:
        if name in plain:
            plain[name] = from_text(plain[name])
    for sample in plain.get("evidence", ()):
        sample["time"] = from_text(sample["time"])
    return msgspec.convert(plain, Verdict)


def outcome_of(row: bytes) -> Outcome:
    """The outcome of a row of the topic `outcomes`; raises ValueError for anything else."""
    plain: dict[str, Any] = msgspec.json.decode(row, type=dict[str, Any])
    plain["time"] = from_text(plain.get("time", ""))
    return msgspec.convert(plain, Outcome)
