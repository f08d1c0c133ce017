"""From messages to events: who did what, where (the events of the contracts).

`Correlator` sees the messages of all links of an MSC or pool, merged by time. It finds each
message's connection, leads it to its dialogue (`conversations`), and lets silence count in capture
time. Bounded in everything it remembers; it asks the machine for nothing, so the same messages
under the same key give the same events (P1). Messages that come late are taken as they come, and
their events bear the time that capture time has reached; who reads captures puts records in order
before (`ordering`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict

import msgspec

from decoders.call_control import NETWORK, RADIO, CallControl
from decoders.connections import Connections, Limits
from decoders.conversations import Conversations
from decoders.dialogue import OF_SCCP, Signal
from decoders.direction import Directions
from decoders.events import Event
from decoders.handover import Handovers
from decoders.identity import Bindings, Pool
from decoders.messages import Message
from decoders.mobility import Mobility
from decoders.numbers import NumberingPlan
from decoders.phones import Phones
from decoders.pseudonyms import Pseudonyms
from decoders.quality import Quality
from decoders.recognition import Recognition
from decoders.teller import Teller
from decoders.times import SECOND


class CorrelatorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is kept and for how long; times in microseconds of capture time."""

    limits: Limits = Limits()
    """Of connections and dialogues."""
    bindings: int = 16_000_000
    """TMSIs remembered."""
    pool: Pool = Pool()
    """How MSCs that serve the same areas share their TMSIs out."""
    subscribers: int = 4_000_000
    """Subscribers whose latest dialogue is remembered."""
    phones: int = 0
    """Phones remembered, whose IMEISV tells who they are where a TMSI does not; 0: none does."""
    handover: int = 30 * SECOND
    """How far apart the two halves of a handover's command may pass."""


class Correlator:
    """Turns messages into events, in time order; never raises on what a message holds."""

    def __init__(
        self,
        config: CorrelatorConfig,
        pseudonyms: Pseudonyms,
        plan: NumberingPlan | None,
        clear: bool = False,  # noqa: FBT001, FBT002  the one mode there is: --clear
    ) -> None:
        """Takes bounds, the key, a numbering plan if there is one, and whether to show identities.

        With `clear` events bear IMSI, IMEI and digits beside the pseudonyms.
        """
        teller = Teller(pseudonyms, plan, clear=clear)
        self.bindings = Bindings(config.bindings, config.pool)
        self.connections = Connections(config.limits)
        self._directions = Directions()
        self._conversations = Conversations(
            teller=teller,
            recognition=Recognition(self.bindings, config.subscribers, Phones(config.phones)),
            mobile=Mobility(self.bindings),
            calls=CallControl(teller, config.limits.jitter),
            handovers=Handovers(config.handover),
            connections=self.connections,
        )

    @property
    def now(self) -> int:
        """Capture time reached, in microseconds."""
        return self._conversations.now

    @property
    def events(self) -> Counter[tuple[str, str]]:
        """(type, identity) → how many events were told."""
        return self._conversations.ledger.events

    @property
    def dropped(self) -> Counter[str]:
        """Reason → events that were not told: ``no identity``."""
        return self._conversations.ledger.dropped

    @property
    def gaps(self) -> OrderedDict[str, int]:
        """Link → visible gaps; bounded."""
        return self._conversations.ledger.gaps

    @property
    def quality(self) -> Quality:
        """How far links and areas can be trusted."""
        return self._conversations.quality

    def feed(self, message: Message) -> list[Event]:
        """The events that become true with this message, and those that became so before it."""
        events = self.advance(message.time)
        self.quality.heard(message.link, missing=0 if message.within else message.gap)
        if message.gap:
            self._conversations.ledger.note_gap(message)
        from_network = self._directions.from_network(message)
        if message.sccp in OF_SCCP:
            return events + self._connected(message, from_network)
        return events + self._connectionless(message, from_network)

    def finish(self) -> list[Event]:
        """End of the capture: what is open is told as unseen; calls still up do not end."""
        events: list[Event] = []
        for connection in self.connections:
            self.connections.remove(connection)
            events += self._conversations.leave(connection, None)
        return events

    def advance(self, time: int) -> list[Event]:
        """Capture time is `time` (microseconds) though no message says so: what silence makes.

        Each silence ends at its own moment.
        """
        events: list[Event] = []
        talk = self._conversations
        for deadline, connection in self.connections.due(time):
            talk.now = max(talk.now, deadline)
            talk.quality.advance(talk.now)
            self.connections.signal(connection, Signal.SILENCE)
            events += talk.leave(connection, None)
        talk.now = max(talk.now, time)
        talk.quality.advance(talk.now)
        return events

    def _connected(self, message: Message, from_network: bool | None) -> list[Event]:  # noqa: FBT001
        arrival = self.connections.receive(message, from_network)
        events: list[Event] = []
        for gone in (arrival.replaced, self.connections.overflow()):
            if gone is not None:
                events += self._conversations.leave(gone, None)
        if arrival.connection is None or arrival.duplicate:
            return events
        if arrival.absorbed is not None:
            self._conversations.absorb(arrival.connection, arrival.absorbed)
        return events + self._conversations.receive(arrival.connection, message, from_network)

    def _connectionless(self, message: Message, from_network: bool | None) -> list[Event]:  # noqa: FBT001
        """PAGING binds; RESET ends everything between a controller and its MSC, 48.008 3.1.4."""
        if message.protocol != "BSSMAP":
            return []
        if message.message == "PAGING" and message.imsi and message.tmsi:
            vlr = str(message.opc) if message.opc is not None else message.link
            self.bindings.bind(vlr, message.tmsi, message.imsi)
        return self._reset(message, from_network) if message.message == "RESET" else []

    def _reset(self, message: Message, from_network: bool | None) -> list[Event]:  # noqa: FBT001
        by = None if from_network is None else NETWORK if from_network else RADIO
        events: list[Event] = []
        for connection in self.connections.between(message):
            self.connections.remove(connection)
            self.connections.signal(connection, Signal.RESET)
            events += self._conversations.clear(connection, message, by)
            events += self._conversations.leave(connection, message)
        return events
