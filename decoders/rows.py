"""Message rows: what ``xinling decode --as messages`` gives, key for key as in the contracts."""

from __future__ import annotations

from typing import Any

import msgspec

from decoders import times
from decoders.messages import Cell, Lai, Message, PartyNumber
from decoders.pseudonyms import TEST_KEY, Pseudonyms

_HEAD = ("opc", "dpc", "sccp", "slr", "dlr", "protocol", "message", "code", "within")
_IDENTITIES = ("imsi", "imei", "imeisv", "tmsi")
_PLACES = ("lai", "cell", "target_cell", "cells")
_PLAIN = ("update", "follow_on", "service", "ti", "ti_flag")
_NUMBERS = ("called", "calling", "service_centre")
KEYS = ("frame", "time", *_HEAD, *_IDENTITIES, *_PLACES, *_PLAIN, *_NUMBERS, "cause", "error")
"""The keys of a row in their order; one that does not apply is absent."""

_TEST = Pseudonyms(TEST_KEY)


def row(
    message: Message,
    *,
    clear: bool = False,
    pseudonyms: Pseudonyms | None = None,
) -> dict[str, Any]:
    """The row of a message, ready for JSON.

    Args:
        message: as decoded.
        clear: identities and numbers as digits; else as pseudonyms.
        pseudonyms: the key to make them with; without, the public test key.
    """
    made = pseudonyms or _TEST
    out: dict[str, Any] = {"frame": message.frame, "time": times.to_text(message.time)}
    for key in KEYS[2:]:
        value = getattr(message, key)
        if value is not None:
            out[key] = _plain(key, value, None if clear else made)
    return out


def _plain(key: str, value: Any, pseudonyms: Pseudonyms | None) -> Any:
    if isinstance(value, PartyNumber):
        digits = pseudonyms.number(value.digits) if pseudonyms else value.digits
        return {"digits": digits, "ton": value.ton, "npi": value.npi}
    if isinstance(value, Cell | Lai):
        return msgspec.to_builtins(value)
    if isinstance(value, list):
        return [msgspec.to_builtins(cell) for cell in value]
    if pseudonyms is not None and key in _IDENTITIES:
        return _pseudonym(key, value, pseudonyms)
    return value


def _pseudonym(key: str, digits: str, pseudonyms: Pseudonyms) -> str:
    if key == "imsi":
        return pseudonyms.subscriber(digits)
    if key == "tmsi":
        return pseudonyms.temporary(digits, None)
    return pseudonyms.equipment(digits)
