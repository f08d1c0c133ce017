"""Compiled: when a connection's silence is its end, and which one ends next, as `connections`.

Deadlines stand in a heap, by moment and by number of their connection.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events.codes import (
    ENDED,
    ENDED_CALL,
    UNHEARD,
)
from decoders.kernel.events.layout import (
    BASE,
    C_DIALOGUE,
    C_LAST,
    C_NUMBER,
    C_QUEUED,
    C_SOURCE,
    C_STATE,
    CALL,
    CALL_IDLE,
    CONNECTION,
    D_CALLS,
    DIALOGUE,
    HEAP,
    HEAPED,
    IDLE,
    K_STATE,
    LINGER,
    LIVE,
    N_CALL,
    N_NEXT,
    NODE,
    POOLS,
)
from decoders.kernel.events.memory import record
from decoders.kernel.machine import Int

_STALE = 1024
"""Deadlines that no longer count and are kept all the same."""


@compiled
def deadline(s: Any, c: Int) -> Int:
    """When this connection's silence is taken for its end, in microseconds."""
    if ENDED[s[c + C_STATE]]:
        return s[c + C_LAST] + s[LINGER]
    dialogue = s[c + C_DIALOGUE]
    if dialogue < 0:
        dialogue = s[c + C_SOURCE]
    busy = dialogue >= 0 and _busy(s, dialogue)
    return s[c + C_LAST] + (s[CALL_IDLE] if busy else s[IDLE])


@compiled
def _busy(s: Any, dialogue: Int) -> Any:
    """A call is up: silence may last for hours."""
    node = s[record(s, DIALOGUE, dialogue) + D_CALLS]
    while node >= 0:
        n = record(s, NODE, node)
        state = s[record(s, CALL, s[n + N_CALL]) + K_STATE]
        if state != UNHEARD and state != ENDED_CALL:  # noqa: PLR1714  compiled
            return True
        node = s[n + N_NEXT]
    return False


@compiled
def queue(s: Any, connection: Int, moment: Int) -> None:
    """It stands in the queue of deadlines under this one."""
    c = record(s, CONNECTION, connection)
    s[c + C_QUEUED] = moment
    base = s[POOLS + 6 * HEAP + BASE]
    _sink_up(s, base, s[HEAPED], moment, s[c + C_NUMBER], connection)
    s[HEAPED] += 1
    if s[HEAPED] > _STALE + 2 * s[LIVE]:
        _drop_stale(s, base)


@compiled
def _drop_stale(s: Any, base: Int) -> None:
    """Entries of connections that went or were queued anew since."""
    held = s[HEAPED]
    kept = np.int64(0)
    for index in range(held):
        at = base + 3 * index
        moment, number, connection = s[at], s[at + 1], s[at + 2]
        if stands(s, moment, number, connection):
            _sink_up(s, base, kept, moment, number, connection)
            kept += 1
    s[HEAPED] = kept


@inlined
def stands(s: Any, moment: Int, number: Int, connection: Int) -> Any:
    """A deadline is its connection's."""
    c = record(s, CONNECTION, connection)
    return s[c + C_NUMBER] == number and s[c + C_QUEUED] == moment


@compiled
def _sink_up(s: Any, base: Int, index: Int, moment: Int, number: Int, connection: Int) -> None:  # noqa: PLR0913, PLR0917  as above
    while index > 0:
        parent = (index - 1) // 2
        at = base + 3 * parent
        if s[at] < moment or (s[at] == moment and s[at + 1] <= number):
            break
        for word in range(3):
            s[base + 3 * index + word] = s[at + word]
        index = parent
    s[base + 3 * index] = moment
    s[base + 3 * index + 1] = number
    s[base + 3 * index + 2] = connection


@compiled
def pop(s: Any) -> None:
    """The nearest deadline goes."""
    base = s[POOLS + 6 * HEAP + BASE]
    held = s[HEAPED] - 1
    s[HEAPED] = held
    last = base + 3 * held
    moment, number, connection = s[last], s[last + 1], s[last + 2]
    index = np.int64(0)
    while 2 * index + 1 < held:
        child = 2 * index + 1
        at = base + 3 * child
        if child + 1 < held and (
            s[at + 3] < s[at] or (s[at + 3] == s[at] and s[at + 4] < s[at + 1])
        ):
            child += 1
            at += 3
        if moment < s[at] or (moment == s[at] and number <= s[at + 1]):
            break
        for word in range(3):
            s[base + 3 * index + word] = s[at + word]
        index = child
    s[base + 3 * index] = moment
    s[base + 3 * index + 1] = number
    s[base + 3 * index + 2] = connection
