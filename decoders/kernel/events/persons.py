"""Compiled: whose dialogue it is, as `recognition` tells it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events.areas import V_IS_LINK, binding_vlr, confirm, find_imsi, only_one, serve
from decoders.kernel.events.codes import UPDATING_REQUEST
from decoders.kernel.events.joined import drop_dialogue
from decoders.kernel.events.layout import (
    CALL,
    CONTRADICTED,
    D_AREA,
    D_CALLS,
    D_CELL,
    D_CELL_LAC,
    D_CELL_PLMN,
    D_DETACHED,
    D_EQUIPMENT,
    D_FRAME,
    D_FRAMES,
    D_IMSI,
    D_LAC,
    D_LEARNED,
    D_LEFT,
    D_OPENED,
    D_REFS,
    D_RESUMES,
    D_TMSI,
    D_VLR,
    DIALOGUE,
    FRAME_HERE,
    FRAMES_KEPT,
    K_ENDED,
    LATEST,
    M_VALUE,
    N_CALL,
    N_NEXT,
    N_WHICH,
    NODE,
    NONE,
    PARTED,
    PHONES,
    SUBSCRIBERS,
    VLR,
)
from decoders.kernel.events.memory import add, count, find, oldest, record, remove, room
from decoders.kernel.events.phones import switched_off
from decoders.kernel.events.release import call_node, drop_calls, hang_call
from decoders.kernel.machine import Int
from decoders.kernel.program import MM
from decoders.times import SECOND

RESUMED_WITHIN: Final = 30 * SECOND
"""Microseconds after a call's end within which it may be re-established."""


@compiled
def digits_of(number: Int, digits: Int) -> Int:
    """An identity as one number that keeps its leading zeros; 0 where there is none."""
    if digits == 0:
        return np.int64(0)
    made = np.int64(1)
    for _ in range(digits):
        made *= 10
    return made + number


@inlined
def imsi_of(row: Any) -> Int:
    """The IMSI that a message shows, with a 1 before it; 0 where it shows none."""
    return digits_of(row.imsi, np.int64(row.imsi_digits))


@compiled
def contradicts(s: Any, d: Int, row: Any) -> Any:
    """A message shows another IMSI than its dialogue has: a new one has begun unseen."""
    if row.imsi_digits == 0 or s[d + D_IMSI] == 0 or s[d + D_IMSI] == imsi_of(row):
        return False
    s[CONTRADICTED] += 1
    return True


@compiled
def show(m: Any, row: Any, dialogue: Int) -> None:
    """Take up the identities of a message."""
    s = m.s
    d = record(s, DIALOGUE, dialogue)
    if row.imei_digits:
        s[d + D_EQUIPMENT] = digits_of(row.imei, np.int64(row.imei_digits))
    elif row.imeisv_digits:
        s[d + D_EQUIPMENT] = digits_of(row.imeisv, np.int64(row.imeisv_digits))
    if row.imsi_digits:
        recognise(m, dialogue, imsi_of(row))
    elif row.tmsi >= 0 and row.new_tmsi == 0 and s[d + D_TMSI] < 0:
        _show_temporary(m, row, dialogue)


@compiled
def note_frame(s: Any, d: Int) -> None:
    """The record of the message in hand shows this dialogue's place or identity."""
    frames = s[d + D_FRAMES]
    if frames == FRAMES_KEPT:
        for index in range(FRAMES_KEPT - 1):
            s[d + D_FRAME + index] = s[d + D_FRAME + index + 1]
        frames -= 1
    s[d + D_FRAME + frames] = s[FRAME_HERE]
    s[d + D_FRAMES] = frames + 1


@compiled
def recognise(m: Any, dialogue: Int, imsi: Int) -> None:
    """The dialogue is that of `imsi`, and so is the TMSI that it showed."""
    s = m.s
    d = record(s, DIALOGUE, dialogue)
    if s[d + D_IMSI] == imsi:
        return
    if s[d + D_LEARNED] != 0 and s[d + D_LEARNED] != imsi:
        s[CONTRADICTED] += 1
    s[d + D_IMSI] = imsi
    note_frame(s, d)
    if s[d + D_TMSI] >= 0:
        bind_shown(m, d, imsi)
    meet(s, imsi, dialogue)


@compiled
def has_area(s: Any, d: Int) -> Any:
    """Whether the location area that the dialogue's cell lies in is known."""
    return s[d + D_CELL] != 0 and s[d + D_CELL_PLMN] >= 0 and s[d + D_CELL_LAC] >= 0


@compiled
def place(s: Any, d: Int) -> None:
    """The dialogue's cell lies in an area that its VLR serves."""
    if not has_area(s, d) or s[d + D_VLR] == -1:
        return
    plmn, lac = s[d + D_CELL_PLMN], s[d + D_CELL_LAC]
    vlr = s[d + D_VLR]
    if vlr >= 0 and s[record(s, VLR, vlr) + V_IS_LINK]:
        one = only_one(s, plmn, lac)
        if one >= 0:
            vlr = s[d + D_VLR] = one
    serve(s, plmn, lac, vlr)


@compiled
def _show_temporary(m: Any, row: Any, dialogue: Int) -> None:
    """A phone shows a TMSI, which stands for what it was bound to at this moment."""
    s = m.s
    d = record(s, DIALOGUE, dialogue)
    s[d + D_TMSI] = row.tmsi
    s[d + D_AREA] = s[d + D_LAC] = -1
    if row.protocol == MM and row.code == UPDATING_REQUEST:
        s[d + D_AREA], s[d + D_LAC] = row.lai_plmn, row.lai_lac
    elif has_area(s, d):
        s[d + D_AREA], s[d + D_LAC] = s[d + D_CELL_PLMN], s[d + D_CELL_LAC]
    note_frame(s, d)
    if s[d + D_IMSI]:
        bind_shown(m, d, s[d + D_IMSI])
        return
    learned = find_imsi(s, m.t, s[d + D_TMSI], s[d + D_AREA], s[d + D_LAC], s[d + D_VLR])
    s[d + D_LEARNED] = learned
    if learned:
        bind_shown(m, d, learned)
        meet(s, learned, dialogue)


@compiled
def bind_shown(m: Any, d: Int, imsi: Int) -> None:
    """In the VLR of the area in which the phone got the TMSI, if that VLR is one of ours."""
    s = m.s
    tmsi = s[d + D_TMSI]
    vlr = binding_vlr(s, tmsi, s[d + D_AREA], s[d + D_LAC], s[d + D_VLR])
    if vlr != -1:
        confirm(s, m.t, vlr, tmsi, imsi)


@compiled
def latest(s: Any, imsi: Int) -> Int:
    """The latest dialogue of a subscriber, while it lasts; or -1."""
    at = find(s, LATEST, imsi)
    return np.int64(-1) if at < 0 else s[at + M_VALUE]


@compiled
def meet(s: Any, imsi: Int, dialogue: Int) -> None:
    """A subscriber is met in a dialogue: the latest, unless one that began later lasts."""
    at = find(s, LATEST, imsi)
    before = np.int64(-1)
    if at >= 0:
        before = s[at + M_VALUE]
        remove(s, LATEST, at)
    d = record(s, DIALOGUE, dialogue)
    if s[d + D_RESUMES]:
        _resume(s, d, imsi, before, dialogue)
    newest = dialogue
    if before >= 0 and before != dialogue:
        b = record(s, DIALOGUE, before)
        if s[d + D_OPENED] < s[b + D_OPENED]:
            newest = before
            s[d + D_LEFT] = 1
        else:
            s[b + D_LEFT] = 1
    s[record(s, DIALOGUE, newest) + D_REFS] += 1
    s[add(s, LATEST, imsi) + M_VALUE] = newest
    drop_dialogue(s, before)
    if count(s, LATEST) > s[SUBSCRIBERS]:
        first = oldest(s, LATEST)
        gone = s[first + M_VALUE]
        remove(s, LATEST, first)
        drop_dialogue(s, gone)


@compiled
def _resume(s: Any, d: Int, imsi: Int, before: Int, dialogue: Int) -> None:
    """The calls of the dialogue that lost its radio go on in this one."""
    if before >= 0 and before != dialogue:
        b = record(s, DIALOGUE, before)
        _take_over(s, d, b)
        drop_calls(s, b)
        return
    at = find(s, PARTED, imsi)
    if at >= 0:
        parted = s[at + M_VALUE]
        remove(s, PARTED, at)
        _take_over(s, d, record(s, DIALOGUE, parted))
        drop_dialogue(s, parted)


@compiled
def _take_over(s: Any, d: Int, b: Int) -> None:
    node = s[b + D_CALLS]
    while node >= 0:
        n = record(s, NODE, node)
        call = s[n + N_CALL]
        ended = s[record(s, CALL, call) + K_ENDED]
        recent = ended == NONE or s[d + D_OPENED] - ended <= RESUMED_WITHIN
        if recent and call_node(s, d, s[n + N_WHICH]) < 0:
            hang_call(s, d, s[n + N_WHICH], call)
        node = s[n + N_NEXT]


@compiled
def part(s: Any, dialogue: Int) -> None:
    """The dialogue is over."""
    d = record(s, DIALOGUE, dialogue)
    imsi = s[d + D_IMSI] or s[d + D_LEARNED]
    if imsi == 0:
        return
    if s[PHONES] and s[d + D_DETACHED]:
        switched_off(s, imsi)
    at = find(s, LATEST, imsi)
    was_latest = at >= 0 and s[at + M_VALUE] == dialogue
    if was_latest:
        remove(s, LATEST, at)
    if s[d + D_CALLS] >= 0:
        _remember(s, d, imsi, dialogue)
    if was_latest:
        drop_dialogue(s, dialogue)


@compiled
def _remember(s: Any, d: Int, imsi: Int, dialogue: Int) -> None:
    """The last calls of a subscriber are remembered after their dialogue."""
    s[d + D_REFS] += 1
    at = find(s, PARTED, imsi)
    if at < 0 and room(s, PARTED) == 0:
        at = oldest(s, PARTED)
    if at >= 0:
        gone = s[at + M_VALUE]
        remove(s, PARTED, at)
        drop_dialogue(s, gone)
    s[add(s, PARTED, imsi) + M_VALUE] = dialogue
