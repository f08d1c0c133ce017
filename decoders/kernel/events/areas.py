"""Compiled: which VLR serves which area, and whom a TMSI stands for, as `identity.Bindings`.

A VLR is a number here, in the order in which they were met.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, inlined
from decoders.kernel.events import tmsis
from decoders.kernel.events.layout import (
    BOUND,
    CONTRADICTED,
    GIVER,
    POOL_BITS,
    SERVED,
    UNBOUND,
    VLR,
)
from decoders.kernel.events.memory import add, count, find, oldest, record, remove, room
from decoders.kernel.machine import Int

VLRS: Final = 65_536
VLRS_OF_AN_AREA: Final = 8
V_NUMBER, V_IS_LINK = 3, 4
"""Words of a VLR's record."""
S_COUNT, S_VLR = 3, 4
"""Words of an area's record."""
LINKS_AT: Final = 1 << 40
"""Where the codes of VLRs without point codes begin, which are named by their links."""


@compiled
def vlr_of(s: Any, code: Int) -> Int:
    """The number of a VLR, by point code or link; -2 of one too many."""
    at = find(s, VLR, code)
    if at < 0:
        if room(s, VLR) == 0:
            return np.int64(-2)
        number = count(s, VLR)
        at = add(s, VLR, code)
        s[at + V_NUMBER] = number
        s[record(s, VLR, number) + V_IS_LINK] = np.int64(code >= LINKS_AT)
    return s[at + V_NUMBER]


@inlined
def _key(plmn: Int, lac: Int) -> Int:
    return plmn << 20 | lac


@compiled
def serve(s: Any, plmn: Int, lac: Int, vlr: Int) -> None:
    """`vlr` was seen to serve an area; in a pool several do."""
    at = find(s, SERVED, _key(plmn, lac))
    if at < 0:
        if room(s, SERVED) == 0:
            remove(s, SERVED, oldest(s, SERVED))
        at = add(s, SERVED, _key(plmn, lac))
    known = s[at + S_COUNT]
    if known < VLRS_OF_AN_AREA and not _among(s, at, vlr):
        s[at + S_VLR + known] = vlr
        s[at + S_COUNT] = known + 1


@compiled
def _among(s: Any, at: Int, vlr: Int) -> Any:
    """A VLR is one of those of the area whose record stands here, if there is one."""
    if at >= 0:
        for index in range(s[at + S_COUNT]):
            if s[at + S_VLR + index] == vlr:
                return True
    return False


@compiled
def only_one(s: Any, plmn: Int, lac: Int) -> Int:
    """The one VLR that was seen to serve an area; -1 where there is none, or several."""
    at = find(s, SERVED, _key(plmn, lac))
    return s[at + S_VLR] if at >= 0 and s[at + S_COUNT] == 1 else np.int64(-1)


@compiled
def _by_identifier(s: Any, tmsi: Int) -> Int:
    """The VLR that gave a TMSI in a pool; -1 where none is configured."""
    bits = s[POOL_BITS]
    if bits == 0:
        return np.int64(-1)
    return s[record(s, GIVER, (tmsi >> (24 - bits)) & ((1 << bits) - 1))] - 1


@compiled
def binding_vlr(s: Any, tmsi: Int, plmn: Int, lac: Int, vlr: Int) -> Int:
    """The VLR in which a TMSI that a phone got in an area is bound; -1 where nothing tells."""
    if plmn < 0:
        return vlr
    at = find(s, SERVED, _key(plmn, lac))
    giver = _by_identifier(s, tmsi)
    if giver >= 0 and _among(s, at, giver):
        return giver
    if at >= 0 and s[at + S_COUNT] == 1:
        return s[at + S_VLR]
    return vlr if vlr >= 0 and _among(s, at, vlr) else np.int64(-1)


@inlined
def _imsi(t: Any, vlr: Int, tmsi: Int) -> Int:
    return np.int64(0) if vlr < 0 else tmsis.get(t, vlr << 32 | tmsi)


@compiled
def find_imsi(s: Any, t: Any, tmsi: Int, plmn: Int, lac: Int, vlr: Int) -> Int:  # noqa: PLR0913, PLR0917  compiled code has no objects
    """IMSI of a TMSI that a phone says it got in an area, to the MSC of `vlr`; 0 if unknown."""
    at = np.int64(-1)
    if plmn >= 0:
        at = find(s, SERVED, _key(plmn, lac))
        if at < 0:
            return np.int64(0)
    giver = _by_identifier(s, tmsi)
    if giver >= 0 and (_among(s, at, giver) if at >= 0 else giver == vlr):
        return _imsi(t, giver, tmsi)
    if vlr != -1 and (plmn < 0 or _among(s, at, vlr)):
        imsi = _imsi(t, vlr, tmsi)
        if imsi:
            return imsi
    found = np.int64(0)
    if at >= 0:
        for index in range(s[at + S_COUNT]):
            imsi = _imsi(t, s[at + S_VLR + index], tmsi)
            if imsi and found and imsi != found:
                return np.int64(0)
            if imsi:
                found = imsi
    return found


@compiled
def bind(s: Any, t: Any, vlr: Int, tmsi: Int, imsi: Int) -> None:
    """`tmsi` stands for `imsi` from here on, beside a TMSI that `imsi` has already."""
    if vlr < 0:
        return
    key = vlr << 32 | tmsi
    before = tmsis.get(t, key)
    if before == imsi:
        tmsis.put(t, key, imsi)
        return
    if before:
        s[CONTRADICTED] += 1
        s[UNBOUND] += tmsis.drop(t, key)
    first, second = tmsis.of(t, imsi)
    if second >= 0:
        s[UNBOUND] += tmsis.drop(t, first)
    s[BOUND] += 1
    tmsis.put(t, key, imsi)


@compiled
def confirm(s: Any, t: Any, vlr: Int, tmsi: Int, imsi: Int) -> None:
    """The phone uses `tmsi`: its other TMSIs no longer stand."""
    bind(s, t, vlr, tmsi, imsi)
    used = vlr << 32 | tmsi if vlr >= 0 else np.int64(-1)
    first, second = tmsis.of(t, imsi)
    if first >= 0 and first != used:
        s[UNBOUND] += tmsis.drop(t, first)
    if second >= 0 and second != used:
        s[UNBOUND] += tmsis.drop(t, second)


@compiled
def forget(s: Any, t: Any, imsi: Int) -> None:
    """The VLR took the TMSI away."""
    first, second = tmsis.of(t, imsi)
    if first >= 0:
        s[UNBOUND] += tmsis.drop(t, first)
    if second >= 0:
        s[UNBOUND] += tmsis.drop(t, second)
