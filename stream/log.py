"""The log: what a record of ``signalling.events`` holds; nothing else decides anything.

A record is a `Batch`: items of one partition, in order. Everything that can change a verdict is an
item: events, the clock, the rules, profiles, consent. Where a batch ends means nothing.
"""

from __future__ import annotations

from zlib import crc32

import msgspec

from decoders.errors import XinlingError
from decoders.events import Event

SCHEMA_VERSION = 1


class Signal(msgspec.Struct, array_like=True, tag="event", gc=False):
    """An event of the signalling."""

    seq: int
    """Grows by one with each event of its source, over all partitions; of the capture alone.

    Changes are numbered too: a source is either a capture's events or one publication. What has
    been seen of a source is not applied again, wherever it stands (P2).
    """
    event: Event


class Tick(msgspec.Struct, array_like=True, tag="tick", gc=False):
    """The clock of capture time, at a whole second: all at or before `time` has been sent."""

    time: int
    """Microseconds, a multiple of a million."""
    feed: str = ""
    """Whose clock this is: several ingests write to one log, and the slowest of them counts. Empty
    where there is one only, as in a replay."""


class FeedLeft(msgspec.Struct, array_like=True, tag="feed-left"):
    """Nobody waits for this feed's clock from here on, until it ticks again. To every partition."""

    feed: str
    """As in its ticks: it has come to its end, or was silent for too long."""


class BudgetSpent(msgspec.Struct, array_like=True, tag="spent"):
    """A campaign's shared total is used up: refuse at once. To every partition."""

    campaign: str
    shadow: bool
    """Of its rehearsal in the shadow, which has a budget of its own."""
    spent: int
    """Sends granted; a total above it, after a change of the campaign, has room again."""
    seq: int = 0
    """As a `Signal`'s."""


class RulesChanged(msgspec.Struct, array_like=True, tag="rules"):
    """From here on these rules decide. To every partition."""

    hash: str
    bundle: dict[str, bytes]
    """What `rules.RuleSet.load` takes: the files' names and contents."""
    seq: int = 0
    """As a `Signal`'s; 0 where the log was written by a version that did not number it."""


class ProfileChanged(msgspec.Struct, array_like=True, tag="profile", gc=False):
    """A subscriber's profile and consent, whole; replaces what was known, but for an opt-out."""

    subscriber: str
    profile: bytes
    """`rules.profile.encode`."""
    seq: int = 0
    """As a `Signal`'s; 0 where the log was written by a version that did not number it."""


class OptedOut(msgspec.Struct, array_like=True, tag="opt-out"):
    """The subscriber said no."""

    subscriber: str
    time: int
    seq: int = 0
    """As a `Signal`'s; 0 where the log was written by a version that did not number it."""


class Erased(msgspec.Struct, array_like=True, tag="erased"):
    """Forget this subscriber; a pseudonymous opt-out remains."""

    subscriber: str
    seq: int = 0
    """As a `Signal`'s; 0 where the log was written by a version that did not number it."""


class FeedScored(msgspec.Struct, array_like=True, tag="feed"):
    """The areas that cannot be trusted from here on, by the batch's source. To every partition."""

    time: int
    """Microseconds of capture time."""
    areas: dict[str, int]
    """Area (``46000-17104``) → score, 0 to 90; every other area of the source stands at 100."""


class OutcomeRecorded(msgspec.Struct, array_like=True, tag="outcome", gc=False):
    """What became of an offer; an answer ends the campaign's further waves."""

    subscriber: str
    campaign: str
    offer: str
    outcome: str
    """As in the topic ``outcomes``; ``opted out`` is an opt-out too."""
    time: int
    seq: int = 0
    """As a `Signal`'s; 0 where the log was written by a version that did not number it."""


OfSubscriber = ProfileChanged | OptedOut | OutcomeRecorded | Erased
"""Items about one subscriber that are no events."""
Everywhere = RulesChanged | BudgetSpent
"""Numbered items to every partition."""
Item = Signal | Tick | FeedLeft | Everywhere | OfSubscriber | FeedScored


class Batch(msgspec.Struct, array_like=True):
    """One record of the log."""

    schema: int
    epoch: str
    """Of the log: a recreated topic has another, so that its offsets are not mistaken for ours."""
    source: str
    """Of the events' sequence numbers."""
    clock: int
    """Microseconds of capture time when the batch was flushed."""
    items: list[Item]


class LogError(XinlingError):
    """A record that is not a batch that this version can read."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def encode(batch: Batch) -> bytes:
    """MessagePack of a batch."""
    return _encoder.encode(batch)


def decode(data: bytes) -> Batch:
    """The batch in `data`; raises `LogError` for another schema, a foreign or a cut record."""
    try:
        batch = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LogError(f"not a batch of schema {SCHEMA_VERSION}: {error}") from error
    if batch.schema != SCHEMA_VERSION:
        raise LogError(f"schema {batch.schema}, and this version reads {SCHEMA_VERSION}")
    return batch


def partition_of(subscriber: str, partitions: int) -> int:
    """The one function that decides a subscriber's partition."""
    return crc32(subscriber.encode()) % partitions
