"""M2PA (RFC 4165): the MTP3 message in a User Data message.

Common header of 8 octets (version, spare, class 11, type, length), then BSN and FSN of 4 octets
each, then a priority octet and the message from its service information octet on. An empty User
Data acknowledges only.
"""

from __future__ import annotations

from typing import Final

from decoders.m3ua import HEADER

USER_DATA: Final = 0x0B01
"""Class 11, type 1."""
_BODY: Final = 16


def is_empty(message: bytes) -> bool:
    """Whether this User Data acknowledges only: nothing follows the sequence numbers."""
    return len(message) >= _BODY and HEADER.unpack_from(message)[2] == _BODY


def user_data(message: bytes) -> tuple[int, int] | None:
    """Start and end of the MTP3 message (RFC 4165 2.3.1); None when it is cut short."""
    length = HEADER.unpack_from(message)[2]
    if length > len(message) or length <= _BODY:
        return None
    return _BODY + 1, length
