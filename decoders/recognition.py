"""Whose dialogue it is: identities that messages show, and what TMSIs stand for.

A phone has one dialogue at a time. When a subscriber is met in a new one, an older one that lingers
no longer says where they are.
"""

from __future__ import annotations

from collections import OrderedDict

from decoders.call import Call
from decoders.identity import Bindings
from decoders.messages import Lai, Message
from decoders.phones import Phones
from decoders.subject import Dialogue, Transaction, frame_of
from decoders.times import SECOND

_FRAMES = 4
"""Records kept that show place and identity."""
_PARTED = 65_536
"""Subscribers whose last calls are remembered after their dialogue."""
_RESUMED_WITHIN = 30 * SECOND
"""Microseconds after a call's end within which it may be re-established."""


class Recognition:
    """Knows subscribers by what their dialogues show; remembers each one's latest dialogue."""

    def __init__(self, bindings: Bindings, subscribers: int, phones: Phones) -> None:
        """Takes the tables, and of how many subscribers to remember the latest dialogue."""
        self._bindings = bindings
        self._phones = phones
        self._subscribers = subscribers
        self._latest: OrderedDict[str, Dialogue] = OrderedDict()
        self._parted: OrderedDict[str, dict[Transaction, Call]] = OrderedDict()

    def contradicts(self, dialogue: Dialogue, message: Message) -> bool:
        """`message` shows another IMSI than its dialogue has: a new one has begun unseen."""
        if message.imsi is None or dialogue.imsi in {None, message.imsi}:
            return False
        self._bindings.contradict()
        return True

    def show(self, dialogue: Dialogue, message: Message) -> None:
        """Take up the identities of a message."""
        dialogue.equipment = message.imei or message.imeisv or dialogue.equipment
        if message.imsi is not None:
            self.recognise(dialogue, message.imsi, message)
        elif message.tmsi is not None and not message.new_tmsi and dialogue.tmsi is None:
            self._show_temporary(dialogue, message, message.tmsi)
        if self._phones.limit and dialogue.equipment is not None:
            self._show_phone(dialogue, dialogue.equipment, message)

    def recognise(self, dialogue: Dialogue, imsi: str, message: Message) -> None:
        """The dialogue is that of `imsi`, and so is the TMSI that it showed."""
        if dialogue.imsi == imsi:
            return
        if dialogue.learned not in {None, imsi}:
            self._bindings.contradict()
        dialogue.imsi = imsi
        note_frame(dialogue, message)
        if dialogue.tmsi is not None:
            self._bind(dialogue, dialogue.tmsi, imsi)
        self._meet(imsi, dialogue)

    def latest(self, imsi: str) -> Dialogue | None:
        """The latest dialogue of a subscriber, while it lasts."""
        return self._latest.get(imsi)

    def part(self, dialogue: Dialogue) -> None:
        """The dialogue is over."""
        imsi = dialogue.imsi or dialogue.learned
        if imsi is None:
            return
        if dialogue.detached and self._phones.limit:
            self._phones.switched_off(imsi)
        if self._latest.get(imsi) is dialogue:
            del self._latest[imsi]
        if dialogue.calls:
            self._parted[imsi] = dialogue.calls
            self._parted.move_to_end(imsi)
            if len(self._parted) > _PARTED:
                self._parted.popitem(last=False)

    def place(self, dialogue: Dialogue) -> None:
        """The dialogue's cell lies in an area that its VLR serves.

        The VLR of a link without point codes is the one that serves the area, if one does.
        """
        area = area_of(dialogue)
        if area is None or dialogue.vlr is None:
            return
        known = self._bindings.serving(area)
        if not dialogue.vlr.isdecimal() and len(known) == 1:
            dialogue.vlr = known[0]
        self._bindings.serve(area, dialogue.vlr)

    def _show_temporary(self, dialogue: Dialogue, message: Message, tmsi: str) -> None:
        """A phone shows a TMSI, which stands for what it was bound to at this moment."""
        request = message.message == "LOCATION UPDATING REQUEST"
        dialogue.tmsi = tmsi
        dialogue.area = message.lai if request else area_of(dialogue)
        note_frame(dialogue, message)
        if dialogue.imsi is not None:
            self._bind(dialogue, tmsi, dialogue.imsi)
            return
        dialogue.learned = self._bindings.find(tmsi, dialogue.area, dialogue.vlr)
        if dialogue.learned is not None:
            self._bind(dialogue, tmsi, dialogue.learned)
            self._meet(dialogue.learned, dialogue)

    def join(self, dialogue: Dialogue, half: Dialogue) -> bool:
        """Whether a phone tells only now, with its other half, whose dialogue this is.

        What either half told before, it told of a subscriber unknown.
        """
        named = [one for one in (dialogue, half) if one.imsi is None and one.learned is not None]
        if len(named) != 1 or named[0].tmsi is not None or dialogue.imsi or half.imsi:
            return False
        self._note_phone(named[0], area_of(dialogue) or area_of(half))
        return True

    def _show_phone(self, dialogue: Dialogue, phone: str, message: Message) -> None:
        """A phone tells whose dialogue it is, or is learned to be somebody's."""
        imsi = dialogue.imsi or dialogue.learned
        accepted = message.message == "LOCATION UPDATING ACCEPT"
        if imsi is not None:
            if message.imsi or message.imeisv or message.imei or accepted:
                self._note_phone(dialogue, message.lai if accepted else area_of(dialogue))
            return
        update = dialogue.update
        if update is not None and update.kind == "imsi attach":
            return
        left_in = area_of(dialogue) if update is None else update.previous
        dialogue.learned = self._phones.owner(phone, left_in)
        if dialogue.learned is not None:
            note_frame(dialogue, message)
            self._note_phone(dialogue, area_of(dialogue))
            if dialogue.tmsi is not None:
                self._bind(dialogue, dialogue.tmsi, dialogue.learned)
            if dialogue.cell is not None:  # else it may be half of one that has a place
                self._meet(dialogue.learned, dialogue)

    def _note_phone(self, dialogue: Dialogue, area: Lai | None) -> None:
        """The dialogue's phone is its subscriber's, and registered in `area` if that is known."""
        imsi = dialogue.imsi or dialogue.learned
        if imsi is not None and dialogue.equipment is not None and area is not None:
            self._phones.met(dialogue.equipment, imsi, area)

    def _bind(self, dialogue: Dialogue, tmsi: str, imsi: str) -> None:
        """In the VLR of the area in which the phone got the TMSI, if that VLR is one of ours."""
        vlr = dialogue.vlr
        if dialogue.area is not None:
            known = self._bindings.serving(dialogue.area)
            giver = self._bindings.giver(tmsi, dialogue.area)
            vlr = giver or (vlr if vlr in known else None)
        if vlr is not None:
            self._bindings.confirm(vlr, tmsi, imsi)

    def _meet(self, imsi: str, dialogue: Dialogue) -> None:
        before = self._latest.pop(imsi, None)
        if dialogue.resumes:
            self._resume(dialogue, imsi, before)
        if before is not None and before is not dialogue:
            older, dialogue = sorted((before, dialogue), key=lambda one: one.opened)
            older.left = True
        self._latest[imsi] = dialogue
        if len(self._latest) > self._subscribers:
            self._latest.popitem(last=False)

    def _resume(self, dialogue: Dialogue, imsi: str, before: Dialogue | None) -> None:
        """The calls of the dialogue that lost its radio go on in this one."""
        if before is not None and before is not dialogue:
            calls, before.calls = before.calls, {}
        else:
            calls = self._parted.pop(imsi, {})
        for which, call in calls.items():
            if call.ended is None or dialogue.opened - call.ended <= _RESUMED_WITHIN:
                dialogue.calls.setdefault(which, call)


def note_frame(dialogue: Dialogue, message: Message) -> None:
    """The record of `message` shows this dialogue's place or identity."""
    dialogue.frames = [*dialogue.frames, frame_of(message)][-_FRAMES:]


def area_of(dialogue: Dialogue) -> Lai | None:
    """The location area that the dialogue's cell lies in, as far as it is known."""
    cell = dialogue.cell
    if cell is None or cell.mcc is None or cell.mnc is None or cell.lac is None:
        return None
    return Lai(cell.mcc, cell.mnc, cell.lac)
