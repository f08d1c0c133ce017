"""SCCP by compiled code: `sccp.parse` and what `Decoder` asks of a message, for the common types.

Segments, other subsystems and rare types are left to the plain decoder, and so is every connection
that one of those has touched (`Machine.doubts`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.bssap import SUBSYSTEM
from decoders.kernel.compiled import compiled, inlined, octet
from decoders.kernel.contents import bssap
from decoders.kernel.machine import (
    ASK,
    OK,
    Int,
    doubt_at,
    little,
    new_row,
    sends,
)
from decoders.sccp import MAX_OPTIONAL

_CR, _CC, _CREF, _RLSD, _RLC, _DT1, _UDT, _IT = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x10
_DATA: Final = 0x0F
_CALLED: Final = 0x03
_CALLING: Final = 0x04
_LEFT_ALONE: Final = (0x05, 0x07, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x11, 0x12)
"""Optional parameters of which nothing is kept."""


@compiled
def unit(m: Any, at: Int, end: Int) -> Int:
    """One SCCP message; the draft tells its frame, link and point codes."""
    if at >= end or m.state.crowded:
        return ASK
    draft = m.draft
    kind = octet(m.data, at)
    draft.sccp = kind
    draft.slr = draft.dlr = -1
    draft.from_msc = sends(m.state, draft.opc, draft.dpc)
    if kind == _DT1:
        return _data_form(m, at, end)
    if kind == _UDT:
        return _unitdata(m, at, end)
    if kind == _CR:
        return _request(m, at, end)
    if kind in (_CC, _CREF, _RLSD, _RLC, _IT):
        return _other(m, kind, at, end)
    return ASK


@inlined
def side(draft: Any, point_code: Int) -> Int:
    """Who a reference belongs to: a point code, or the link where there is none."""
    return point_code if point_code >= 0 else -2 - np.int64(draft.link)


@inlined
def _doubtful(state: Any, draft: Any, point_code: Int, reference: Int) -> Any:
    return state.doubts[doubt_at(side(draft, point_code), reference)] != 0


@inlined
def _variable(data: Any, pointer: Int, end: Int) -> Int:
    """Where the length octet of a variable parameter stands; ASK where it is not all there."""
    if pointer >= end or octet(data, pointer) == 0:
        return ASK
    at = pointer + octet(data, pointer)
    return ASK if at >= end or at + 1 + octet(data, at) > end else at


@inlined
def _data_form(m: Any, at: Int, end: Int) -> Int:
    """Q.713 4.7."""
    buffer = m.data
    if end - at < 6:
        return ASK
    draft = m.draft
    draft.dlr = little(buffer, at + 1, 3)
    if octet(buffer, at + 4) & 1 or _doubtful(m.state, draft, draft.dpc, draft.dlr):
        return ASK
    data = _variable(buffer, at + 5, end)
    return ASK if data < 0 else bssap(m, data + 1, data + 1 + octet(buffer, data))


@inlined
def _unitdata(m: Any, at: Int, end: Int) -> Int:
    """Q.713 4.10."""
    buffer = m.data
    wide = m.state.point_code_bits == 24
    if end - at < 5:
        return ASK
    called = _variable(buffer, at + 2, end)
    calling = _variable(buffer, at + 3, end)
    data = _variable(buffer, at + 4, end)
    if called < 0 or calling < 0 or data < 0:
        return ASK
    first = _subsystem(buffer, wide, called + 1, called + 1 + octet(buffer, called))
    second = _subsystem(buffer, wide, calling + 1, calling + 1 + octet(buffer, calling))
    if first < 0 or second < 0 or _foreign(first, second):
        return ASK
    return bssap(m, data + 1, data + 1 + octet(buffer, data))


@inlined
def _request(m: Any, at: Int, end: Int) -> Int:
    """Q.713 4.2."""
    buffer = m.data
    wide = m.state.point_code_bits == 24
    if end - at < 7:
        return ASK
    draft = m.draft
    draft.slr = little(buffer, at + 1, 3)
    called = _variable(buffer, at + 5, end)
    if called < 0 or _doubtful(m.state, draft, draft.opc, draft.slr):
        return ASK
    first = _subsystem(buffer, wide, called + 1, called + 1 + octet(buffer, called))
    if first < 0:
        return ASK
    return _with_options(m, at, at + 6, end, first)


@inlined
def _other(m: Any, kind: Int, at: Int, end: Int) -> Int:
    """CC, CREF, RLSD, RLC and IT, Q.713 4.3 to 4.6 and 4.17."""
    buffer = m.data
    octets = 4 if kind == _CREF else 7
    if end - at < octets + (0 if kind == _RLC else 4 if kind == _IT else 1):
        return ASK
    draft = m.draft
    draft.dlr = little(buffer, at + 1, 3)
    if octets == 7:
        draft.slr = little(buffer, at + 4, 3)
    if _doubtful(m.state, draft, draft.dpc, draft.dlr):
        return ASK
    if kind in (_RLC, _IT):
        return _bare(m, at, end)
    return _with_options(m, at, at + octets + 1, end, np.int64(0))


@compiled
def _bare(m: Any, at: Int, end: Int) -> Int:
    """A row of a message without user data."""
    index = new_row(m)
    if index < 0:
        return index
    row = m.rows[index]
    row.code = row.sccp
    row.raw_at, row.raw_size = at, end - at
    return OK


@compiled
def _with_options(m: Any, at: Int, pointer: Int, end: Int, first: Int) -> Int:  # noqa: C901, PLR0912  as `_sctp`
    """A message that ends in optional parameters; its user data may be one of them."""
    buffer = m.data
    wide = m.state.point_code_bits == 24
    if pointer >= end:
        return ASK
    if octet(buffer, pointer) == 0:
        return ASK if _foreign(first, np.int64(0)) else _bare(m, at, end)
    place = pointer + octet(buffer, pointer)
    if place >= end:
        return ASK
    second = np.int64(0)
    data = size = np.int64(-1)
    for _ in range(MAX_OPTIONAL):
        if place >= end or octet(buffer, place) == 0:
            break
        if end - place < 2 or end - place - 2 < octet(buffer, place + 1):
            return ASK
        code = octet(buffer, place)
        octets = octet(buffer, place + 1)
        if code == _DATA and data < 0:
            data, size = place + 2, octets
        elif code in (_CALLED, _CALLING):
            if second or (code == _CALLED and m.draft.sccp == _CR):
                return ASK
            second = _subsystem(buffer, wide, place + 2, place + 2 + octets)
            if second < 0:
                return ASK
        elif code != _DATA and code not in _LEFT_ALONE:
            return ASK
        place += 2 + octets
    else:
        return ASK
    if _foreign(first, second):
        return ASK
    return _bare(m, at, end) if data < 0 else bssap(m, data, data + size)


@inlined
def _foreign(first: Int, second: Int) -> Any:
    """Whether subsystems are named and none of them is BSSAP."""
    return (first != 0 or second != 0) and first != SUBSYSTEM and second != SUBSYSTEM  # noqa: PLR1714  compiled


@compiled
def _subsystem(data: Any, wide: Any, at: Int, end: Int) -> Int:
    """Subsystem of an address, 0 where it names none, ASK where it is cut short, Q.713 3.4."""
    if at >= end:
        return np.int64(0)
    indicator = octet(data, at)
    at += 1
    if indicator & 1:
        at += 3 if wide else 2
    subsystem = np.int64(0)
    if indicator & 2:
        if at >= end:
            return ASK
        subsystem = octet(data, at)
        at += 1
    title = indicator >> 2 & 15
    if title == 1 or title == 2:  # noqa: PLR1714  compiled
        at += 1
    elif title == 3:
        at += 2
    elif title == 4:
        at += 3
    return ASK if at > end else subsystem
