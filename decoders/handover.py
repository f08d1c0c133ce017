"""Handover between controllers: how a dialogue goes on in another connection, TS 48.008 3.1.5.

Source and target are two connections that only the MSC ties together. What ties them here is the
layer 3 HANDOVER COMMAND, which passes unchanged from HANDOVER REQUEST ACKNOWLEDGE on the target
leg to HANDOVER COMMAND on the source leg, and the IMSI where the target leg shows it.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from decoders.connections import Connection
from decoders.events import LOCATION_HANDOVER
from decoders.legs import Leg, leg_after
from decoders.messages import Cell, Message
from decoders.subject import Dialogue, Draft, frame_of

_AWAITED = 65_536
"""Layer 3 HANDOVER COMMANDs remembered until their other half passes."""


class Handovers:
    """Ties the legs of handovers."""

    def __init__(self, window: int) -> None:
        """Takes how long, in microseconds, the two halves of a command may lie apart."""
        self._window = window
        self._awaited: OrderedDict[bytes, tuple[int, Connection]] = OrderedDict()

    def follow(self, connection: Connection, message: Message) -> None:
        """Leg, target cell and ties, as far as a BSSMAP message shows them."""
        connection.leg = leg_after(connection.leg, message.message)
        match message.message:
            case "HANDOVER REQUEST":
                connection.target_cell = message.target_cell
                connection.asked_from = message.cell
            case "HANDOVER REQUEST ACKNOWLEDGE" | "HANDOVER COMMAND":
                self._tie(connection, message)
            case _:
                pass

    def _tie(self, connection: Connection, message: Message) -> None:
        if not message.layer3:
            return
        self._expire(message.time)
        _, other = self._awaited.pop(message.layer3, (0, None))
        if other is None or other is connection:
            self._awaited[message.layer3] = (message.time, connection)
            return
        target, source = (
            (connection, other) if connection.leg is Leg.TARGET else (other, connection)
        )
        if target.leg is Leg.TARGET and target.source is None and source.dialogue is not None:
            target.source = source.dialogue
            source.dialogue.awaited = True

    def _expire(self, time: int) -> None:
        while self._awaited:
            oldest, _ = next(iter(self._awaited.values()))
            if oldest >= time - self._window and len(self._awaited) < _AWAITED:
                return
            self._awaited.popitem(last=False)


def move(dialogue: Dialogue, target: Connection, message: Message) -> list[Draft]:
    """The dialogue goes on in `target`; a HANDOVER COMPLETE tells it, a mobile's message shows it.

    The place is the target cell of the HANDOVER REQUEST; unknown where that was not captured.
    """
    before = dialogue.cell or target.asked_from
    target.dialogue, target.source, target.leg = dialogue, None, Leg.SERVING
    dialogue.carrier, dialogue.awaited, dialogue.source_gone = target.number, False, False
    dialogue.cell = target.target_cell and fill(target.target_cell, before)
    dialogue.frames = [*dialogue.frames[:1], frame_of(message)]
    if message.message != "HANDOVER COMPLETE":
        return []
    return [_told(message, before, dialogue.cell)]


def performed(dialogue: Dialogue, message: Message) -> list[Draft]:
    """HANDOVER PERFORMED: the controller has moved the phone by itself, TS 48.008 3.1.7."""
    before = dialogue.cell
    if message.cell is not None:
        dialogue.cell = fill(message.cell, before)
    return [_told(message, before, dialogue.cell)]


def fill(cell: Cell, known: Cell | None) -> Cell:
    """A short cell identifier completed with the network (and area) of the cell before it."""
    if known is None:
        return cell
    lac = cell.lac if cell.lac is not None else (known.lac if cell.ci is None else None)
    return Cell(cell.mcc or known.mcc, cell.mnc or known.mnc, lac, cell.ci)


def _told(message: Message, before: Cell | None, after: Cell | None) -> Draft:
    detail = {"from": _plain(before), "to": _plain(after)}
    return Draft(type=LOCATION_HANDOVER, message=message, detail=detail)


def _plain(cell: Cell | None) -> dict[str, object] | None:
    return None if cell is None else msgspec.to_builtins(cell)
