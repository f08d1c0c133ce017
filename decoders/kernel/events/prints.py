"""Compiled: the same message seen twice, as `mirrors` tells it.

A message is known again by a hash of 64 bits of what `mirrors.fingerprint` compares.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events.codes import CLOSED
from decoders.kernel.events.layout import (
    C_LINKS,
    C_NUMBER,
    C_PRINTS,
    C_RECENT,
    C_RECENT_FIRST,
    C_STATE,
    C_TIMES,
    CONNECTION,
    JITTER,
    LINK_HERE,
    LINKS_KEPT,
    MIRROR,
    MIRRORED,
    OPENING,
    PRINT,
    RECENT_KEPT,
    REPEATED,
)
from decoders.kernel.events.memory import add, find, oldest, record, remove, room
from decoders.kernel.machine import Int
from decoders.kernel.program import BSSMAP, SCCP

_REQUEST: Final = 1
"""SCCP's CR."""
O_TIME, O_OPC, O_DPC, O_CONNECTION, O_NUMBER = range(3, 8)
"""Words of an opening."""


@compiled
def telling(row: Any) -> Any:
    """Its bytes are this subscriber's: references alone coincide between networks."""
    if row.sccp == _REQUEST:
        return row.protocol == BSSMAP
    if row.imsi_digits or row.tmsi >= 0 or row.imei_digits or row.imeisv_digits:
        return True
    return row.called_digits >= 0 or row.calling_digits >= 0 or row.layer3_size > 0


@compiled
def twin_of(s: Any, row: Any) -> Int:
    """The connection that showed the same message on another carrier within the window; or -1."""
    if not telling(row):
        return np.int64(-1)
    at = find(s, OPENING, s[PRINT])
    if at < 0 or row.time - s[at + O_TIME] > s[MIRROR]:
        return np.int64(-1)
    alone = row.opc < 0 or row.dpc < 0 or s[at + O_OPC] < 0 or s[at + O_DPC] < 0
    if not alone and (row.opc != s[at + O_OPC] or row.dpc != s[at + O_DPC]):
        return np.int64(-1)
    connection = s[at + O_CONNECTION]
    c = record(s, CONNECTION, connection)
    over = s[c + C_NUMBER] != s[at + O_NUMBER] or s[c + C_STATE] == CLOSED
    return np.int64(-1) if over else connection


@compiled
def note_opening(s: Any, row: Any, connection: Int) -> None:
    """Remember that this message belongs to `connection`, if it is unlike any other."""
    if not telling(row):
        return
    at = find(s, OPENING, s[PRINT])
    if at >= 0:
        remove(s, OPENING, at)
    while True:
        first = oldest(s, OPENING)
        if first < 0 or (room(s, OPENING) > 0 and s[first + O_TIME] >= row.time - s[MIRROR]):
            break
        remove(s, OPENING, first)
    at = add(s, OPENING, s[PRINT])
    s[at + O_TIME] = row.time
    s[at + O_OPC], s[at + O_DPC] = row.opc, row.dpc
    s[at + O_CONNECTION] = connection
    s[at + O_NUMBER] = s[record(s, CONNECTION, connection) + C_NUMBER]


@inlined
def _recent(s: Any, c: Int) -> Int:
    """Where among the last messages of a connection this one is; or -1."""
    for place in range(s[c + C_RECENT]):
        if s[c + C_PRINTS + place] == s[PRINT]:
            return np.int64(place)
    return np.int64(-1)


@compiled
def holds(s: Any, c: Int, row: Any) -> Any:
    """Seen on this connection within the window, on whatever link."""
    place = _recent(s, c)
    return place >= 0 and row.time - s[c + C_TIMES + place] <= s[MIRROR]


@compiled
def repeats(s: Any, connection: Int, row: Any) -> Any:
    """Whether this message is a copy of one seen before; notes it."""
    if row.protocol == SCCP:
        return False
    c = record(s, CONNECTION, connection)
    place = _recent(s, c)
    if place < 0 or row.time - s[c + C_TIMES + place] > s[MIRROR]:
        _keep(s, c, place, row.time)
        note_opening(s, row, connection)
        return False
    accepted, mine = _counted(s, c + C_LINKS + LINKS_KEPT * place)
    if mine < accepted:
        s[MIRRORED] += 1
        return True
    if row.time - s[c + C_TIMES + place] <= s[JITTER]:
        s[REPEATED] += 1
        return True
    s[c + C_TIMES + place] = row.time
    note_opening(s, row, connection)
    return False


@compiled
def _counted(s: Any, links: Int) -> Any:
    """The most copies that a link has shown, and this one's before this copy, which counts."""
    accepted = mine = np.int64(0)
    free = np.int64(-1)
    for index in range(LINKS_KEPT):
        word = s[links + index]
        times = word & np.int64(0xFFFFFFFF)
        accepted = max(accepted, times)
        if word == 0:
            if free < 0:
                free = links + index
        elif word >> 32 == s[LINK_HERE] + 1:
            mine = times
            s[links + index] = word + 1
    if mine == 0 and free >= 0:
        s[free] = (s[LINK_HERE] + 1) << 32 | 1
    return accepted, mine


@compiled
def _keep(s: Any, c: Int, place: Int, time: Int) -> None:
    """This message is the youngest of those kept; where it was before, if anywhere, it is not."""
    kept, first = s[c + C_RECENT], s[c + C_RECENT_FIRST]
    if place >= 0:
        at = (place - first) % RECENT_KEPT
        while at < kept - 1:
            _copy(s, c, (first + at + 1) % RECENT_KEPT, (first + at) % RECENT_KEPT)
            at += 1
        place = (first + kept - 1) % RECENT_KEPT
    elif kept < RECENT_KEPT:
        place = kept
        s[c + C_RECENT] = kept + 1
    else:
        place = first
        s[c + C_RECENT_FIRST] = (first + 1) % RECENT_KEPT
    s[c + C_PRINTS + place] = s[PRINT]
    s[c + C_TIMES + place] = time
    links = c + C_LINKS + LINKS_KEPT * place
    s[links] = (s[LINK_HERE] + 1) << 32 | 1
    for index in range(1, LINKS_KEPT):
        s[links + index] = 0


@compiled
def _copy(s: Any, c: Int, place: Int, to: Int) -> None:
    s[c + C_PRINTS + to] = s[c + C_PRINTS + place]
    s[c + C_TIMES + to] = s[c + C_TIMES + place]
    for index in range(LINKS_KEPT):
        s[c + C_LINKS + LINKS_KEPT * to + index] = s[c + C_LINKS + LINKS_KEPT * place + index]
