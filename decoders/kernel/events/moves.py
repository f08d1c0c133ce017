"""Compiled: handover between controllers, as `handover` and `legs` tell it."""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled
from decoders.kernel.events.begins import begin
from decoders.kernel.events.codes import (
    HANDOVER_ACKNOWLEDGE,
    HANDOVER_COMMAND,
    HANDOVER_COMPLETE,
    HANDOVER_REQUEST,
    LEG_AFTER,
    LOCATION_HANDOVER,
    SERVING,
    TARGET,
)
from decoders.kernel.events.joined import drop_dialogue, let_go, point
from decoders.kernel.events.layout import (
    AWAITED,
    C_ASKED,
    C_DIALOGUE,
    C_IMSI,
    C_LEG,
    C_NUMBER,
    C_REFS,
    C_SOURCE,
    C_TARGET,
    COMMAND_HERE,
    CONNECTION,
    D_AWAITED,
    D_CARRIER,
    D_CELL,
    D_FRAME,
    D_FRAMES,
    D_IMSI,
    D_LEFT,
    D_OVER,
    D_REFS,
    D_SOURCE_GONE,
    DIALOGUE,
    F_DETAIL,
    FRAME_HERE,
    HANDOVER,
)
from decoders.kernel.events.memory import add, find, oldest, record, remove, room
from decoders.kernel.events.persons import (
    latest,
    recognise,
)
from decoders.kernel.events.telling import draft, tell
from decoders.kernel.machine import Int
from decoders.kernel.program import BSSMAP

A_TIME, A_CONNECTION = 3, 4
"""Words of a command that is awaited."""


@compiled
def follow(s: Any, row: Any, connection: Int) -> None:
    """Leg, target cell and ties, as far as a BSSMAP message shows them."""
    c = record(s, CONNECTION, connection)
    code = np.int64(row.code)
    s[c + C_LEG] = LEG_AFTER[s[c + C_LEG], code]
    if code == HANDOVER_REQUEST:
        s[c + C_TARGET], s[c + C_TARGET + 1] = row.target, row.target_plmn
        s[c + C_TARGET + 2], s[c + C_TARGET + 3] = row.target_lac, row.target_ci
        s[c + C_ASKED], s[c + C_ASKED + 1] = row.cell, row.cell_plmn
        s[c + C_ASKED + 2], s[c + C_ASKED + 3] = row.cell_lac, row.cell_ci
    elif code in (HANDOVER_ACKNOWLEDGE, HANDOVER_COMMAND) and row.layer3_size > 0:
        _tie(s, row, connection)


@compiled
def _tie(s: Any, row: Any, connection: Int) -> None:
    """Two legs of a handover, tied by the command that passes on both."""
    while True:
        first = oldest(s, AWAITED)
        if first < 0 or (s[first + A_TIME] >= row.time - s[HANDOVER] and room(s, AWAITED) > 0):
            break
        gone = s[first + A_CONNECTION]
        remove(s, AWAITED, first)
        let_go(s, gone)
    command = s[COMMAND_HERE]
    at = find(s, AWAITED, command)
    other = np.int64(-1)
    if at >= 0:
        other = s[at + A_CONNECTION]
        remove(s, AWAITED, at)
    if other < 0 or other == connection:
        at = add(s, AWAITED, command)
        s[at + A_TIME], s[at + A_CONNECTION] = row.time, connection
        if other < 0:
            s[record(s, CONNECTION, connection) + C_REFS] += 1
        return
    target, source = other, connection
    if s[record(s, CONNECTION, connection) + C_LEG] == TARGET:
        target, source = connection, other
    t, dialogue = record(s, CONNECTION, target), s[record(s, CONNECTION, source) + C_DIALOGUE]
    if s[t + C_LEG] == TARGET and s[t + C_SOURCE] < 0 and dialogue >= 0:
        point(s, t + C_SOURCE, dialogue)
        s[record(s, DIALOGUE, dialogue) + D_AWAITED] = 1
    let_go(s, other)


@compiled
def arrive(m: Any, row: Any, target: Int) -> None:
    """The phone is on a handover's target leg: the dialogue goes on there."""
    s = m.s
    c = record(s, CONNECTION, target)
    dialogue = s[c + C_SOURCE]
    if dialogue < 0 and s[c + C_IMSI]:
        dialogue = latest(s, s[c + C_IMSI])
    if dialogue >= 0:
        d = record(s, DIALOGUE, dialogue)
        if s[d + D_OVER] or s[d + D_LEFT]:
            dialogue = np.int64(-1)
    if dialogue < 0:
        dialogue = begin(m, row, target, 1)
    s[record(s, DIALOGUE, dialogue) + D_REFS] += 1
    _move(s, row, dialogue, target)
    if s[c + C_IMSI] and not s[record(s, DIALOGUE, dialogue) + D_IMSI]:
        recognise(m, dialogue, s[c + C_IMSI])
    tell(m, row, dialogue, 1)
    drop_dialogue(s, dialogue)


@compiled
def _move(s: Any, row: Any, dialogue: Int, target: Int) -> None:
    """The dialogue goes on in the target's connection."""
    c, d = record(s, CONNECTION, target), record(s, DIALOGUE, dialogue)
    before = d + D_CELL if s[d + D_CELL] else c + C_ASKED
    has, plmn, lac, ci = s[before], s[before + 1], s[before + 2], s[before + 3]
    point(s, c + C_DIALOGUE, dialogue)
    point(s, c + C_SOURCE, np.int64(-1))
    s[c + C_LEG] = SERVING
    s[d + D_CARRIER] = s[c + C_NUMBER]
    s[d + D_AWAITED] = s[d + D_SOURCE_GONE] = 0
    new, at = c + C_TARGET, d + D_CELL
    s[at], s[at + 1], s[at + 2], s[at + 3] = s[new], s[new + 1], s[new + 2], s[new + 3]
    if s[at] and has:
        if s[at + 1] < 0:
            s[at + 1] = plmn
        if s[at + 2] < 0 and s[at + 3] < 0:
            s[at + 2] = lac
    s[d + D_FRAMES] = min(s[d + D_FRAMES], 1)
    s[d + D_FRAME + s[d + D_FRAMES]] = s[FRAME_HERE]
    s[d + D_FRAMES] += 1
    if row.protocol == BSSMAP and row.code == HANDOVER_COMPLETE:
        f = draft(s, LOCATION_HANDOVER, 1) + F_DETAIL
        s[f], s[f + 1], s[f + 2], s[f + 3] = has, plmn, lac, ci
        for word in range(4):
            s[f + 4 + word] = s[at + word]
