"""Compiled: call-control messages to call events, as `call_control`.

Details of a draft: of an answer the microseconds of its setup; of an end whether it was answered
(-1: not known), its duration in microseconds, its cause, and who ended it. `NONE` is no number.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events import work
from decoders.kernel.events.codes import (
    ANSWERED,
    ATTEMPTED,
    CALL_AFTER,
    CALL_ANSWERED,
    CALL_ATTEMPTED,
    CALL_ENDED,
    CALL_TELLS,
    CONNECT,
    CONNECT_ACKNOWLEDGE,
    EMERGENCY_SETUP,
    ENDED_CALL,
    RELEASE,
    RELEASE_COMPLETE,
    SETUP,
    UNHEARD,
)
from decoders.kernel.events.layout import (
    CALL,
    D_CALLS,
    D_KEY,
    D_KEY_1,
    D_MSISDN,
    D_MSISDN_1,
    D_MSISDN_DIGITS,
    F_CALL,
    F_DETAIL,
    FRAME_HERE,
    JITTER,
    K_ANSWERED,
    K_ATTEMPTED,
    K_CONNECTED,
    K_DIGITS,
    K_DIRECTION,
    K_EMERGENCY,
    K_ENDED,
    K_FRAME,
    K_FRAMES,
    K_KEY,
    K_KEY_1,
    K_NPI,
    K_PARTY,
    K_PARTY_1,
    K_REFS,
    K_STATE,
    K_TON,
    N_CALL,
    N_NEXT,
    NODE,
    NONE,
)
from decoders.kernel.events.memory import record, take
from decoders.kernel.events.release import call_node, drop_call, hang_call
from decoders.kernel.events.telling import draft
from decoders.kernel.machine import Int

NETWORK: Final = 0
MOBILE: Final = 1
RADIO: Final = 2
NOBODY: Final = -1
"""Who ended a call."""
_INTERNATIONAL: Final = 1
_NORMAL_CLEARING: Final = 16


@inlined
def _sets_up(code: Int) -> Any:
    return code == SETUP or code == EMERGENCY_SETUP  # noqa: PLR1714  compiled


@compiled
def call_control(m: Any, row: Any, d: Int, which: Int, from_network: Int, doubt: Int) -> None:  # noqa: PLR0913, PLR0917  compiled code has no objects
    """What a CC message makes happen; with `doubt` what rests on an absence stays unknown."""
    s = m.s
    code = np.int64(row.code)
    call = _call(m, row, d, which)
    k = record(s, CALL, call)
    if _sets_up(code):
        _describe(s, row, k)
        _own_number(s, row, d, from_network)
    if code in (CONNECT, CONNECT_ACKNOWLEDGE):
        s[k + K_CONNECTED] = 1
    before = s[k + K_STATE]
    state = CALL_AFTER[before, code]
    if state < 0:
        if _sets_up(code) and s[k + K_ATTEMPTED] == row.time:
            _draft(s, CALL_ATTEMPTED, call)
        return
    event = CALL_TELLS[before, code]
    s[k + K_STATE] = state
    if event == CALL_ENDED:
        s[k + K_ENDED] = row.time
        unprepared = _unprepared(s, row, k, before, from_network)
        by = NETWORK if from_network else MOBILE
        _ended(s, row, call, by, doubt != 0 or unprepared)
        return
    if state == ENDED_CALL:
        s[k + K_ENDED] = row.time
    if state == ANSWERED:
        s[k + K_ANSWERED] = row.time
        _frame(s, k)
    if event >= 0:
        f = _draft(s, event, call)
        if event == CALL_ANSWERED and s[k + K_ATTEMPTED] != NONE:
            s[f + F_DETAIL] = row.time - s[k + K_ATTEMPTED]


@compiled
def _own_number(s: Any, row: Any, d: Int, from_network: Int) -> None:
    """A SETUP to a subscriber may show their number."""
    if row.called_digits >= 0 and row.called_ton == _INTERNATIONAL and from_network:
        s[d + D_MSISDN], s[d + D_MSISDN_1] = np.int64(row.called_0), np.int64(row.called_1)
        s[d + D_MSISDN_DIGITS] = row.called_digits


@compiled
def _draft(s: Any, event: Int, call: Int) -> Int:
    f = draft(s, event, 1)
    s[f + F_CALL] = call
    s[f + F_DETAIL] = NONE
    return f


@compiled
def clear_calls(s: Any, row: Any, d: Int, by: Int, doubt: Any) -> None:
    """Every open call of the dialogue ends, because its connection or its controller did."""
    node = s[d + D_CALLS]
    while node >= 0:
        n = record(s, NODE, node)
        call = s[n + N_CALL]
        k = record(s, CALL, call)
        if s[k + K_STATE] != UNHEARD and s[k + K_STATE] != ENDED_CALL:
            s[k + K_STATE] = ENDED_CALL
            s[k + K_ENDED] = row.time
            _ended(s, row, call, by, doubt)
        node = s[n + N_NEXT]


@compiled
def _ended(s: Any, row: Any, call: Int, by: Int, doubt: Any) -> None:
    """`call.ended`; with `doubt` nothing that a message which was not seen would have changed."""
    k = record(s, CALL, call)
    f = _draft(s, CALL_ENDED, call) + F_DETAIL
    s[f] = 1 if s[k + K_CONNECTED] else (-1 if doubt else 0)
    s[f + 1] = NONE
    if s[k + K_ANSWERED] != NONE and not doubt:
        s[f + 1] = row.time - s[k + K_ANSWERED]
    s[f + 2] = -1 if doubt else np.int64(row.cause)
    s[f + 3] = NOBODY if doubt else by


@compiled
def _call(m: Any, row: Any, d: Int, which: Int) -> Int:
    """The call of this transaction; a SETUP after its end begins another one."""
    s = m.s
    n = call_node(s, d, which)
    if n >= 0:
        k = record(s, CALL, s[n + N_CALL])
        if not _begins_another(s, row, k):
            return s[n + N_CALL]
    call = take(s, CALL)
    k = record(s, CALL, call)
    s[k + K_DIRECTION] = which & 1
    s[k + K_STATE] = UNHEARD
    s[k + K_DIGITS] = -1
    s[k + K_ATTEMPTED] = s[k + K_ANSWERED] = s[k + K_ENDED] = NONE
    _key(m, row, d, which, k)
    if n >= 0:
        drop_call(s, s[n + N_CALL])
        s[n + N_CALL] = call
        s[k + K_REFS] += 1
    else:
        hang_call(s, d, which, call)
    return call


@compiled
def _begins_another(s: Any, row: Any, k: Int) -> Any:
    if not _sets_up(np.int64(row.code)) or s[k + K_ENDED] == NONE:
        return False
    return s[k + K_ATTEMPTED] != NONE or row.time - s[k + K_ENDED] > s[JITTER]


@compiled
def _key(m: Any, row: Any, d: Int, which: Int, k: Int) -> None:
    s, w = m.s, m.w
    work.begin(w)
    work.put_label(w, work.A_CALL)
    work.begin_part(w)
    work.put_content(w, row)
    work.end_part(w)
    work.begin_part(w)
    work.put_key(w, s[d + D_KEY], s[d + D_KEY_1])
    work.end_part(w)
    work.begin_part(w)
    work.put(w, 40)
    work.put_number(w, which >> 1)
    work.put_name(w, work.WITH_FALSE + (which & 1))
    work.end_part(w)
    work.content_id(w)
    s[k + K_KEY], s[k + K_KEY_1] = np.int64(w.state[0]), np.int64(w.state[1])


@compiled
def _unprepared(s: Any, row: Any, k: Int, state: Int, from_network: Int) -> Any:
    """A clearing that only answers one which was not seen, TS 24.008 5.4.3 and 5.4.2."""
    if row.code == RELEASE:
        return not from_network or row.cause < 0 or row.cause == _NORMAL_CLEARING
    if row.code == RELEASE_COMPLETE:
        turns_down = (from_network != 0) == (s[k + K_DIRECTION] == 0)
        return state != ATTEMPTED or not turns_down
    return False


@compiled
def _describe(s: Any, row: Any, k: Int) -> None:
    """Numbers and time from the SETUP, once."""
    if s[k + K_ATTEMPTED] != NONE:
        return
    s[k + K_ATTEMPTED] = row.time
    _frame(s, k)
    if row.code == EMERGENCY_SETUP:
        s[k + K_EMERGENCY] = 1
    elif s[k + K_DIRECTION] == 0:
        s[k + K_PARTY], s[k + K_PARTY_1] = np.int64(row.called_0), np.int64(row.called_1)
        s[k + K_DIGITS], s[k + K_TON], s[k + K_NPI] = (
            row.called_digits,
            row.called_ton,
            row.called_npi,
        )
    else:
        s[k + K_PARTY], s[k + K_PARTY_1] = np.int64(row.calling_0), np.int64(row.calling_1)
        s[k + K_DIGITS] = row.calling_digits
        s[k + K_TON], s[k + K_NPI] = row.calling_ton, row.calling_npi


@compiled
def _frame(s: Any, k: Int) -> None:
    s[k + K_FRAME + s[k + K_FRAMES]] = s[FRAME_HERE]
    s[k + K_FRAMES] += 1
