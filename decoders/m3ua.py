"""M3UA (RFC 4666): the user part of a DATA message. Other messages carry no signalling.

Common header, 8 octets: version 1, reserved, class, type, length of the whole message.
Parameters: tag (2), length (2) with the header of 4, value, padding to 4 octets.
"""

from __future__ import annotations

import struct
from typing import Final

from decoders.mtp import Mtp3

HEADER: Final = struct.Struct(">BxHI")
PARAMETER: Final = struct.Struct(">HH")
DATA: Final = 0x0101
"""Class 1 (transfer), type 1."""
_PROTOCOL_DATA: Final = 0x0210
_LABEL: Final = struct.Struct(">IIBxxB")
_ORDINARY: Final = struct.Struct(">4xIHHIIBxxB")
"""A message whose first parameter is its Protocol Data, as nearly every one is."""
_SHORTEST: Final = 16
"""Of a Protocol Data parameter: its header and the label."""


def parameter(message: bytes, wanted: frozenset[int], end: int) -> tuple[int, int, int] | None:
    """Tag, start and end of the first wanted parameter's value; None where there is none.

    Shared by the SIGTRAN user adaptations: RFC 4666 3.2, RFC 3331 3.1.
    """
    at = 8
    while at + 4 <= end:
        tag, length = PARAMETER.unpack_from(message, at)
        if length < 4:
            return None
        if tag in wanted:
            return tag, at + 4, at + length
        at += (length + 3) & ~3
    return None


_WANTED: Final = frozenset({_PROTOCOL_DATA})


def protocol_data(message: bytes) -> Mtp3 | None:
    """The Protocol Data of a DATA message (RFC 4666 3.3.1); None when missing or cut short."""
    if len(message) >= _ORDINARY.size:
        total, tag, length, opc, dpc, service, sls = _ORDINARY.unpack_from(message)
        if tag == _PROTOCOL_DATA and _SHORTEST <= length <= min(total, len(message)) - 8:
            return Mtp3(opc, dpc, sls, service, message[_ORDINARY.size : length + 8])
    end = min(HEADER.unpack_from(message)[2], len(message))
    found = parameter(message, _WANTED, end)
    if found is None:
        return None
    _, start, stop = found
    if stop > len(message) or stop - start < 12:
        return None
    opc, dpc, service, sls = _LABEL.unpack_from(message, start)
    return Mtp3(opc, dpc, sls, service, message[start + 12 : stop])
