"""SCCP reassembly: DT1 and DT2 by more-data, XUDT and LUDT by their segmentation parameter.

Q.714 3.5 (connection-oriented) and 4.1.1.2.2 (connectionless). Everything that waits is bounded, in
messages and in octets; what is dropped is counted by reason.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from decoders.sccp import Segment

LOST = "SCCP segment lost"
EVICTED = "SCCP segments evicted"
TOO_LONG = "SCCP segments longer than allowed"


class _Waiting(NamedTuple):
    data: bytes
    remaining: int
    """Segments still to come; -1 where only the more-data bit tells."""


class Segments:
    """User data of which parts are still to come, by link, direction and reference.

    Attributes:
        dropped: what was given up, by reason.
    """

    def __init__(self, max_waiting: int, max_octets: int) -> None:
        self.dropped: Counter[str] = Counter()
        self._max_waiting = max_waiting
        self._max_octets = max_octets
        self._waiting: OrderedDict[Hashable, _Waiting] = OrderedDict()

    def __len__(self) -> int:
        """How many messages wait for the rest."""
        return len(self._waiting)

    def waiting(self) -> Iterable[Hashable]:
        """The keys of what waits."""
        return self._waiting.keys()

    def data_form(self, key: Hashable, data: bytes, *, more: bool) -> bytes | None:
        """The whole user data with this part, or None while more is to come."""
        before = self._waiting.pop(key, None) if self._waiting else None
        whole = data if before is None else before.data + data
        if not more:
            return whole
        self._keep(key, _Waiting(whole, -1))
        return None

    def unitdata(self, key: Hashable, data: bytes, segment: Segment) -> bytes | None:
        """The whole user data with this segment; None while it waits, or when it is given up."""
        before = self._waiting.pop(key, None)
        if segment.first:
            if before is not None:
                self.dropped[LOST] += 1
            whole = data
        elif before is None or before.remaining != segment.remaining + 1:
            self.dropped[LOST] += 1
            return None
        else:
            whole = before.data + data
        if not segment.remaining:
            return whole
        self._keep(key, _Waiting(whole, segment.remaining))
        return None

    def forget(self, key: Hashable) -> None:
        """Gives up what waits under this key: its connection ended or parts of it were lost."""
        if self._waiting and self._waiting.pop(key, None) is not None:
            self.dropped[LOST] += 1

    def _keep(self, key: Hashable, waiting: _Waiting) -> None:
        if len(waiting.data) > self._max_octets:
            self.dropped[TOO_LONG] += 1
            return
        self._waiting[key] = waiting
        if len(self._waiting) > self._max_waiting:
            self._waiting.popitem(last=False)
            self.dropped[EVICTED] += 1
