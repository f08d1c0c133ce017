"""What happens on one connection: its dialogue, its calls and messages, its end.

`Conversations` holds no table of its own; it leads each message to the module whose subject it is
and turns what they say happened into events. Calls end with their connection, except where a
handover may have taken them away; a dialogue ends with it, unless a handover's target takes it on.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

import msgspec

from decoders import handover, mobility, short_messages
from decoders.call_control import NETWORK, RADIO, CallControl
from decoders.connections import Connection, Connections
from decoders.dialogue import OF_SCCP, OVER, Signal
from decoders.events import LOCATION_SEEN, SERVICE_REQUESTED, Event
from decoders.handover import Handovers
from decoders.legs import LEAVING, Leg
from decoders.messages import Message
from decoders.mobility import Mobility
from decoders.quality import Quality
from decoders.recognition import Recognition, note_frame
from decoders.subject import Dialogue, Draft, Transaction, transaction
from decoders.teller import Teller

_DEFERRED = 8
"""Events of one dialogue that may wait for an identity."""
_LINKS = 65_536
_PLACING = frozenset({"COMPLETE LAYER 3 INFORMATION", "ASSIGNMENT COMPLETE"})
"""BSSMAP messages whose cell is where the phone is."""
_INVOKE = b"\xa1"
"""Tag of a component that asks for something, TS 24.080 3.6.2."""
_CALL_CONTROL = 9
"""Cause of a CLEAR COMMAND, TS 48.008 3.2.2.5."""
_CLEARINGS: dict[str, str | None] = {"CLEAR REQUEST": RADIO, "CLEAR COMMAND": None}
"""BSSMAP message → who ended a call that is still up; a command follows what was not seen."""


class Ledger(msgspec.Struct):
    """Counters for metrics."""

    events: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """(type, identity) → events told."""
    dropped: Counter[str] = msgspec.field(default_factory=Counter)
    """Reason → events that were not told: ``no identity``."""
    gaps: OrderedDict[str, int] = msgspec.field(default_factory=OrderedDict)
    """Link → visible gaps."""

    def note_gap(self, message: Message) -> None:
        """A gap lies before `message` on its link."""
        self.gaps[message.link] = self.gaps.get(message.link, 0) + 1
        if len(self.gaps) > _LINKS:
            self.gaps.popitem(last=False)

    def touched(self, dialogue: Dialogue) -> bool:
        """A link of this dialogue has had a gap since the dialogue first used it."""
        return any(self.gaps.get(link, 0) != count for link, count in dialogue.gaps.items())


class Conversations:
    """Leads the messages of connections to events."""

    def __init__(  # noqa: PLR0913  the tables it works on
        self,
        *,
        teller: Teller,
        recognition: Recognition,
        mobile: Mobility,
        calls: CallControl,
        handovers: Handovers,
        connections: Connections,
    ) -> None:
        self.ledger = Ledger()
        self.quality = Quality()
        self.now = 0
        """Capture time reached, in microseconds: no event is told with an earlier one."""
        self._teller = teller
        self._recognition = recognition
        self._mobility = mobile
        self._calls = calls
        self._handovers = handovers
        self._connections = connections

    def receive(
        self,
        connection: Connection,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Event]:
        """The events that a message on its connection completes."""
        if message.protocol == "BSSMAP":
            events = self._bssmap(connection, message, from_network)
        else:
            events = self._layer3(connection, message, from_network)
        return events + self._signal(connection, message, from_network)

    def clear(self, connection: Connection, message: Message, by: str | None) -> list[Event]:
        """The calls on a connection end, unless it is a leg whose phone may have moved on."""
        dialogue = connection.dialogue
        if dialogue is None or dialogue.carrier != connection.number or dialogue.over:
            return []
        if connection.leg in LEAVING:
            return []
        doubt = self._doubt(dialogue) or _follows(message)
        drafts = self._calls.clear(dialogue, message, by, doubt=doubt)
        return self._tell(dialogue, drafts, message)

    def leave(self, connection: Connection, message: Message | None) -> list[Event]:
        """A connection is over: `message` says so, or silence does where there is none."""
        if connection.source is not None:
            return self._give_up(connection.source, message)
        dialogue = connection.dialogue
        if dialogue is None or dialogue.over or dialogue.carrier != connection.number:
            return []
        if connection.leg in LEAVING and dialogue.awaited:
            dialogue.source_gone = True
            return []
        return self._end(dialogue, message)

    def absorb(self, connection: Connection, half: Connection) -> None:
        """What the other half of a connection had shown joins what this one has."""
        mine, other = connection.dialogue, half.dialogue
        if other is None:
            return
        if mine is None:
            connection.dialogue = other
            other.carrier = connection.number
            return
        mine.told = (mine.told or other.told) and not self._recognition.join(mine, other)
        mine.imsi = mine.imsi or other.imsi
        mine.learned = mine.learned or other.learned
        mine.cell = mine.cell or other.cell
        for which, call in other.calls.items():
            mine.calls.setdefault(which, call)
        other.over = True

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
        dialogue = self._identify(connection, dialogue, message)
        events = self._tell(dialogue, self._place(dialogue, message), message)
        if message.message in _CLEARINGS:
            events += self.clear(connection, message, _CLEARINGS[message.message])
        return events

    def _place(self, dialogue: Dialogue, message: Message) -> list[Draft]:
        """What a BSSMAP message says about where the phone is."""
        if message.message == "HANDOVER PERFORMED":
            return handover.performed(dialogue, message)
        asks = message.message == "HANDOVER REQUIRED" and dialogue.cell is None
        if message.cell is not None and (asks or message.message in _PLACING):
            dialogue.cell = handover.fill(message.cell, dialogue.cell)
            note_frame(dialogue, message)
            self._recognition.place(dialogue)
        return []

    def _layer3(
        self,
        connection: Connection,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Event]:
        events: list[Event] = []
        if connection.leg is Leg.TARGET and from_network is False and _on_air(message):
            events += self._arrive(connection, message)
        dialogue = self._dialogue(connection, message, from_network)
        if dialogue is None or message.protocol == "SCCP":
            return events
        dialogue.resumes |= message.message == "CM RE-ESTABLISHMENT REQUEST"
        dialogue = self._identify(connection, dialogue, message)
        if dialogue.by is None and from_network is False and not dialogue.partial:
            dialogue.by = message.message
        drafts = self._subject(dialogue, message, from_network)
        return events + self._tell(dialogue, drafts, message)

    def _subject(
        self,
        dialogue: Dialogue,
        message: Message,
        from_network: bool | None,  # noqa: FBT001
    ) -> list[Draft]:
        """What the module of the message's protocol says happened."""
        if message.protocol == "MM":
            return self._mobility.receive(dialogue, message)
        which = transaction(message, from_network)
        if which is None or from_network is None:
            return []
        if message.protocol == "CC":
            doubt = self._doubt(dialogue)
            return self._calls.receive(
                dialogue, message, which, from_network=from_network, doubt=doubt
            ) + _service_in_call(message, from_network=from_network)
        if message.protocol == "SMS":
            return short_messages.receive(dialogue, message, which)
        if message.protocol == "SS" and not from_network:
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
        dialogue.gaps.setdefault(message.link, self.ledger.gaps.get(message.link, 0))
        return dialogue

    def _begin(
        self, connection: Connection, message: Message, *, partial: bool = False
    ) -> Dialogue:
        return Dialogue(
            key=self._teller.key("dialogue", message),
            opened=message.time,
            carrier=connection.number,
            partial=partial or not connection.requested,
            gaps={message.link: self.ledger.gaps.get(message.link, 0)},
        )

    def _identify(self, connection: Connection, dialogue: Dialogue, message: Message) -> Dialogue:
        """The dialogue with what the message shows of its identity; or another, if that differs."""
        if self._recognition.contradicts(dialogue, message):
            dialogue = connection.dialogue = self._begin(connection, message, partial=True)
        self._recognition.show(dialogue, message)
        return dialogue

    def _arrive(self, target: Connection, message: Message) -> list[Event]:
        """The phone is on a handover's target leg: the dialogue goes on there."""
        dialogue = target.source
        if dialogue is None and target.imsi is not None:
            dialogue = self._recognition.latest(target.imsi)
        if dialogue is None or dialogue.over or dialogue.left:
            dialogue = self._begin(target, message, partial=True)
        drafts = handover.move(dialogue, target, message)
        if target.imsi is not None and dialogue.imsi is None:
            self._recognition.recognise(dialogue, target.imsi, message)
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
        self._connections.signal(connection, signal)
        if ended or connection.state not in OVER:
            return []
        by = None
        if signal is Signal.RELEASE and from_network is not None:
            by = NETWORK if from_network else RADIO
        events = self.clear(connection, message, by)
        return events + self.leave(connection, message)

    def _give_up(self, source: Dialogue, message: Message | None) -> list[Event]:
        """A handover's target is gone without the phone: what waited for it is over too."""
        source.awaited = False
        return self._end(source, message) if source.source_gone and not source.over else []

    def _end(self, dialogue: Dialogue, message: Message | None) -> list[Event]:
        """What a dialogue's end makes true: answers that did not come, a place that was shown."""
        drafts = mobility.unanswered(dialogue, message)
        drafts += short_messages.unanswered(dialogue, message)
        quiet = not (dialogue.told or drafts or dialogue.deferred or dialogue.left)
        if quiet and dialogue.cell is not None:
            detail = {"by": dialogue.by}
            drafts.append(Draft(type=LOCATION_SEEN, message=message, detail=detail))
        events = self._tell(dialogue, drafts, message)
        self.ledger.dropped["no identity"] += len(dialogue.deferred)
        dialogue.over = True
        self._recognition.part(dialogue)
        return events

    def _tell(
        self, dialogue: Dialogue, drafts: list[Draft], message: Message | None
    ) -> list[Event]:
        """Events of what waited and of the drafts; they wait while nobody knows whose they are."""
        if not drafts and not dialogue.deferred:
            return []
        who = self._teller.who(dialogue)
        drafts, dialogue.deferred = [*dialogue.deferred, *drafts], []
        if who is None:
            dialogue.deferred = drafts[:_DEFERRED]
            return []
        time = self.now if message is None else max(message.time, self.now)
        gap = self.ledger.touched(dialogue)
        events = [self._teller.event(dialogue, one, who, time, gap=gap) for one in drafts]
        dialogue.told = True
        for event in events:
            self.ledger.events[event.type, event.identity] += 1
            self.quality.told(event, dialogue.gaps)
        return events

    def _doubt(self, dialogue: Dialogue) -> bool:
        """Something of this dialogue may have passed unseen."""
        lost = dialogue.resumes and not dialogue.calls  # the call that it goes on with
        return dialogue.partial or lost or self.ledger.touched(dialogue)


def _follows(message: Message) -> bool:
    """A clearing that follows one which was not seen: its calls ended earlier and otherwise.

    CLEAR COMMAND after call control has cleared, TS 48.008 3.1.9.1; CLEAR COMPLETE after a command;
    RLC after RLSD.
    """
    if message.message == "CLEAR COMMAND":
        return message.cause == _CALL_CONTROL
    return message.message in {"CLEAR COMPLETE", "RELEASE COMPLETE"}


def _on_air(message: Message) -> bool:
    """It came over the radio of the connection that bears it, and not inside a BSSMAP message."""
    return message.protocol != "SCCP" and message.within is None


def _service(dialogue: Dialogue, message: Message, which: Transaction) -> list[Draft]:
    """A supplementary service or USSD asked for by the subscriber, TS 24.080 2.4."""
    if message.message != "REGISTER" or which in dialogue.services:
        return []
    dialogue.services.add(which)
    detail = {"operation": message.operation, "code": message.service_code}
    return [Draft(type=SERVICE_REQUESTED, message=message, detail=detail)]


def _service_in_call(message: Message, *, from_network: bool) -> list[Draft]:
    """A supplementary service asked for by the subscriber in a call, TS 24.008 9.3.9."""
    if message.message != "FACILITY" or from_network or message.operation is None:
        return []
    if message.raw[3:4] != _INVOKE:
        return []
    detail = {"operation": message.operation, "code": message.service_code}
    return [Draft(type=SERVICE_REQUESTED, message=message, detail=detail)]
