"""A partition's state out of a store and into one; from so many partitions to another number.

The service stands still meanwhile. Before anything is changed a partition is locked: its progress
says that a migration is under way, and no worker goes on from that. The last commit puts the true
progress there. Whatever was cut off before it is done again from the files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from decoders.errors import XinlingError
from rules.errors import StateError
from rules.packed import decode
from rules.state import next_due
from stream import state_file
from stream.log import partition_of
from stream.state import (
    UNDER_WAY,
    Commit,
    MigrationError,
    Progress,
    StateStore,
    StoreUnavailableError,
    encode_progress,
)
from stream.state_file import Head, Person, Writer

AT_ONCE: Final = 500
LOCK: Final = Progress(version=UNDER_WAY)
_LOCKED: Final = encode_progress(LOCK)

T = TypeVar("T")


async def export(
    store: StateStore, partition: int, partitions: int, path: Path, privacy_key: bytes
) -> int:
    """Writes what is kept of a partition; how many people. Raises InfrastructureError.

    Raises StoreUnavailableError where somebody wrote to the partition meanwhile.
    """
    before = await store.load(partition, [], None, 0)
    if before.outbox:
        raise XinlingError(
            f"{before.outbox} verdicts of partition {partition} are not published",
            remedy="let the subscribers' workers publish them, and stop these",
        )
    head = Head(partition, partitions, before.progress, await store.rules(partition))
    with Writer(path, privacy_key, head) as file:
        async for page in _people(store, partition):
            file.page(page)
        if (await store.load(partition, [], None, 0)).token != before.token:
            raise _somebody(partition)
    return file.people


class Import:
    """Puts people into locked partitions, and then opens these.

    Attributes:
        done: what was put, by what it is.
    """

    def __init__(self, store: StateStore) -> None:
        self.done: Counter[str] = Counter()
        self._store = store

    async def lock(self, partition: int) -> None:
        """No worker goes on from here, and what was kept is gone.

        Raises XinlingError where verdicts wait to be published.
        """
        try:
            before = await self._store.load(partition, [], None, 0)
        except MigrationError:  # an earlier run came so far
            pass
        else:
            await self._commit(partition, Commit(LOCK), before.token)
        if await self._store.outbox(partition, 1):
            raise XinlingError(
                f"verdicts of partition {partition} are not published",
                remedy="let the subscribers' workers publish them, and stop these",
            )
        await self._empty(partition)

    async def put(self, partition: int, people: Iterable[Person]) -> None:
        """Writes people into a locked partition."""
        for some in chunks(iter(people), AT_ONCE):
            commit = Commit(LOCK)
            for person in some:
                _put(person, commit)
            await self._commit(partition, commit)
            self.done["people"] += len(some)

    async def open(self, partition: int, progress: Progress, rules: dict[str, bytes]) -> None:
        """A locked partition goes on from `progress` under `rules`."""
        await self._commit(partition, Commit(progress, rules=rules))
        self.done["partitions"] += 1

    async def _empty(self, partition: int) -> None:
        async for names in _pages(self._store, partition):
            for some in chunks(iter(names), AT_ONCE):
                commit = Commit(LOCK)
                for name in some:
                    commit.states[name] = commit.profiles[name] = None
                    commit.timers[name] = commit.aside[name] = None
                await self._commit(partition, commit)

    async def _commit(self, partition: int, commit: Commit, token: bytes = _LOCKED) -> None:
        if not await self._store.commit(partition, token, commit):
            raise _somebody(partition)


async def restore(store: StateStore, path: Path, privacy_key: bytes) -> Head:
    """Puts a file's people in place of what its partition holds.

    Raises StateFileError before anything is changed, InfrastructureError.
    """
    head = state_file.head_of(path, privacy_key)
    work = Import(store)
    await work.lock(head.partition)
    for piece in state_file.read(path, privacy_key):
        if isinstance(piece, list):
            await work.put(head.partition, piece)
    await work.open(head.partition, head.progress, head.rules)
    return head


async def repartition(
    store: StateStore, files: Sequence[Path], privacy_key: bytes, partitions: int
) -> Counter[str]:
    """From the files of all partitions into another number of them; what was put.

    Raises StateFileError and XinlingError before anything is changed, InfrastructureError.
    """
    heads = [state_file.head_of(file, privacy_key) for file in files]
    whole = merged(heads)
    work = Import(store)
    for partition in range(max(partitions, len(heads))):
        await work.lock(partition)
    for file in files:
        for piece in state_file.read(file, privacy_key):
            if isinstance(piece, Head):
                continue
            for partition, people in _dealt(piece, partitions).items():
                await work.put(partition, people)
    for partition in range(max(partitions, len(heads))):
        if partition >= partitions:
            await work.open(partition, Progress(), {})
        else:
            offset = heads[partition].progress.offset if partition < len(heads) else 0
            progress = msgspec.structs.replace(whole, offset=offset)
            await work.open(partition, progress, heads[0].rules)
    work.done["partitions"] = partitions
    return work.done


def merged(heads: Sequence[Head]) -> Progress:
    """What all partitions have in common at a standstill, for people who come from any of them.

    Of each source the last number that any partition has seen: all up to it was handled. Raises
    XinlingError where the files do not belong together or partitions are at different places.
    """
    if sorted(head.partition for head in heads) != list(range(heads[0].partitions)):
        raise XinlingError("the files are not those of all partitions", remedy="export all of them")
    progresses = [head.progress for head in sorted(heads, key=lambda head: head.partition)]
    if len({(each.epoch, each.rules) for each in progresses}) > 1 or any(
        each.position for each in progresses
    ):
        raise XinlingError(
            "the partitions have not handled the same log to its end",
            remedy="start subscribers, let them handle all of it, and stop them",
        )
    first = progresses[0]
    sequences: dict[str, int] = {}
    feeds = {}
    clocks: dict[str, int] = {}
    for each in progresses:
        for source, seq in each.sequences.items():
            sequences[source] = max(seq, sequences.get(source, seq))
        for feed, clock in each.clocks.items():
            clocks[feed] = min(clock, clocks.get(feed, clock))
        feeds.update(each.feeds)
    return msgspec.structs.replace(
        first,
        sequences=sequences,
        feeds=feeds,
        clocks=clocks,
        clock=min(each.clock for each in progresses),
        left=min(each.left for each in progresses),
        spent={key: total for each in progresses for key, total in each.spent.items()},
        turns=0,
    )


def chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    while chunk := list(islice(items, size)):
        yield chunk


def _dealt(people: Iterable[Person], partitions: int) -> dict[int, list[Person]]:
    dealt: defaultdict[int, list[Person]] = defaultdict(list)
    for person in people:
        dealt[partition_of(person.name, partitions)].append(person)
    return dealt


def _put(person: Person, commit: Commit) -> None:
    name = person.name
    commit.profiles[name] = person.profile
    if person.aside is not None:
        commit.aside[name] = person.aside
    if person.state is None:
        return
    commit.states[name] = person.state
    if person.aside is None:
        try:
            commit.timers[name] = next_due(decode(person.state, name))
        except StateError as error:
            commit.aside[name] = f"StateError: {error}"


async def _people(store: StateStore, partition: int) -> AsyncIterator[list[Person]]:
    """Everybody once, by name within a page."""
    aside = await store.aside(partition)
    seen: set[str] = set()
    async for names in _pages(store, partition):
        new = sorted(set(names) - seen)
        seen.update(new)
        for some in chunks(iter(new), AT_ONCE):
            found = await store.load(partition, some, None, 0)
            yield [
                Person(name, found.states.get(name), found.profiles.get(name), aside.get(name))
                for name in some
                if name in found.states or name in found.profiles
            ]


async def _pages(store: StateStore, partition: int) -> AsyncIterator[list[str]]:
    page: int | None = 0
    while page is not None:
        names, page = await store.names(partition, page)
        yield names


def _somebody(partition: int) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"somebody else writes to partition {partition}",
        remedy="stop all roles, and begin again",
    )
