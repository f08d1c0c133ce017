"""SIGTRAN user adaptations: from a user message of SCTP to the MTP3 message it stands for.

M3UA, M2UA and M2PA share a common header of 8 octets: version 1, spare, class, type, length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from decoders import m2pa, m2ua, m3ua
from decoders.messages import Record
from decoders.mtp import Mtp3, mtp3
from decoders.sctp import Datagram
from decoders.undecoded import CARRIER_BYTES, Ledger

_PROTOCOL_BY_ID: Final = {3: "M3UA", 2: "M2UA", 5: "M2PA"}
"""SCTP payload protocol identifiers, RFC 4666 7.1, RFC 3331 7.1, RFC 4165 7.1."""
_PROTOCOL_BY_PORT: Final = {2905: "M3UA", 2904: "M2UA", 3565: "M2PA"}
"""For stacks that leave the identifier 0."""
_HEADER: Final = 8
_BY_NAME: Final = {"M3UA": m3ua.DATA, "M2UA": m2ua.DATA, "M2PA": m2pa.USER_DATA}


class AdaptationLayer:
    """Takes user messages of SCTP, gives MTP3 messages.

    Args:
        ledger: where failures are counted, and messages that carry no signalling.
        point_code_bits: 14 or 24, of the routing labels inside M2UA and M2PA.
    """

    def __init__(self, ledger: Ledger, point_code_bits: int) -> None:
        self._ledger = ledger
        self._point_code_bits = point_code_bits
        self._readers: dict[str, Callable[[bytes], Mtp3 | None]] = {
            "M3UA": m3ua.protocol_data,
            "M2UA": self._m2ua,
            "M2PA": self._m2pa,
        }

    def feed(self, record: Record, datagram: Datagram) -> Mtp3 | None:
        """The MTP3 message in this user message; None where there is none, and then it is counted.

        The protocol is told by the payload protocol identifier, else by the port.
        """
        message = datagram.data
        name = protocol_of(datagram)
        if name is None:
            self._ledger.skip(f"SCTP payload protocol {datagram.protocol}")
            return None
        if len(message) < _HEADER or message[0] != 1:
            self._ledger.fail(f"{name} header malformed", record, message[:CARRIER_BYTES])
            return None
        kind = message[2] << 8 | message[3]
        if kind != _BY_NAME[name]:
            self._ledger.skip(f"{name} class {message[2]} type {message[3]}")
            return None
        if name == "M2PA" and m2pa.is_empty(message):
            self._ledger.skip("M2PA acknowledgement")
            return None
        msu = self._readers[name](message)
        if msu is None:
            self._ledger.fail(
                f"{name} data malformed or cut short", record, message[:CARRIER_BYTES]
            )
        return msu

    def _m2ua(self, message: bytes) -> Mtp3 | None:
        place = m2ua.protocol_data(message)
        return None if place is None else mtp3(message, *place, self._point_code_bits)

    def _m2pa(self, message: bytes) -> Mtp3 | None:
        place = m2pa.user_data(message)
        return None if place is None else mtp3(message, *place, self._point_code_bits)


def protocol_of(datagram: Datagram) -> str | None:
    """``M3UA``, ``M2UA`` or ``M2PA``; None for what is none of them."""
    name = _PROTOCOL_BY_ID.get(datagram.protocol)
    if name is not None:
        return name
    for port in (datagram.ports[2:4], datagram.ports[:2]):
        name = _PROTOCOL_BY_PORT.get(int.from_bytes(port, "big"))
        if name is not None:
            return name
    return None
