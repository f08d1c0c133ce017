"""From a captured record to SCCP messages by compiled code, for the ways most of them come.

Ethernet with tags, cooked, raw IP; IPv4 and IPv6 whole and without extension headers; SCTP with
whole DATA chunks in order; M3UA. Records of MTP3 and of SCCP. All else is for the plain decoder.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from decoders import link
from decoders.ip import SCTP
from decoders.kernel.compiled import compiled, entry, inlined, long, octet, short, word
from decoders.kernel.connection import unit
from decoders.kernel.machine import (
    APART,
    ASK,
    EXPECTED,
    FEED,
    HELD,
    KEYED,
    LAST_SEEN,
    LINK,
    LINK_TYPE,
    OK,
    SIGNALLING_LINK,
    SURE,
    WORDS,
    Int,
    Machine,
    little,
    stream_at,
)
from decoders.m3ua import DATA as TRANSFER
from decoders.mtp import SERVICE_SCCP

_ETHERNET: Final = link.ETHERNET
_COOKED: Final = link.LINUX_SLL
_COOKED_2: Final = link.LINUX_SLL2
_RAW: Final = (link.RAW, link.RAW_BSD, link.RAW_OPENBSD, link.IPV4_ONLY, link.IPV6_ONLY)
_MTP3: Final = link.MTP3
_SCCP: Final = link.SCCP
_IPV4: Final = link.IPV4
_IPV6: Final = link.IPV6
_TAGS: Final = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
_SCTP: Final = SCTP
_APART: Final = (6, 17, 58)
"""TCP, UDP and ICMP: what cannot lead to SCTP."""
_SIZE_SCTP: Final = 12
_SIZE_DATA: Final = 16
_TAKEN: Final = (1, 2, 64)
"""Chunks that only the plain decoder takes something from: INIT, INIT ACK, I-DATA."""
_M3UA: Final = 3
_M3UA_PORT: Final = 2905
_OTHER_PORTS: Final = (2904, 3565)
_TRANSFER: Final = TRANSFER
_PROTOCOL_DATA: Final = 0x0210
_SCCP_SERVICE: Final = SERVICE_SCCP
_SURE: Final = 60_000
"""TSNs behind the next one that are told to have passed; fewer than what SCTP's window spans."""


@entry
def run(  # noqa: PLR0913, PLR0917  compiled code has no objects
    data: Any,
    rows: Any,
    drafts: Any,
    states: Any,
    offsets: Any,
    sizes: Any,
    times: Any,
    numbers: Any,
    which: Any,
    origins: Any,
    at: Int,
    count: Int,
) -> tuple[Int, Int]:
    """Reads frames from index ``at`` up to ``count``.

    Returns:
        The index of the frame that stopped it and why: `ASK` or `FULL`; ``count`` and `OK` when
        nothing did. Rows of frames before it are in `Machine.rows`; of it, nothing is.
    """
    m = Machine(data, rows, drafts[0], states[0])
    state, draft = m.state, m.draft
    while at < count:
        before = state.count
        origin = np.int64(which[at])
        state.link_type = origins[origin, LINK_TYPE]
        state.feed = origins[origin, FEED]
        state.signalling_link = origins[origin, SIGNALLING_LINK]
        state.slot = -1
        state.met = 0
        draft.source = origin
        draft.time = times[at]
        draft.frame = numbers[at]
        start = np.int64(offsets[at])
        done = _record(m, start, start + np.int64(sizes[at]))
        if done != OK:
            state.count = before
            return at, done
        at += 1
    return at, OK


@inlined
def _record(m: Any, start: Int, end: Int) -> Int:
    kind = m.state.link_type
    draft = m.draft
    if kind == _MTP3:
        draft.link = m.state.signalling_link
        m.state.met = APART
        return _mtp3(m, start, end)
    if kind == _SCCP:
        draft.link = m.state.signalling_link
        draft.opc = draft.dpc = -1
        m.state.met = APART
        return unit(m, start, end)
    ethertype, at = _network(m.data, kind, start, end)
    if ethertype == _IPV4:
        return _ipv4(m, at, end)
    if ethertype == _IPV6:
        return _ipv6(m, at, end)
    m.state.met = APART
    return ASK


@inlined
def _network(data: Any, kind: Int, start: Int, end: Int) -> tuple[Int, Int]:
    """Ethertype and offset, as `link` gives them; -1 for what the plain decoder is to count."""
    size = end - start
    if kind == _ETHERNET and size >= 14:
        ethertype, at = short(data, start + 12), start + 14
    elif kind == _COOKED and size >= 16:
        ethertype, at = short(data, start + 14), start + 16
    elif kind == _COOKED_2 and size >= 20:
        ethertype, at = short(data, start), start + 20
    elif kind in _RAW and size > 0:
        version = octet(data, start) >> 4
        ethertype, at = _IPV4 if version == 4 else _IPV6 if version == 6 else -1, start
    else:
        ethertype, at = -1, start
    while ethertype in _TAGS:
        if end - at < 4:
            return np.int64(-1), at
        ethertype = short(data, at + 2)
        at += 4
    return np.int64(ethertype), at


@inlined
def _ipv4(m: Any, at: Int, end: Int) -> Int:
    """RFC 791."""
    if end - at < 20:
        return ASK
    header = (octet(m.data, at) & 15) * 4
    total = short(m.data, at + 2)
    if octet(m.data, at) >> 4 != 4 or header < 20 or 0 < total < header:
        return ASK
    if short(m.data, at + 6) & 0x3FFF:
        return ASK
    if octet(m.data, at + 9) != _SCTP:
        m.state.met = APART
        return ASK
    stop = min(at + total, end) if total else end
    m.state.key[0] = long(m.data, at + 12)
    for index in range(1, WORDS):
        m.state.key[index] = 0
    return _sctp(m, at + header, stop)


@inlined
def _ipv6(m: Any, at: Int, end: Int) -> Int:
    """RFC 8200."""
    if end - at < 40 or octet(m.data, at) >> 4 != 6:
        return ASK
    if octet(m.data, at + 6) != _SCTP:
        m.state.met = APART if octet(m.data, at + 6) in _APART else 0
        return ASK
    length = short(m.data, at + 4)
    stop = min(at + 40 + length, end) if length else end
    for index in range(4):
        m.state.key[index] = long(m.data, at + 8 + 8 * index)
    m.state.key[5] = 1
    return _sctp(m, at + 40, stop)


@compiled
def _sctp(m: Any, start: Int, end: Int) -> Int:  # noqa: C901, PLR0912  one walk, and a function called costs
    """RFC 9260 as `sctp` reads it: whole chunks, in order or seen before for certain."""
    if end - start < _SIZE_SCTP + 4:
        return ASK
    at = start + _SIZE_SCTP
    slot = np.int64(-1)
    expected = sure = repeated = np.int64(0)
    while at + 4 <= end:
        kind = octet(m.data, at)
        length = short(m.data, at + 2)
        stop = at + length
        if length < 4 or stop > end:
            return ASK
        if kind == 0:
            if slot < 0:
                slot = _stream(m, start)
                if slot < 0 or m.state.streams[slot, HELD]:
                    return ASK
                expected, sure = m.state.streams[slot, EXPECTED], m.state.streams[slot, SURE]
            if length <= _SIZE_DATA or octet(m.data, at + 1) & 3 != 3:
                return ASK
            tsn = word(m.data, at + 4)
            if tsn == expected:
                expected = (expected + 1) & 0xFFFFFFFF
                sure = min(sure + 1, np.int64(_SURE))
                done = _user_message(m, start, at, stop)
                if done != OK:
                    return done
            elif 0 < (expected - tsn) & 0xFFFFFFFF <= sure:
                repeated += 1
            else:
                return ASK
        elif kind in _TAKEN:
            return ASK
        at += (length + 3) & ~3
    if slot >= 0:
        m.state.streams[slot, EXPECTED], m.state.streams[slot, SURE] = expected, sure
        m.state.streams[slot, LAST_SEEN] = m.draft.time
        m.state.seen_before += repeated
    return OK


@inlined
def _stream(m: Any, start: Int) -> Int:
    """The slot of the stream of an SCTP packet; -1 of one not met yet."""
    m.state.key[4] = long(m.data, start)
    m.state.key[5] = m.state.key[5] & 1 | m.state.feed << 1
    slot = m.state.paths[stream_at(m.state), WORDS]
    m.state.slot = slot
    m.state.met = KEYED
    if slot >= 0:
        m.draft.link = m.state.streams[slot, LINK]
    return slot


@inlined
def _user_message(m: Any, packet: Int, at: Int, end: Int) -> Int:
    """A DATA chunk's user message: M3UA DATA with SCCP, RFC 4666 3.3.1."""
    if not _is_m3ua(m.data, packet, word(m.data, at + 12)):
        return ASK
    start = at + _SIZE_DATA
    if end - start < 8 or octet(m.data, start) != 1 or short(m.data, start + 2) != _TRANSFER:
        return ASK
    stop = min(start + word(m.data, start + 4), end)
    place = start + 8
    while place + 4 <= stop:
        length = short(m.data, place + 2)
        if length < 4:
            return ASK
        if short(m.data, place) == _PROTOCOL_DATA:
            if length < 16 or place + length > end:
                return ASK
            return _labelled(m, place + 4, place + length)
        place += (length + 3) & ~3
    return ASK


@inlined
def _is_m3ua(data: Any, packet: Int, protocol: Int) -> bool:
    """By the payload protocol identifier, else by the port."""
    if protocol == _M3UA:
        return True
    if protocol in (2, 5):
        return False
    port = short(data, packet + 2)
    if port == _M3UA_PORT:
        return True
    return port not in _OTHER_PORTS and short(data, packet) == _M3UA_PORT


@inlined
def _labelled(m: Any, at: Int, end: Int) -> Int:
    """M3UA's routing label of 12 octets, and SCCP."""
    if octet(m.data, at + 8) != _SCCP_SERVICE or end - at <= 12:
        return ASK
    draft = m.draft
    draft.opc = word(m.data, at)
    draft.dpc = word(m.data, at + 4)
    return unit(m, at + 12, end)


@compiled
def _mtp3(m: Any, at: Int, end: Int) -> Int:
    """Q.704 2.2; labels of 14 or 24 bits."""
    wide = m.state.point_code_bits == 24
    size = 8 if wide else 5
    if end - at <= size or octet(m.data, at) & 15 != _SCCP_SERVICE:
        return ASK
    draft = m.draft
    if wide:
        draft.dpc = little(m.data, at + 1, 3)
        draft.opc = little(m.data, at + 4, 3)
    else:
        label = little(m.data, at + 1, 4)
        draft.dpc = label & 0x3FFF
        draft.opc = label >> 14 & 0x3FFF
    return unit(m, at + size, end)
