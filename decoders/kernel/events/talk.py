"""Compiled: what happens on one connection, as `conversations` and `handover` lead it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled
from decoders.kernel.events import work
from decoders.kernel.events.begins import dialogue_of, identify
from decoders.kernel.events.by_phone import join
from decoders.kernel.events.calling import NETWORK, NOBODY, RADIO, call_control, clear_calls
from decoders.kernel.events.codes import (
    ASSIGNMENT_COMPLETE,
    CLEAR_COMMAND,
    CLEAR_COMPLETE,
    CLEAR_REQUEST,
    CLEARED,
    COMPLETE_LAYER_3,
    ENDED,
    FACILITY,
    HANDOVER_COMPLETE,
    HANDOVER_PERFORMED,
    HANDOVER_REQUIRED,
    IS_LEAVING,
    LOCATION_HANDOVER,
    LOCATION_SEEN,
    REESTABLISHMENT,
    RELEASE_COMPLETE,
    RELEASE_SIGNAL,
    RELEASED,
    SIGNAL_OF,
    TARGET,
)
from decoders.kernel.events.joined import drop_dialogue, point, signalled
from decoders.kernel.events.layout import (
    C_DIALOGUE,
    C_IMSI,
    C_LEG,
    C_NUMBER,
    C_SOURCE,
    C_STATE,
    CONNECTION,
    D_AWAITED,
    D_BY,
    D_CALLS,
    D_CARRIER,
    D_CELL,
    D_DEFERRED,
    D_DEFERRED_COUNT,
    D_IMSI,
    D_LEARNED,
    D_LEFT,
    D_OVER,
    D_PARTIAL,
    D_REFS,
    D_RESUMES,
    D_SOURCE_GONE,
    D_TOLD,
    DIALOGUE,
    DRAFTED,
    F_DETAIL,
    N_CALL,
    N_NEXT,
    N_WHICH,
    NAME_HERE,
    NO_IDENTITY,
    NODE,
    PHONES,
)
from decoders.kernel.events.memory import record
from decoders.kernel.events.moves import arrive, follow
from decoders.kernel.events.persons import (
    imsi_of,
    note_frame,
    part,
    place,
)
from decoders.kernel.events.procedures import (
    asked,
    mobility,
    service,
    short_message,
    unanswered_messages,
    unanswered_update,
)
from decoders.kernel.events.release import call_node, hang_call
from decoders.kernel.events.telling import draft, tell, touched
from decoders.kernel.machine import Int
from decoders.kernel.program import BSSMAP, CC, MM, SCCP, SMS, SS

_INVOKE: Final = 0xA1
"""Tag of a component that asks for something, TS 24.080 3.6.2."""
_COMPONENT: Final = 4
"""Octets up to that tag."""
_CALL_CONTROL: Final = 9
"""Cause of a CLEAR COMMAND, TS 48.008 3.2.2.5."""


@compiled
def receive(m: Any, row: Any, connection: Int, from_network: Int) -> None:
    """The events that a message on its connection completes."""
    if row.protocol == BSSMAP:
        _bssmap(m, row, connection, from_network)
    else:
        _layer3(m, row, connection, from_network)
    _signal(m, row, connection, from_network)


@compiled
def clear(m: Any, row: Any, connection: Int, by: Int) -> None:
    """The calls on a connection end, unless it is a leg whose phone may have moved on."""
    s = m.s
    c = record(s, CONNECTION, connection)
    dialogue = s[c + C_DIALOGUE]
    if dialogue < 0 or IS_LEAVING[s[c + C_LEG]]:
        return
    d = record(s, DIALOGUE, dialogue)
    if s[d + D_OVER] or s[d + D_CARRIER] != s[c + C_NUMBER]:
        return
    clear_calls(s, row, d, by, _doubt(s, d) or _follows(row))
    tell(m, row, dialogue, 1)


@compiled
def leave(m: Any, row: Any, connection: Int, has_message: Int) -> None:
    """A connection is over: a message says so, or silence does where there is none."""
    s = m.s
    c = record(s, CONNECTION, connection)
    if s[c + C_SOURCE] >= 0:
        d = record(s, DIALOGUE, s[c + C_SOURCE])
        s[d + D_AWAITED] = 0
        if s[d + D_SOURCE_GONE] and not s[d + D_OVER]:
            _end(m, row, s[c + C_SOURCE], has_message)
        return
    dialogue = s[c + C_DIALOGUE]
    if dialogue < 0:
        return
    d = record(s, DIALOGUE, dialogue)
    if s[d + D_OVER] or s[d + D_CARRIER] != s[c + C_NUMBER]:
        return
    if IS_LEAVING[s[c + C_LEG]] and s[d + D_AWAITED]:
        s[d + D_SOURCE_GONE] = 1
        return
    _end(m, row, dialogue, has_message)


@compiled
def absorb(s: Any, connection: Int, half: Int) -> None:
    """What the other half of a connection had shown joins what this one has."""
    c, h = record(s, CONNECTION, connection), record(s, CONNECTION, half)
    mine, other = s[c + C_DIALOGUE], s[h + C_DIALOGUE]
    if other < 0:
        return
    o = record(s, DIALOGUE, other)
    if mine < 0:
        point(s, c + C_DIALOGUE, other)
        s[o + D_CARRIER] = s[c + C_NUMBER]
        return
    d = record(s, DIALOGUE, mine)
    s[d + D_TOLD] |= s[o + D_TOLD]
    if s[PHONES] and s[d + D_TOLD] and join(s, d, o):
        s[d + D_TOLD] = 0
    if not s[d + D_IMSI]:
        s[d + D_IMSI] = s[o + D_IMSI]
    if not s[d + D_LEARNED]:
        s[d + D_LEARNED] = s[o + D_LEARNED]
    if not s[d + D_CELL]:
        for word in range(4):
            s[d + D_CELL + word] = s[o + D_CELL + word]
    node = s[o + D_CALLS]
    while node >= 0:
        n = record(s, NODE, node)
        if call_node(s, d, s[n + N_WHICH]) < 0:
            hang_call(s, d, s[n + N_WHICH], s[n + N_CALL])
        node = s[n + N_NEXT]
    s[o + D_OVER] = 1


@compiled
def _bssmap(m: Any, row: Any, connection: Int, from_network: Int) -> None:
    s = m.s
    c = record(s, CONNECTION, connection)
    follow(s, row, connection)
    code = np.int64(row.code)
    if code == HANDOVER_COMPLETE:
        arrive(m, row, connection)
        return
    if s[c + C_LEG] == TARGET:
        if row.imsi_digits:
            s[c + C_IMSI] = imsi_of(row)
        return
    dialogue = dialogue_of(m, row, connection, from_network)
    if dialogue < 0:
        return
    dialogue = identify(m, row, connection, dialogue)
    _place(s, row, record(s, DIALOGUE, dialogue))
    tell(m, row, dialogue, 1)
    if code == CLEAR_REQUEST:
        clear(m, row, connection, RADIO)
    elif code == CLEAR_COMMAND:
        clear(m, row, connection, NOBODY)


@compiled
def _place(s: Any, row: Any, d: Int) -> None:
    """What a BSSMAP message says about where the phone is."""
    code = np.int64(row.code)
    if code == HANDOVER_PERFORMED:
        f = draft(s, LOCATION_HANDOVER, 1)
        for word in range(4):
            s[f + F_DETAIL + word] = s[d + D_CELL + word]
        if row.cell:
            _fill(s, row, d)
        for word in range(4):
            s[f + F_DETAIL + 4 + word] = s[d + D_CELL + word]
        return
    placing = code == COMPLETE_LAYER_3 or code == ASSIGNMENT_COMPLETE  # noqa: PLR1714  compiled
    if row.cell and (placing or (code == HANDOVER_REQUIRED and not s[d + D_CELL])):
        _fill(s, row, d)
        note_frame(s, d)
        place(s, d)


@compiled
def _fill(s: Any, row: Any, d: Int) -> None:
    """The dialogue is in the cell of a message, completed from the one before it."""
    at = d + D_CELL
    lac = np.int64(row.cell_lac)
    if s[at]:
        if lac < 0 and row.cell_ci < 0:
            lac = s[at + 2]
        if row.cell_plmn >= 0:
            s[at + 1] = row.cell_plmn
    else:
        s[at] = 1
        s[at + 1] = row.cell_plmn
    s[at + 2], s[at + 3] = lac, row.cell_ci


@compiled
def _layer3(m: Any, row: Any, connection: Int, from_network: Int) -> None:
    s = m.s
    c = record(s, CONNECTION, connection)
    on_air = row.protocol != SCCP and row.within < 0
    if s[c + C_LEG] == TARGET and from_network == 0 and on_air:
        arrive(m, row, connection)
    dialogue = dialogue_of(m, row, connection, from_network)
    if dialogue < 0 or row.protocol == SCCP:
        return
    if row.protocol == MM and row.code == REESTABLISHMENT:
        s[record(s, DIALOGUE, dialogue) + D_RESUMES] = 1
    dialogue = identify(m, row, connection, dialogue)
    d = record(s, DIALOGUE, dialogue)
    if s[d + D_BY] < 0 and from_network == 0 and not s[d + D_PARTIAL]:
        s[d + D_BY] = s[NAME_HERE]
    _subject(m, row, d, from_network)
    tell(m, row, dialogue, 1)


@compiled
def _subject(m: Any, row: Any, d: Int, from_network: Int) -> None:
    """What the message's protocol says happened."""
    s = m.s
    protocol = np.int64(row.protocol)
    if protocol == MM:
        mobility(m, row, d)
        return
    if row.ti < 0 or row.ti_flag < 0 or from_network < 0:
        return
    which = np.int64(row.ti) << 1 | np.int64((from_network != 0) == (row.ti_flag == 0))
    if protocol == CC:
        call_control(m, row, d, which, from_network, np.int64(_doubt(s, d)))
        if not from_network and _asks(m.w, row):
            asked(s, row)
    elif protocol == SMS:
        short_message(m, row, d, which)
    elif protocol == SS and not from_network:
        service(s, row, d, which)


@compiled
def _asks(w: Any, row: Any) -> Any:
    """A supplementary service is asked for in a call, TS 24.008 9.3.9."""
    if row.code != FACILITY or row.operation < 0 or row.raw_size < _COMPONENT:
        return False
    return work.raw_octet(w, 3) == _INVOKE


@compiled
def _signal(m: Any, row: Any, connection: Int, from_network: Int) -> None:
    """The connection's own state machine; when it ends, so does what it carried."""
    s = m.s
    c = record(s, CONNECTION, connection)
    signal = SIGNAL_OF[np.int64(row.sccp)]
    if row.protocol == BSSMAP and row.code == CLEAR_COMPLETE:
        signal = np.int64(CLEARED)
    ended = ENDED[s[c + C_STATE]]
    signalled(s, connection, signal)
    if ended or not ENDED[s[c + C_STATE]]:
        return
    by = NOBODY
    if signal == RELEASE_SIGNAL and from_network >= 0:
        by = NETWORK if from_network else RADIO
    clear(m, row, connection, by)
    leave(m, row, connection, 1)


@compiled
def _end(m: Any, row: Any, dialogue: Int, has_message: Int) -> None:
    """What a dialogue's end makes true: answers that did not come, a place that was shown."""
    s = m.s
    d = record(s, DIALOGUE, dialogue)
    s[d + D_REFS] += 1
    unanswered_update(s, d, has_message)
    unanswered_messages(s, d, has_message)
    quiet = not (s[d + D_TOLD] or s[DRAFTED] or s[d + D_DEFERRED] >= 0 or s[d + D_LEFT])
    if quiet and s[d + D_CELL]:
        f = draft(s, LOCATION_SEEN, has_message)
        s[f + F_DETAIL] = s[d + D_BY]
    tell(m, row, dialogue, has_message)
    s[NO_IDENTITY] += s[d + D_DEFERRED_COUNT]
    s[d + D_OVER] = 1
    part(s, dialogue)
    drop_dialogue(s, dialogue)


@compiled
def _doubt(s: Any, d: Int) -> Any:
    """Something of this dialogue may have passed unseen."""
    lost = s[d + D_RESUMES] and s[d + D_CALLS] < 0  # the call that it goes on with
    return s[d + D_PARTIAL] != 0 or lost or touched(s, d)


@compiled
def _follows(row: Any) -> Any:
    """A clearing that follows one which was not seen: its calls ended earlier and otherwise."""
    if row.protocol == BSSMAP and row.code == CLEAR_COMMAND:
        return row.cause == _CALL_CONTROL
    if row.protocol == BSSMAP:
        return row.code == CLEAR_COMPLETE
    return (row.protocol == CC and row.code == RELEASE_COMPLETE) or (
        row.protocol == SCCP and row.code == RELEASED
    )
