"""Verdicts of all partitions in the one order that does not depend on partitions (P1)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from stream.state import BEGINNING, OutboxEntry

_Key = tuple[int, int, str, str, str, int]


class InOrder:
    """Merges entries; holds back no more than what the slowest partition may still come before.

    The order is (second, time, subscriber, campaign, offer, step). An entry is safe to give once
    every partition's clock has passed its second: what a partition decides later lies later.
    """

    def __init__(self, partitions: int) -> None:
        self._clocks = [BEGINNING] * partitions
        self._waiting: list[tuple[_Key, OutboxEntry]] = []

    def add(self, entries: Iterable[OutboxEntry]) -> None:
        """Takes entries, of any partition and in any order."""
        for entry in entries:
            heapq.heappush(self._waiting, (_key(entry), entry))

    def reached(self, partition: int, clock: int) -> list[OutboxEntry]:
        """The entries that are safe to give now that a partition's clock is at `clock`.

        Everything the partition had decided by then must have been added.
        """
        self._clocks[partition] = clock
        slowest = min(self._clocks)
        safe = []
        while self._waiting and self._waiting[0][1].second < slowest:
            safe.append(heapq.heappop(self._waiting)[1])
        return safe

    def rest(self) -> list[OutboxEntry]:
        """What is left when nothing more will come."""
        rest = [entry for _, entry in sorted(self._waiting)]
        self._waiting.clear()
        return rest


def _key(entry: OutboxEntry) -> _Key:
    verdict = entry.verdict
    return (
        entry.second,
        verdict.time,
        verdict.subscriber,
        verdict.campaign,
        verdict.offer,
        verdict.step,
    )
