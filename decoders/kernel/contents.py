"""BSSAP, BSSMAP and layer 3 by compiled code: the walk of `reading` over `program`'s arrays."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.dtap import EXTENDED_TI, SHORTEST
from decoders.kernel import program as p
from decoders.kernel import values
from decoders.kernel.compiled import compiled, octet, short
from decoders.kernel.machine import ASK, OK, Int, new_row, sends
from decoders.kernel.nested import facility, rp_message
from decoders.reading import MAX_ELEMENTS

_BSSMAP: Final = p.BSSMAP
_MM: Final = p.MM
_ACCEPT, _REALLOCATION = 0x02, 0x1A


@compiled
def bssap(m: Any, at: Int, end: Int) -> Int:
    """48.006 9.3: what SCCP carried."""
    if end - at < 2 or octet(m.data, at) > 1:
        return ASK
    if octet(m.data, at) == 0:
        return _bssmap(m, at + 2, end) if end - at - 2 == octet(m.data, at + 1) else ASK
    if end - at < 3 or end - at - 3 != octet(m.data, at + 2):
        return ASK
    return _layer3(m, at + 3, end, np.int64(-1))


@compiled
def _bssmap(m: Any, at: Int, end: Int) -> Int:
    """48.008 3.2, and the layer 3 message in it."""
    if at >= end:
        return ASK
    code = octet(m.data, at)
    kind = np.int64(m.state.kinds[_BSSMAP, code])
    if kind < 0:
        return ASK
    if m.state.messages[kind, p.SENDER] >= 0:
        from_msc = 1 - np.int64(m.state.messages[kind, p.SENDER])
        draft = m.draft
        if draft.opc >= 0 and sends(m.state, draft.opc, draft.dpc) != from_msc:
            return ASK
        draft.from_msc = from_msc
    index = new_row(m)
    if index < 0:
        return index
    row = m.rows[index]
    row.protocol, row.code = _BSSMAP, code
    row.raw_at, row.raw_size = at, end - at
    if _elements(m, row, kind, _BSSMAP, at + 1, end) != OK:
        return ASK
    row.identity_type = -1
    if row.layer3_size < 0:
        return OK
    if row.layer3_size < SHORTEST:
        return ASK
    return _layer3(m, row.layer3_at, row.layer3_at + row.layer3_size, code)


@compiled
def _layer3(m: Any, at: Int, end: Int, within: Int) -> Int:  # noqa: C901, PLR0912  a function called costs
    """24.007 11.2.3: a message of its own, DTAP where ``within`` is -1."""
    if end - at < SHORTEST:
        return ASK
    index = new_row(m)
    if index < 0:
        return index
    row = m.rows[index]
    row.raw_at, row.raw_size = at, end - at
    row.within = within
    first = octet(m.data, at)
    discriminator = first & 15
    at += 1
    flags = m.state.kinds[p.SCCP, p.FLAGS_AT + discriminator]
    if flags & p.TRANSACTION:
        row.ti = first >> 4 & 7
        row.ti_flag = first >> 7
        if row.ti == EXTENDED_TI:
            row.ti = octet(m.data, at) & 0x7F
            at += 1
            if at >= end:
                return ASK
    family = np.int64(m.state.kinds[p.SCCP, discriminator])
    if family < 0:
        return ASK
    code = octet(m.data, at)
    if flags & p.SEQUENCED:
        code &= 0x3F
    kind = np.int64(m.state.kinds[family, code])
    if kind < 0:
        return ASK
    row.protocol, row.code = family, code
    sender = m.state.messages[kind, p.SENDER]
    if sender >= 0:
        row.from_mobile = sender
    if _elements(m, row, kind, family, at + 1, end) != OK:
        return ASK
    if row.from_mobile < 0 and within < 0 and row.from_msc >= 0:
        row.from_mobile = 1 - row.from_msc
    assigns = family == _MM and (code == _ACCEPT or code == _REALLOCATION)  # noqa: PLR1714, SIM109  compiled
    if not assigns:
        row.identity_type = -1
    elif row.tmsi >= 0:
        row.new_tmsi = 1
    return OK


@compiled
def _elements(m: Any, row: Any, kind: Int, family: Int, at: Int, end: Int) -> Int:  # noqa: PLR0913, PLR0917  compiled code has no objects
    """The elements after a message type, as `reading.read_message` reads them."""
    data, messages, parts = m.data, m.state.messages, m.state.parts
    half_octets = m.state.kinds[p.SCCP, p.HALF_OCTETS_AT + family]
    for place in range(p.ORDERED, p.ORDERED + p.MAX_ORDERED):
        part = np.int64(messages[kind, place])
        if part < 0:
            break
        at = _ordered(data, parts, row, part, at, end)
        if at < 0:
            return ASK
    for _ in range(MAX_ELEMENTS):
        if at >= end:
            return OK
        part = np.int64(messages[kind, octet(data, at)])
        if part < 0:
            at = _unknown(data, half_octets, at, end)
        else:
            at = _tagged(data, parts, row, part, at, end)
        if at < 0:
            return ASK
    return ASK


@compiled
def _ordered(data: Any, parts: Any, row: Any, part: Int, at: Int, end: Int) -> Int:  # noqa: PLR0913, PLR0917  as `_elements`
    """An element without identifier; where the next one begins, or ASK."""
    form = parts[part, p.FORM]
    action = parts[part, p.ACTION]
    if form == p.REST:
        return end if _act(data, row, action, at, end) == OK else ASK
    if at >= end:
        return ASK if form != p.V or parts[part, p.LENGTH] else at
    if form in (p.LOW, p.HIGH):
        both = octet(data, at)
        low = form == p.LOW
        if _half(row, action, both & 15 if low else both >> 4) != OK:
            return ASK
        return at if low else at + 1
    if form == p.LV:
        stop = at + 1 + octet(data, at)
        at += 1
    else:
        stop = at + np.int64(parts[part, p.LENGTH])
    if stop > end or _act(data, row, action, at, stop) != OK:
        return ASK
    return stop


@compiled
def _tagged(data: Any, parts: Any, row: Any, part: Int, at: Int, end: Int) -> Int:  # noqa: PLR0913, PLR0917  as `_elements`
    """An element with identifier; where the next one begins, or ASK."""
    form = parts[part, p.FORM]
    action = parts[part, p.ACTION]
    if form == p.TV1:
        return at + 1 if _half(row, action, octet(data, at) & 15) == OK else ASK
    at += 1
    stop = at
    if form == p.TLV:
        if at >= end:
            return ASK
        stop = at + 1 + octet(data, at)
        at += 1
    elif form == p.TLV_E:
        if end - at < 2:
            return ASK
        stop = at + 2 + short(data, at)
        at += 2
    elif form == p.TV:
        stop = at + np.int64(parts[part, p.LENGTH])
    if stop > end or _act(data, row, action, at, stop) != OK:
        return ASK
    return stop


@compiled
def _unknown(data: Any, half_octets: Int, at: Int, end: Int) -> Int:
    """24.007 11.2.4: an identifier no table has; where the next element begins, or ASK."""
    octets = np.int64(1)
    if not (half_octets and octet(data, at) & 0x80):
        octets = 2 + (octet(data, at + 1) if end - at > 1 else np.int64(0))
    return ASK if at + octets > end else at + octets


@compiled
def _half(row: Any, action: Int, value: Int) -> Int:
    """The value of half an octet."""
    if action == p.SKIP:
        return OK
    if action == p.UPDATE:
        return values.update(row, value)
    if action == p.SERVICE:
        return values.service(row, value)
    return ASK


@compiled
def _act(data: Any, row: Any, action: Int, at: Int, end: Int) -> Int:  # noqa: C901, PLR0912  one case an action
    """Does with a value what the table asks for."""
    if action == p.SKIP:
        return OK
    if action == p.IDENTITY:
        return values.identity(data, row, at, end)
    if action == p.TMSI:
        return values.tmsi(data, row, at, end)
    if action == p.AREA:
        return values.area(data, row, at, end)
    if action == p.CELL:
        return values.cell(data, row, at, end)
    if action == p.CELLS:
        return values.cells(data, row, at, end)
    if action == p.CAUSE:
        return values.cause(data, row, at, end)
    if action == p.CALL_CAUSE:
        return values.call_cause(data, row, at, end)
    if action == p.OCTET_CAUSE:
        return ASK if at >= end else values.set_cause(row, octet(data, at))
    if action == p.LAYER3:
        if row.layer3_size < 0:
            row.layer3_at, row.layer3_size = at, end - at
        return OK
    if action == p.CALLED:
        return values.called(data, row, at, end)
    if action == p.CALLING:
        return values.calling(data, row, at, end)
    if action == p.FACILITY:
        return facility(data, row, at, end)
    if action == p.RP_MESSAGE:
        return rp_message(data, row, at, end)
    return ASK
