"""Which subscriber a phone was last seen with: its IMEISV tells who it is where a TMSI does not.

Without COMMON ID one lost frame costs a TMSI's binding. Where the MSC asks for the IMEISV when it
ciphers (TS 24.008 10.5.2.10), the phone may still tell. A phone is no subscriber, so it is believed
only where nothing speaks against it: it was seen with one subscriber alone (copied IMEIs exist, and
so do phones with two SIMs in turn), it was not switched off since, and it comes from the location
area in which it was left. Bounded: the phone that was not met for longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from decoders.messages import Lai


class _Kept(NamedTuple):
    imsi: str | None
    """None: seen with several."""
    area: Lai | None


class Phones:
    """The table of phones.

    Attributes:
        limit: how many it remembers; with 0 it knows nothing, and nobody need ask.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._of: dict[str, str] = {}
        """IMSI → the phone it was last seen with, where that is nobody else's."""

    def met(self, phone: str, imsi: str, area: Lai | None) -> None:
        """`phone` (its IMEI or IMEISV) is that of `imsi`, and now registered in `area`."""
        if not self.limit:
            return
        before = self._kept.pop(phone, None)
        if before is not None and before.imsi != imsi:
            self._kept[phone] = _Kept(None, None)
            self._of.pop(imsi, None)
            self._forget(before.imsi, phone)
        else:
            self._kept[phone] = _Kept(imsi, area)
            self._of[imsi] = phone
        if len(self._kept) > self.limit:
            gone, kept = self._kept.popitem(last=False)
            self._forget(kept.imsi, gone)

    def _forget(self, imsi: str | None, phone: str) -> None:
        """`phone` is no longer the one that a subscriber was last seen with."""
        if imsi is not None and self._of.get(imsi) == phone:
            del self._of[imsi]

    def switched_off(self, imsi: str) -> None:
        """The SIM may be in another phone when it comes back, and another in this one."""
        phone = self._of.pop(imsi, None)
        if phone is not None and phone in self._kept and self._kept[phone].imsi is not None:
            del self._kept[phone]

    def owner(self, phone: str, area: Lai | None) -> str | None:
        """IMSI of who has `phone`, which says that it was left in `area`; None where unsure.

        Without `area` (the dialogue's beginning was not seen) nothing speaks against it.
        """
        kept = self._kept.get(phone)
        if kept is None or (area is not None and area != kept.area):
            return None
        return kept.imsi
