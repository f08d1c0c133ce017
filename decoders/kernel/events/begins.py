"""Compiled: a dialogue begins, and is found again, as `conversations` leads it."""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled
from decoders.kernel.events import work
from decoders.kernel.events.areas import LINKS_AT, vlr_of
from decoders.kernel.events.by_phone import show_phone
from decoders.kernel.events.codes import (
    ENDED,
    TARGET,
)
from decoders.kernel.events.joined import point
from decoders.kernel.events.layout import (
    C_DIALOGUE,
    C_LEG,
    C_NUMBER,
    C_REQUESTED,
    C_STATE,
    CONNECTION,
    D_AREA,
    D_ASSIGNED,
    D_BY,
    D_CALLS,
    D_CARRIER,
    D_CELL_CI,
    D_CELL_LAC,
    D_CELL_PLMN,
    D_DEFERRED,
    D_EQUIPMENT,
    D_GAP,
    D_GAPS,
    D_KEY,
    D_KEY_1,
    D_LAC,
    D_MSISDN_DIGITS,
    D_OPENED,
    D_OVER,
    D_PARTIAL,
    D_TMSI,
    D_TRANSFERS,
    D_UPDATE_DRAFT,
    D_VLR,
    DIALOGUE,
    GAPS_KEPT,
    L_GAPS,
    LINK,
    LINK_HERE,
    PHONES,
)
from decoders.kernel.events.memory import record, take
from decoders.kernel.events.persons import (
    contradicts,
    show,
)
from decoders.kernel.machine import Int


@compiled
def _note_link(s: Any, d: Int) -> None:
    """How many gaps the link had when the dialogue first used it."""
    link, links = s[LINK_HERE], s[d + D_GAPS]
    for index in range(links):
        if s[d + D_GAP + 2 * index] == link:
            return
    if links < GAPS_KEPT:
        s[d + D_GAP + 2 * links] = link
        s[d + D_GAP + 2 * links + 1] = s[record(s, LINK, link) + L_GAPS]
        s[d + D_GAPS] = links + 1


@compiled
def begin(m: Any, row: Any, connection: Int, partial: Int) -> Int:
    """A new dialogue, to which nothing refers yet."""
    s, w = m.s, m.w
    c = record(s, CONNECTION, connection)
    dialogue = take(s, DIALOGUE)
    d = record(s, DIALOGUE, dialogue)
    s[d + D_OPENED] = row.time
    s[d + D_CARRIER] = s[c + C_NUMBER]
    s[d + D_PARTIAL] = np.int64(partial != 0 or not s[c + C_REQUESTED])
    s[d + D_VLR] = s[d + D_TMSI] = s[d + D_ASSIGNED] = s[d + D_MSISDN_DIGITS] = s[d + D_BY] = -1
    s[d + D_AREA] = s[d + D_LAC] = s[d + D_CALLS] = s[d + D_TRANSFERS] = s[d + D_DEFERRED] = -1
    s[d + D_UPDATE_DRAFT] = s[d + D_CELL_PLMN] = s[d + D_CELL_LAC] = s[d + D_CELL_CI] = -1
    _note_link(s, d)
    work.begin(w)
    work.put_label(w, work.A_DIALOGUE)
    work.begin_part(w)
    work.put_content(w, row)
    work.end_part(w)
    work.content_id(w)
    s[d + D_KEY], s[d + D_KEY_1] = np.int64(w.state[0]), np.int64(w.state[1])
    return dialogue


@compiled
def dialogue_of(m: Any, row: Any, connection: Int, from_network: Int) -> Int:
    """The dialogue that a message on this connection belongs to; -1 where it has moved on."""
    s = m.s
    c = record(s, CONNECTION, connection)
    if s[c + C_LEG] == TARGET or ENDED[s[c + C_STATE]]:
        return np.int64(-1)
    dialogue = s[c + C_DIALOGUE]
    if dialogue < 0:
        dialogue = begin(m, row, connection, 0)
        point(s, c + C_DIALOGUE, dialogue)
    d = record(s, DIALOGUE, dialogue)
    if s[d + D_OVER] or s[d + D_CARRIER] != s[c + C_NUMBER]:
        return np.int64(-1)
    if s[d + D_VLR] == -1 and from_network >= 0:
        msc = np.int64(row.opc) if from_network else np.int64(row.dpc)
        s[d + D_VLR] = vlr_of(s, msc if msc >= 0 else LINKS_AT + s[LINK_HERE])
    _note_link(s, d)
    return dialogue


@compiled
def identify(m: Any, row: Any, connection: Int, dialogue: Int) -> Int:
    """The dialogue with what the message shows of its identity; or another, if that differs."""
    s = m.s
    if contradicts(s, record(s, DIALOGUE, dialogue), row):
        dialogue = begin(m, row, connection, 1)
        point(s, record(s, CONNECTION, connection) + C_DIALOGUE, dialogue)
    show(m, row, dialogue)
    if s[PHONES] and s[record(s, DIALOGUE, dialogue) + D_EQUIPMENT]:
        show_phone(m, row, dialogue)
    return dialogue
