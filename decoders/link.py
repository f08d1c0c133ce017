"""Link layers: where the network layer begins in a captured record, and which one it is.

Link types are those of https://www.tcpdump.org/linktypes.html. Each function gives
``(ethertype, offset)``; an ethertype of -1 means that the header is cut short.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

NULL: Final = 0
ETHERNET: Final = 1
RAW_BSD: Final = 12
RAW_OPENBSD: Final = 14
RAW: Final = 101
LOOP: Final = 108
LINUX_SLL: Final = 113
MTP2_PSEUDO_HEADER: Final = 139
MTP2: Final = 140
MTP3: Final = 141
SCCP: Final = 142
IPV4_ONLY: Final = 228
IPV6_ONLY: Final = 229
LINUX_SLL2: Final = 276

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
CUT_SHORT: Final = -1
UNKNOWN: Final = -2
"""A link header that names no protocol we could follow (a LOOP family, an IP version)."""

_VLAN_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100, 0x9200, 0x9300})
_AF_INET: Final = 2
_AF_INET6: Final = frozenset({10, 24, 28, 30})
"""Linux, NetBSD and OpenBSD, FreeBSD, macOS."""
_SHORT: Final = struct.Struct(">H")


def ethernet(data: bytes) -> tuple[int, int]:
    """Ethernet II (link type 1), with any number of IEEE 802.1Q and 802.1ad tags."""
    if len(data) < 14:
        return CUT_SHORT, 0
    ethertype: int = _SHORT.unpack_from(data, 12)[0]
    if ethertype in _VLAN_TAGS:
        return _behind_tags(data, ethertype, 14)
    return ethertype, 14


def cooked(data: bytes) -> tuple[int, int]:
    """Linux cooked v1 (113): 16 octets, the last two of them the protocol."""
    if len(data) < 16:
        return CUT_SHORT, 0
    return _behind_tags(data, _SHORT.unpack_from(data, 14)[0], 16)


def cooked_v2(data: bytes) -> tuple[int, int]:
    """Linux cooked v2 (276): 20 octets, the first two of them the protocol."""
    if len(data) < 20:
        return CUT_SHORT, 0
    return _behind_tags(data, _SHORT.unpack_from(data, 0)[0], 20)


def raw(data: bytes) -> tuple[int, int]:
    """Raw IP (101 and the older 12 and 14; 228, 229): the version nibble decides."""
    return _by_version(data, 0)


def null(data: bytes) -> tuple[int, int]:
    """BSD loopback (0): an address family of 4 octets in the byte order of who captured."""
    if len(data) < 4:
        return CUT_SHORT, 0
    family = int.from_bytes(data[:4], "little")
    if family > 0xFFFF:
        family = int.from_bytes(data[:4], "big")
    return _by_family(family)


def loop(data: bytes) -> tuple[int, int]:
    """OpenBSD loopback (108): an address family of 4 octets in network byte order."""
    if len(data) < 4:
        return CUT_SHORT, 0
    return _by_family(int.from_bytes(data[:4], "big"))


def _behind_tags(data: bytes, ethertype: int, offset: int) -> tuple[int, int]:
    while ethertype in _VLAN_TAGS:
        if len(data) < offset + 4:
            return CUT_SHORT, offset
        ethertype = _SHORT.unpack_from(data, offset + 2)[0]
        offset += 4
    return ethertype, offset


def _by_version(data: bytes, offset: int) -> tuple[int, int]:
    if len(data) <= offset:
        return CUT_SHORT, offset
    version = data[offset] >> 4
    return {4: IPV4, 6: IPV6}.get(version, UNKNOWN), offset


def _by_family(family: int) -> tuple[int, int]:
    if family == _AF_INET:
        return IPV4, 4
    return (IPV6 if family in _AF_INET6 else UNKNOWN), 4


NETWORKS: Final[dict[int, Callable[[bytes], tuple[int, int]]]] = {
    ETHERNET: ethernet,
    LINUX_SLL: cooked,
    LINUX_SLL2: cooked_v2,
    RAW: raw,
    RAW_BSD: raw,
    RAW_OPENBSD: raw,
    IPV4_ONLY: raw,
    IPV6_ONLY: raw,
    NULL: null,
    LOOP: loop,
}
"""Link types over which IP comes: what finds the network layer in a frame."""
