"""Compiled: what is worked on beside the memory, and the octets that ids are made from.

`Work` is one record, so that the sizes of its parts are known to who compiles, and it is passed on
as a pointer: a hash, the text to be hashed, and the events that were told.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decoders.events import TYPES as EVENT_TYPES
from decoders.kernel.compiled import compiled, inlined, long, mixed, octet, store_long
from decoders.kernel.events.codes import PROTOCOLS
from decoders.kernel.events.digest import CONTENT, HASH, hashed
from decoders.kernel.machine import Int
from decoders.kernel.program import OTHER
from decoders.sccp import TYPES

TEXT: Final = 1 << 17
"""Octets that an id is made from at most."""
EVENTS: Final = 4096
"""Events of a batch at most."""
(
    E_TYPE,
    E_TIME,
    E_IDENTITY,
    E_WHO,
    E_AREA,
    E_LAC,
    E_ID,
    E_ID_1,
    E_DIALOGUE,
    E_DIALOGUE_1,
    E_HAS_CALL,
    E_CALL,
    E_CALL_1,
    E_CELL,
    E_CELL_PLMN,
    E_CELL_LAC,
    E_CELL_CI,
    E_DIRECTION,
    E_PARTY,
    E_PARTY_1,
    E_DIGITS,
    E_TON,
    E_NPI,
    E_EMERGENCY,
    E_GAP,
    E_EQUIPMENT,
    E_MSISDN,
    E_MSISDN_1,
    E_MSISDN_DIGITS,
    E_SUBSCRIBER,
    E_SUBSCRIBER_1,
    E_CONTENT,
    E_FRAMES,
) = range(33)
"""Words of an event."""
E_DETAIL: Final = 33
E_FRAME: Final = 41
EVENT_WORDS: Final = 50
IMSI, LEARNED, TEMPORARY, EQUIPMENT = range(4)
"""How it is known whose an event is; the last two are ``unknown``."""
NAMES: Final = 96
"""Names that ids are made from: of protocols, of SCCP message types, of types of events, and a few
words."""
TYPES_AT: Final = 40
EVENTS_AT: Final = 64
A_DIALOGUE, A_CALL, AN_EVENT, WITH_FALSE, WITH_TRUE = range(80, 85)
RAW: Final = 1 << 15
"""Octets of a message at most."""
KEPT_AT_ONCE: Final = 4096
MINUTES: Final = 32_768
"""Notes of what was counted minute by minute, for who asks how far the feed can be trusted."""
OF_LINK, OF_AREA, LINKS_OF, MINUTE_OVER = range(4)
"""What a note is of: a link by its number, an area by its key, and six counts; an area and its
links; the time."""

WORK: Final = np.dtype(
    [
        *((name, HASH.fields[name][0]) for name in HASH.names or ()),  # type: ignore[index]
        ("length", np.int64),
        ("begun", np.int64),
        ("digits", np.uint8, (24,)),
        ("text", np.uint8, (TEXT,)),
        ("names", np.uint8, (NAMES, 32)),
        ("told", np.int64, (EVENTS, EVENT_WORDS)),
        ("counts", np.int64, (16, 4)),
        ("raw", np.int64, (RAW // 8,)),
        ("kept", np.int64, (KEPT_AT_ONCE, 2)),
        ("kept_count", np.int64),
        ("named", np.int64, (2,)),
        ("minutes", np.int64, (MINUTES, 8)),
        ("minutes_noted", np.int64),
    ],
    align=True,
)


class Work(NamedTuple):
    """What compiled functions work on; few members, because each costs when it is passed on."""

    s: NDArray[np.int64]
    """The memory, see `layout`."""
    t: NDArray[np.int64]
    """TMSIs, see `tmsis`."""
    w: Any
    """See `WORK`."""


@compiled
def print_of(w: Any, data: Any, at: Int, row: Any) -> Int:
    """What two copies of a message share, SCCP type, references, bytes, in 64 bits.

    The bytes are in ``raw`` from then on.
    """
    size = np.int64(row.raw_size)
    made = mixed(np.int64(row.slr) << 8 | np.int64(row.sccp), np.int64(row.dlr) << 24 | size)
    word = 0
    while size >= 8:
        w.raw[word] = long(data, at)
        made = mixed(made, w.raw[word])
        at += 8
        size -= 8
        word += 1
    rest = np.int64(0)
    if size > 0 and at + size >= 8:  # eight octets that end with them
        rest = long(data, at + size - 8) << 8 * (8 - size)
    elif size > 0:
        for place in range(at, at + size):
            rest = rest << 8 | octet(data, place)
        rest <<= 8 * (8 - size)
    w.raw[word] = rest
    return mixed(made, rest)


@inlined
def raw_octet(w: Any, place: Int) -> Int:
    """An octet of the message in hand."""
    return (w.raw[place >> 3] >> (56 - 8 * (place & 7))) & 255


@inlined
def begin(w: Any) -> None:
    """A text of parts begins."""
    w.length = 0


@inlined
def put(w: Any, value: Int) -> None:
    """One octet."""
    w.text[w.length] = value
    w.length += 1


@compiled
def begin_part(w: Any) -> None:
    """A part begins, which bears its length in four octets."""
    w.begun = w.length
    for _ in range(4):
        put(w, 0)


@compiled
def end_part(w: Any) -> None:
    """The part ends."""
    size = w.length - w.begun - 4
    for place in range(4):
        w.text[w.begun + place] = (size >> (24 - 8 * place)) & 255


@compiled
def put_number(w: Any, value: Int) -> None:
    """A number in decimal digits; negative ones stand for None."""
    if value < 0:
        put(w, 78)
        put(w, 111)
        put(w, 110)
        put(w, 101)
        return
    count = 0
    while value >= 10:
        w.digits[count] = value % 10
        value //= 10
        count += 1
    w.digits[count] = value
    while count >= 0:
        put(w, 48 + np.int64(w.digits[count]))
        count -= 1


@compiled
def put_time(w: Any, value: Int) -> None:
    """A time in decimal digits, which may be negative."""
    if value < 0:
        put(w, 45)
        value = -value
    put_number(w, value)


@compiled
def put_hex(w: Any, value: Int, digits: Int) -> None:
    """A number in hexadecimal digits."""
    shift = 4 * digits - 4
    while shift >= 0:
        half = (value >> shift) & 15
        put(w, 48 + half if half < 10 else 87 + half)
        shift -= 4


@inlined
def _put_eight(w: Any, value: Int) -> None:
    """The hexadecimal digits of the lower four octets of a word, the lowest octet first."""
    apart = (value & 0xFF) << 24 | (value & 0xFF00) << 8
    apart |= value >> 8 & 0xFF00 | value >> 24 & 0xFF
    apart = (apart | apart << 16) & 0x0000FFFF0000FFFF
    apart = (apart | apart << 8) & 0x00FF00FF00FF00FF
    halves = (apart & 0x00F000F000F000F0) << 4 | apart & 0x000F000F000F000F
    letters = (halves + 0x0606060606060606) >> 4 & 0x0101010101010101
    store_long(w.text, w.length, halves + 0x3030303030303030 + 39 * letters)
    w.length += 8


@compiled
def put_key(w: Any, first: Int, second: Int) -> None:
    """The 32 hexadecimal digits of an id, whose octets are two words, the lowest octet first."""
    _put_eight(w, first)
    _put_eight(w, first >> 32)
    _put_eight(w, second)
    _put_eight(w, second >> 32)


@compiled
def put_name(w: Any, name: Int) -> None:
    """One of the names, see `NAMES`."""
    for place in range(np.int64(w.names[name, 0])):
        put(w, w.names[name, 1 + place])


@compiled
def put_content(w: Any, row: Any) -> None:
    """What the id of a message is made from, as `teller` has it: time, references, bytes."""
    put_time(w, row.time)
    put(w, 47)
    put_name(w, TYPES_AT + np.int64(row.sccp))
    put(w, 47)
    put_number(w, row.slr)
    put(w, 47)
    put_number(w, row.dlr)
    put(w, 47)
    name = np.int64(row.protocol)
    if name == OTHER:
        name += np.int64(row.cells_at) & 255
    put_name(w, name)
    put(w, 47)
    begin, size = w.length, np.int64(row.raw_size)
    for word in range((size + 7) >> 3):
        store_long(w.text, begin + 8 * word, w.raw[word])
    w.length = begin + size


@compiled
def put_label(w: Any, name: Int) -> None:
    """A name as a part of its own."""
    begin_part(w)
    put_name(w, name)
    end_part(w)


@compiled
def content_id(w: Any) -> None:
    """The text becomes an id, in the first two words of ``state``."""
    hashed(w, w.length, CONTENT)


def named(w: Any) -> None:
    """Fills in the names."""
    names = dict(enumerate(PROTOCOLS))
    names |= {TYPES_AT + code: kind.short for code, kind in TYPES.items()}
    names |= {EVENTS_AT + code: name for code, name in enumerate(EVENT_TYPES)}
    names |= {A_DIALOGUE: "dialogue", A_CALL: "call", AN_EVENT: "event"}
    names |= {WITH_FALSE: ", False)", WITH_TRUE: ", True)"}
    for place, name in names.items():
        name_as(w, place, name)


def name_as(w: Any, place: int, name: str) -> None:
    """One name, in its place."""
    octets = name.encode()
    w["names"][place, 0] = len(octets)
    w["names"][place, 1 : 1 + len(octets)] = np.frombuffer(octets, np.uint8)
