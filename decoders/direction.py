"""Who sends which message, TS 48.008 3.2.1, TS 24.008 9.2, 9.3: what tells the MSC from the BSS.

Point codes do not say which end is the MSC. Most messages may be sent by one side only; one such
message tells it for its two point codes, and so for every other message between them.
"""

from __future__ import annotations

from decoders.messages import Message

_BSSMAP_BSS = (
    "ASSIGNMENT COMPLETE",
    "ASSIGNMENT FAILURE",
    "CHOSEN CHANNEL",
    "CIPHER MODE COMPLETE",
    "CIPHER MODE REJECT",
    "CLASSMARK UPDATE",
    "CLEAR COMPLETE",
    "CLEAR REQUEST",
    "COMPLETE LAYER 3 INFORMATION",
    "HANDOVER COMPLETE",
    "HANDOVER DETECT",
    "HANDOVER PERFORMED",
    "HANDOVER REQUEST ACKNOWLEDGE",
    "HANDOVER REQUIRED",
    "QUEUING INDICATION",
)
_BSSMAP_MSC = (
    "ASSIGNMENT REQUEST",
    "CIPHER MODE COMMAND",
    "CLASSMARK REQUEST",
    "CLEAR COMMAND",
    "COMMON ID",
    "HANDOVER COMMAND",
    "HANDOVER REQUEST",
    "HANDOVER REQUIRED REJECT",
    "HANDOVER SUCCEEDED",
    "PAGING",
)
_MM_MOBILE = (
    "AUTHENTICATION FAILURE",
    "AUTHENTICATION RESPONSE",
    "CM RE-ESTABLISHMENT REQUEST",
    "CM SERVICE REQUEST",
    "IDENTITY RESPONSE",
    "IMSI DETACH INDICATION",
    "LOCATION UPDATING REQUEST",
    "TMSI REALLOCATION COMPLETE",
)
_MM_NETWORK = (
    "ABORT",
    "AUTHENTICATION REJECT",
    "AUTHENTICATION REQUEST",
    "CM SERVICE ACCEPT",
    "CM SERVICE REJECT",
    "IDENTITY REQUEST",
    "LOCATION UPDATING ACCEPT",
    "LOCATION UPDATING REJECT",
    "MM INFORMATION",
    "TMSI REALLOCATION COMMAND",
)
_CC_MOBILE = ("CALL CONFIRMED", "EMERGENCY SETUP", "HOLD", "RETRIEVE", "START DTMF", "STOP DTMF")
_CC_NETWORK = ("CALL PROCEEDING", "HOLD ACKNOWLEDGE", "HOLD REJECT", "PROGRESS")
_RR_MOBILE = ("CIPHERING MODE COMPLETE", "PAGING RESPONSE")

SENT_BY_NETWORK: dict[tuple[str, str], bool] = {
    **{("BSSMAP", name): False for name in _BSSMAP_BSS},
    **{("BSSMAP", name): True for name in _BSSMAP_MSC},
    **{("MM", name): False for name in _MM_MOBILE},
    **{("MM", name): True for name in _MM_NETWORK},
    **{("CC", name): False for name in _CC_MOBILE},
    **{("CC", name): True for name in _CC_NETWORK},
    **{("RR", name): False for name in _RR_MOBILE},
}
"""(protocol, message) → True where only the network sends it, False where only the other side."""


class Directions:
    """Which of two point codes is the MSC, learned from what passes; at most `limit` pairs."""

    def __init__(self, limit: int = 65_536) -> None:
        self._limit = limit
        self._msc_first: dict[tuple[int, int], bool] = {}

    def from_network(self, message: Message) -> bool | None:
        """True where the MSC's side sent it, False where the BSS's, None where nothing tells."""
        if message.from_msc is not None:
            return message.from_msc
        by_name = SENT_BY_NETWORK.get((message.protocol, message.message))
        if message.opc is None or message.dpc is None:
            return by_name if by_name is not None else _by_layer3(message)
        if by_name is not None:
            self._learn(message.opc, message.dpc, by_name)
            return by_name
        known = self._msc_first.get((message.opc, message.dpc))
        return known if known is not None else _by_layer3(message)

    def _learn(self, opc: int, dpc: int, from_network: bool) -> None:  # noqa: FBT001  a fact, no mode
        if (opc, dpc) in self._msc_first or len(self._msc_first) >= self._limit:
            return
        self._msc_first[opc, dpc] = from_network
        self._msc_first[dpc, opc] = not from_network


def _by_layer3(message: Message) -> bool | None:
    return None if message.from_mobile is None else not message.from_mobile
