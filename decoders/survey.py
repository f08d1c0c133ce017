"""What captures hold, for an engineer who sees them for the first time (``xinling doctor``).

`Survey` reads records under the configuration that `carriers` has found, and counts what decides
how well Xinling can work with them: links and their directions, which end is the MSC, copies of the
same message and what they say about clocks, how identities show, which cells there are. Bounded; it
keeps no identity.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from statistics import median
from typing import Final, NamedTuple

import msgspec

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.messages import Cell, Message, Record
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND

MIRROR_WINDOW: Final = 120 * SECOND
"""How far apart two clocks may be for their copies of a message to be recognised."""
_REMEMBERED: Final = 65_536
_MAX_SEEN: Final = 4096
_MAX_LAGS: Final = 1000
_MAX_CELLS: Final = 65_536

Pair = tuple[int | str, int | str]
"""Who sent and who received: point codes, or ``MSC`` and ``BSS`` where the carrier has none."""
Print = tuple[str, int | None, int | None, bytes]
"""What two copies of a message share: SCCP type, references, bytes."""


class CaptureTimes(msgspec.Struct):
    """The clock of one capture, in microseconds."""

    first: int
    last: int
    frames: int = 0
    backwards: int = 0
    """Records that are older than one before them."""
    worst: int = 0
    """By how much the worst of them is."""


class Path(msgspec.Struct):
    """What passed between two ends on one link."""

    sent: Counter[Pair] = msgspec.field(default_factory=Counter)

    def one_way(self, fewest: int) -> list[Pair]:
        """Pairs of ends that only one of the two was heard to send to the other."""
        return [
            pair
            for pair, count in self.sent.items()
            if count >= fewest and not self.sent.get((pair[1], pair[0]))
        ]


class Ends(msgspec.Struct):
    """How often a point code sent or received as which end."""

    msc: int = 0
    bss: int = 0


class Place(NamedTuple):
    """A cell, or a location area where `ci` is None; what is None the messages did not say."""

    mcc: str | None
    mnc: str | None
    lac: int
    ci: int | None


class Survey:
    """Reads records of any number of captures, merged by time; counts.

    Attributes:
        captures: by source, its clock.
        links: by link, who sent to whom.
        points: by point code, as which end it acted.
        protocols: messages by protocol.
        messages: messages that are no copies of others, by (protocol, name).
        given: location updates accepted with a new TMSI.
        repeated: copies of a message on the same link.
        lags: by (link, other link), by how much later in microseconds the second showed copies.
        places: cells named as the serving one, and location areas of updates that were accepted.
        refused: captures with a link type that nobody reads.
    """

    def __init__(self, config: DecoderConfig) -> None:
        self.captures: dict[str, CaptureTimes] = {}
        self.links: dict[str, Path] = {}
        self.points: dict[int, Ends] = {}
        self.protocols: Counter[str] = Counter()
        self.messages: Counter[tuple[str, str]] = Counter()
        self.given = 0
        self.repeated = 0
        self.lags: dict[tuple[str, str], list[int]] = {}
        self.places: Counter[Place] = Counter()
        self.refused: list[CaptureError] = []
        self.decoder = Decoder(config)
        self._correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
        self._seen: OrderedDict[Print, tuple[int, str]] = OrderedDict()

    @property
    def identities(self) -> Counter[str]:
        """Events by how sure their subscriber is: ``imsi`` ``learned`` ``unknown``."""
        found: Counter[str] = Counter()
        for (_, identity), count in self._correlator.events.items():
            found[identity] += count
        found["unknown"] += self._correlator.dropped.total()
        return found

    def feed(self, record: Record) -> None:
        """Read a record; raises nothing."""
        self._clock(record)
        try:
            messages = self.decoder.feed(record)
        except CaptureError as error:
            self.refused.append(error)
            return
        for message in messages:
            self._message(message)

    def finish(self) -> None:
        """The captures have ended."""
        self._correlator.finish()

    def network(self) -> tuple[str, str] | None:
        """The MCC and MNC that most cells have."""
        found: Counter[tuple[str, str]] = Counter()
        for place, count in self.places.items():
            if place.mcc is not None and place.mnc is not None:
                found[place.mcc, place.mnc] += count
        return found.most_common(1)[0][0] if found else None

    def lag(self, pair: tuple[str, str]) -> int:
        """By how much later, in microseconds, the second link of `pair` shows copies, mostly."""
        return int(median(self.lags[pair]))

    def _clock(self, record: Record) -> None:
        known = self.captures.get(record.source)
        if known is None:
            if len(self.captures) >= _MAX_SEEN:
                return
            known = self.captures[record.source] = CaptureTimes(record.time, record.time)
        known.frames += 1
        if record.time < known.last:
            known.backwards += 1
            known.worst = max(known.worst, known.last - record.time)
        known.first = min(known.first, record.time)
        known.last = max(known.last, record.time)

    def _message(self, message: Message) -> None:
        self._correlator.feed(message)
        self.protocols[message.protocol] += 1
        if message.within is None:
            self._ends(message)
        if not self._is_copy(message):
            self._count(message)
            self._place(message)

    def _count(self, message: Message) -> None:
        self.messages[message.protocol, message.message] += 1
        self.given += message.new_tmsi and message.message == "LOCATION UPDATING ACCEPT"

    def _ends(self, message: Message) -> None:
        path = self.links.get(message.link)
        if path is None and len(self.links) < _MAX_SEEN:
            path = self.links[message.link] = Path()
        pair = self._pair(message)
        if path is not None and pair is not None and (pair in path.sent or len(path.sent) < 1000):
            path.sent[pair] += 1

    def _pair(self, message: Message) -> Pair | None:
        if message.opc is None or message.dpc is None:
            if message.from_msc is None:
                return None
            return ("MSC", "BSS") if message.from_msc else ("BSS", "MSC")
        if message.from_msc is not None:
            self._acted(message.opc, as_msc=message.from_msc)
            self._acted(message.dpc, as_msc=not message.from_msc)
        return message.opc, message.dpc

    def _acted(self, point_code: int, *, as_msc: bool) -> None:
        ends = self.points.get(point_code)
        if ends is None:
            if len(self.points) >= _MAX_SEEN:
                return
            ends = self.points[point_code] = Ends()
        if as_msc:
            ends.msc += 1
        else:
            ends.bss += 1

    def _is_copy(self, message: Message) -> bool:
        """Whether another link, or this one, has shown the same message; notes how much before."""
        if message.protocol == "SCCP" or message.slr is message.dlr is None:
            return False
        key = (message.sccp, message.slr, message.dlr, message.raw)
        before = self._seen.get(key)
        if before is None or message.time - before[0] > MIRROR_WINDOW:
            self._seen[key] = (message.time, message.link)
            self._seen.move_to_end(key)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return False
        time, link = before
        if link == message.link:
            self.repeated += message.time - time < SECOND // 10
            return message.time - time < SECOND // 10
        self._lag(link, message.link, message.time - time)
        return True

    def _lag(self, link: str, other: str, lag: int) -> None:
        pair, lag = ((link, other), lag) if link < other else ((other, link), -lag)
        if pair in self.lags or len(self.lags) < _MAX_SEEN:
            known = self.lags.setdefault(pair, [])
            if len(known) < _MAX_LAGS:
                known.append(lag)

    def _place(self, message: Message) -> None:
        cell = message.cell
        if cell is None and message.message == "LOCATION UPDATING ACCEPT" and message.lai:
            cell = Cell(message.lai.mcc, message.lai.mnc, message.lai.lac)
        if cell is None or cell.lac is None or message.message == "HANDOVER REQUEST":
            return
        place = Place(cell.mcc, cell.mnc, cell.lac, cell.ci)
        if place in self.places or len(self.places) < _MAX_CELLS:
            self.places[place] += 1
