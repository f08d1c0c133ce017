"""M2UA (RFC 3331): the MTP3 message in a Data message of class MAUP. Header as in M3UA."""

from __future__ import annotations

from typing import Final

from decoders.m3ua import HEADER, parameter

DATA: Final = 0x0601
"""Class 6 (MAUP), type 1."""
_PROTOCOL_DATA: Final = 0x0300
_PROTOCOL_DATA_TTC: Final = 0x0301
"""Begins with the length indicator of a Japanese link, RFC 3331 3.3.1.2."""
_WANTED: Final = frozenset({_PROTOCOL_DATA, _PROTOCOL_DATA_TTC})


def protocol_data(message: bytes) -> tuple[int, int] | None:
    """Start and end of the MTP3 message, from its service information octet on.

    RFC 3331 3.3.1.1; None when the parameter is missing or cut short.
    """
    end = min(HEADER.unpack_from(message)[2], len(message))
    found = parameter(message, _WANTED, end)
    if found is None or found[2] > len(message):
        return None
    tag, start, stop = found
    return (start + 1 if tag == _PROTOCOL_DATA_TTC else start), stop
