"""Messages inside elements by compiled code: short messages (`sms`), facilities (`ss`) again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, octet
from decoders.kernel.machine import ASK, OK, Int
from decoders.kernel.values import ber, service_centre, set_cause, tp_address
from decoders.sms import ADDRESS_OCTETS, RP_USER_DATA
from decoders.ss import (
    INTEGER,
    LINKED_ID,
    MAX_COMPONENTS,
    NOTIFY_SS_CODE,
    OCTET_STRING,
    SEQUENCE,
    WITH_SS_CODE,
)

_RP_DATA: Final = 0
_RP_ERROR: Final = 2
_RESERVED: Final = 7
_WITH_SS_CODE: Final = tuple(sorted(WITH_SS_CODE))


@compiled
def rp_message(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.011 7.3."""
    if end - at < 2:
        return ASK
    kind = octet(data, at) & 7
    if kind == _RESERVED:
        return ASK
    from_mobile = kind % 2 == 0
    row.rp_message = kind
    row.from_mobile = 1 if from_mobile else 0
    row.rp_reference = octet(data, at + 1)
    at += 2
    if kind >> 1 == _RP_DATA:
        return _rp_data(data, row, at, end, from_mobile)
    if kind >> 1 == _RP_ERROR:
        if at >= end or end - at - 1 < octet(data, at) or octet(data, at) == 0:
            return ASK
        set_cause(row, octet(data, at + 1) & 0x7F)
        at += 1 + octet(data, at)
    if at < end and octet(data, at) == RP_USER_DATA:
        at += 1
        if at >= end or end - at - 1 < octet(data, at):
            return ASK
        return _tpdu(data, row, at + 1, at + 1 + octet(data, at), from_mobile)
    return OK


@compiled
def _rp_data(data: Any, row: Any, at: Int, end: Int, from_mobile: bool) -> Int:  # noqa: FBT001  compiled code has no keywords
    """Originator, destination and TPDU, each with its length."""
    for part in range(3):
        if at >= end or end - at - 1 < octet(data, at):
            return ASK
        stop = at + 1 + octet(data, at)
        if part < 2:
            done = service_centre(data, row, at + 1, stop)
        else:
            done = _tpdu(data, row, at + 1, stop, from_mobile)
        if done != OK:
            return ASK
        at = stop
    return OK


@compiled
def _tpdu(data: Any, row: Any, at: Int, end: Int, from_mobile: bool) -> Int:  # noqa: FBT001  as above
    """23.040 9.2.2: SUBMIT, COMMAND, DELIVER, STATUS-REPORT; of reports only the kind."""
    if at >= end:
        return OK
    first = octet(data, at)
    kind = first & 3
    if kind == 3:
        return ASK
    row.tp_message = 2 * kind + (1 if from_mobile else 0)
    if kind == 0:
        return OK if from_mobile else _addressed(data, row, at + 1, end, 10, False)
    if kind == 1:
        validity = 0 if first & 0x18 == 0 else 1 if first & 0x18 == 0x10 else 7
        return _addressed(data, row, at + 2, end, 3 + validity, True) if from_mobile else OK
    if from_mobile:
        return _addressed(data, row, at + 5, end, 1, True)
    return _addressed(data, row, at + 2, end, 15, True)


@compiled
def _addressed(data: Any, row: Any, at: Int, end: Int, after: Int, is_called: bool) -> Int:  # noqa: FBT001, PLR0913, PLR0917  as above
    """An address of which the length counts half octets, and so many octets after it."""
    if at >= end:
        return ASK
    octets = 2 + (octet(data, at) + 1) // 2
    if octets > ADDRESS_OCTETS or end - at < octets + after:
        return ASK
    return tp_address(data, row, at, at + octets, is_called)


@compiled
def facility(data: Any, row: Any, at: Int, end: Int) -> Int:
    """24.080 3.6."""
    for _ in range(MAX_COMPONENTS):
        if at >= end:
            return OK
        tag, start, stop = ber(data, at, end)
        if tag < 0 or _component(data, row, tag, start, stop) != OK:
            return ASK
        at = stop
    return ASK


@compiled
def _component(data: Any, row: Any, tag: Int, at: Int, end: Int) -> Int:
    inner, _, at = ber(data, at, end)
    if inner < 0:
        return ASK
    if tag == 0xA1:
        if at < end and octet(data, at) == LINKED_ID:
            inner, _, at = ber(data, at, end)
            if inner < 0:
                return ASK
        return _operation(data, row, at, end)
    if tag == 0xA2 and at < end:
        inner, start, stop = ber(data, at, end)
        if inner < 0:
            return ASK
        return _operation(data, row, start, stop) if inner == SEQUENCE else OK
    if tag in (0xA3, 0xA4):
        inner, _, _ = ber(data, at, end)
        return ASK if inner < 0 else OK
    return OK


@compiled
def _operation(data: Any, row: Any, at: Int, end: Int) -> Int:
    if at >= end:
        return OK
    tag, start, stop = ber(data, at, end)
    if tag != INTEGER or start >= stop or stop - start > 4:
        return ASK
    code = np.int64(0)
    for place in range(start, stop):
        code = (code << 8) | octet(data, place)
    if row.operation < 0:
        row.operation = code
    if code in _WITH_SS_CODE and stop < end:
        return _ss_code(data, row, stop, end)
    return OK


@compiled
def _ss_code(data: Any, row: Any, at: Int, end: Int) -> Int:
    tag, start, stop = ber(data, at, end)
    if tag == SEQUENCE and start < stop:
        tag, start, stop = ber(data, start, stop)
    if tag < 0:
        return ASK
    if tag in (OCTET_STRING, NOTIFY_SS_CODE) and stop - start == 1 and row.service_code < 0:
        row.service_code = octet(data, start)
    return OK
