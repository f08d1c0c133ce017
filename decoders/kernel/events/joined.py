"""Compiled: which connection a message belongs to, as `connections` finds it.

A connection is named by its record. It stands until nothing refers to it: not the list of all, not
a message in hand, not a handover's command that is awaited.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled, inlined, mixed
from decoders.kernel.events.codes import (
    AFTER,
    CLOSED,
    CONFIRM,
    OPENED_AS,
    REQUEST,
    SERVING,
)
from decoders.kernel.events.deadlines import deadline, queue
from decoders.kernel.events.layout import (
    ABSORBED,
    ARRIVED,
    C_CONFIRMED,
    C_DIALOGUE,
    C_END,
    C_ENDS,
    C_LAST,
    C_LEG,
    C_NEXT,
    C_NUMBER,
    C_OPENED,
    C_PREVIOUS,
    C_QUEUED,
    C_REFS,
    C_REQUESTED,
    C_SOURCE,
    C_STATE,
    CONNECTION,
    D_REFS,
    DIALOGUE,
    DUPLICATE,
    ENDS_KEPT,
    FIRST,
    JITTER,
    LAST_OF_ALL,
    LATE,
    LINK_HERE,
    LIVE,
    NEXT_NUMBER,
    REPLACED,
    UNKNOWN_SIDE,
)
from decoders.kernel.events.memory import drop_end, end_of, give, put_end, record, take
from decoders.kernel.events.prints import holds, repeats, twin_of
from decoders.kernel.events.release import free_dialogue
from decoders.kernel.machine import Int


@inlined
def link_side(link: Int, msc: Int) -> Int:
    """A side of a link without point codes."""
    return (np.int64(1) << 40) + 2 * link + msc


@inlined
def _end(side: Int, other: Int, reference: Int) -> Int:
    """The key of an end; 0 where the message has no such reference."""
    if reference < 0:
        return np.int64(0)
    made = mixed(mixed(side, other), reference)
    return made if made != 0 else np.int64(1)


@inlined
def between(side: Int, other: Int) -> Int:
    """Which two sides, whichever of them asks."""
    return mixed(min(side, other), max(side, other))


@compiled
def receive(s: Any, row: Any, signal: Int, from_network: Int) -> None:
    """Find or open the connection of a message, and tell repeats: fills `ARRIVED` and the rest.

    What is in `REPLACED` and `ABSORBED` is to be let go by the caller.
    """
    s[ARRIVED] = s[REPLACED] = s[ABSORBED] = -1
    s[DUPLICATE] = 0
    sender, receiver = np.int64(row.opc), np.int64(row.dpc)
    if sender < 0 or receiver < 0:
        if from_network < 0:
            from_network = _guess(s, row)
        if from_network < 0:
            s[UNKNOWN_SIDE] += 1
            return
        sender = link_side(s[LINK_HERE], from_network)
        receiver = link_side(s[LINK_HERE], 1 - from_network)
    near, far = _end(sender, receiver, row.slr), _end(receiver, sender, row.dlr)
    sides = between(sender, receiver)
    _place(s, row, signal, near, far, sides)
    connection = s[ARRIVED]
    if connection < 0:
        return
    twin = twin_of(s, row)
    if twin >= 0 and twin != connection:
        forget_arrival(s)
        _tie(s, connection, twin)
        connection = s[ARRIVED]
    c = record(s, CONNECTION, connection)
    s[c + C_LAST] = max(s[c + C_LAST], row.time)
    if repeats(s, connection, row):
        s[DUPLICATE] = 1


@compiled
def forget_arrival(s: Any) -> None:
    """Let go of what was replaced or absorbed."""
    if s[REPLACED] >= 0:
        let_go(s, s[REPLACED])
    if s[ABSORBED] >= 0:
        let_go(s, s[ABSORBED])
    s[REPLACED] = s[ABSORBED] = -1


@compiled
def _guess(s: Any, row: Any) -> Int:
    """Without point codes and direction: who sent it, if one side's references are known."""
    found = np.int64(-1)
    for msc in range(2):
        sender, receiver = link_side(s[LINK_HERE], msc), link_side(s[LINK_HERE], 1 - msc)
        near = end_of(s, _end(sender, receiver, row.slr))
        far = end_of(s, _end(receiver, sender, row.dlr))
        if near >= 0 or far >= 0:
            if found >= 0:
                return np.int64(-1)
            found = np.int64(msc)
    return found


@compiled
def _place(s: Any, row: Any, signal: Int, near: Int, far: Int, sides: Int) -> None:  # noqa: PLR0913, PLR0917  compiled code has no objects
    if signal == REQUEST:
        _request(s, row, near, sides)
        return
    known, other = end_of(s, far), end_of(s, near)
    if signal == CONFIRM:
        _confirm(s, row, near, far, sides)
        return
    if known >= 0 and other >= 0 and known != other:
        _tie(s, known, other)
        return
    connection = known if known >= 0 else other
    if connection < 0:
        if OPENED_AS[signal] >= 0:
            s[ARRIVED] = _open(s, row, signal, near, far, sides)
        return
    if s[record(s, CONNECTION, connection) + C_STATE] == CLOSED:
        s[LATE] += 1
        return
    _join(s, connection, near, sides)
    _join(s, connection, far, sides)
    s[ARRIVED] = connection


@compiled
def _request(s: Any, row: Any, near: Int, sides: Int) -> None:
    if near == 0:
        return
    known = end_of(s, near)
    if known >= 0:
        c = record(s, CONNECTION, known)
        if row.within >= 0 or holds(s, c, row):
            s[ARRIVED] = known
            return
        if not s[c + C_REQUESTED] and row.time - s[c + C_OPENED] <= s[JITTER]:
            s[c + C_REQUESTED] = 1
            s[ARRIVED] = known
            return
    mirrored = twin_of(s, row)
    if mirrored >= 0:
        _join(s, mirrored, near, sides)
        s[ARRIVED] = mirrored
        return
    s[ARRIVED] = _open(s, row, REQUEST, near, np.int64(0), sides)
    _reused(s, known)


@compiled
def _confirm(s: Any, row: Any, near: Int, far: Int, sides: Int) -> None:
    known, other = end_of(s, far), end_of(s, near)
    if known >= 0:
        c = record(s, CONNECTION, known)
        confirmed = s[c + C_CONFIRMED]
        if s[c + C_STATE] != CLOSED and (confirmed < 0 or confirmed == row.slr):
            s[c + C_CONFIRMED] = row.slr
            s[ARRIVED] = known
            if other >= 0 and other != known:
                if row.time - s[record(s, CONNECTION, other) + C_OPENED] <= s[JITTER]:
                    _tie(s, known, other)
                if s[ABSORBED] < 0:
                    _reused(s, other)
            _join(s, s[ARRIVED], near, sides)
            _join(s, s[ARRIVED], far, sides)
            return
    opened = _open(s, row, CONFIRM, near, far, sides)
    s[record(s, CONNECTION, opened) + C_CONFIRMED] = row.slr
    s[ARRIVED] = opened
    _reused(s, known if known >= 0 else other)


@compiled
def _open(s: Any, row: Any, signal: Int, near: Int, far: Int, sides: Int) -> Int:  # noqa: PLR0913, PLR0917  as above
    connection = take(s, CONNECTION)
    c = record(s, CONNECTION, connection)
    s[c + C_NUMBER] = s[NEXT_NUMBER]
    s[NEXT_NUMBER] += 1
    s[c + C_STATE] = OPENED_AS[signal]
    s[c + C_OPENED] = s[c + C_LAST] = row.time
    s[c + C_REQUESTED] = np.int64(signal == REQUEST)
    s[c + C_CONFIRMED] = s[c + C_DIALOGUE] = s[c + C_SOURCE] = -1
    s[c + C_LEG] = SERVING
    s[c + C_REFS] = 1
    s[c + C_PREVIOUS], s[c + C_NEXT] = s[LAST_OF_ALL], -1
    if s[LAST_OF_ALL] >= 0:
        s[record(s, CONNECTION, s[LAST_OF_ALL]) + C_NEXT] = connection
    else:
        s[FIRST] = connection
    s[LAST_OF_ALL] = connection
    s[LIVE] += 1
    _join(s, connection, near, sides)
    _join(s, connection, far, sides)
    queue(s, connection, deadline(s, c))
    return connection


@compiled
def _join(s: Any, connection: Int, end: Int, sides: Int) -> None:
    if end == 0 or end_of(s, end) == connection:
        return
    c = record(s, CONNECTION, connection)
    kept = s[c + C_ENDS]
    if kept < ENDS_KEPT:
        put_end(s, end, connection)
        s[c + C_END + kept] = end
        s[c + C_END + ENDS_KEPT + kept] = sides
        s[c + C_ENDS] = kept + 1


@compiled
def _tie(s: Any, connection: Int, other: Int) -> None:
    """Two halves of one connection: the one that began earlier stays."""
    keep, half = connection, other
    k, h = record(s, CONNECTION, keep), record(s, CONNECTION, half)
    if s[k + C_REQUESTED] and s[h + C_REQUESTED]:
        s[ARRIVED] = connection
        return
    if s[k + C_REQUESTED] == s[h + C_REQUESTED]:
        turned = s[h + C_NUMBER] < s[k + C_NUMBER]
    else:
        turned = s[h + C_REQUESTED] != 0
    if turned:
        keep, half = half, keep
        h = record(s, CONNECTION, half)
    leave_all(s, half)
    s[h + C_STATE] = CLOSED
    for index in range(s[h + C_ENDS]):
        _join(s, keep, s[h + C_END + index], s[h + C_END + ENDS_KEPT + index])
    s[ARRIVED], s[ABSORBED] = keep, half


@compiled
def _reused(s: Any, connection: Int) -> None:
    if connection >= 0:
        leave_all(s, connection)
        s[record(s, CONNECTION, connection) + C_STATE] = CLOSED
        s[REPLACED] = connection


@compiled
def leave_all(s: Any, connection: Int) -> None:
    """Forget a connection's references; whoever calls lets go of it."""
    c = record(s, CONNECTION, connection)
    before, after = s[c + C_PREVIOUS], s[c + C_NEXT]
    if before >= 0:
        s[record(s, CONNECTION, before) + C_NEXT] = after
    else:
        s[FIRST] = after
    if after >= 0:
        s[record(s, CONNECTION, after) + C_PREVIOUS] = before
    else:
        s[LAST_OF_ALL] = before
    s[LIVE] -= 1
    s[c + C_QUEUED] = -1
    for index in range(s[c + C_ENDS]):
        if end_of(s, s[c + C_END + index]) == connection:
            drop_end(s, s[c + C_END + index])


@compiled
def let_go(s: Any, connection: Int) -> None:
    """One reference to a connection less."""
    c = record(s, CONNECTION, connection)
    s[c + C_REFS] -= 1
    if s[c + C_REFS] == 0:
        s[c + C_NUMBER] = 0
        drop_dialogue(s, s[c + C_DIALOGUE])
        drop_dialogue(s, s[c + C_SOURCE])
        give(s, CONNECTION, connection)


@compiled
def drop_dialogue(s: Any, dialogue: Int) -> None:
    """One reference to a dialogue less, if there is one."""
    if dialogue >= 0:
        d = record(s, DIALOGUE, dialogue)
        s[d + D_REFS] -= 1
        if s[d + D_REFS] == 0:
            free_dialogue(s, dialogue)


@compiled
def point(s: Any, place: Int, dialogue: Int) -> None:
    """A word that refers to a dialogue refers to this one, or to none."""
    before = s[place]
    s[place] = dialogue
    if dialogue >= 0:
        s[record(s, DIALOGUE, dialogue) + D_REFS] += 1
    drop_dialogue(s, before)


@compiled
def signalled(s: Any, connection: Int, signal: Int) -> None:
    """Move a connection through the table of `dialogue`; its end brings its deadline near."""
    c = record(s, CONNECTION, connection)
    s[c + C_STATE] = AFTER[s[c + C_STATE], signal]
    if s[c + C_QUEUED] < 0:
        return
    moment = deadline(s, c)
    if moment < s[c + C_QUEUED]:
        queue(s, connection, moment)
