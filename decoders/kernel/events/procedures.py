"""Compiled: location updates, detach, short messages and services, as `mobility`, `short_messages`.

Details of a draft: of a location update its outcome, kind, cause, and the area before; of a short
message its outcome; of a service its operation and code.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders.kernel.compiled import compiled, mixed
from decoders.kernel.events.areas import bind, confirm, forget, serve
from decoders.kernel.events.codes import (
    DETACH,
    LOCATION_UPDATED,
    MESSAGE_RECEIVED,
    MESSAGE_SENT,
    REALLOCATION_COMMAND,
    REALLOCATION_COMPLETE,
    REGISTER,
    SERVICE_REQUESTED,
    SUBSCRIBER_DETACHED,
    UPDATING_ACCEPT,
    UPDATING_REJECT,
    UPDATING_REQUEST,
)
from decoders.kernel.events.layout import (
    D_ANSWERED,
    D_ASSIGNED,
    D_CELL,
    D_CELL_CI,
    D_CELL_LAC,
    D_CELL_PLMN,
    D_DETACHED,
    D_IMSI,
    D_KIND,
    D_LEARNED,
    D_PREVIOUS,
    D_PREVIOUS_LAC,
    D_SERVICES,
    D_TMSI,
    D_TRANSFERS,
    D_UPDATE,
    D_UPDATE_DRAFT,
    D_UPDATE_FRAME,
    D_VLR,
    DRAFT,
    F_DETAIL,
    F_DIRECTION,
    F_ITS_FRAME,
    F_PARTY,
    FRAME_HERE,
    T_ANSWERED,
    T_FRAME,
    T_NETWORK,
    T_NEXT,
    T_PARTY,
    T_PRINT,
    T_SIZE,
    TRANSFER,
)
from decoders.kernel.events.memory import record, take
from decoders.kernel.events.release import hang, of_transaction
from decoders.kernel.events.telling import UNSEEN, draft
from decoders.kernel.events.work import raw_octet
from decoders.kernel.machine import Int

ACCEPTED: Final = 0
REJECTED: Final = 1
_IMSI_IDENTITY: Final = 1
"""Type of identity, TS 24.008 10.5.1.4."""
_CP_DATA: Final = 1
_RP_DATA, _RP_ACK, _RP_ERROR = 0, 2, 4
_TP_DELIVER, _TP_SUBMIT = 0, 1
TERMINATED: Final = 1
"""The direction of what comes to the subscriber; 0 is from them."""


@compiled
def mobility(m: Any, row: Any, d: Int) -> None:
    """The events that an MM message completes."""
    s = m.s
    code = np.int64(row.code)
    if code == UPDATING_REQUEST:
        _request(s, row, d)
    elif code == UPDATING_ACCEPT:
        _accept(m, row, d)
        _answer(s, row, d, ACCEPTED)
    elif code == UPDATING_REJECT:
        _answer(s, row, d, REJECTED)
    elif code == REALLOCATION_COMMAND:
        _assign(m, row, d)
    elif code == REALLOCATION_COMPLETE:
        imsi = _subscriber(s, d)
        if imsi and s[d + D_VLR] != -1 and s[d + D_ASSIGNED] >= 0:
            confirm(s, m.t, s[d + D_VLR], s[d + D_ASSIGNED], imsi)
    elif code == DETACH and not s[d + D_DETACHED]:
        s[d + D_DETACHED] = 1
        draft(s, SUBSCRIBER_DETACHED, 1)


@compiled
def _subscriber(s: Any, d: Int) -> Int:
    return s[d + D_IMSI] or s[d + D_LEARNED]


@compiled
def _request(s: Any, row: Any, d: Int) -> None:
    if s[d + D_UPDATE] and s[d + D_ANSWERED] and s[d + D_KIND] < 0:
        s[d + D_KIND] = row.update
        s[d + D_PREVIOUS], s[d + D_PREVIOUS_LAC] = row.lai_plmn, row.lai_lac
        if s[d + D_UPDATE_DRAFT] >= 0:  # its answer overtook it
            f = record(s, DRAFT, s[d + D_UPDATE_DRAFT]) + F_DETAIL
            s[f + 1] = row.update
            s[f + 3], s[f + 4] = row.lai_plmn, row.lai_lac
        return
    s[d + D_UPDATE] = 1
    s[d + D_KIND] = row.update
    s[d + D_PREVIOUS], s[d + D_PREVIOUS_LAC] = row.lai_plmn, row.lai_lac
    s[d + D_UPDATE_FRAME] = s[FRAME_HERE]
    s[d + D_ANSWERED] = 0
    s[d + D_UPDATE_DRAFT] = -1


@compiled
def _answer(s: Any, row: Any, d: Int, outcome: Int) -> None:
    if not s[d + D_UPDATE]:
        s[d + D_UPDATE] = 1
        s[d + D_KIND] = s[d + D_PREVIOUS] = s[d + D_PREVIOUS_LAC] = s[d + D_UPDATE_FRAME] = -1
        s[d + D_ANSWERED] = 0
    if not s[d + D_ANSWERED]:
        _updated(s, d, outcome, np.int64(row.cause), 1)


@compiled
def unanswered_update(s: Any, d: Int, has_message: Int) -> None:
    """The location update that the dialogue ends without an answer to."""
    if s[d + D_UPDATE] and not s[d + D_ANSWERED]:
        _updated(s, d, UNSEEN, np.int64(-1), has_message)


@compiled
def _updated(s: Any, d: Int, outcome: Int, cause: Int, has_message: Int) -> None:
    s[d + D_ANSWERED] = 1
    f = draft(s, LOCATION_UPDATED, has_message)
    s[f + F_ITS_FRAME] = s[d + D_UPDATE_FRAME]
    s[f + F_DETAIL] = outcome
    s[f + F_DETAIL + 1] = s[d + D_KIND]
    s[f + F_DETAIL + 2] = cause
    s[f + F_DETAIL + 3], s[f + F_DETAIL + 4] = s[d + D_PREVIOUS], s[d + D_PREVIOUS_LAC]


@compiled
def _accept(m: Any, row: Any, d: Int) -> None:
    """Place and TMSI of an ACCEPT: a new TMSI, the old one kept, or none any more."""
    s = m.s
    vlr = s[d + D_VLR]
    if row.lai_plmn >= 0:
        _complete(s, row, d)
        if vlr != -1:
            serve(s, np.int64(row.lai_plmn), np.int64(row.lai_lac), vlr)
    imsi = _subscriber(s, d)
    if imsi == 0 or vlr == -1:
        return
    if row.new_tmsi:
        _assign(m, row, d)
    elif row.identity_type == _IMSI_IDENTITY:
        forget(s, m.t, imsi)
    elif row.identity_type < 0 and s[d + D_TMSI] >= 0:
        confirm(s, m.t, vlr, s[d + D_TMSI], imsi)


@compiled
def _complete(s: Any, row: Any, d: Int) -> None:
    """The dialogue's cell, completed from the location area it lies in."""
    if s[d + D_CELL] and s[d + D_CELL_LAC] >= 0 and s[d + D_CELL_LAC] != row.lai_lac:
        return
    if not s[d + D_CELL]:
        s[d + D_CELL] = 1
        s[d + D_CELL_PLMN] = s[d + D_CELL_CI] = -1
    if s[d + D_CELL_PLMN] < 0:
        s[d + D_CELL_PLMN] = row.lai_plmn
    s[d + D_CELL_LAC] = row.lai_lac


@compiled
def _assign(m: Any, row: Any, d: Int) -> None:
    s = m.s
    imsi = _subscriber(s, d)
    if imsi and s[d + D_VLR] != -1 and row.tmsi >= 0:
        bind(s, m.t, s[d + D_VLR], np.int64(row.tmsi), imsi)
        s[d + D_ASSIGNED] = row.tmsi


@compiled
def short_message(m: Any, row: Any, d: Int, which: Int) -> None:
    """What a CP-DATA makes happen: an answer completes the transfer that it answers."""
    s, w = m.s, m.w
    if row.raw_size < 5 or raw_octet(w, 1) != _CP_DATA:
        return
    kind = raw_octet(w, 3) & 7
    from_network = kind & 1
    kind &= 6
    if kind == _RP_DATA:
        _begin(m, row, d, which, from_network)
        return
    t = of_transaction(s, TRANSFER, s[d + D_TRANSFERS], which)
    if t < 0 or s[t + T_ANSWERED] or s[t + T_NETWORK] == from_network:
        return
    if kind == _RP_ACK:
        _transferred(s, t, ACCEPTED, 1)
    elif kind == _RP_ERROR:
        _transferred(s, t, REJECTED, 1)


@compiled
def _tpdu(w: Any, size: Int) -> Int:
    """TP-MTI behind the two addresses (LV) and the length of the user data; or -1."""
    at = np.int64(5)
    for _ in range(2):
        if at >= size:
            return np.int64(-1)
        at += 1 + raw_octet(w, at)
    return raw_octet(w, at + 1) & 3 if at + 1 < size else np.int64(-1)


@compiled
def _begin(m: Any, row: Any, d: Int, which: Int, from_network: Int) -> None:
    s = m.s
    if _tpdu(m.w, np.int64(row.raw_size)) != (_TP_DELIVER if from_network else _TP_SUBMIT):
        return
    t = of_transaction(s, TRANSFER, s[d + D_TRANSFERS], which)
    digest = _octets(m.w, np.int64(row.raw_size))
    known = t >= 0
    if known and s[t + T_PRINT] == digest and s[t + T_SIZE] == row.raw_size:
        return
    if not known:
        t = hang(s, TRANSFER, d + D_TRANSFERS, take(s, TRANSFER), which)
    elif not s[t + T_ANSWERED]:
        _transferred(s, t, UNSEEN, 1)
    s[t + T_NETWORK] = from_network
    if from_network:
        _put_party(s, t + T_PARTY, row.calling_0, row.calling_1, row.calling_digits)
        s[t + T_PARTY + 3], s[t + T_PARTY + 4] = row.calling_ton, row.calling_npi
    else:
        _put_party(s, t + T_PARTY, row.called_0, row.called_1, row.called_digits)
        s[t + T_PARTY + 3], s[t + T_PARTY + 4] = row.called_ton, row.called_npi
    s[t + T_FRAME] = s[FRAME_HERE]
    s[t + T_PRINT], s[t + T_SIZE] = digest, row.raw_size
    s[t + T_ANSWERED] = 0


@compiled
def _octets(w: Any, size: Int) -> Int:
    """A hash of the message's bytes alone, which its references and SCCP type do not touch."""
    made = np.int64(0)
    for word in range((size >> 3) + 1):
        made = mixed(made, w.raw[word])
    return made


@compiled
def _put_party(s: Any, at: Int, first: Any, second: Any, digits: Int) -> None:
    """A number's digits, as `columns` has them."""
    s[at], s[at + 1], s[at + 2] = np.int64(first), np.int64(second), digits


@compiled
def unanswered_messages(s: Any, d: Int, has_message: Int) -> None:
    """Transfers that the dialogue ends without an answer to."""
    transfer = s[d + D_TRANSFERS]
    while transfer >= 0:
        t = record(s, TRANSFER, transfer)
        if not s[t + T_ANSWERED]:
            _transferred(s, t, UNSEEN, has_message)
        transfer = s[t + T_NEXT]


@compiled
def _transferred(s: Any, t: Int, outcome: Int, has_message: Int) -> None:
    s[t + T_ANSWERED] = 1
    f = draft(s, MESSAGE_RECEIVED if s[t + T_NETWORK] else MESSAGE_SENT, has_message)
    s[f + F_DETAIL] = outcome
    s[f + F_ITS_FRAME] = s[t + T_FRAME]
    s[f + F_DIRECTION] = s[t + T_NETWORK]
    for word in range(5):
        s[f + F_PARTY + word] = s[t + T_PARTY + word]


@compiled
def service(s: Any, row: Any, d: Int, which: Int) -> None:
    """A supplementary service or USSD asked for by the subscriber, TS 24.080 2.4."""
    at, bit = d + D_SERVICES + ((which >> 5) & 7), np.int64(1) << (which & 31)
    if row.code != REGISTER or s[at] & bit:
        return
    s[at] |= bit
    asked(s, row)


@compiled
def asked(s: Any, row: Any) -> None:
    """A service was asked for."""
    f = draft(s, SERVICE_REQUESTED, 1)
    s[f + F_DETAIL], s[f + F_DETAIL + 1] = row.operation, row.service_code
