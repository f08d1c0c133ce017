"""Compiled correlation: batches of the kernel's rows in, batches of events out.

The same events as `correlator.Correlator` tells, with the same counters; it is another writing of
the same rules, proved against that one (`tests/decoders/kernel`). Compiled code owns all state.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from decoders.correlator import CorrelatorConfig
from decoders.elements import plmn
from decoders.events import TYPES
from decoders.kernel.columns import DIGITS, ROW, Batch
from decoders.kernel.events import areas, follow, layout, work
from decoders.kernel.events.batch import Context, EventBatch
from decoders.kernel.events.bindings import KernelBindings
from decoders.kernel.events.digest import PERSONS, SIZES, begun
from decoders.kernel.events.layout import (
    A_LINK,
    AREA,
    AWAITED,
    DIRECTION,
    L_GAPS,
    L_HEARD,
    L_SEEN,
    LEFT,
    LINK,
    M_KEY,
    M_VALUE,
    NEEDED,
    OPENING,
    PARTED,
    PHONE,
    PHONE_OF,
    SERVED,
    SIZE,
    USED,
    VLR,
)
from decoders.kernel.events.store import ROOM, Store
from decoders.kernel.program import OTHER, TABLES
from decoders.messages import Message, PartyNumber
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import Pseudonyms
from decoders.quality import Quality, Tallied, area_name
from decoders.teller import IMSI, LEARNED, UNKNOWN, Teller
from decoders.teller import content_of as made_from

_PARTED: Final = 65_536
_KEPT: Final = 262_144
"""Messages kept of events that wait for an identity; beyond, the first ones are forgotten."""
_LONG: Final = 65_536
_Places = tuple[Any, Any, Any, Any, Any]
"""Rows, the octets and the octets behind that they refer to, and numbers of links and sources."""
_NUMBERS: Final = np.zeros(1, np.int64)
_OCTETS: Final = np.frombuffer(b"", np.uint8)
_NOTHING: Final[_Places] = (np.zeros(1, ROW), _OCTETS, _OCTETS, _NUMBERS, _NUMBERS)
_PROTOCOLS: Final = 32


class EventKernel:
    """Turns rows into events, in time order; never raises on what a message holds.

    Feed the batches of one kernel, in the order of their times.
    """

    def __init__(
        self,
        config: CorrelatorConfig,
        pseudonyms: Pseudonyms,
        plan: NumberingPlan | None,
        clear: bool = False,  # noqa: FBT001, FBT002  as `Correlator`
        room: int = ROOM,
    ) -> None:
        """As `Correlator`, with memory for so many records of a kind before it grows."""
        self._store = Store(
            {
                OPENING: config.limits.openings,
                PARTED: _PARTED,
                AWAITED: 65_536,
                SERVED: 65_536,
                DIRECTION: 65_538,
                VLR: areas.VLRS,
                AREA: 16_384,
                PHONE: config.phones,
                PHONE_OF: config.phones,
            },
            room,
        )
        self._set_limits(config)
        self._links: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._protocols: dict[str, int] = {}
        self._long = 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._works = np.zeros(1, work.WORK)
        seeds = zip((pseudonyms.secret,) * 4, SIZES, PERSONS, strict=True)
        hashes = begun(seeds)
        for name in hashes.dtype.names or ():
            self._works[name] = hashes[name]
        work.named(self._works[0])
        teller = Teller(pseudonyms, plan, clear=clear)
        self._context = Context(pseudonyms, teller, clear, [], [], {}, {}, {}, {})
        self._link_names: list[str] = []
        self.bindings = KernelBindings(self._store, config.bindings, self._links, self._link)
        self.bindings.set_pool(config.pool)
        self._quality = Quality()

    def _set_limits(self, config: CorrelatorConfig) -> None:
        limits, words = config.limits, self._store.words
        words[layout.IDLE], words[layout.CALL_IDLE] = limits.idle, limits.call_idle
        words[layout.LINGER], words[layout.JITTER] = limits.linger, limits.jitter
        words[layout.MIRROR], words[layout.HANDOVER] = limits.mirror, config.handover
        words[layout.MOST_CONNECTIONS] = limits.connections
        words[layout.SUBSCRIBERS] = config.subscribers
        words[layout.PHONES] = config.phones
        words[layout.NEXT_NUMBER] = 1
        words[layout.CLOSES] = layout.NONE

    @property
    def now(self) -> int:
        """Capture time reached, in microseconds."""
        return int(self._store.words[layout.NOW])

    @property
    def connections(self) -> int:
        """Connections held."""
        return int(self._store.words[layout.LIVE])

    @property
    def counts(self) -> Counter[str]:
        """As `Connections.counts`."""
        words = self._store.words
        names = {
            "evicted": layout.EVICTED,
            "late": layout.LATE,
            "unknown side": layout.UNKNOWN_SIDE,
            "mirrored": layout.MIRRORED,
            "repeated": layout.REPEATED,
        }
        return +Counter({name: int(words[register]) for name, register in names.items()})

    @property
    def events(self) -> Counter[tuple[str, str]]:
        """(type, identity) → how many events were told."""
        counts = self._works[0]["counts"]
        return +Counter(
            {
                (name, identity): int(counts[kind, column])
                for kind, name in enumerate(TYPES)
                for column, identity in enumerate((IMSI, LEARNED, UNKNOWN))
            }
        )

    @property
    def dropped(self) -> Counter[str]:
        """Reason → events that were not told: ``no identity``."""
        return Counter({"no identity": int(self._store.words[layout.NO_IDENTITY])})

    @property
    def quality(self) -> Quality:
        """How far links and areas can be trusted."""
        self._flush()
        return self._quality

    @property
    def closed(self) -> Quality:
        """The same as of the last whole minute: nothing that came since is counted in it."""
        self._flush_minutes()
        return self._quality

    @property
    def gaps(self) -> OrderedDict[str, int]:
        """Link → visible gaps."""
        gaps = self._store.records(LINK)[:, L_GAPS].tolist()
        names = zip(self._link_names, gaps, strict=False)
        return OrderedDict((name, count) for name, count in names if count)

    def feed(self, batch: Batch) -> EventBatch:
        """The events that become true with these messages, and those that became so before."""
        self._prepare(batch)
        links = self._numbers(batch.links, self._links)
        sources = self._numbers(batch.sources, self._sources)
        self._context.sources.extend(list(self._sources)[len(self._context.sources) :])
        self._ensure_links()
        data = np.frombuffer(batch.data, np.uint8)
        extra = np.frombuffer(bytes(batch.extra), np.uint8)
        places = (batch.rows, data, extra, links, sources)
        told: list[NDArray[np.int64]] = []
        at, why = 0, follow.GROW
        while why != follow.DONE and len(batch.rows):
            at, why = self._run(places, follow.ROWS, at)
            if why != follow.DONE:
                self._help(why, told, batch)
            if at < 0:  # a RESET ends more than there was room for at once
                self._repeat(told, batch, places, follow.CLEAR, -1 - at)
                at = -at
        return self._batch(told, batch)

    def advance(self, time: int) -> EventBatch:
        """Capture time is `time` (microseconds) though no message says so: what silence makes."""
        return self._alone(follow.ADVANCE, time)

    def finish(self) -> EventBatch:
        """End of the capture: what is open is told as unseen; calls still up do not end."""
        return self._alone(follow.FINISH, 0)

    def _alone(self, task: int, time: int) -> EventBatch:
        told: list[NDArray[np.int64]] = []
        self._repeat(told, None, _NOTHING, task, time)
        return self._batch(told, None)

    def _run(self, places: _Places, task: int, first: int) -> tuple[int, int]:
        memory = self._store.words, self.bindings.words, self._works
        at, why = follow.run(*memory, *places, task, first)
        return at, why

    def _repeat(
        self,
        told: list[NDArray[np.int64]],
        batch: Batch | None,
        places: _Places,
        task: int,
        first: int,
    ) -> None:
        """Until compiled code has nothing left to do."""
        while (why := self._run(places, task, first)[1]) != follow.DONE:
            self._help(why, told, batch)

    def _help(self, why: int, told: list[NDArray[np.int64]], batch: Batch | None) -> None:
        """Do what compiled code cannot do by itself."""
        if why == follow.MINUTE:
            self._flush()
            self._quality.advance(self.now)
            self._store.words[layout.CLOSES] = self._quality.closes
            return
        self._collect(told, batch)
        if why == follow.GROW:
            self._store.grow()

    def _collect(self, told: list[NDArray[np.int64]], batch: Batch | None) -> None:
        """Take the events out, and what is to be kept of messages whose events wait."""
        words, w = self._store.words, self._works[0]
        count = int(words[layout.TOLD_EVENTS])
        if count:
            told.append(w["told"][:count].copy())
            words[layout.TOLD_EVENTS] = 0
        for number, row in w["kept"][: int(w["kept_count"])].tolist():
            if batch is not None:
                self._kept[number] = content_of(batch, row)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        w["kept_count"] = 0

    def _batch(self, told: list[NDArray[np.int64]], batch: Batch | None) -> EventBatch:
        self._collect(told, batch)
        told = told or [self._works[0]["told"][:0].copy()]
        words = told[0] if len(told) == 1 else np.concatenate(told)
        waited = words[words[:, work.E_CONTENT] >= 0, work.E_CONTENT].tolist()
        kept = {number: self._kept.pop(number, b"") for number in waited}
        return EventBatch(words, kept, self._context)

    def _numbers(self, names: list[str], known: dict[str, int]) -> NDArray[np.int64]:
        """The numbers of names; new ones get theirs."""
        return np.array([known.setdefault(name, len(known)) for name in names] or [0], np.int64)

    def _link(self, name: str) -> int:
        return self._links.setdefault(name, len(self._links))

    def _ensure_links(self) -> None:
        self._link_names.extend(list(self._links)[len(self._link_names) :])
        described = self._store.described(LINK)
        while int(described[SIZE]) < len(self._links) + NEEDED:
            described[LEFT] = 0
            self._store.grow()
            described = self._store.described(LINK)
        described[USED], described[LEFT] = len(self._links), described[SIZE]

    def _prepare(self, batch: Batch) -> None:
        self.bindings.ensure(3 * len(batch.rows) + NEEDED)
        for index, message in batch.messages.items():
            row = batch.rows[index]
            protocol, code = int(row["protocol"]), int(row["code"])
            if protocol == OTHER or (protocol and code not in TABLES[protocol].messages):
                row["cells_at"] = self._named(message)
            for column, number in (("called", message.called), ("calling", message.calling)):
                if number is not None and row[f"{column}_digits"] > DIGITS:
                    row[f"{column}_0"] = self._keep_long(number)

    def _named(self, message: Message) -> int:
        """Numbers for the names of a protocol and of a message that no table has."""
        protocol = self._protocols.get(message.protocol)
        if protocol is None:
            protocol = min(len(self._protocols), _PROTOCOLS - 1)
            self._protocols[message.protocol] = protocol
            work.name_as(self._works[0], OTHER + protocol, message.protocol)
        name = self._names.setdefault(message.message, len(self._names))
        if name == len(self._context.names):
            self._context.names.append(message.message)
        return name << 8 | protocol

    def _keep_long(self, number: PartyNumber) -> int:
        self._long += 1
        long = self._context.long
        long[self._long] = number
        if len(long) > _LONG:
            del long[next(iter(long))]
        return self._long

    def _flush(self) -> None:
        """What was counted since the last look goes to the scores, minute by minute."""
        self._flush_minutes()
        links = self._store.records(LINK)
        for number in np.nonzero(links[:, L_SEEN:L_HEARD].any(axis=1))[0].tolist():
            tallied = Tallied(*links[number, L_SEEN : L_SEEN + 6].tolist())
            self._quality.tally_link(self._link_names[number], tallied)
        links[:, L_SEEN:L_HEARD] = 0
        areas = self._store.records(AREA)  # none is ever given back: they stand in their order
        for number in np.nonzero(areas[:, M_VALUE])[0].tolist():
            key, *counts = areas[number, M_KEY:A_LINK].tolist()
            self._quality.tally_area(_area(key), Tallied(*counts))
            self._join(key, areas[number, A_LINK:].tolist())
        areas[:, M_VALUE:] = 0
        if self._store.described(AREA)[LEFT] < 2 * NEEDED:
            self._store.clear(AREA)

    def _flush_minutes(self) -> None:
        """What compiled code noted of whole minutes."""
        w = self._works[0]
        for kind, which, *counts in w["minutes"][: int(w["minutes_noted"])].tolist():
            if kind == work.OF_LINK:
                self._quality.tally_link(self._link_names[which], Tallied(*counts))
            elif kind == work.OF_AREA:
                self._quality.tally_area(_area(which), Tallied(*counts))
            elif kind == work.LINKS_OF:
                self._join(which, counts)
            else:
                self._quality.advance(which)
        w["minutes_noted"] = 0

    def _join(self, area: int, links: list[int]) -> None:
        """Links, each plus 1, of events of an area by its key; 0 is none."""
        names = self._link_names
        self._quality.join(_area(area), [names[link - 1] for link in links if link])


@lru_cache(maxsize=16_384)
def _area(key: int) -> str:
    """The name of an area by the key of its record."""
    mcc, mnc = plmn((key >> 20).to_bytes(3, "big"))
    return area_name(mcc, mnc, key & 0xFFFFF)


def content_of(batch: Batch, index: int) -> bytes:
    """What the id of a row's message is made from."""
    from decoders.kernel.plain import message  # noqa: PLC0415

    return made_from(message(batch, index))
