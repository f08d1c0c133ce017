"""From messages to events: who did what, where (the events of the contracts).

`Correlator` sees the messages of all links of an MSC or pool, merged by time. It finds each
message's connection, keeps what its dialogue has shown, and lets one module a subject say what
happened: `mobility`, `call_control`, `short_messages`, `handover`. Silence counts in capture time.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from heapq import heappop, heappush

import msgspec

from decoders import handover, mobility, short_messages
from decoders.call_control import NETWORK, RADIO, CallControl
from decoders.connections import Connection, Connections, Limits
from decoders.dialogue import OF_SCCP, OVER, Signal
from decoders.direction import Directions
from decoders.events import LOCATION_SEEN, SERVICE_REQUESTED, Event
from decoders.handover import Handovers
from decoders.identity import Bindings
from decoders.legs import LEAVING, Leg
from decoders.messages import Lai, Message
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import Pseudonyms
from decoders.subject import Dialogue, Draft, frame_of, transaction
from decoders.teller import Teller
from decoders.times import SECOND

_DEFERRED = 8
_LINKS = 65_536


class CorrelatorConfig(msgspec.Struct, frozen=True):
    """How much is kept and for how long; times in microseconds of capture time."""

    limits: Limits = Limits()
    """Of connections and dialogues."""
    bindings: int = 16_000_000
    """TMSIs remembered."""
    subscribers: int = 4_000_000
    """Subscribers whose latest dialogue is remembered."""
    handover: int = 30 * SECOND
    """How far apart the two halves of a handover's command may pass."""
    reorder: int = 0
    """Messages are held this long and put in order of their times. With 0, what comes late is
    taken as it comes, and its events bear the time that capture time has reached."""


class Correlator:
    """Turns messages into events, in time order; bounded; never raises on what a message holds."""

    def __init__(
        self,
        config: CorrelatorConfig,
        pseudonyms: Pseudonyms,
        plan: NumberingPlan | None,
        clear: bool = False,  # noqa: FBT001, FBT002  the one mode there is: --clear
    ) -> None:
        self.events: Counter[tuple[str, str]] = Counter()
        """(type, identity) → how many."""
        self.bindings = Bindings(config.bindings)
        self.connections = Connections(config.limits)
        self.gaps: OrderedDict[str, int] = OrderedDict()
        """Link → visible gaps."""
        self.dropped: Counter[str] = Counter()
        """Events that were not told, by reason: ``no identity``."""
        self._config = config
        self._teller = Teller(pseudonyms, plan, clear=clear)
        self._directions = Directions()
        self._mobility = mobility.Mobility(self.bindings)
        self._calls = CallControl(self._teller, config.limits.jitter)
        self._handovers = Handovers(config.handover)
        self._latest: OrderedDict[str, Dialogue] = OrderedDict()
        self._waiting: list[tuple[int, int, Message]] = []
        self._arrivals = 0
        self._now = 0

    @property
    def now(self) -> int:
        """Capture time reached, in microseconds."""
        return self._now

    def feed(self, message: Message) -> list[Event]:
        """The events that become true with this message, and those that became so before it."""
        if not self._config.reorder:
            return self._take(message)
        self._arrivals += 1
        heappush(self._waiting, (message.time, self._arrivals, message))
        return self._release(message.time - self._config.reorder)

    def advance(self, time: int) -> list[Event]:
        """Capture time is `time` (microseconds) though no message says so: what silence makes."""
        events = self._release(time - self._config.reorder)
        return events + self._until(time - self._config.reorder)

    def finish(self) -> list[Event]:
        """End of the capture: what is open is told as unseen; calls still up do not end."""
        events = self._release(None)
        for connection in self.connections:
            self.connections.remove(connection)
            events += self._leave(connection, None)
        return events

    def _release(self, until: int | None) -> list[Event]:
        events: list[Event] = []
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            events += self._take(heappop(self._waiting)[2])
        return events

    def _until(self, time: int) -> list[Event]:
        events: list[Event] = []
        for deadline, connection in self.connections.due(time):
            self._now = max(self._now, deadline)
            self.connections.signal(connection, Signal.SILENCE)
            events += self._leave(connection, None)
        self._now = max(self._now, time)
        return events

    def _take(self, message: Message) -> list[Event]:
        events = self._until(message.time)
        self._note_gap(message)
        from_network = self._directions.from_network(message)
        if message.sccp not in OF_SCCP:
            return events + self._connectionless(message, from_network)
        arrival = self.connections.receive(message, from_network)
        for gone in (arrival.replaced, self.connections.overflow()):
            if gone is not None:
                events += self._leave(gone, None)
        connection = arrival.connection
        if connection is None or arrival.duplicate:
            return events
        if arrival.absorbed is not None:
            _absorb(connection, arrival.absorbed)
        return events + self._on_connection(connection, message, from_network)

    def _connectionless(self, message: Message, from_network: bool | None) -> list[Event]:  # noqa: FBT001
        """PAGING binds; RESET ends everything between a controller and its MSC, 48.008 3.1.4."""
        if message.protocol != "BSSMAP":
            return []
        if message.message == "PAGING" and message.imsi and message.tmsi:
            vlr = str(message.opc) if message.opc is not None else message.link
            self.bindings.bind(vlr, message.tmsi, message.imsi)
        if message.message != "RESET":
            return []
        events: list[Event] = []
        by = None if from_network is None else NETWORK if from_network else RADIO
        for connection in self.connections.between(message):
            self.connections.remove(connection)
            self.connections.signal(connection, Signal.RESET)
            events += self._clear(connection, message, by)
            events += self._leave(connection, message)
        return events

    def _on_connection(
        self,
        connection: Connection,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Event]:
        events: list[Event] = []
        if message.protocol == "BSSMAP":
            events += self._bssmap(connection, message, from_network)
        elif connection.leg is Leg.TARGET and from_network is False and _on_air(message):
            events += self._arrive(connection, message)
        dialogue = self._dialogue(connection, message, from_network)
        if dialogue is not None and message.protocol != "BSSMAP":
            dialogue, drafts = self._identify(connection, dialogue, message)
            drafts += self._layer3(dialogue, message, from_network)
            events += self._tell(dialogue, drafts, message)
        return events + self._signal(connection, message, from_network)

    def _bssmap(
        self,
        connection: Connection,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Event]:
        self._handovers.follow(connection, message)
        if message.message == "HANDOVER COMPLETE":
            return self._arrive(connection, message)
        if connection.leg is Leg.TARGET:
            connection.imsi = message.imsi or connection.imsi
            return []
        dialogue = self._dialogue(connection, message, from_network)
        if dialogue is None:
            return []
        dialogue, drafts = self._identify(connection, dialogue, message)
        drafts += self._place(dialogue, message)
        events = self._tell(dialogue, drafts, message)
        if message.message == "CLEAR REQUEST":
            events += self._clear(connection, message, RADIO)
        elif message.message == "CLEAR COMMAND":
            events += self._clear(connection, message, NETWORK)
        return events

    def _place(self, dialogue: Dialogue, message: Message) -> list[Draft]:
        """What a BSSMAP message says about where the phone is."""
        if message.message == "HANDOVER PERFORMED":
            return handover.performed(dialogue, message)
        placing = {"COMPLETE LAYER 3 INFORMATION", "ASSIGNMENT COMPLETE"}
        if message.cell is None or not (
            message.message in placing
            or (dialogue.cell is None and message.message == "HANDOVER REQUIRED")
        ):
            return []
        dialogue.cell = handover.fill(message.cell, dialogue.cell)
        dialogue.frames = [*dialogue.frames, frame_of(message)][-4:]
        area = _area_of(dialogue)
        if area is not None:
            self._serve(dialogue, area)
        return []

    def _serve(self, dialogue: Dialogue, area: Lai) -> None:
        """The VLR of a link without point codes is the one that serves its area, if one does."""
        known = self.bindings.serving(area)
        if dialogue.vlr is not None and not dialogue.vlr.isdecimal() and len(known) == 1:
            dialogue.vlr = known[0]
        if dialogue.vlr is not None:
            self.bindings.serve(area, dialogue.vlr)

    def _layer3(
        self,
        dialogue: Dialogue,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Draft]:
        if message.protocol == "SCCP":
            return []
        if dialogue.by is None and from_network is False and not dialogue.partial:
            dialogue.by = message.message
        if message.protocol == "MM":
            return self._mobility.receive(dialogue, message)
        which = transaction(message, from_network)
        if which is None or from_network is None:
            return []
        if message.protocol == "CC":
            doubt = dialogue.partial or self._gap(dialogue)
            return self._calls.receive(
                dialogue, message, which, from_network=from_network, doubt=doubt
            )
        if message.protocol == "SMS":
            return short_messages.receive(dialogue, message, which)
        if message.protocol == "SS" and message.message == "REGISTER" and not from_network:
            return _service(dialogue, message, which)
        return []

    def _dialogue(
        self,
        connection: Connection,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> Dialogue | None:
        """The dialogue that a message on this connection belongs to; None where it has moved on."""
        if connection.leg is Leg.TARGET or connection.state in OVER:
            return None
        dialogue = connection.dialogue
        if dialogue is None:
            dialogue = connection.dialogue = self._begin(connection, message)
        if dialogue.over or dialogue.carrier != connection.number:
            return None
        if dialogue.vlr is None and from_network is not None:
            msc = message.opc if from_network else message.dpc
            dialogue.vlr = str(msc) if msc is not None else message.link
        dialogue.gaps.setdefault(message.link, self.gaps.get(message.link, 0))
        return dialogue

    def _begin(self, connection: Connection, message: Message) -> Dialogue:
        return Dialogue(
            key=self._teller.key("dialogue", message),
            opened=message.time,
            carrier=connection.number,
            partial=not connection.requested,
        )

    def _identify(
        self, connection: Connection, dialogue: Dialogue, message: Message
    ) -> tuple[Dialogue, list[Draft]]:
        """Whose dialogue it is, as far as this message shows it; another IMSI is another dialogue."""
        dialogue.equipment = message.imei or message.imeisv or dialogue.equipment
        if message.imsi is not None:
            if dialogue.imsi not in {None, message.imsi}:
                self.bindings.counts["contradicted"] += 1
                dialogue = connection.dialogue = self._begin(connection, message)
                dialogue.partial = True
            self._is(dialogue, message)
        elif message.tmsi is not None and not message.new_tmsi and dialogue.tmsi is None:
            self._shows(dialogue, message)
        if self._teller.who(dialogue) is None:
            return dialogue, []
        waiting, dialogue.deferred = dialogue.deferred, []
        return dialogue, waiting

    def _is(self, dialogue: Dialogue, message: Message) -> None:
        imsi = message.imsi
        if imsi is None or dialogue.imsi == imsi:
            return
        if dialogue.learned not in {None, imsi}:
            self.bindings.counts["contradicted"] += 1
        dialogue.imsi = imsi
        dialogue.frames = [*dialogue.frames, frame_of(message)][-4:]
        if dialogue.tmsi is not None:
            self._bind(dialogue, dialogue.tmsi, imsi)
        self._meet(imsi, dialogue)

    def _shows(self, dialogue: Dialogue, message: Message) -> None:
        """A phone shows a TMSI, which stands for what it was bound to at this moment."""
        dialogue.tmsi = message.tmsi
        request = message.message == "LOCATION UPDATING REQUEST"
        dialogue.area = message.lai if request else _area_of(dialogue)
        dialogue.frames = [*dialogue.frames, frame_of(message)][-4:]
        assert message.tmsi is not None
        if dialogue.imsi is not None:
            self._bind(dialogue, message.tmsi, dialogue.imsi)
            return
        dialogue.learned = self.bindings.find(message.tmsi, dialogue.area, dialogue.vlr)
        if dialogue.learned is not None:
            self._bind(dialogue, message.tmsi, dialogue.learned)
            self._meet(dialogue.learned, dialogue)

    def _bind(self, dialogue: Dialogue, tmsi: str, imsi: str) -> None:
        """In the VLR of the area in which the phone got the TMSI, if that VLR is one of ours."""
        known = self.bindings.serving(dialogue.area) if dialogue.area is not None else ()
        if dialogue.area is None:
            vlr = dialogue.vlr
        elif dialogue.vlr in known:
            vlr = dialogue.vlr
        else:
            vlr = known[0] if len(known) == 1 else None
        if vlr is not None:
            self.bindings.confirm(vlr, tmsi, imsi)

    def _meet(self, imsi: str, dialogue: Dialogue) -> None:
        """A phone has one dialogue at a time: in an older one it no longer is where that began."""
        before = self._latest.pop(imsi, None)
        if before is not None and before is not dialogue and before.opened > dialogue.opened:
            dialogue.left, dialogue = True, before
        elif before is not None and before is not dialogue:
            before.left = True
        self._latest[imsi] = dialogue
        if len(self._latest) > self._config.subscribers:
            self._latest.popitem(last=False)

    def _arrive(self, target: Connection, message: Message) -> list[Event]:
        """The phone is on the target leg: the dialogue moves there."""
        dialogue = target.source
        if dialogue is None and target.imsi is not None:
            dialogue = self._latest.get(target.imsi)
        if dialogue is None or dialogue.over or dialogue.left:
            dialogue = self._begin(target, message)
            dialogue.partial = True
            dialogue.gaps[message.link] = self.gaps.get(message.link, 0)
        drafts = handover.move(dialogue, target, message)
        if target.imsi is not None and dialogue.imsi is None:
            dialogue.imsi = target.imsi
            self._meet(target.imsi, dialogue)
        return self._tell(dialogue, drafts, message)

    def _signal(
        self,
        connection: Connection,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Event]:
        """The connection's own state machine; when it ends, so does what it carried."""
        signal = OF_SCCP[message.sccp]
        if message.message == "CLEAR COMPLETE":
            signal = Signal.CLEARED
        ended = connection.state in OVER
        self.connections.signal(connection, signal)
        if ended or connection.state not in OVER:
            return []
        by = None
        if signal is Signal.RELEASE and from_network is not None:
            by = NETWORK if from_network else RADIO
        events = self._clear(connection, message, by)
        return events + self._leave(connection, message)

    def _clear(self, connection: Connection, message: Message, by: str | None) -> list[Event]:
        """Calls end with their connection, except where a handover may have taken them away."""
        dialogue = connection.dialogue
        if dialogue is None or dialogue.carrier != connection.number or dialogue.over:
            return []
        if connection.leg in LEAVING:
            return []
        doubt = dialogue.partial or self._gap(dialogue)
        drafts = self._calls.clear(dialogue, message, by, doubt=doubt)
        return self._tell(dialogue, drafts, message)

    def _leave(self, connection: Connection, message: Message | None) -> list[Event]:
        """A connection is over; its dialogue with it, unless a handover's target takes it on."""
        dialogue = connection.dialogue or connection.source
        if dialogue is None or dialogue.over:
            return []
        if connection.dialogue is None:
            return self._end(dialogue, message) if dialogue.source_gone else []
        if dialogue.carrier != connection.number:
            return []
        if connection.leg in LEAVING and self._awaited(dialogue):
            dialogue.source_gone = True
            return []
        return self._end(dialogue, message)

    def _awaited(self, dialogue: Dialogue) -> bool:
        return any(one.source is dialogue for one in self.connections)

    def _end(self, dialogue: Dialogue, message: Message | None) -> list[Event]:
        """What a dialogue's end makes true: answers that did not come, a place that was shown."""
        drafts = mobility.unanswered(dialogue, message)
        drafts += short_messages.unanswered(dialogue, message)
        seen = not (dialogue.told or drafts or dialogue.deferred or dialogue.left)
        if seen and dialogue.cell is not None:
            detail = {"by": dialogue.by}
            drafts.append(Draft(type=LOCATION_SEEN, message=message, detail=detail))
        events = self._tell(dialogue, drafts, message)
        self.dropped["no identity"] += len(dialogue.deferred)
        dialogue.over = True
        imsi = dialogue.imsi or dialogue.learned
        if imsi is not None and self._latest.get(imsi) is dialogue:
            del self._latest[imsi]
        return events

    def _tell(
        self, dialogue: Dialogue, drafts: list[Draft], message: Message | None
    ) -> list[Event]:
        """Events of the drafts, or nothing yet while nobody knows whose they are."""
        if not drafts:
            return []
        who = self._teller.who(dialogue)
        if who is None:
            dialogue.deferred = [*dialogue.deferred, *drafts][:_DEFERRED]
            return []
        time = self._now if message is None else max(message.time, self._now)
        gap = self._gap(dialogue)
        events = [self._teller.event(dialogue, one, who, time, gap=gap) for one in drafts]
        dialogue.told = True
        for event in events:
            self.events[event.type, event.identity] += 1
        return events

    def _gap(self, dialogue: Dialogue) -> bool:
        return any(self.gaps.get(link, 0) != before for link, before in dialogue.gaps.items())

    def _note_gap(self, message: Message) -> None:
        if message.gap:
            self.gaps[message.link] = self.gaps.get(message.link, 0) + 1
            if len(self.gaps) > _LINKS:
                self.gaps.popitem(last=False)


def _on_air(message: Message) -> bool:
    """It came over the radio of the connection that bears it, and not inside a BSSMAP message."""
    return message.protocol != "SCCP" and message.within is None


def _service(dialogue: Dialogue, message: Message, which: tuple[int, bool]) -> list[Draft]:
    """A supplementary service or USSD asked for by the subscriber, TS 24.080 2.4."""
    if which in dialogue.services:
        return []
    dialogue.services.add(which)
    detail = {"operation": message.operation, "code": message.service_code}
    return [Draft(type=SERVICE_REQUESTED, message=message, detail=detail)]


def _area_of(dialogue: Dialogue) -> Lai | None:
    cell = dialogue.cell
    if cell is None or cell.mcc is None or cell.mnc is None or cell.lac is None:
        return None
    return Lai(cell.mcc, cell.mnc, cell.lac)


def _absorb(connection: Connection, half: Connection) -> None:
    """What the other half of a connection had shown joins what this one has."""
    mine, other = connection.dialogue, half.dialogue
    if other is None:
        return
    if mine is None:
        connection.dialogue = other
        other.carrier = connection.number
        return
    mine.told |= other.told
    mine.imsi = mine.imsi or other.imsi
    mine.learned = mine.learned or other.learned
    mine.cell = mine.cell or other.cell
    for which, call in other.calls.items():
        mine.calls.setdefault(which, call)
    other.over = True
