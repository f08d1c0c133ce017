"""Compiled: drafts become events, as `teller` and `conversations` tell them, in columns.

Drafts are made in `SCRATCH`; `tell` turns them, and those that have waited, into events, or lets
them wait while nobody knows whose they are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events import work
from decoders.kernel.events.codes import (
    LOCATION_UPDATED,
    MESSAGE_RECEIVED,
    MESSAGE_SENT,
)
from decoders.kernel.events.digest import CONTENT, EQUIPMENT, SUBSCRIBER, TEMPORARY, hashed
from decoders.kernel.events.layout import (
    A_LINK,
    AREA,
    CALL,
    D_AREA,
    D_CELL,
    D_CELL_CI,
    D_CELL_LAC,
    D_CELL_PLMN,
    D_DEFERRED,
    D_DEFERRED_COUNT,
    D_EQUIPMENT,
    D_FRAME,
    D_FRAMES,
    D_GAP,
    D_GAPS,
    D_IMSI,
    D_KEY,
    D_KEY_1,
    D_LAC,
    D_LEARNED,
    D_LEFT,
    D_MSISDN,
    D_MSISDN_1,
    D_MSISDN_DIGITS,
    D_NAMED,
    D_NAMED_1,
    D_NAMED_OF,
    D_TMSI,
    D_TOLD,
    D_UPDATE_DRAFT,
    DETAILS,
    DIALOGUE,
    DRAFT,
    DRAFT_WORDS,
    DRAFTED,
    F_CALL,
    F_CONTENT,
    F_DETAIL,
    F_DIRECTION,
    F_FRAME,
    F_ITS_FRAME,
    F_NEXT,
    F_PARTY,
    F_TYPE,
    FRAME_HERE,
    K_DIRECTION,
    K_EMERGENCY,
    K_FRAME,
    K_FRAMES,
    K_KEY,
    K_KEY_1,
    K_PARTY,
    K_REFS,
    KEPT,
    L_EVENTS,
    L_GAPS,
    L_PROCEDURES,
    L_UNKNOWN,
    L_UNSEEN,
    LINK,
    M_VALUE,
    NOW,
    ROW_HERE,
    SCRATCH,
    SILENCE,
    THIS,
    TOLD_EVENTS,
)
from decoders.kernel.events.memory import add, find, record, take
from decoders.kernel.events.release import drop_deferred
from decoders.kernel.machine import Int
from decoders.quality import LINKS_OF_AREA

DEFERRED: Final = 8
"""Events of one dialogue that may wait for an identity."""
UNSEEN: Final = 2
"""Outcome of what was not answered; 0 is accepted, 1 rejected."""


@compiled
def draft(s: Any, kind: Int, has_message: Int) -> Int:
    """A new draft with nothing in it but its type; gives where it stands."""
    f = record(s, SCRATCH, s[DRAFTED])
    s[DRAFTED] += 1
    for word in range(DRAFT_WORDS):
        s[f + word] = -1
    s[f + F_TYPE] = kind
    s[f + F_CONTENT] = THIS if has_message else SILENCE
    s[f + F_FRAME] = s[FRAME_HERE] if has_message else -1
    return f


@compiled
def touched(s: Any, d: Int) -> Any:
    """A link of this dialogue has had a gap since the dialogue first used it."""
    for index in range(s[d + D_GAPS]):
        link, before = s[d + D_GAP + 2 * index], s[d + D_GAP + 2 * index + 1]
        if s[record(s, LINK, link) + L_GAPS] != before:
            return True
    return False


@inlined
def _identity(s: Any, d: Int) -> Int:
    if s[d + D_IMSI]:
        return work.IMSI
    if s[d + D_LEARNED]:
        return work.LEARNED
    if s[d + D_TMSI] >= 0:
        return work.TEMPORARY
    return work.EQUIPMENT if s[d + D_EQUIPMENT] else -1


@compiled
def tell(m: Any, row: Any, dialogue: Int, has_message: Int) -> None:
    """Events of what waited and of the drafts; they wait while nobody knows whose they are."""
    s = m.s
    d = record(s, DIALOGUE, dialogue)
    count = s[DRAFTED]
    if count == 0 and s[d + D_DEFERRED] < 0:
        return
    identity = _identity(s, d)
    if identity < 0:
        _defer(m, d)
        return
    time = max(np.int64(row.time), s[NOW]) if has_message else s[NOW]
    gap = np.int64(touched(s, d))
    waiting = s[d + D_DEFERRED]
    _name(m, d, identity)
    while waiting >= 0:
        f = record(s, DRAFT, waiting)
        _event(m, row, d, f, time, identity, gap)
        waiting = s[f + F_NEXT]
    for index in range(count):
        _event(m, row, d, record(s, SCRATCH, index), time, identity, gap)
    s[DRAFTED] = 0
    s[d + D_TOLD] = 1
    drop_deferred(s, d)


@compiled
def _defer(m: Any, d: Int) -> None:
    """The drafts wait, as many as may; what their ids are made from is kept by who called."""
    s, w = m.s, m.w
    for index in range(s[DRAFTED]):
        if s[d + D_DEFERRED_COUNT] >= DEFERRED:
            break
        number = take(s, DRAFT)
        f, made = record(s, DRAFT, number), record(s, SCRATCH, index)
        for word in range(DRAFT_WORDS):
            s[f + word] = s[made + word]
        s[f + F_NEXT] = -1
        if s[f + F_CONTENT] == THIS:
            s[f + F_CONTENT] = s[KEPT]
            w.kept[w.kept_count, 0], w.kept[w.kept_count, 1] = s[KEPT], s[ROW_HERE]
            w.kept_count += 1
            s[KEPT] += 1
        if s[f + F_CALL] >= 0:
            s[record(s, CALL, s[f + F_CALL]) + K_REFS] += 1
        if s[f + F_TYPE] == LOCATION_UPDATED:
            s[d + D_UPDATE_DRAFT] = number
        place = d + D_DEFERRED
        while s[place] >= 0:
            place = record(s, DRAFT, s[place]) + F_NEXT
        s[place] = number
        s[d + D_DEFERRED_COUNT] += 1
    s[DRAFTED] = 0


@compiled
def _name(m: Any, d: Int, identity: Int) -> None:
    """The pseudonym of whom a dialogue is of, into ``named``; that of an IMSI is kept."""
    s, w = m.s, m.w
    if identity in (work.IMSI, work.LEARNED):
        who = s[d + D_IMSI] if identity == work.IMSI else s[d + D_LEARNED]
        if s[d + D_NAMED_OF] != who:
            work.begin(w)
            _put_digits(w, who)
            _hash_name(w, SUBSCRIBER)
            s[d + D_NAMED_OF], s[d + D_NAMED], s[d + D_NAMED_1] = who, w.named[0], w.named[1]
        w.named[0], w.named[1] = s[d + D_NAMED], s[d + D_NAMED_1]
        return
    work.begin(w)
    if identity == work.EQUIPMENT:
        _put_digits(w, s[d + D_EQUIPMENT])
        _hash_name(w, EQUIPMENT)
        return
    if s[d + D_AREA] >= 0:
        _put_plmn(w, s[d + D_AREA])
        work.put_number(w, s[d + D_LAC])
    work.put(w, 47)
    work.put_hex(w, s[d + D_TMSI], 8)
    _hash_name(w, TEMPORARY)


@compiled
def _hash_name(w: Any, domain: Int) -> None:
    hashed(w, w.length, domain)
    w.named[0], w.named[1] = np.int64(w.state[0]), np.int64(w.state[1]) & np.int64(0xFFFFFFFF)


@compiled
def _put_plmn(w: Any, plmn: Int) -> None:
    """MCC and MNC with a dash behind each, from their three octets, 24.008 10.5.1.3."""
    work.put_hex(w, plmn >> 16, 1)
    work.put_hex(w, plmn >> 20, 1)
    work.put_hex(w, plmn >> 8, 1)
    work.put(w, 45)
    work.put_hex(w, plmn, 1)
    work.put_hex(w, plmn >> 4, 1)
    if (plmn >> 12) & 15 != 15:
        work.put_hex(w, plmn >> 12, 1)
    work.put(w, 45)


@compiled
def _put_digits(w: Any, value: Int) -> None:
    """Digits that stand behind a 1."""
    count = 0
    while value >= 10:
        w.digits[count] = value % 10
        value //= 10
        count += 1
    while count > 0:
        count -= 1
        work.put(w, 48 + np.int64(w.digits[count]))


@compiled
def _event(m: Any, row: Any, d: Int, f: Int, time: Int, identity: Int, gap: Int) -> None:  # noqa: PLR0913, PLR0917  compiled code has no objects
    s, w = m.s, m.w
    e = s[TOLD_EVENTS]
    s[TOLD_EVENTS] += 1
    kind = s[f + F_TYPE]
    w.told[e, work.E_TYPE] = kind
    w.told[e, work.E_TIME] = time
    w.told[e, work.E_IDENTITY] = identity
    w.told[e, work.E_GAP] = gap
    _who(m, d, e, identity)
    for word in range(DETAILS):
        w.told[e, work.E_DETAIL + word] = s[f + F_DETAIL + word]
    _party(m, f, e)
    _frames(m, d, f, e)
    _id(m, row, d, f, e, time)
    _count(m, d, e, kind)


@compiled
def _who(m: Any, d: Int, e: Int, identity: Int) -> None:
    """Whose event it is, and where they are."""
    s, w = m.s, m.w
    who = s[d + D_IMSI]
    if identity == work.LEARNED:
        who = s[d + D_LEARNED]
    elif identity == work.TEMPORARY:
        who = s[d + D_TMSI]
    elif identity == work.EQUIPMENT:
        who = s[d + D_EQUIPMENT]
    w.told[e, work.E_WHO] = who
    w.told[e, work.E_AREA], w.told[e, work.E_LAC] = s[d + D_AREA], s[d + D_LAC]
    w.told[e, work.E_SUBSCRIBER], w.told[e, work.E_SUBSCRIBER_1] = w.named[0], w.named[1]
    w.told[e, work.E_DIALOGUE], w.told[e, work.E_DIALOGUE_1] = s[d + D_KEY], s[d + D_KEY_1]
    w.told[e, work.E_EQUIPMENT] = s[d + D_EQUIPMENT]
    w.told[e, work.E_MSISDN], w.told[e, work.E_MSISDN_1] = s[d + D_MSISDN], s[d + D_MSISDN_1]
    w.told[e, work.E_MSISDN_DIGITS] = s[d + D_MSISDN_DIGITS]
    w.told[e, work.E_CELL] = 0 if s[d + D_LEFT] else s[d + D_CELL]
    w.told[e, work.E_CELL_PLMN] = s[d + D_CELL_PLMN]
    w.told[e, work.E_CELL_LAC] = s[d + D_CELL_LAC]
    w.told[e, work.E_CELL_CI] = s[d + D_CELL_CI]


@compiled
def _party(m: Any, f: Int, e: Int) -> None:
    """The call and the other party."""
    s, w = m.s, m.w
    w.told[e, work.E_HAS_CALL] = 0
    w.told[e, work.E_EMERGENCY] = 0
    if s[f + F_CALL] < 0:
        w.told[e, work.E_DIRECTION] = s[f + F_DIRECTION]
        for word in range(5):
            w.told[e, work.E_PARTY + word] = s[f + F_PARTY + word]
        return
    k = record(s, CALL, s[f + F_CALL])
    w.told[e, work.E_HAS_CALL] = 1
    w.told[e, work.E_CALL], w.told[e, work.E_CALL_1] = s[k + K_KEY], s[k + K_KEY_1]
    w.told[e, work.E_DIRECTION] = s[k + K_DIRECTION]
    w.told[e, work.E_EMERGENCY] = s[k + K_EMERGENCY]
    for word in range(5):
        w.told[e, work.E_PARTY + word] = s[k + K_PARTY + word]


@compiled
def _frames(m: Any, d: Int, f: Int, e: Int) -> None:
    """Place and identity, then what the event is about, each record once."""
    s, w = m.s, m.w
    w.told[e, work.E_FRAMES] = 0
    for index in range(s[d + D_FRAMES]):
        _frame(w, e, s[d + D_FRAME + index])
    _frame(w, e, s[f + F_ITS_FRAME])
    if s[f + F_CALL] >= 0:
        k = record(s, CALL, s[f + F_CALL])
        for index in range(s[k + K_FRAMES]):
            _frame(w, e, s[k + K_FRAME + index])
    _frame(w, e, s[f + F_FRAME])


@compiled
def _frame(w: Any, e: Int, frame: Int) -> None:
    if frame < 0:
        return
    count = w.told[e, work.E_FRAMES]
    for index in range(count):
        if w.told[e, work.E_FRAME + index] == frame:
            return
    w.told[e, work.E_FRAME + count] = frame
    w.told[e, work.E_FRAMES] = count + 1


@compiled
def _id(m: Any, row: Any, d: Int, f: Int, e: Int, time: Int) -> None:  # noqa: PLR0913, PLR0917  as above
    """The event's id; where its message is not at hand, that is left to who has it."""
    s, w = m.s, m.w
    content = s[f + F_CONTENT]
    w.told[e, work.E_CONTENT] = content
    if content >= 0:
        return
    work.begin(w)
    work.put_label(w, work.AN_EVENT)
    work.put_label(w, work.EVENTS_AT + s[f + F_TYPE])
    _put_time(w, time)
    work.begin_part(w)
    if content == THIS:
        work.put_content(w, row)
    else:
        work.put_key(w, s[d + D_KEY], s[d + D_KEY_1])
    work.end_part(w)
    work.begin_part(w)
    work.put_key(w, s[d + D_KEY], s[d + D_KEY_1])
    work.end_part(w)
    work.begin_part(w)
    if s[f + F_CALL] >= 0:
        k = record(s, CALL, s[f + F_CALL])
        work.put_key(w, s[k + K_KEY], s[k + K_KEY_1])
    work.end_part(w)
    hashed(w, w.length, CONTENT)
    w.told[e, work.E_ID], w.told[e, work.E_ID_1] = np.int64(w.state[0]), np.int64(w.state[1])


@compiled
def _put_time(w: Any, time: Int) -> None:
    """A part of eight octets, the most significant first."""
    work.begin_part(w)
    for place in range(8):
        work.put(w, (time >> (56 - 8 * place)) & 255)
    work.end_part(w)


@compiled
def _count(m: Any, d: Int, e: Int, kind: Int) -> None:
    """For metrics, and for how far links and areas can be trusted."""
    s, w = m.s, m.w
    identity = w.told[e, work.E_IDENTITY]
    w.counts[kind, min(identity, 2)] += 1
    unknown = np.int64(identity >= work.TEMPORARY)
    procedure = np.int64(kind in (LOCATION_UPDATED, MESSAGE_SENT, MESSAGE_RECEIVED))
    unseen = np.int64(procedure != 0 and w.told[e, work.E_DETAIL] == UNSEEN)
    for index in range(s[d + D_GAPS]):
        _tally(s, record(s, LINK, s[d + D_GAP + 2 * index]) + L_EVENTS, unknown, procedure, unseen)
    plmn, lac = w.told[e, work.E_CELL_PLMN], w.told[e, work.E_CELL_LAC]
    if w.told[e, work.E_CELL] == 0 or plmn < 0 or lac < 0:
        return
    at = find(s, AREA, plmn << 20 | lac)
    if at < 0:
        at = add(s, AREA, plmn << 20 | lac)
    s[at + M_VALUE] += 1
    _via(s, at + A_LINK, d)
    _tally(s, at + M_VALUE + 2, unknown, procedure, unseen)


@compiled
def _via(s: Any, at: Int, d: Int) -> None:
    """The links of a dialogue are among those of its area, if there is room for them."""
    for index in range(s[d + D_GAPS]):
        link = s[d + D_GAP + 2 * index] + 1
        for place in range(LINKS_OF_AREA):
            if s[at + place] == 0:
                s[at + place] = link
            if s[at + place] == link:
                break


@compiled
def _tally(s: Any, at: Int, unknown: Int, procedure: Int, unseen: Int) -> None:
    s[at] += 1
    s[at + L_UNKNOWN - L_EVENTS] += unknown
    s[at + L_PROCEDURES - L_EVENTS] += procedure
    s[at + L_UNSEEN - L_EVENTS] += unseen
