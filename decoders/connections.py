"""The SCCP connections of all links, found by their local references, ITU-T Q.714 3.

A local reference belongs to the side that allocated it, so a connection is found by *ends*: (who
allocated the reference, the other side, the reference). Sides are point codes, and where a carrier
has none (SCCPlite) the link with the role in it. A mirror of a connection on another carrier has
ends of its own; they are aliases of the same connection. Bounded: the longest silent is evicted,
and counted.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import msgspec

from decoders.dialogue import OF_SCCP, OPENINGS, OVER, Signal, State, after
from decoders.legs import Leg
from decoders.messages import Cell, Message
from decoders.mirrors import Openings, Recent
from decoders.subject import Dialogue
from decoders.times import SECOND

_STALE = 1024
"""Deadlines that no longer count and are kept all the same."""

Side = int | str
End = tuple[Side, Side, int]
"""(side that allocated the reference, the other side, the reference)."""


class Limits(msgspec.Struct, frozen=True):
    """Times in microseconds of capture time, and how much is kept."""

    idle: int = 180 * SECOND
    """Silence after which a dialogue without a call is over."""
    call_idle: int = 6 * 3600 * SECOND
    """The same while a call is up."""
    linger: int = 2 * SECOND
    """How long a released connection's references still mean it."""
    jitter: int = SECOND // 10
    """How far messages of one dialogue may overtake each other."""
    mirror: int = 2 * SECOND
    """How much later than the first a second tap may show a message."""
    connections: int = 250_000
    """Held at once."""
    openings: int = 65_536
    """Messages remembered by which a mirrored connection is recognised."""


class Connection(msgspec.Struct, kw_only=True, eq=False, omit_defaults=True):
    """One SCCP connection between a BSS and an MSC."""

    number: int
    state: State
    opened: int
    last: int
    requested: bool
    """Its CONNECTION REQUEST was seen."""
    ends: list[End] = []
    confirmed: int | None = None
    """Local reference of the side that answered the request."""
    dialogue: Dialogue | None = None
    """Whose it is; None for a handover's target before the handover completes."""
    leg: Leg = Leg.SERVING
    source: Dialogue | None = None
    """Of a handover's target: the dialogue that is to move here."""
    imsi: str | None = None
    """Of a handover's target: shown in HANDOVER REQUEST or COMMON ID."""
    target_cell: Cell | None = None
    asked_from: Cell | None = None
    """Of a handover's target: the serving cell that the HANDOVER REQUEST names."""
    queued: int = 0
    """Deadline under which it stands in the queue of deadlines."""
    recent: Recent = msgspec.field(default_factory=Recent)


class Arrival(NamedTuple):
    """Where a message belongs."""

    connection: Connection | None
    """None where nothing tells, or where it comes too late to matter."""
    duplicate: bool = False
    """It was seen before, by a mirror or twice by one tap."""
    replaced: Connection | None = None
    """Connection whose reference this message shows to be used again."""
    absorbed: Connection | None = None
    """Half of the same connection that had been taken for another one."""


NOWHERE = Arrival(None)


class Connections:
    """Finds the connection of a message; keeps deadlines in capture time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts: Counter[str] = Counter()
        """``evicted`` ``late`` ``unknown side`` ``mirrored`` ``repeated``."""
        self._ends: dict[End, Connection] = {}
        self._by_number: OrderedDict[int, Connection] = OrderedDict()
        self._deadlines: list[tuple[int, int]] = []
        self._openings: Openings[Connection] = Openings(limits.mirror, limits.openings)
        self._next = 1

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Connection]:
        """All of them, in the order in which they were opened."""
        return iter(list(self._by_number.values()))

    def receive(self, message: Message, from_network: bool | None) -> Arrival:  # noqa: FBT001
        """Find or open the connection of a connection-oriented message, and tell repeats."""
        sides = self._sides(message, from_network)
        if sides is None:
            self.counts["unknown side"] += 1
            return NOWHERE
        arrival = self._place(message, *_ends_of(message, sides))
        connection = arrival.connection
        if connection is None:
            return arrival
        twin = self._openings.match(message)
        if twin is not None and twin is not connection and twin.state is not State.CLOSED:
            arrival = self._tie(connection, twin)
            connection = arrival.connection or connection
        connection.last = max(connection.last, message.time)
        if self._repeats(connection, message):
            return arrival._replace(duplicate=True)
        return arrival

    def signal(self, connection: Connection, signal: Signal) -> None:
        """Move a connection through the table of `dialogue`; its end brings its deadline near."""
        connection.state = after(connection.state, signal)
        self.requeue(connection)

    def requeue(self, connection: Connection) -> None:
        """To be called when a deadline may have come nearer (the last call has ended)."""
        deadline = self.deadline(connection)
        if deadline < connection.queued:
            self._queue(connection, deadline)

    def deadline(self, connection: Connection) -> int:
        """When this connection's silence is taken for its end, in microseconds."""
        if connection.state in OVER:
            return connection.last + self.limits.linger
        dialogue = connection.dialogue or connection.source
        busy = dialogue is not None and dialogue.busy()
        return connection.last + (self.limits.call_idle if busy else self.limits.idle)

    def due(self, time: int) -> Iterator[tuple[int, Connection]]:
        """(deadline, connection) of each whose deadline is `time` or before, in order; they go."""
        while self._deadlines and self._deadlines[0][0] <= time:
            queued, number = heappop(self._deadlines)
            connection = self._by_number.get(number)
            if connection is None or connection.queued != queued:
                continue
            deadline = self.deadline(connection)
            if deadline > queued:
                self._queue(connection, deadline)
                continue
            self.remove(connection)
            yield queued, connection

    def overflow(self) -> Connection | None:
        """The connection longest silent where there are too many; it goes."""
        while len(self._by_number) > self.limits.connections and self._deadlines:
            queued, number = heappop(self._deadlines)
            connection = self._by_number.get(number)
            if connection is not None and connection.queued == queued:
                self.counts["evicted"] += 1
                self.remove(connection)
                connection.state = State.CLOSED
                return connection
        return None

    def between(self, message: Message) -> list[Connection]:
        """All connections between the two ends of a connectionless message, oldest first."""
        pair = {message.opc, message.dpc}
        if None in pair:
            sides: set[Side] = {f"{message.link}/msc", f"{message.link}/bss"}
        else:
            sides = {point_code for point_code in pair if point_code is not None}
        return [
            connection
            for connection in self._by_number.values()
            if any({end[0], end[1]} == sides for end in connection.ends)
        ]

    def remove(self, connection: Connection) -> None:
        """Forget a connection and its references."""
        self._by_number.pop(connection.number, None)
        for end in connection.ends:
            if self._ends.get(end) is connection:
                del self._ends[end]

    def _sides(self, message: Message, from_network: bool | None) -> tuple[Side, Side] | None:  # noqa: FBT001
        """(sender, receiver) of a message."""
        if message.opc is not None and message.dpc is not None:
            return message.opc, message.dpc
        msc, bss = f"{message.link}/msc", f"{message.link}/bss"
        if from_network is None:
            return self._guess(message, msc, bss)
        return (msc, bss) if from_network else (bss, msc)

    def _guess(self, message: Message, msc: str, bss: str) -> tuple[Side, Side] | None:
        """Without point codes and direction: the side whose references are known, if one is."""
        known = [
            sides
            for sides in ((msc, bss), (bss, msc))
            if any(end in self._ends for end in _ends_of(message, sides) if end)
        ]
        return known[0] if len(known) == 1 else None

    def _place(self, message: Message, near: End | None, far: End | None) -> Arrival:
        signal = OF_SCCP[message.sccp]
        if signal is Signal.REQUEST:
            return self._request(message, near)
        if signal is Signal.CONFIRM:
            return self._confirm(message, near, far)
        connection = self._ends.get(far) if far else None
        other = self._ends.get(near) if near else None
        if connection is not None and other is not None and connection is not other:
            return self._tie(connection, other)
        connection = connection or other
        if connection is None:
            return self._unheard(message, signal, near, far)
        if connection.state is State.CLOSED:
            self.counts["late"] += 1
            return NOWHERE
        self._join(connection, near, far)
        return Arrival(connection)

    def _request(self, message: Message, near: End | None) -> Arrival:
        if near is None:
            return NOWHERE
        known = self._ends.get(near)
        if known is not None and (
            message.within or known.recent.holds(message, self.limits.mirror)
        ):
            return Arrival(known)
        if known is not None and not known.requested and self._young(known, message.time):
            known.requested = True
            return Arrival(known)
        mirrored = self._openings.match(message)
        if mirrored is not None and mirrored.state is not State.CLOSED:
            self._join(mirrored, near, None)
            return Arrival(mirrored)
        connection = self._open(message, Signal.REQUEST, near, None)
        return Arrival(connection, replaced=self._reused(known))

    def _confirm(self, message: Message, near: End | None, far: End | None) -> Arrival:
        known = self._ends.get(far) if far else None
        other = self._ends.get(near) if near else None
        if known is not None and known.state is not State.CLOSED and _confirms(known, message):
            known.confirmed = message.slr
            tied = Arrival(known)
            if other is not None and other is not known:
                tied = self._tie(known, other) if self._young(other, message.time) else tied
                if tied.absorbed is None:
                    tied = tied._replace(replaced=self._reused(other))
            self._join(tied.connection or known, near, far)
            return tied
        connection = self._open(message, Signal.CONFIRM, near, far)
        connection.confirmed = message.slr
        return Arrival(connection, replaced=self._reused(known or other))

    def _unheard(
        self, message: Message, signal: Signal, near: End | None, far: End | None
    ) -> Arrival:
        if signal not in OPENINGS:
            return NOWHERE
        return Arrival(self._open(message, signal, near, far))

    def _open(
        self, message: Message, signal: Signal, near: End | None, far: End | None
    ) -> Connection:
        connection = Connection(
            number=self._next,
            state=OPENINGS[signal],
            opened=message.time,
            last=message.time,
            requested=signal is Signal.REQUEST,
        )
        self._next += 1
        self._by_number[connection.number] = connection
        self._join(connection, near, far)
        self._queue(connection, self.deadline(connection))
        return connection

    def _join(self, connection: Connection, near: End | None, far: End | None) -> None:
        for end in (near, far):
            if end is not None and self._ends.get(end) is not connection:
                self._ends[end] = connection
                connection.ends.append(end)

    def _tie(self, connection: Connection, other: Connection) -> Arrival:
        """Two halves of one connection: the one that began earlier stays."""
        keep, half = sorted((connection, other), key=lambda one: (not one.requested, one.number))
        if keep.requested and half.requested:
            return Arrival(connection)
        self.remove(half)
        half.state = State.CLOSED
        for end in half.ends:
            self._join(keep, end, None)
        return Arrival(keep, absorbed=half)

    def _reused(self, connection: Connection | None) -> Connection | None:
        if connection is None:
            return None
        self.remove(connection)
        connection.state = State.CLOSED
        return connection

    def _young(self, connection: Connection, time: int) -> bool:
        return time - connection.opened <= self.limits.jitter

    def _repeats(self, connection: Connection, message: Message) -> bool:
        if message.protocol == "SCCP":
            return False
        reason = connection.recent.repeats(message, self.limits.jitter, self.limits.mirror)
        if reason is None:
            self._openings.note(message, connection)
            return False
        self.counts[reason] += 1
        return True

    def _queue(self, connection: Connection, deadline: int) -> None:
        connection.queued = deadline
        heappush(self._deadlines, (deadline, connection.number))
        if len(self._deadlines) > _STALE + 2 * len(self._by_number):
            self._drop_stale()

    def _drop_stale(self) -> None:
        """Entries of connections that went or were queued anew since, where time stands still."""
        live = self._by_number
        self._deadlines = [
            entry
            for entry in self._deadlines
            if entry[1] in live and live[entry[1]].queued == entry[0]
        ]
        heapify(self._deadlines)


def _ends_of(message: Message, sides: tuple[Side, Side]) -> tuple[End | None, End | None]:
    """(end of the sender's reference, end of the receiver's) as far as the message has them."""
    sender, receiver = sides
    near = None if message.slr is None else (sender, receiver, message.slr)
    far = None if message.dlr is None else (receiver, sender, message.dlr)
    return near, far


def _confirms(connection: Connection, message: Message) -> bool:
    return connection.confirmed is None or connection.confirmed == message.slr
