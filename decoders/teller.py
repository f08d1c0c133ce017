"""Puts who, where and a name on what happened: a draft becomes an event of the contracts.

The only place of the correlation where clear identities are turned into pseudonyms.
"""

from __future__ import annotations

import msgspec

from decoders.events import Destination, Event, Frame, OtherParty
from decoders.messages import Message, PartyNumber
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import Pseudonyms
from decoders.subject import Dialogue, Draft, frame_of

IMSI = "imsi"
LEARNED = "learned"
UNKNOWN = "unknown"


class Who(msgspec.Struct, frozen=True):
    """An answer to the question whose dialogue it is."""

    subscriber: str
    identity: str
    imsi: str | None = None


class Teller:
    """Makes events; equal drafts, dialogues and keys give equal events."""

    def __init__(self, pseudonyms: Pseudonyms, plan: NumberingPlan | None, *, clear: bool) -> None:
        self._pseudonyms = pseudonyms
        self._plan = plan
        self._clear = clear

    def who(self, dialogue: Dialogue) -> Who | None:
        """Whose dialogue it is and how that is known; None while nothing at all tells."""
        imsi = dialogue.imsi or dialogue.learned
        if imsi is not None:
            how = IMSI if dialogue.imsi is not None else LEARNED
            return Who(self._pseudonyms.subscriber(imsi), how, imsi)
        if dialogue.tmsi is not None:
            return Who(self._pseudonyms.temporary(dialogue.tmsi, dialogue.area), UNKNOWN)
        if dialogue.equipment is not None:
            return Who(self._pseudonyms.equipment(dialogue.equipment), UNKNOWN)
        return None

    def key(self, kind: str, message: Message, *parts: str) -> str:
        """Key of a dialogue or call, from the content of the message that began it."""
        return self._pseudonyms.content(
            kind.encode(), content_of(message), *(part.encode() for part in parts)
        )

    def event(self, dialogue: Dialogue, draft: Draft, who: Who, time: int, *, gap: bool) -> Event:
        """The event; `time` in microseconds is that of the draft's message or of the silence."""
        event = Event(
            id=self._id(dialogue, draft, time),
            type=draft.type,
            time=time,
            subscriber=who.subscriber,
            identity=who.identity,
            dialogue=dialogue.key,
            cell=None if dialogue.left else dialogue.cell,
            direction=draft.direction,
            detail=dict(draft.detail),
            frames=_frames(dialogue, draft),
            trust="gap" if gap else None,
        )
        self._add_party(event, draft)
        if self._clear:
            event.imsi = who.imsi
            event.imei = dialogue.equipment
            event.msisdn = dialogue.msisdn
        return event

    def _id(self, dialogue: Dialogue, draft: Draft, time: int) -> str:
        content = content_of(draft.message) if draft.message else dialogue.key.encode()
        call = draft.call.key if draft.call else ""
        when = time.to_bytes(8, "big", signed=True)
        parts = (when, content, dialogue.key.encode(), call.encode())
        return self._pseudonyms.content(b"event", draft.type.encode(), *parts)

    def _add_party(self, event: Event, draft: Draft) -> None:
        call, party = draft.call, draft.party
        if call is not None:
            event.call, event.direction, party = call.key, call.direction, call.party
            if party is not None and call.other is None:
                call.other, number_class = self.split(party)
                call.number_class = call.number_class or number_class
            event.other_party, event.number_class = call.other, call.number_class
        elif party is not None:
            event.other_party, _ = self.split(party)
        if self._clear and event.other_party is not None and party is not None:
            event.other_party = msgspec.structs.replace(event.other_party, digits=party.digits)

    def split(self, party: PartyNumber) -> tuple[OtherParty, str | None]:
        """(other party, number class as far as no city is needed for it)."""
        if self._plan is None:
            pseudonym = self._pseudonyms.number(party.digits) if party.digits else None
            return OtherParty(party.ton, party.npi, Destination(), pseudonym), None
        split = self._plan.split(party)
        pseudonym = self._pseudonyms.number(split.canonical) if split.canonical else None
        other = OtherParty(
            ton=party.ton,
            npi=party.npi,
            destination=split.destination,
            id=pseudonym,
            selected=split.selected,
        )
        return other, split.number_class


def emergency_party() -> OtherParty:
    """Of an EMERGENCY SETUP, which bears no number, TS 24.008 9.3.8."""
    return OtherParty(ton=0, npi=1, destination=Destination(kind="emergency"))


def content_of(message: Message) -> bytes:
    """What an id is made from: record time, references, bytes."""
    references = f"{message.time}/{message.sccp}/{message.slr}/{message.dlr}"
    return references.encode() + b"/" + message.protocol.encode() + b"/" + message.raw


def _frames(dialogue: Dialogue, draft: Draft) -> list[Frame]:
    """Place and identity, then what the event is about, each record once."""
    frames = [*dialogue.frames, *draft.frames]
    if draft.call is not None:
        frames += draft.call.frames
    if draft.message is not None:
        frames.append(frame_of(draft.message))
    return list(dict.fromkeys(frames))
