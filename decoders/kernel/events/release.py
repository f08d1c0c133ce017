"""Compiled: the lists that hang on a dialogue, and how they end.

Calls, transfers and drafts of a dialogue are chains of records in the order in which they came. A
call may hang on two dialogues: on one that lost its radio and on the one that goes on with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events.layout import (
    CALL,
    D_CALLS,
    D_DEFERRED,
    D_DEFERRED_COUNT,
    D_TRANSFERS,
    D_UPDATE_DRAFT,
    DIALOGUE,
    DRAFT,
    F_CALL,
    F_NEXT,
    K_REFS,
    N_CALL,
    N_NEXT,
    NODE,
    T_NEXT,
    TRANSFER,
    W_NEXT,
    W_WHICH,
)
from decoders.kernel.events.memory import give, record, take
from decoders.kernel.machine import Int


@compiled
def of_transaction(s: Any, region: Int, number: Int, which: Int) -> Int:
    """Where the record of a transaction stands in a chain that begins with one; or -1."""
    while number >= 0:
        at = record(s, region, number)
        if s[at + W_WHICH] == which:
            return at
        number = s[at + W_NEXT]
    return np.int64(-1)


@inlined
def call_node(s: Any, d: Int, which: Int) -> Int:
    """Where the link to the call of a transaction stands; -1 where there is none."""
    return of_transaction(s, NODE, s[d + D_CALLS], which)


@compiled
def hang(s: Any, region: Int, place: Int, number: Int, which: Int) -> Int:
    """A new record joins a chain, behind those it has, for a transaction; gives where it is."""
    at = record(s, region, number)
    s[at + W_NEXT], s[at + W_WHICH] = -1, which
    while s[place] >= 0:
        place = record(s, region, s[place]) + W_NEXT
    s[place] = number
    return at


@compiled
def hang_call(s: Any, d: Int, which: Int, call: Int) -> None:
    """A call joins a dialogue, after those it has; the dialogue has none of that transaction."""
    s[hang(s, NODE, d + D_CALLS, take(s, NODE), which) + N_CALL] = call
    s[record(s, CALL, call) + K_REFS] += 1


@compiled
def drop_call(s: Any, call: Int) -> None:
    """One reference to a call less."""
    k = record(s, CALL, call)
    s[k + K_REFS] -= 1
    if s[k + K_REFS] == 0:
        give(s, CALL, call)


@compiled
def drop_calls(s: Any, d: Int) -> None:
    """A dialogue has no calls any more."""
    node = s[d + D_CALLS]
    s[d + D_CALLS] = -1
    while node >= 0:
        n = record(s, NODE, node)
        after = s[n + N_NEXT]
        drop_call(s, s[n + N_CALL])
        give(s, NODE, node)
        node = after


@compiled
def drop_deferred(s: Any, d: Int) -> None:
    """Nothing of a dialogue waits any more."""
    draft = s[d + D_DEFERRED]
    s[d + D_DEFERRED] = s[d + D_UPDATE_DRAFT] = -1
    s[d + D_DEFERRED_COUNT] = 0
    while draft >= 0:
        f = record(s, DRAFT, draft)
        after = s[f + F_NEXT]
        if s[f + F_CALL] >= 0:
            drop_call(s, s[f + F_CALL])
        give(s, DRAFT, draft)
        draft = after


@compiled
def free_dialogue(s: Any, dialogue: Int) -> None:
    """Nothing refers to a dialogue any more."""
    d = record(s, DIALOGUE, dialogue)
    drop_calls(s, d)
    drop_deferred(s, d)
    transfer = s[d + D_TRANSFERS]
    while transfer >= 0:
        after = s[record(s, TRANSFER, transfer) + T_NEXT]
        give(s, TRANSFER, transfer)
        transfer = after
    give(s, DIALOGUE, dialogue)
