"""Compiled: a phone tells whose dialogue it is, as `recognition` where phones are learned."""

from __future__ import annotations

from typing import Any, Final

from decoders.kernel.compiled import compiled
from decoders.kernel.events.codes import UPDATING_ACCEPT
from decoders.kernel.events.layout import (
    D_CELL,
    D_CELL_LAC,
    D_CELL_PLMN,
    D_EQUIPMENT,
    D_IMSI,
    D_KIND,
    D_LEARNED,
    D_PREVIOUS,
    D_PREVIOUS_LAC,
    D_TMSI,
    D_UPDATE,
    DIALOGUE,
)
from decoders.kernel.events.memory import record
from decoders.kernel.events.persons import bind_shown, has_area, meet, note_frame
from decoders.kernel.events.phones import met, owner
from decoders.kernel.machine import Int
from decoders.kernel.program import MM

_IMSI_ATTACH: Final = 2
"""Kind of update, TS 24.008 10.5.3.5."""


@compiled
def show_phone(m: Any, row: Any, dialogue: Int) -> None:
    """A phone tells whose dialogue it is, or is learned to be somebody's."""
    s = m.s
    d = record(s, DIALOGUE, dialogue)
    accepted = row.protocol == MM and row.code == UPDATING_ACCEPT
    if s[d + D_IMSI] or s[d + D_LEARNED]:
        if accepted:
            _note_phone(s, d, row.lai_plmn, row.lai_lac)
        elif row.imsi_digits or row.imeisv_digits or row.imei_digits:
            _note_in_cell(s, d, d)
        return
    if s[d + D_UPDATE] and s[d + D_KIND] == _IMSI_ATTACH:
        return
    left_in = lac = -1
    if s[d + D_UPDATE]:
        left_in, lac = s[d + D_PREVIOUS], s[d + D_PREVIOUS_LAC]
    elif has_area(s, d):
        left_in, lac = s[d + D_CELL_PLMN], s[d + D_CELL_LAC]
    imsi = owner(s, s[d + D_EQUIPMENT], left_in, lac)
    s[d + D_LEARNED] = imsi
    if imsi == 0:
        return
    note_frame(s, d)
    _note_in_cell(s, d, d)
    if s[d + D_TMSI] >= 0:
        bind_shown(m, d, imsi)
    if s[d + D_CELL]:  # else it may be half of one that has a place
        meet(s, imsi, dialogue)


@compiled
def join(s: Any, d: Int, half: Int) -> Any:
    """Whether a phone tells only now, with its other half, whose dialogue this is."""
    if s[d + D_IMSI] or s[half + D_IMSI]:
        return False
    if (s[d + D_LEARNED] != 0) == (s[half + D_LEARNED] != 0):
        return False
    named = d if s[d + D_LEARNED] else half
    if s[named + D_TMSI] >= 0:
        return False
    _note_in_cell(s, named, d if has_area(s, d) else half)
    return True


@compiled
def _note_in_cell(s: Any, d: Int, placed: Int) -> None:
    """The phone is registered in the area of a dialogue's cell, if that is known."""
    if has_area(s, placed):
        _note_phone(s, d, s[placed + D_CELL_PLMN], s[placed + D_CELL_LAC])


@compiled
def _note_phone(s: Any, d: Int, plmn: Int, lac: Int) -> None:
    """The dialogue's phone is its subscriber's, and registered in an area if that is known."""
    if s[d + D_EQUIPMENT] and plmn >= 0:
        imsi = s[d + D_IMSI] or s[d + D_LEARNED]
        met(s, s[d + D_EQUIPMENT], imsi, plmn, lac)
