"""Compiled: what was counted in a minute is noted, for who asks how far the feed can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from decoders.kernel.compiled import compiled
from decoders.kernel.events.layout import (
    A_LINK,
    AREA,
    CLOSES,
    HEAD,
    L_SEEN,
    LINK,
    M_KEY,
    M_NEXT,
    M_VALUE,
    MAPS,
    NOW,
    POOLS,
    USED,
)
from decoders.kernel.events.memory import count, record
from decoders.kernel.events.work import LINKS_OF, MINUTE_OVER, MINUTES, OF_AREA, OF_LINK
from decoders.kernel.machine import Int
from decoders.quality import WINDOW


@compiled
def note_minute(m: Any) -> Any:
    """A minute is over: what was counted in it is noted, if there is room."""
    s, w = m.s, m.w
    links = s[POOLS + 6 * LINK + USED]
    if w.minutes_noted + links + 2 * count(s, AREA) >= MINUTES:
        return False
    for link in range(links):
        _note(m, OF_LINK, link, record(s, LINK, link) + L_SEEN)
    number = s[MAPS + 3 * AREA + HEAD]
    while number >= 0:
        at = record(s, AREA, number)
        _note(m, OF_AREA, s[at + M_KEY], at + M_VALUE)
        _note(m, LINKS_OF, s[at + M_KEY], at + A_LINK)
        number = s[at + M_NEXT]
    w.minutes[w.minutes_noted, 0], w.minutes[w.minutes_noted, 1] = MINUTE_OVER, s[NOW]
    w.minutes_noted += 1
    s[CLOSES] = (s[NOW] // WINDOW + 1) * WINDOW
    return True


@compiled
def _note(m: Any, kind: Int, which: Int, at: Int) -> None:
    """The six words that stand here, if there are any; they begin anew."""
    s, w = m.s, m.w
    counted = np.int64(0)
    for word in range(6):
        counted |= s[at + word]
    if counted == 0:
        return
    noted = w.minutes_noted
    w.minutes[noted, 0], w.minutes[noted, 1] = kind, which
    for word in range(6):
        w.minutes[noted, 2 + word] = s[at + word]
        s[at + word] = 0
    w.minutes_noted = noted + 1
