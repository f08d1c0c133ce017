"""Mobility management: location updates and detach, TS 24.008 4.3.4 and 4.4."""

from __future__ import annotations

import msgspec

from decoders.events import LOCATION_UPDATED, SUBSCRIBER_DETACHED
from decoders.identity import Bindings
from decoders.messages import Cell, Lai, Message
from decoders.subject import Dialogue, Draft, Update, frame_of

_IMSI_IDENTITY = 1
"""Type of identity, TS 24.008 10.5.1.4."""


class Mobility:
    """What MM messages make happen, and what they say about TMSIs."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings

    def receive(self, dialogue: Dialogue, message: Message) -> list[Draft]:
        """The events that an MM message completes."""
        match message.message:
            case "LOCATION UPDATING REQUEST":
                _request(dialogue, message)
            case "LOCATION UPDATING ACCEPT":
                self._accept(dialogue, message)
                return _answer(dialogue, message, "accepted")
            case "LOCATION UPDATING REJECT":
                return _answer(dialogue, message, "rejected")
            case "TMSI REALLOCATION COMMAND":
                self._assign(dialogue, message)
            case "TMSI REALLOCATION COMPLETE":
                self._confirm(dialogue)
            case "IMSI DETACH INDICATION" if not dialogue.detached:
                dialogue.detached = True
                return [Draft(type=SUBSCRIBER_DETACHED, message=message)]
            case _:
                pass
        return []

    def _accept(self, dialogue: Dialogue, message: Message) -> None:
        """Place and TMSI of an ACCEPT: a new TMSI, the old one kept, or none any more."""
        if message.lai is not None:
            dialogue.cell = complete(dialogue.cell, message.lai)
            if dialogue.vlr is not None:
                self._bindings.serve(message.lai, dialogue.vlr)
        imsi = dialogue.imsi or dialogue.learned
        if imsi is None or dialogue.vlr is None:
            return
        if message.new_tmsi:
            self._assign(dialogue, message)
        elif message.identity_type == _IMSI_IDENTITY:
            self._bindings.forget(imsi)
        elif message.identity_type is None and dialogue.tmsi is not None:
            self._bindings.confirm(dialogue.vlr, dialogue.tmsi, imsi)

    def _assign(self, dialogue: Dialogue, message: Message) -> None:
        imsi = dialogue.imsi or dialogue.learned
        if imsi is None or dialogue.vlr is None or message.tmsi is None:
            return
        self._bindings.bind(dialogue.vlr, message.tmsi, imsi)
        dialogue.assigned = message.tmsi

    def _confirm(self, dialogue: Dialogue) -> None:
        imsi = dialogue.imsi or dialogue.learned
        if imsi is not None and dialogue.vlr is not None and dialogue.assigned is not None:
            self._bindings.confirm(dialogue.vlr, dialogue.assigned, imsi)


def unanswered(dialogue: Dialogue, message: Message | None) -> list[Draft]:
    """The location update that the dialogue ends without an answer to."""
    if dialogue.update is None or dialogue.update.answered:
        return []
    return [_told(dialogue.update, message, "unseen", None)]


def complete(cell: Cell | None, area: Lai) -> Cell:
    """A cell identifier completed from the location area it lies in, TS 48.008 3.2.2.17."""
    if cell is None:
        return Cell(area.mcc, area.mnc, area.lac)
    if cell.lac is not None and cell.lac != area.lac:
        return cell
    return Cell(cell.mcc or area.mcc, cell.mnc or area.mnc, area.lac, cell.ci)


def _request(dialogue: Dialogue, message: Message) -> None:
    known = dialogue.update
    if known is not None and known.answered and known.kind is None:
        known.kind, known.previous = message.update, message.lai  # its answer overtook it
        known.detail.update(kind=known.kind, previous=_plain(known.previous))
        return
    dialogue.update = Update(message.update, message.lai, [frame_of(message)])


def _answer(dialogue: Dialogue, message: Message, outcome: str) -> list[Draft]:
    if dialogue.update is None:
        dialogue.update = Update()
    if dialogue.update.answered:
        return []
    return [_told(dialogue.update, message, outcome, message.cause)]


def _told(update: Update, message: Message | None, outcome: str, cause: int | None) -> Draft:
    update.answered = True
    update.detail = {
        "kind": update.kind,
        "outcome": outcome,
        "cause": cause,
        "previous": _plain(update.previous),
    }
    return Draft(type=LOCATION_UPDATED, message=message, detail=update.detail, frames=update.frames)


def _plain(area: Lai | None) -> dict[str, object] | None:
    return None if area is None else msgspec.to_builtins(area)
