"""What is kept of a subscriber between events; `rules.packed` says in which bytes.

Nothing here is ever changed in place: a step gives a new `Subscriber` or the same one. Nothing here
can be part of a cycle, so that the garbage collector need not look at millions of them
(``gc=False``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from decoders.events import Event, Frame
from decoders.messages import Cell
from rules.verdicts import Sample

MOST_FRAMES = 16
"""Frames kept of an event that a trigger rests on; the first ones."""


def network_of(cell: Cell) -> str:
    """MCC and MNC run together; empty where either is missing or no number."""
    return _network(cell.mcc or "", cell.mnc or "")


@lru_cache(maxsize=4096)
def _network(mcc: str, mnc: str) -> str:
    digits = mcc + mnc
    right = len(mcc) == 3 and len(mnc) in {2, 3} and digits.isascii() and digits.isdigit()
    return digits if right else ""


class Mark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A sample: an event that proved a cell, as little of it as evidence needs."""

    event: bytes
    """The event's id, packed: what is hexadecimal takes half the room."""
    time: int
    """Microseconds."""
    network: str
    """MCC and MNC run together; empty if the event's cell had none."""
    lac: int | None
    ci: int | None
    frames: tuple[str | int, ...]
    """Each source's label, followed by its first frame and the distances from one to the next; it
    stands again where frames go back."""

    @classmethod
    def of(cls, event: Event) -> Mark:
        """The mark that `event` leaves."""
        cell = event.cell or Cell()
        return cls(
            _short(event.id),
            event.time,
            network_of(cell),
            cell.lac,
            cell.ci,
            _runs(event.frames),
        )

    @property
    def event_id(self) -> str:
        """The event's id as the event bore it."""
        kind, rest = self.event[:1], self.event[1:]
        return rest.hex() if kind == _HEXADECIMAL else rest.decode()

    @property
    def cell(self) -> Cell:
        """The cell as the event bore it."""
        return _cell(self.network, self.lac, self.ci)

    def sample(self) -> Sample:
        """The evidence of a verdict row."""
        cell = _cell(self.network, self.lac, self.ci)
        return Sample(self.event_id, self.time, cell, _frames(self.frames))


@lru_cache(maxsize=4096)
def _cell(network: str, lac: int | None, ci: int | None) -> Cell:
    return Cell(network[:3] or None, network[3:] or None, lac, ci)


_HEXADECIMAL = b"x"
_TEXT = b"t"


def _short(identifier: str) -> bytes:
    try:
        packed = bytes.fromhex(identifier)
    except ValueError:
        return _TEXT + identifier.encode()
    return _HEXADECIMAL + packed if packed.hex() == identifier else _TEXT + identifier.encode()


def _runs(frames: list[Frame]) -> tuple[str | int, ...]:
    if len(frames) == 1:
        (only,) = frames
        return only.source, only.frame
    runs: list[str | int] = []
    source, before = None, 0
    for frame in frames[:MOST_FRAMES]:
        if frame.source != source or frame.frame < before:
            source, before = frame.source, 0
            runs.append(source)
        runs.append(frame.frame - before)
        before = frame.frame
    return tuple(runs)


def _frames(runs: tuple[str | int, ...]) -> list[Frame]:
    frames = []
    source, reached = "", 0
    for item in runs:
        if isinstance(item, str):
            source, reached = item, 0
        else:
            reached += item
            frames.append(Frame(source, reached))
    return frames


class Stay(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Progress through a trigger about a place: a stay, and perhaps an excursion from it."""

    first: Mark
    """First sample of the stay."""
    last: Mark
    """Last sample of the stay."""
    out: Mark | None = None
    """First sample of the excursion that goes on; None while the last sample was of the stay."""
    due: int | None = None
    """Microseconds when the trigger comes true if nothing speaks against it before."""
    done: bool = False
    """This stay has already made its trigger come true."""


class Chain(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Parts of a combination that came true."""

    time: int
    """Microseconds when the first of them did."""
    marks: tuple[Mark, ...]
    gap: bool = False
    id: str = ""
    """Of what came true, where the combination's own id is made from it."""


class Progress(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Progress through a trigger made of triggers (`rules.combinations`)."""

    chains: dict[int, Chain]
    """By how many steps were made; of a count in order; of a wait the one that began it."""
    due: int | None = None
    """Microseconds when it comes true if nothing speaks against it before."""


class Hold(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An offer held back until quiet hours are over."""

    campaign: str
    wave: int
    offer: str
    step: int
    """Of the row that said hold."""
    trigger: str
    since: int
    """Microseconds when the trigger came true; `valid_for` counts from here."""
    not_before: int
    priority: int
    shadow: bool
    gap: bool
    evidence: tuple[Mark, ...]
    event: dict[str, object] | None
    """What the audience's expression sees as ``event``, if it asks for it."""


class Wave(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A further offer to somebody who has not answered yet."""

    campaign: str
    wave: int
    """Its number; the first offer was number 1."""
    due: int
    """Microseconds."""
    trigger: str
    gap: bool
    evidence: tuple[Mark, ...]
    event: dict[str, object] | None
    """As in `Hold`."""


class Sent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decision that uses up caps: a send, or being drawn for the control group."""

    campaign: int
    """`campaign_key` of the campaign."""
    time: int
    shadow: bool = False


class Subscriber(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Everything kept of one subscriber."""

    subscriber: str
    """Keyed pseudonym."""
    last: Mark | None = None
    """The last sample; None while nobody asks where people are."""
    stays: dict[int, Stay] = {}
    """Progress by trigger key (`rules.firing.trigger_key`)."""
    holds: tuple[Hold, ...] = ()
    sent: tuple[Sent, ...] = ()
    """In the order of decision."""
    progress: dict[int, Progress] = {}
    """Through triggers made of triggers, by trigger key."""
    waves: tuple[Wave, ...] = ()
    """At most one a campaign."""

    @property
    def empty(self) -> bool:
        """Nothing is known that is worth storing."""
        return not (
            self.last or self.stays or self.holds or self.sent or self.progress or self.waves
        )


def next_due(state: Subscriber) -> int | None:
    """Microseconds at which this subscriber's earliest timer fires; None without timers."""
    least = None
    if state.stays:
        least = _earliest(None, state.stays.values())
    if state.progress:
        least = _earliest(least, state.progress.values())
    for hold in state.holds:
        if least is None or hold.not_before < least:
            least = hold.not_before
    for wave in state.waves:
        if least is None or wave.due < least:
            least = wave.due
    return least


def _earliest(least: int | None, timed: Iterable[Stay | Progress]) -> int | None:
    for each in timed:
        due = each.due
        if due is not None and (least is None or due < least):
            least = due
    return least
