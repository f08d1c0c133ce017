"""Compiled: the rows of a batch one after the other, as `correlator.Correlator` takes messages.

What compiled code cannot do by itself it leaves to who called, and goes on from there: more memory,
the look at the feed that each minute brings, and room for events.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, entry, inlined, memory, mixed, soon
from decoders.kernel.events.areas import LINKS_AT, bind, vlr_of
from decoders.kernel.events.calling import NETWORK, NOBODY, RADIO
from decoders.kernel.events.codes import (
    CLOSED,
    HANDOVER_ACKNOWLEDGE,
    HANDOVER_COMMAND,
    KNOWN,
    PAGING,
    RESET,
    RESET_SIGNAL,
    SENT_BY,
    SIGNAL_OF,
    SILENT,
)
from decoders.kernel.events.deadlines import deadline, pop, queue, stands
from decoders.kernel.events.joined import (
    between,
    forget_arrival,
    leave_all,
    let_go,
    link_side,
    signalled,
)
from decoders.kernel.events.joined import receive as placed
from decoders.kernel.events.layout import (
    ABSORBED,
    AREA,
    ARRIVED,
    BASE,
    C_END,
    C_ENDS,
    C_NEXT,
    C_REFS,
    C_STATE,
    CALL,
    CLOSES,
    COMMAND_HERE,
    CONNECTION,
    DIALOGUE,
    DIRECTION,
    DRAFT,
    DUPLICATE,
    ENDS,
    ENDS_KEPT,
    ENDS_USED,
    EVICTED,
    FIRST,
    FRAME_HERE,
    HEAP,
    HEAPED,
    L_GAPS,
    L_MISSING,
    L_SEEN,
    LATEST,
    LINK,
    LINK_HERE,
    LIVE,
    M_VALUE,
    MOST_CONNECTIONS,
    NAME_HERE,
    NEEDED,
    NODE,
    NOW,
    OPENING,
    POOLS,
    PRINT,
    REPLACED,
    ROW_HERE,
    SENDER_HERE,
    SIZE,
    TOLD_EVENTS,
    TRANSFER,
)
from decoders.kernel.events.memory import add, announce, find, record, room
from decoders.kernel.events.minutes import note_minute
from decoders.kernel.events.persons import imsi_of
from decoders.kernel.events.talk import absorb, clear, leave, receive
from decoders.kernel.events.work import EVENTS, KEPT_AT_ONCE, Work, print_of
from decoders.kernel.machine import Int
from decoders.kernel.program import BSSMAP

ROWS, ADVANCE, FINISH, CLEAR = range(4)
"""What is to be done: rows; time has come to a moment; it ends; what a RESET is between ends."""
DONE, GROW, MINUTE, FULL = range(4)
"""Why compiled code came back."""
_MARGIN: Final = 1024
"""Events that one message may bring about."""
_KEPT_MARGIN: Final = 64
_DIRECTIONS: Final = 65_536


@entry
def run(  # noqa: PLR0913, PLR0917  compiled code has no objects
    words: Any,
    tmsis: Any,
    works: Any,
    rows: Any,
    data: Any,
    extra: Any,
    links: Any,
    sources: Any,
    task: Int,
    first: Int,
) -> Any:
    """One way in, so that all this is compiled once.

    Args:
        words: the memory.
        tmsis: its table of TMSIs.
        works: one `WORK`.
        rows: the batch's, one at least.
        data: octets that rows refer to.
        extra: octets behind those.
        links: by the column ``link``, the link's number here.
        sources: by the column ``source``, the source's number here.
        task: see `ROWS`.
        first: the row to begin with, or for `ADVANCE` the time.

    Returns:
        The row to go on from, and why; less than -1 less the row where a RESET is half done.
    """
    m = Work(memory(words), memory(tmsis), works[0])
    s = m.s
    if task == ADVANCE:
        return first, _advanced(m, rows[0], first)
    if task == FINISH:
        return first, _finish(m, rows[0])
    if task == CLEAR:
        return first, _reset(m, rows[first])
    for index in range(first, rows.size):
        row = rows[index]
        why = _advanced(m, row, np.int64(row.time))
        if why != DONE:
            return np.int64(index), why
        s[ROW_HERE] = index
        s[LINK_HERE] = links[row.link]
        s[FRAME_HERE] = np.int64(sources[row.source]) << 32 | np.int64(row.frame)
        if index + 1 < rows.size:
            soon(data, np.int64(rows[index + 1].raw_at))
        _know(m, row, data, extra)
        if _one(m, row):
            why = _reset(m, row)
            if why != DONE:
                return np.int64(-1 - index), why
    return np.int64(rows.size), np.int64(DONE)


@inlined
def _know(m: Any, row: Any, data: Any, extra: Any) -> None:
    """By what a message is known again."""
    s, begin = m.s, np.int64(row.raw_at)
    if begin < data.size:
        s[PRINT] = print_of(m.w, data, begin, row)
    else:
        s[PRINT] = print_of(m.w, extra, begin - data.size, row)
    announce(s, OPENING, s[PRINT])
    if row.layer3_size > 0 and row.protocol == BSSMAP:
        _command(s, row, data, extra)


@compiled
def _command(s: Any, row: Any, data: Any, extra: Any) -> None:
    """By what a layer 3 HANDOVER COMMAND is known on both legs."""
    if row.code != HANDOVER_ACKNOWLEDGE and row.code != HANDOVER_COMMAND:  # noqa: PLR1714  compiled
        return
    made, at = np.int64(row.layer3_size), np.int64(row.layer3_at)
    for place in range(at, at + row.layer3_size):
        value = data[place] if place < data.size else extra[place - data.size]
        made = mixed(made, np.int64(value))
    s[COMMAND_HERE] = made


@inlined
def _short_of_room(m: Any) -> Int:
    """What is missing before another message can be taken."""
    s = m.s
    least = min(room(s, CONNECTION), room(s, DIALOGUE), room(s, NODE))
    least = min(least, room(s, TRANSFER), room(s, DRAFT), room(s, LATEST))
    least = min(least, s[POOLS + 6 * HEAP + SIZE] - s[HEAPED] - NEEDED)
    least = min(least, s[POOLS + 6 * ENDS + SIZE] - 2 * s[ENDS_USED] - 2 * NEEDED)
    if min(least, room(s, CALL)) < NEEDED:
        return np.int64(GROW)
    if s[TOLD_EVENTS] + _MARGIN > EVENTS or m.w.kept_count + _KEPT_MARGIN > KEPT_AT_ONCE:
        return np.int64(FULL)
    return np.int64(MINUTE if room(s, AREA) < NEEDED else DONE)


@compiled
def _advanced(m: Any, row: Any, time: Int) -> Int:
    """What silence makes, each at its own moment; gives why it could not go on."""
    s = m.s
    while True:
        why = _short_of_room(m)
        if why != DONE:
            return why
        base = s[POOLS + 6 * HEAP + BASE]
        if s[HEAPED] == 0 or s[base] > time:
            break
        moment, number, connection = s[base], s[base + 1], s[base + 2]
        if not stands(s, moment, number, connection):
            pop(s)
            continue
        c = record(s, CONNECTION, connection)
        later = deadline(s, c)
        if later > moment:
            pop(s)
            queue(s, connection, later)
            continue
        s[NOW] = max(s[NOW], moment)
        if s[NOW] >= s[CLOSES] and not note_minute(m):
            return np.int64(MINUTE)
        pop(s)
        leave_all(s, connection)
        signalled(s, connection, SILENT)
        leave(m, row, connection, 0)
        let_go(s, connection)
    s[NOW] = max(s[NOW], time)
    if s[NOW] >= s[CLOSES] and not note_minute(m):
        return np.int64(MINUTE)
    return np.int64(DONE)


@compiled
def _one(m: Any, row: Any) -> Any:
    """One message, for which there is room; whether it resets what is between two sides."""
    s = m.s
    at = record(s, LINK, s[LINK_HERE])
    s[at + L_SEEN] += 1
    if row.gap:
        if row.within < 0:
            s[at + L_MISSING] += row.gap
        s[at + L_GAPS] += 1
    known = KNOWN[row.protocol, row.code] != 0
    s[NAME_HERE] = np.int64(row.protocol) << 8 | np.int64(row.code)
    if not known:
        s[NAME_HERE] = np.int64(1) << 20 | np.int64(row.cells_at) >> 8
    from_network = _sender(s, row)
    s[SENDER_HERE] = from_network
    signal = SIGNAL_OF[row.sccp]
    if signal >= 0:
        _connected(m, row, signal, from_network)
    elif row.protocol == BSSMAP and row.code == PAGING and row.imsi_digits and row.tmsi >= 0:
        vlr = np.int64(row.opc) if row.opc >= 0 else LINKS_AT + s[LINK_HERE]
        bind(s, m.t, vlr_of(s, vlr), np.int64(row.tmsi), imsi_of(row))
    return signal < 0 and row.protocol == BSSMAP and row.code == RESET


@compiled
def _sender(s: Any, row: Any) -> Int:
    """1 where the MSC's side sent it, 0 where the BSS's, -1 where nothing tells."""
    if row.from_msc >= 0:
        return np.int64(row.from_msc)
    by_name = np.int64(SENT_BY[row.protocol, row.code])
    by_layer3 = np.int64(-1) if row.from_mobile < 0 else np.int64(1 - row.from_mobile)
    if row.opc < 0 or row.dpc < 0:
        return by_name if by_name >= 0 else by_layer3
    at = find(s, DIRECTION, np.int64(row.opc) << 32 | np.int64(row.dpc))
    if by_name >= 0:
        if at < 0 and room(s, DIRECTION) > 1:
            s[add(s, DIRECTION, np.int64(row.opc) << 32 | np.int64(row.dpc)) + M_VALUE] = by_name
            back = np.int64(row.dpc) << 32 | np.int64(row.opc)
            other = find(s, DIRECTION, back)
            if other < 0:
                other = add(s, DIRECTION, back)
            s[other + M_VALUE] = 1 - by_name
        return by_name
    return s[at + M_VALUE] if at >= 0 else by_layer3


@compiled
def _connected(m: Any, row: Any, signal: Int, from_network: Int) -> None:
    s = m.s
    placed(s, row, signal, from_network)
    connection = s[ARRIVED]
    if connection >= 0:
        s[record(s, CONNECTION, connection) + C_REFS] += 1
    evicted = _overflow(s) if s[LIVE] > s[MOST_CONNECTIONS] else np.int64(-1)
    if s[REPLACED] >= 0:
        leave(m, row, s[REPLACED], 0)
    if evicted >= 0:
        leave(m, row, evicted, 0)
        let_go(s, evicted)
    if connection >= 0 and not s[DUPLICATE]:
        if s[ABSORBED] >= 0:
            absorb(s, connection, s[ABSORBED])
        receive(m, row, connection, from_network)
    forget_arrival(s)
    if connection >= 0:
        let_go(s, connection)


@compiled
def _overflow(s: Any) -> Int:
    """The connection longest silent where there are too many; it goes."""
    base = s[POOLS + 6 * HEAP + BASE]
    while s[LIVE] > s[MOST_CONNECTIONS] and s[HEAPED] > 0:
        moment, number, connection = s[base], s[base + 1], s[base + 2]
        stood = stands(s, moment, number, connection)
        pop(s)
        if stood:
            s[EVICTED] += 1
            leave_all(s, connection)
            s[record(s, CONNECTION, connection) + C_STATE] = CLOSED
            return connection
    return np.int64(-1)


@compiled
def _reset(m: Any, row: Any) -> Int:
    """RESET ends everything between a controller and its MSC, 48.008 3.1.4."""
    s = m.s
    sides = between(link_side(s[LINK_HERE], 1), link_side(s[LINK_HERE], 0))
    if row.opc >= 0 and row.dpc >= 0:
        sides = between(np.int64(row.opc), np.int64(row.dpc))
    by = NOBODY
    if s[SENDER_HERE] >= 0:
        by = NETWORK if s[SENDER_HERE] else RADIO
    connection = s[FIRST]
    while connection >= 0:
        why = _short_of_room(m)
        if why != DONE:
            return why
        c = record(s, CONNECTION, connection)
        after = s[c + C_NEXT]
        if _between(s, c, sides):
            leave_all(s, connection)
            signalled(s, connection, RESET_SIGNAL)
            clear(m, row, connection, by)
            leave(m, row, connection, 1)
            let_go(s, connection)
        connection = after
    return np.int64(DONE)


@compiled
def _between(s: Any, c: Int, sides: Int) -> Any:
    for index in range(s[c + C_ENDS]):  # noqa: SIM110  compiled
        if s[c + C_END + ENDS_KEPT + index] == sides:
            return True
    return False


@compiled
def _finish(m: Any, row: Any) -> Int:
    """End of the capture: what is open is told as unseen."""
    s = m.s
    while s[FIRST] >= 0:
        why = _short_of_room(m)
        if why != DONE:
            return why
        connection = s[FIRST]
        leave_all(s, connection)
        leave(m, row, connection, 0)
        let_go(s, connection)
    return np.int64(DONE)


@entry
def bind_one(words: Any, tmsis: Any, code: Int, tmsi: Int, imsi: Int) -> None:
    """`areas.bind` for Python: a VLR by its code."""
    s, t = memory(words), memory(tmsis)
    bind(s, t, vlr_of(s, code), tmsi, imsi)


@entry
def vlr_met(words: Any, code: Int) -> Int:
    """`areas.vlr_of` for Python."""
    return vlr_of(memory(words), code)
