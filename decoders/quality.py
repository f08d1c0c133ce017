"""How far the feed can be trusted, by link and by location area: a score from 0 to 100.

What is counted of a link (its messages) and of an area (its events), minute by minute of capture
time, is kept twice: *recent*, which forgets half each minute, and *usual*, which remembers about
half an hour. The score is 100 less what has gone wrong:

    lost       share of recent messages that are visibly missing, three times; of an area on the
               links of its events
    unseen     how far the share of procedures without an answer has risen above the usual
    unknown    how far the share of events of unknown subscribers has risen above the usual
    silence    0 once nothing came for as long as `_SILENT` messages or events usually take,
               where fifteen an hour or more are usual

Scores stand in steps of 10, so that a `Scored` is made when something has changed and not each
minute. Which minute closes when depends on the times of the messages alone (P1). Bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from decoders.events import Event
from decoders.times import SECOND

WINDOW = 60 * SECOND
"""Microseconds of capture time between two looks."""
FULL = 100
_STEP = 10
_RECENT = 0.5
_USUAL = 29 / 30
_ENOUGH = 10
"""Recent cases below which a share says nothing."""
_MANY = 100
"""Of so many recent messages at least is what is missing a share: one of five says little."""
_WEIGHT = 3
"""A tenth of the messages missing costs three tenths of the score."""
LINKS_OF_AREA = 6
_SILENT = 20
_BUSY = 0.25
"""Messages or events a minute below which silence says nothing: a few people, whose calls come in
bursts, may really be gone."""
_AREA_GONE = 24 * 60
"""Looks after which a silent area counts as taken out of service."""
_LINK_GONE = 60
"""The same for a link: an association that starts anew often has another port, and another name."""
_LINKS = 4096
_AREAS = 8192
_TOLD = 512
"""Areas of one `Scored`, the worst."""


class Scored(msgspec.Struct, frozen=True):
    """The areas whose score has fallen, from `time` on; every other area stands at 100."""

    time: int
    """Microseconds of capture time, a whole minute."""
    areas: dict[str, int]
    """Area (see `area_name`) → 0 to 90."""


class Tallied(NamedTuple):
    """Counts of some messages or events, made elsewhere."""

    seen: int
    missing: int
    """Of links alone: messages that visible gaps have swallowed."""
    events: int
    unknown: int
    procedures: int
    unseen: int


class _Tally(msgspec.Struct):
    """Counts, which fade."""

    seen: float = 0.0
    missing: float = 0.0
    procedures: float = 0.0
    unseen: float = 0.0
    events: float = 0.0
    unknown: float = 0.0

    def fade(self, factor: float, latest: _Tally) -> None:
        """Forget a part of what was, and take up the latest minute."""
        self.seen = self.seen * factor + latest.seen
        self.missing = self.missing * factor + latest.missing
        self.procedures = self.procedures * factor + latest.procedures
        self.unseen = self.unseen * factor + latest.unseen
        self.events = self.events * factor + latest.events
        self.unknown = self.unknown * factor + latest.unknown

    def add(self, tallied: Tallied) -> None:
        """Count what was counted elsewhere."""
        self.seen += tallied.seen
        self.missing += tallied.missing
        self.procedures += tallied.procedures
        self.unseen += tallied.unseen
        self.events += tallied.events
        self.unknown += tallied.unknown

    def note(self, event: Event) -> None:
        """Count one event."""
        self.events += 1
        self.unknown += event.identity == "unknown"
        outcome = event.detail.get("outcome")
        self.procedures += outcome is not None
        self.unseen += outcome == "unseen"


class _Source:
    """A link or an area."""

    __slots__ = ("latest", "links", "quiet", "rate", "recent", "score", "usual", "via")

    def __init__(self) -> None:
        self.latest = _Tally()
        self.recent = _Tally()
        self.usual = _Tally()
        self.quiet = 0
        """Minutes in a row without anything."""
        self.rate = 0.0
        """What usually came in a minute, when something came last."""
        self.score = FULL
        self.via: list[str] = []
        """Of an area: the links of its events in this minute, the first few."""
        self.links: list[str] = []
        """The same of the latest minute that had any."""

    def join(self, links: Iterable[str]) -> None:
        """An event of this area came over `links`."""
        for link in links:
            if link not in self.via and len(self.via) < LINKS_OF_AREA:
                self.via.append(link)

    def close(self, links: Mapping[str, _Source]) -> None:
        """A minute is over; of an area, whose `links` have closed theirs."""
        if self.via:
            self.links, self.via = self.via, []
        if self.latest.seen:
            self.quiet = 0
            self.rate = self.usual.seen * (1 - _USUAL)
        else:
            self.quiet += 1
        silent = self.rate >= _BUSY and self.quiet * self.rate >= _SILENT
        self.latest.missing = min(self.latest.missing, self.latest.seen)
        self.recent.fade(_RECENT, self.latest)
        self.score = 0 if silent else _stepped(self._wholeness(self._lost(links)))
        if not silent:  # what it usually does is not learned from its silence
            self.usual.fade(_USUAL, self.latest)
        self.latest = _Tally()

    def _lost(self, links: Mapping[str, _Source]) -> float:
        """Share of recent messages that are missing; of an area on its links."""
        missing, seen = self.recent.missing, self.recent.seen
        if self.links:
            missing = seen = 0.0
            for name in self.links:
                if (link := links.get(name)) is not None:
                    missing += link.recent.missing
                    seen += link.recent.seen
        return missing / max(missing + seen, _MANY)

    def _wholeness(self, lost: float) -> float:
        recent, usual = self.recent, self.usual
        unseen = _rise(recent.unseen, recent.procedures, usual.unseen, usual.procedures)
        unknown = _rise(recent.unknown, recent.events, usual.unknown, usual.events)
        return max(1 - _WEIGHT * lost, 0.0) * (1 - unseen) * (1 - unknown)


class Quality:
    """Keeps the scores of all links and areas that are heard of."""

    def __init__(self) -> None:
        self._links: OrderedDict[str, _Source] = OrderedDict()
        self._areas: OrderedDict[str, _Source] = OrderedDict()
        self._closes: int | None = None
        self._told: dict[str, int] = {}
        self._changes: deque[Scored] = deque(maxlen=_AREA_GONE + 1)

    @property
    def links(self) -> dict[str, int]:
        """Link → score, at the last whole minute."""
        return {name: source.score for name, source in self._links.items()}

    @property
    def areas(self) -> dict[str, int]:
        """Area (see `area_name`) → score, at the last whole minute."""
        return {name: source.score for name, source in self._areas.items()}

    def heard(self, link: str, *, missing: int) -> None:
        """A message has come over `link`, and so many before it have visibly not."""
        tally = _source(self._links, link, _LINKS).latest
        tally.seen += 1
        tally.missing += missing

    @property
    def closes(self) -> int:
        """When the minute in hand is over, microseconds."""
        return self._closes or 0

    def tally_link(self, link: str, tallied: Tallied) -> None:
        """What `heard` and `told` would have counted of a link since this was called last."""
        _source(self._links, link, _LINKS).latest.add(tallied)

    def tally_area(self, area: str, tallied: Tallied) -> None:
        """The same of an area, by its name."""
        _source(self._areas, area, _AREAS).latest.add(tallied)

    def join(self, area: str, links: Iterable[str]) -> None:
        """The links of an area's events since this was called last, in their order."""
        _source(self._areas, area, _AREAS).join(links)

    def told(self, event: Event, links: Iterable[str]) -> None:
        """An event was told of a dialogue that used `links`."""
        for link in links:
            _source(self._links, link, _LINKS).latest.note(event)
        cell = event.cell
        if cell is None or cell.mcc is None or cell.mnc is None or cell.lac is None:
            return
        area = _source(self._areas, area_name(cell.mcc, cell.mnc, cell.lac), _AREAS)
        area.latest.seen += 1
        area.latest.note(event)
        area.join(links)

    def advance(self, time: int) -> None:
        """Capture time has come to `time` microseconds: the minutes before it are over."""
        if self._closes is None:
            self._closes = _next_minute(time)
        for _ in range(_AREA_GONE + 1):
            if time < self._closes:
                return
            self._close(self._closes)
            self._closes += WINDOW
        if time >= self._closes:  # a day without anything: nothing is left to be scored
            self._closes = _next_minute(time)

    def changes(self, before: int | None = None) -> list[Scored]:
        """What has changed since this was asked for last, in order; with `before`, up to there.

        Who puts them among events asks for those before the time that was reached: what happens at
        the very end of a minute comes before what is said of that minute.
        """
        changes = []
        while self._changes and (before is None or self._changes[0].time < before):
            changes.append(self._changes.popleft())
        return changes

    def _close(self, minute: int) -> None:
        for table, links, gone in (
            (self._links, {}, _LINK_GONE),
            (self._areas, self._links, _AREA_GONE),
        ):
            for source in table.values():
                source.close(links)
            for name in [name for name, one in table.items() if one.quiet >= gone]:
                del table[name]
        fallen = sorted(
            (source.score, name) for name, source in self._areas.items() if source.score < FULL
        )
        told = {name: score for score, name in fallen[:_TOLD]}
        if told != self._told:
            self._told = told
            self._changes.append(Scored(minute, told))


def area_name(mcc: str, mnc: str, lac: int) -> str:
    """The name of a location area in scores: ``46000-17104``."""
    return f"{mcc}{mnc}-{lac}"


def _source(table: OrderedDict[str, _Source], name: str, most: int) -> _Source:
    """The source of that name; a new one takes the place of the one that came first."""
    source = table.get(name)
    if source is None:
        source = table[name] = _Source()
        if len(table) > most:
            table.popitem(last=False)
    return source


def _rise(cases: float, of: float, usual_cases: float, usual_of: float) -> float:
    """How far a share lies above what it usually is; 0 where there are too few to say."""
    if of < _ENOUGH or usual_of < _ENOUGH:
        return 0.0
    return max(0.0, cases / of - usual_cases / usual_of)


def _stepped(wholeness: float) -> int:
    """In steps of 10, to the nearest."""
    return int(wholeness * FULL / _STEP + 0.5) * _STEP


def _next_minute(time: int) -> int:
    return (time // WINDOW + 1) * WINDOW
