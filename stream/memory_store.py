"""The store in this process's memory: for `replay`, which keeps nothing, and for tests."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from stream.state import (
    Commit,
    Loaded,
    Progress,
    StateStore,
    Waiting,
    decode_progress,
    encode_progress,
)


class _Partition:
    """What is kept of one partition."""

    def __init__(self) -> None:
        self.progress = b""
        self.states: dict[str, bytes] = {}
        self.profiles: dict[str, bytes] = {}
        self.timers = _Timers()
        self.outbox: OrderedDict[str, bytes] = OrderedDict()
        self.written = 0
        self.rules: dict[str, bytes] = {}
        self.aside: dict[str, str] = {}


class _Timers:
    """One due time a subscriber, taken in the order (due, subscriber)."""

    def __init__(self) -> None:
        self.due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def set(self, subscriber: str, due: int | None) -> None:
        if due is None:
            self.due.pop(subscriber, None)
        elif self.due.get(subscriber) != due:
            self.due[subscriber] = due
            heapq.heappush(self._heap, (due, subscriber))
        if len(self._heap) > 2 * len(self.due) + 1000:
            self._heap = [(due, subscriber) for subscriber, due in self.due.items()]
            heapq.heapify(self._heap)

    def until(self, time: int, limit: int) -> list[tuple[int, str]]:
        """The first `limit` timers at or before `time`; they stay set."""
        found: list[tuple[int, str]] = []
        while self._heap and self._heap[0][0] <= time and len(found) < limit:
            entry = heapq.heappop(self._heap)
            if self.due.get(entry[1]) == entry[0] and (not found or found[-1] != entry):
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return found


class MemoryStore(StateStore):
    """A `StateStore` that is gone with the process."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())

    async def load(
        self, partition: int, subscribers: list[str], until: int | None, limit: int
    ) -> Loaded:
        """See `StateStore.load`."""
        kept = self._of(partition)
        due = [] if until is None else kept.timers.until(until, limit)
        wanted = dict.fromkeys([*subscribers, *(subscriber for _, subscriber in due)])
        return Loaded(
            progress=decode_progress(kept.progress),
            token=kept.progress,
            states=_found(kept.states, wanted),
            profiles=_found(kept.profiles, wanted),
            due=due,
            outbox=len(kept.outbox),
        )

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        """See `StateStore.commit`."""
        kept = self._of(partition)
        if kept.progress != token:
            return False
        kept.progress = encode_progress(commit.progress)
        _update(kept.states, commit.states)
        _update(kept.profiles, commit.profiles)
        for subscriber, due in commit.timers.items():
            kept.timers.set(subscriber, due)
        for data in commit.outbox:
            kept.written += 1
            kept.outbox[str(kept.written)] = data
        if commit.rules is not None:
            kept.rules = dict(commit.rules)
        _update(kept.aside, commit.aside)
        return True

    async def progress(self, partition: int) -> Progress:
        """See `StateStore.progress`."""
        return decode_progress(self._of(partition).progress)

    async def rules(self, partition: int) -> dict[str, bytes]:
        """See `StateStore.rules`."""
        return dict(self._of(partition).rules)

    async def pending(self, partition: int) -> int:
        """See `StateStore.pending`."""
        return len(self._of(partition).timers.due)

    async def aside(self, partition: int) -> dict[str, str]:
        """See `StateStore.aside`."""
        return dict(self._of(partition).aside)

    async def names(self, partition: int, page: int) -> tuple[list[str], int | None]:
        """See `StateStore.names`: all of them are one page."""
        del page
        kept = self._of(partition)
        return list(kept.states | kept.profiles), None

    async def outbox(self, partition: int, limit: int) -> list[Waiting]:
        """See `StateStore.outbox`."""
        entries = islice(self._of(partition).outbox.items(), limit)
        return [Waiting(entry, data) for entry, data in entries]

    async def acknowledge(self, partition: int, ids: list[str]) -> None:
        """See `StateStore.acknowledge`."""
        outbox = self._of(partition).outbox
        for entry in ids:
            outbox.pop(entry, None)

    async def close(self) -> None:
        """Nothing is held open."""


def _found(kept: dict[str, bytes], wanted: Iterable[str]) -> dict[str, bytes]:
    return {key: value for key in wanted if (value := kept.get(key)) is not None}


def _update(kept: dict[str, Any], written: Mapping[str, Any]) -> None:
    for key, value in written.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value
