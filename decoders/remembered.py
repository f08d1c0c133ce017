"""What a correlator remembers, as bytes: it goes on from there as if it had never stopped.

Connections and their dialogues refer to each other, so each stands once, in a table, and whoever
means it has its place there. What only metrics count begins anew. The bytes bear clear IMSIs and
the bytes of messages: who keeps them seals them (P6). Bounded by what the correlator's limits
allow; a version that does not fit is refused, and nothing is half restored.
"""

# ruff: noqa: SLF001  this is the memory of those classes, in a room of its own

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

from decoders.call import Call
from decoders.connections import Connection, End
from decoders.correlator import Correlator
from decoders.errors import XinlingError
from decoders.messages import Lai
from decoders.mirrors import Print, Recent, _Copies, _Opening
from decoders.phones import _Kept as _Phone
from decoders.quality import Quality, Scored, _Source, _Tally
from decoders.subject import Dialogue, Draft, Transaction
from decoders.times import SECOND

VERSION = 1
LATE = SECOND
"""Microseconds by which a message may come late and still be told from a repeat."""
_NONE = -1
T = TypeVar("T")


class _Draft(msgspec.Struct, array_like=True):
    """A draft that waits for an identity."""

    draft: Draft
    call: int
    of_update: bool
    """Its detail is that of the dialogue's location update, which may still be completed."""


class _Dialogue(msgspec.Struct, array_like=True):
    dialogue: Dialogue
    calls: list[tuple[Transaction, int]]
    deferred: list[_Draft]


class _Connection(msgspec.Struct, array_like=True):
    connection: Connection
    dialogue: int
    source: int
    recent: list[tuple[Print, _Copies]]


class _Opened(msgspec.Struct, array_like=True):
    """A message by which a mirrored connection is recognised."""

    print: Print
    time: int
    points: tuple[int | None, int | None]
    connection: int


class _Score(msgspec.Struct, array_like=True):
    name: str
    latest: _Tally
    recent: _Tally
    usual: _Tally
    quiet: int
    rate: float
    score: int
    via: list[str] = []
    links: list[str] = []


class Scores(msgspec.Struct, array_like=True):
    """What `Quality` keeps."""

    links: list[_Score]
    areas: list[_Score]
    closes: int | None
    told: dict[str, int]
    changes: list[Scored]


class Lasting(msgspec.Struct, array_like=True):
    """What any version of correlation can take up, and either writing of it (decision 21)."""

    bindings: bytes
    """The table of TMSIs, as `Bindings.dump` gives it."""
    quality: Scores


class Columns(msgspec.Struct, array_like=True):
    """What compiled correlation remembers (`kernel.events.remembered`)."""

    version: int
    lasting: Lasting
    exact: msgspec.Raw
    """The rest, which that alone can read."""


class _Memory(msgspec.Struct, array_like=True):
    """All of it."""

    version: int
    now: int
    bindings: bytes
    calls: list[Call]
    dialogues: list[_Dialogue]
    connections: list[_Connection]
    held: int
    """So many of the connections, the first ones, still stand; others are only referred to."""
    ends: list[tuple[End, int]]
    deadlines: list[tuple[int, int]]
    next: int
    openings: list[_Opened]
    awaited: list[tuple[bytes, int, int]]
    latest: list[tuple[str, int]]
    parted: list[tuple[str, list[tuple[Transaction, int]]]]
    phones: list[tuple[str, str | None, Lai | None]]
    phones_of: dict[str, str]
    directions: list[tuple[int, int, bool]]
    gaps: dict[str, int]
    quality: Scores


class _Table(Generic[T]):
    """Things in the order in which they were first meant."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self._places: dict[int, int] = {}

    def place(self, item: T | None) -> int:
        if item is None:
            return _NONE
        place = self._places.setdefault(id(item), len(self.items))
        if place == len(self.items):
            self.items.append(item)
        return place


def dump(correlator: Correlator) -> bytes:
    """Everything that what comes next may depend on."""
    return _encoder.encode(_Dump(correlator).memory())


def lasting_of(data: bytes) -> Lasting:
    """What any version and either writing can take up; raises XinlingError where it is none."""
    memory = _memory(data)
    return Lasting(memory.bindings, memory.quality)


def columns_of(data: bytes) -> Columns:
    """What `kernel.events.remembered.dump` gave; raises XinlingError where it did not."""
    try:
        return _columns_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused() from error


def take_lasting(correlator: Correlator, lasting: Lasting) -> None:
    """Take up the table of TMSIs and the scores of the feed; raises XinlingError."""
    correlator.bindings.restore(lasting.bindings)
    take_quality(correlator.quality, lasting.quality)


def restore(correlator: Correlator, data: bytes) -> None:
    """Take up what `dump` gave, in a correlator that has seen nothing and is configured as it was.

    Raises XinlingError where it is no such memory of this version.
    """
    memory = _memory(data)
    try:
        restored = _Restore(correlator, memory)
    except LookupError as error:
        raise _refused() from error
    correlator.bindings.restore(memory.bindings)
    restored.run()


def lose(correlator: Correlator) -> None:
    """What came on all links since was not seen: a gap lies behind every open dialogue."""
    gaps = correlator._conversations.ledger.gaps
    dialogues = [each.dialogue or each.source for each in correlator.connections]
    for link in {link for each in dialogues if each is not None for link in each.gaps}:
        gaps[link] = gaps.get(link, 0) + 1


class _Dump:
    def __init__(self, correlator: Correlator) -> None:
        self._correlator = correlator
        self._connections: _Table[Connection] = _Table()
        self._dialogues: _Table[Dialogue] = _Table()
        self._calls: _Table[Call] = _Table()
        limits = correlator.connections.limits
        self._stale = correlator.now - limits.mirror - LATE
        """A connection silent since then has nothing that another tap could still repeat."""

    def memory(self) -> _Memory:
        one = self._correlator
        talk, tied = one._conversations, one.connections
        for connection in tied:
            self._connections.place(connection)
        held = len(self._connections.items)
        openings = [
            _Opened(seen, each.time, each.points, self._connections.place(each.connection))
            for seen, each in tied._openings._seen.items()
        ]
        awaited = [
            (layer3, time, self._connections.place(connection))
            for layer3, (time, connection) in talk._handovers._awaited.items()
        ]
        connections = [self._connection(each) for each in self._connections.items]
        known = talk._recognition
        latest = [(imsi, self._dialogues.place(each)) for imsi, each in known._latest.items()]
        dialogues = [self._dialogue(each) for each in self._dialogues.items]
        parted = [(imsi, self._of(calls)) for imsi, calls in known._parted.items()]
        return _Memory(
            version=VERSION,
            now=talk.now,
            bindings=one.bindings.dump(),
            calls=self._calls.items,
            dialogues=dialogues,
            connections=connections,
            held=held,
            ends=[(end, self._connections.place(each)) for end, each in tied._ends.items()],
            deadlines=tied._deadlines,
            next=tied._next,
            openings=openings,
            awaited=awaited,
            latest=latest,
            parted=parted,
            phones=[(phone, *kept) for phone, kept in known._phones._kept.items()],
            phones_of=known._phones._of,
            directions=[(*pair, way) for pair, way in one._directions._msc_first.items()],
            gaps=dict(talk.ledger.gaps),
            quality=quality_of(one.quality),
        )

    def _connection(self, one: Connection) -> _Connection:
        dialogue, source = self._dialogues.place(one.dialogue), self._dialogues.place(one.source)
        alone = msgspec.structs.replace(one, dialogue=None, source=None, recent=None)
        recent = list(one.recent._copies.items()) if one.last > self._stale else []
        return _Connection(alone, dialogue, source, recent)

    def _dialogue(self, one: Dialogue) -> _Dialogue:
        if not (one.calls or one.deferred):
            return _Dialogue(one, [], [])
        deferred = [
            _Draft(
                msgspec.structs.replace(draft, call=None),
                self._calls.place(draft.call),
                one.update is not None and draft.detail is one.update.detail,
            )
            for draft in one.deferred
        ]
        alone = msgspec.structs.replace(one, calls={}, deferred=[])
        return _Dialogue(alone, self._of(one.calls), deferred)

    def _of(self, calls: dict[Transaction, Call]) -> list[tuple[Transaction, int]]:
        return [(which, self._calls.place(call)) for which, call in calls.items()]


class _Restore:
    def __init__(self, correlator: Correlator, memory: _Memory) -> None:
        self._correlator = correlator
        self._memory = memory
        self._dialogues = [self._dialogue(each) for each in memory.dialogues]
        self._connections = [self._connection(each) for each in memory.connections]

    def run(self) -> None:
        memory, one = self._memory, self._correlator
        self._tied()
        talk = one._conversations
        talk.now = memory.now
        talk.ledger.gaps = OrderedDict(memory.gaps)
        talk._handovers._awaited = OrderedDict(
            (layer3, (time, self._connections[place])) for layer3, time, place in memory.awaited
        )
        known = talk._recognition
        known._latest = OrderedDict((imsi, self._dialogues[at]) for imsi, at in memory.latest)
        known._parted = OrderedDict((imsi, self._calls(calls)) for imsi, calls in memory.parted)
        known._phones._kept = OrderedDict(
            (phone, _Phone(imsi, area)) for phone, imsi, area in memory.phones
        )
        known._phones._of = memory.phones_of
        one._directions._msc_first = {(opc, dpc): way for opc, dpc, way in memory.directions}
        take_quality(one.quality, memory.quality)

    def _tied(self) -> None:
        memory, tied = self._memory, self._correlator.connections
        held = self._connections[: memory.held]
        tied._by_number = OrderedDict((each.number, each) for each in held)
        tied._ends = {end: self._connections[place] for end, place in memory.ends}
        tied._deadlines = memory.deadlines
        tied._next = memory.next
        tied._openings._seen = OrderedDict(
            (each.print, _Opening(each.time, each.points, self._connections[each.connection]))
            for each in memory.openings
        )

    def _connection(self, packed: _Connection) -> Connection:
        one = packed.connection
        one.dialogue = None if packed.dialogue == _NONE else self._dialogues[packed.dialogue]
        one.source = None if packed.source == _NONE else self._dialogues[packed.source]
        one.recent = Recent()
        one.recent._copies = OrderedDict(packed.recent)
        return one

    def _dialogue(self, packed: _Dialogue) -> Dialogue:
        one = packed.dialogue
        one.calls = self._calls(packed.calls)
        one.deferred = [self._draft(one, each) for each in packed.deferred]
        return one

    def _draft(self, dialogue: Dialogue, packed: _Draft) -> Draft:
        draft = packed.draft
        draft.call = None if packed.call == _NONE else self._memory.calls[packed.call]
        if packed.of_update and dialogue.update is not None:
            draft.detail = dialogue.update.detail
        return draft

    def _calls(self, packed: Iterable[tuple[Transaction, int]]) -> dict[Transaction, Call]:
        return {which: self._memory.calls[place] for which, place in packed}


def quality_of(quality: Quality) -> Scores:
    """The scores of the feed, and what they are made from."""
    links, areas = (
        [
            _Score(
                name,
                each.latest,
                each.recent,
                each.usual,
                each.quiet,
                each.rate,
                each.score,
                each.via,
                each.links,
            )
            for name, each in table.items()
        ]
        for table in (quality._links, quality._areas)
    )
    return Scores(links, areas, quality._closes, quality._told, list(quality._changes))


def take_quality(quality: Quality, packed: Scores) -> None:
    """Take up what `quality_of` gave."""
    quality._links, quality._areas = (
        OrderedDict((each.name, _source(each)) for each in table)
        for table in (packed.links, packed.areas)
    )
    quality._closes, quality._told = packed.closes, packed.told
    quality._changes.clear()
    quality._changes.extend(packed.changes)


def _source(packed: _Score) -> _Source:
    one = _Source()
    one.latest, one.recent, one.usual = packed.latest, packed.recent, packed.usual
    one.quiet, one.rate, one.score = packed.quiet, packed.rate, packed.score
    one.via, one.links = packed.via, packed.links
    return one


_encoder = msgspec.msgpack.Encoder()


def _memory(data: bytes) -> _Memory:
    try:
        memory = _decoder.decode(data)
        if memory.version == VERSION:
            return memory
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise _refused()


def _refused() -> XinlingError:
    return XinlingError(
        "this is no correlator's memory of this version",
        remedy="start without it; what was open is met in its middle",
    )


def _empty(kind: type, _: object) -> Any:
    """What a connection has seen of late stands beside it; there is no other kind to be made."""
    return kind()


_decoder: msgspec.msgpack.Decoder[_Memory] = msgspec.msgpack.Decoder(_Memory, dec_hook=_empty)
_columns_decoder: msgspec.msgpack.Decoder[Columns] = msgspec.msgpack.Decoder(Columns)
