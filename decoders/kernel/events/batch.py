"""What compiled correlation gives: a batch of events in columns, and as `Event` when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from struct import Struct
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from decoders.call_control import MOBILE, NETWORK, RADIO
from decoders.elements import BCD, UPDATE_TYPES, plmn
from decoders.events import MOBILE_ORIGINATED, MOBILE_TERMINATED, Event, Frame, OtherParty
from decoders.events import TYPES as EVENT_TYPES
from decoders.kernel.events import codes
from decoders.kernel.events.layout import NONE
from decoders.kernel.events.work import (
    E_CALL,
    E_CELL,
    E_CONTENT,
    E_DETAIL,
    E_DIALOGUE,
    E_DIGITS,
    E_DIRECTION,
    E_EMERGENCY,
    E_EQUIPMENT,
    E_FRAME,
    E_FRAMES,
    E_GAP,
    E_HAS_CALL,
    E_ID,
    E_IDENTITY,
    E_MSISDN,
    E_MSISDN_1,
    E_MSISDN_DIGITS,
    E_NPI,
    E_PARTY,
    E_PARTY_1,
    E_SUBSCRIBER,
    E_TIME,
    E_TON,
    E_TYPE,
    E_WHO,
)
from decoders.kernel.program import TABLES
from decoders.messages import Cell, PartyNumber
from decoders.pseudonyms import Pseudonyms
from decoders.teller import IMSI, LEARNED, UNKNOWN, Teller, emergency_party
from decoders.times import SECOND

IDENTITIES: Final = (IMSI, LEARNED, UNKNOWN, UNKNOWN)
_OUTCOMES: Final = ("accepted", "rejected", "unseen")
_ENDED_BY: Final = {-1: None, 0: NETWORK, 1: MOBILE, 2: RADIO}
_DIRECTIONS: Final = {-1: None, 0: MOBILE_ORIGINATED, 1: MOBILE_TERMINATED}
_ANSWERED: Final = {-1: None, 0: False, 1: True}
_MOST_KNOWN: Final = 65_536
_FOUR, _EIGHT = Struct("<4q"), Struct("<8q")
"""The words of a cell, and of a detail."""
LONG: Final = 32
"""Digits of a number that stand in a row; of a longer one its place among `Context.long`."""


class Context(NamedTuple):
    """What the columns refer to, and who makes names of them."""

    pseudonyms: Pseudonyms
    teller: Teller
    clear: bool
    sources: list[str]
    names: list[str]
    """Of messages that no table names."""
    long: dict[int, PartyNumber]
    """Numbers that are too long for a row."""
    parties: dict[PartyNumber, tuple[OtherParty, str | None]]
    cells: dict[bytes, Cell | None]
    details: dict[tuple[int, bytes], dict[str, Any]]


class EventBatch:
    """Events in the order in which they were told.

    Attributes:
        words: shape (n, words); see `work.E_TYPE` and those after it.
    """

    __slots__ = ("_context", "_kept", "words")

    def __init__(self, words: NDArray[np.int64], kept: dict[int, bytes], context: Context) -> None:
        self.words = words
        self._kept = kept
        self._context = context

    def __len__(self) -> int:
        return len(self.words)

    @property
    def times(self) -> NDArray[np.int64]:
        """Microseconds."""
        return self.words[:, E_TIME]

    @property
    def types(self) -> NDArray[np.int64]:
        """Places in `events.TYPES`."""
        return self.words[:, E_TYPE]

    @property
    def identities(self) -> NDArray[np.int64]:
        """See `work.IMSI` and those after it."""
        return self.words[:, E_IDENTITY]

    @property
    def subscribers(self) -> NDArray[np.uint8]:
        """Pseudonyms without the version of their key: 12 octets each."""
        return _octets(self.words[:, E_SUBSCRIBER : E_SUBSCRIBER + 2])[:, :12]

    @property
    def ids(self) -> NDArray[np.uint8]:
        """16 octets each; zero where a message that waited long is at hand no more."""
        return _octets(self.words[:, E_ID : E_ID + 2])

    @property
    def dialogues(self) -> NDArray[np.uint8]:
        """16 octets each."""
        return _octets(self.words[:, E_DIALOGUE : E_DIALOGUE + 2])

    @property
    def calls(self) -> NDArray[np.uint8]:
        """16 octets each; see the column ``E_HAS_CALL``."""
        return _octets(self.words[:, E_CALL : E_CALL + 2])

    def events(self) -> list[Event]:
        """All of them as the plain correlator tells them; what is alike in many they share."""
        words, version = self.words, f"{self._context.pseudonyms.version}-"
        kinds = words[:, E_TYPE].tolist()
        columns = zip(
            _hexadecimal(words, E_ID, 32),
            kinds,
            words[:, E_TIME].tolist(),
            _hexadecimal(words, E_SUBSCRIBER, 24),
            words[:, E_IDENTITY].tolist(),
            _hexadecimal(words, E_DIALOGUE, 32),
            map(self._cell, _pieces(words, E_CELL, _FOUR)),
            words[:, E_DIRECTION].tolist(),
            map(self._detail, kinds, _pieces(words, E_DETAIL, _EIGHT)),
            self._frames(),
            words[:, E_GAP].tolist(),
            strict=True,
        )
        made = [
            Event(
                id=key,
                type=EVENT_TYPES[kind],
                time=time,
                subscriber=version + name,
                identity=IDENTITIES[known],
                dialogue=dialogue,
                cell=cell,
                direction=_DIRECTIONS[way],
                detail=detail,
                frames=frames,
                trust="gap" if gap else None,
            )
            for key, kind, time, name, known, dialogue, cell, way, detail, frames, gap in columns
        ]
        self._complete(made)
        return made

    def _frames(self) -> Iterator[list[Frame]]:
        """Each event's."""
        counts = self.words[:, E_FRAMES]
        room = self.words[:, E_FRAME:]
        used = room[np.arange(room.shape[1]) < counts[:, None]]
        sources = map(self._context.sources.__getitem__, (used >> 32).tolist())
        frames = map(Frame, sources, (used & 0xFFFFFFFF).tolist())
        return (list(islice(frames, count)) for count in counts.tolist())

    def _complete(self, events: list[Event]) -> None:
        """Adds what only some of them have."""
        words, clear = self.words, self._context.clear
        party = (words[:, E_DIGITS] >= 0) | (words[:, E_EMERGENCY] != 0)
        some = party | (words[:, E_HAS_CALL] != 0) | (words[:, E_CONTENT] >= 0) | clear
        words = words[some]
        for at, own, call in zip(
            np.flatnonzero(some).tolist(),
            words.tolist(),
            _hexadecimal(words, E_CALL, 32),
            strict=True,
        ):
            event = events[at]
            if own[E_HAS_CALL]:
                event.call = call
            if own[E_DIGITS] >= 0 or own[E_EMERGENCY]:
                self._add_party(event, own)
            if clear:
                _clear(event, own)
            if own[E_CONTENT] >= 0:
                event.id = self._late_id(event, own)

    def _late_id(self, event: Event, words: list[int]) -> str:
        """Of an event that waited until it was known whose it is."""
        content = self._kept[words[E_CONTENT]]
        when = event.time.to_bytes(8, "big", signed=True)
        parts = (when, content, event.dialogue.encode(), (event.call or "").encode())
        return self._context.pseudonyms.content(b"event", event.type.encode(), *parts)

    def _cell(self, piece: bytes) -> Cell | None:
        """Of four words, the first of which says whether there is one."""
        known = self._context.cells
        if piece not in known:
            there, network, *area = _FOUR.unpack(piece)
            cell = None
            if there:
                mcc, mnc = (None, None) if network < 0 else plmn(network.to_bytes(3, "big"))
                cell = Cell(mcc, mnc, *(None if part < 0 else part for part in area))
            _keep(known, piece, cell)
        return known[piece]

    def _detail(self, kind: int, piece: bytes) -> dict[str, Any]:
        """Of its type; few differ, but for those that hold a duration."""
        reading, count = _DETAILS[kind]
        if not count:
            return reading(self, piece)
        known = self._context.details
        key = (kind, piece[: 8 * count])
        detail = known.get(key)
        if detail is None:
            detail = reading(self, piece)
            _keep(known, key, detail)
        return detail

    def _add_party(self, event: Event, words: list[int]) -> None:
        if words[E_EMERGENCY]:
            event.other_party, event.number_class = emergency_party(), "emergency"
            return
        party = self._number(words)
        known = self._context.parties.get(party)
        if known is None:
            known = self._context.teller.split(party)
            _keep(self._context.parties, party, known)
        event.other_party = known[0]
        if words[E_HAS_CALL]:
            event.number_class = known[1]
        if self._context.clear:
            event.other_party = msgspec.structs.replace(known[0], digits=party.digits)

    def _number(self, words: list[int]) -> PartyNumber:
        if words[E_DIGITS] > LONG:
            return self._context.long[words[E_PARTY]]
        digits = _digits(words[E_PARTY], words[E_PARTY_1], words[E_DIGITS])
        return PartyNumber(digits, words[E_TON], words[E_NPI])

    def _updated(self, piece: bytes) -> dict[str, Any]:
        outcome, kind, cause, area, lac, *_ = _EIGHT.unpack(piece)
        previous = None
        if area >= 0:
            mcc, mnc = plmn(area.to_bytes(3, "big"))
            previous = {"mcc": mcc, "mnc": mnc, "lac": lac}
        return {
            "kind": None if kind < 0 else UPDATE_TYPES[kind],
            "outcome": _OUTCOMES[outcome],
            "cause": None if cause < 0 else cause,
            "previous": previous,
        }

    def _seen(self, piece: bytes) -> dict[str, Any]:
        return {"by": _name(_EIGHT.unpack(piece)[0], self._context.names)}

    def _handed_over(self, piece: bytes) -> dict[str, Any]:
        before, after = self._cell(piece[: _FOUR.size]), self._cell(piece[_FOUR.size :])
        return {"from": _plain(before), "to": _plain(after)}

    def _nothing(self, piece: bytes) -> dict[str, Any]:
        del piece
        return {}

    def _answered(self, piece: bytes) -> dict[str, Any]:
        return {"setup_seconds": _seconds(_EIGHT.unpack(piece)[0])}

    def _ended(self, piece: bytes) -> dict[str, Any]:
        answered, duration, cause, by, *_ = _EIGHT.unpack(piece)
        return {
            "answered": _ANSWERED[answered],
            "duration_seconds": _seconds(duration),
            "cause": None if cause < 0 else cause,
            "ended_by": _ENDED_BY[by],
        }

    def _transferred(self, piece: bytes) -> dict[str, Any]:
        return {"outcome": _OUTCOMES[_EIGHT.unpack(piece)[0]]}

    def _requested(self, piece: bytes) -> dict[str, Any]:
        operation, code, *_ = _EIGHT.unpack(piece)
        return {
            "operation": None if operation < 0 else operation,
            "code": None if code < 0 else code,
        }


_DETAILS: Final[dict[int, tuple[Callable[[EventBatch, bytes], dict[str, Any]], int]]] = {
    codes.LOCATION_UPDATED: (EventBatch._updated, 5),  # noqa: SLF001  its own methods
    codes.LOCATION_SEEN: (EventBatch._seen, 1),  # noqa: SLF001
    codes.LOCATION_HANDOVER: (EventBatch._handed_over, 8),  # noqa: SLF001
    codes.SUBSCRIBER_DETACHED: (EventBatch._nothing, 0),  # noqa: SLF001
    codes.CALL_ATTEMPTED: (EventBatch._nothing, 0),  # noqa: SLF001
    codes.CALL_ALERTING: (EventBatch._nothing, 0),  # noqa: SLF001
    codes.CALL_ANSWERED: (EventBatch._answered, 0),  # noqa: SLF001
    codes.CALL_ENDED: (EventBatch._ended, 0),  # noqa: SLF001
    codes.MESSAGE_SENT: (EventBatch._transferred, 1),  # noqa: SLF001
    codes.MESSAGE_RECEIVED: (EventBatch._transferred, 1),  # noqa: SLF001
    codes.SERVICE_REQUESTED: (EventBatch._requested, 2),  # noqa: SLF001
}
"""What reads a detail, and the words that say all of it; 0 where it is made anew each time."""


def _keep(known: dict[Any, Any], key: object, value: object) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = value


def _octets(words: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words.astype("<i8")).view(np.uint8)


def _hexadecimal(words: NDArray[np.int64], at: int, digits: int) -> list[str]:
    """So many digits of each event's two words there."""
    text = _octets(words[:, at : at + 2]).tobytes().hex()
    return [text[begin : begin + digits] for begin in range(0, len(text), 32)]


def _pieces(words: NDArray[np.int64], at: int, layout: Struct) -> list[bytes]:
    """Each event's words there, packed: a key in one piece."""
    size = layout.size
    data = _octets(words[:, at : at + size // 8]).tobytes()
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


def _clear(event: Event, words: list[int]) -> None:
    """The identities of an event whose output is clear."""
    if words[E_IDENTITY] in {0, 1}:
        event.imsi = str(words[E_WHO])[1:]
    if words[E_EQUIPMENT]:
        event.imei = str(words[E_EQUIPMENT])[1:]
    if words[E_MSISDN_DIGITS] >= 0:
        event.msisdn = _digits(words[E_MSISDN], words[E_MSISDN_1], words[E_MSISDN_DIGITS])


def _digits(first: int, second: int, count: int) -> str:
    """Digits of half octets, `columns.ROW`."""
    halves = f"{first & 0xFFFFFFFFFFFFFFFF:016x}{second & 0xFFFFFFFFFFFFFFFF:016x}"[:count]
    return halves if halves.isdecimal() else "".join(BCD[int(half, 16)] for half in halves)


def _name(word: int, names: list[str]) -> str | None:
    if word < 0:
        return None
    if word >> 20:
        return names[word & 0xFFFFF]
    return TABLES[word >> 8].messages[word & 255].name


def _plain(cell: Cell | None) -> dict[str, Any] | None:
    return None if cell is None else msgspec.to_builtins(cell)


def _seconds(microseconds: int) -> float | None:
    return None if microseconds == NONE else microseconds / SECOND
