"""Compiled: which subscriber a phone was last seen with, as `decoders.phones` (decision 32)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled
from decoders.kernel.events.layout import M_KEY, M_VALUE, PHONE, PHONE_OF, PHONES
from decoders.kernel.events.memory import add, count, find, oldest, remove
from decoders.kernel.machine import Int

P_IMSI: Final = M_VALUE
"""0: seen with several."""
P_AREA, P_LAC = M_VALUE + 1, M_VALUE + 2


@compiled
def met(s: Any, phone: Int, imsi: Int, plmn: Int, lac: Int) -> None:
    """`phone` is that of `imsi`, and now registered in an area."""
    at = find(s, PHONE, phone)
    shared = False
    if at >= 0:
        before = s[at + P_IMSI]
        shared = before != imsi
        if shared:
            _forget(s, before, phone)
        remove(s, PHONE, at)
    elif count(s, PHONE) >= s[PHONES]:
        at = oldest(s, PHONE)
        _forget(s, s[at + P_IMSI], s[at + M_KEY])
        remove(s, PHONE, at)
    at = add(s, PHONE, phone)
    s[at + P_AREA] = s[at + P_LAC] = -1
    of = find(s, PHONE_OF, imsi)
    if shared:
        if of >= 0:
            remove(s, PHONE_OF, of)
        return
    s[at + P_IMSI], s[at + P_AREA], s[at + P_LAC] = imsi, plmn, lac
    if of < 0:
        of = add(s, PHONE_OF, imsi)
    s[of + M_VALUE] = phone


@compiled
def _forget(s: Any, imsi: Int, phone: Int) -> None:
    """`phone` is no longer the one that a subscriber was last seen with."""
    of = find(s, PHONE_OF, imsi)
    if of >= 0 and s[of + M_VALUE] == phone:
        remove(s, PHONE_OF, of)


@compiled
def switched_off(s: Any, imsi: Int) -> None:
    """The SIM may be in another phone when it comes back, and another in this one."""
    of = find(s, PHONE_OF, imsi)
    if of < 0:
        return
    at = find(s, PHONE, s[of + M_VALUE])
    remove(s, PHONE_OF, of)
    if at >= 0 and s[at + P_IMSI] != 0:
        remove(s, PHONE, at)


@compiled
def owner(s: Any, phone: Int, plmn: Int, lac: Int) -> Int:
    """IMSI of who has `phone`, left in an area (-1: it does not say which); 0 where unsure."""
    at = find(s, PHONE, phone)
    if at < 0 or (plmn >= 0 and (plmn != s[at + P_AREA] or lac != s[at + P_LAC])):
        return np.int64(0)
    return s[at + P_IMSI]
