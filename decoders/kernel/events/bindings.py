"""The table of TMSIs that compiled correlation keeps, as `identity.Bindings` to everybody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from decoders.elements import plmn
from decoders.identity import KEPT_VERSION, Kept, Pool, taken_up
from decoders.kernel.columns import plmn_octets
from decoders.kernel.compiled import entry, memory
from decoders.kernel.events import follow, layout
from decoders.kernel.events.areas import (
    LINKS_AT,
    S_COUNT,
    S_VLR,
    VLRS_OF_AN_AREA,
    bind,
    vlr_of,
)
from decoders.kernel.events.layout import GIVER, M_KEY, SERVED, VLR
from decoders.kernel.events.memory import add_one
from decoders.kernel.events.store import Store
from decoders.kernel.events.tmsis import NEEDED, Tmsis
from decoders.kernel.machine import Int
from decoders.messages import Lai


class KernelBindings:
    """Which IMSI a TMSI stands for, and which VLRs serve which location areas.

    Attributes:
        pool: how MSCs share their TMSIs out.
    """

    def __init__(
        self, store: Store, limit: int, links: dict[str, int], link: Callable[[str], int]
    ) -> None:
        """Takes the memory of correlation, how many TMSIs to remember, and the names of links."""
        self._store = store
        self._tmsis = Tmsis(limit)
        self._links = links
        self._link = link
        self.pool = Pool()

    def __len__(self) -> int:
        return len(self._tmsis)

    @property
    def words(self) -> NDArray[np.int64]:
        """The memory of the table of TMSIs."""
        return self._tmsis.words

    @property
    def counts(self) -> Counter[str]:
        """``bound`` ``contradicted`` ``unbound`` ``evicted``."""
        words = self._store.words
        return Counter(
            {
                "bound": int(words[layout.BOUND]),
                "contradicted": int(words[layout.CONTRADICTED]),
                "unbound": int(words[layout.UNBOUND]),
                "evicted": self._tmsis.evicted,
            }
        )

    def ensure(self, more: int) -> None:
        """There is room for so many more."""
        self._tmsis.ensure(more)

    def set_pool(self, pool: Pool) -> None:
        """How MSCs share their TMSIs out."""
        self.pool = pool
        self._store.words[layout.POOL_BITS] = pool.bits
        begin = int(self._store.described(GIVER)[layout.BASE])
        for identifier, vlr in pool.vlrs.items():
            if 0 <= identifier < 1 << pool.bits:
                number = follow.vlr_met(self._store.words, self._code(vlr))
                self._store.words[begin + identifier] = number + 1

    def bind(self, vlr: str, tmsi: str, imsi: str) -> None:
        """`tmsi` (eight hexadecimal digits) stands for `imsi` from here on."""
        self._tmsis.ensure(NEEDED)
        follow.bind_one(
            self._store.words, self.words, self._code(vlr), int(tmsi, 16), int("1" + imsi)
        )

    def bind_all(self, vlr: str, tmsis: NDArray[np.int64], imsis: NDArray[np.int64]) -> None:
        """`bind` for many: TMSIs as numbers, and IMSIs as numbers of their digits behind a 1."""
        self._tmsis.ensure(len(tmsis) + NEEDED)
        _bind_all(self._store.words, self.words, self._code(vlr), tmsis, imsis)

    def dump(self) -> bytes:
        """As `Bindings.dump`, which can take it up. Clear IMSIs: who keeps them seals them (P6)."""
        names = [self._name(int(record[M_KEY])) for record in self._store.ordered(VLR)]
        areas = []
        for record in self._store.ordered(SERVED):
            mcc, mnc = plmn(int(record[M_KEY] >> 20).to_bytes(3, "big"))
            vlrs = record[S_VLR : S_VLR + int(record[S_COUNT])].tolist()
            area = Lai(mcc, mnc, int(record[M_KEY]) & 0xFFFFF)
            areas.append((area, tuple(names[number] for number in vlrs)))
        return msgspec.msgpack.encode(Kept(KEPT_VERSION, names, self._tmsis.dump(), areas))

    def restore(self, data: bytes) -> None:
        """Take up what `dump` or `Bindings.dump` gave; raises XinlingError where it is neither."""
        with taken_up(data) as kept:
            self._tmsis.restore(kept.imsis)
            self._restore_vlrs(kept)

    def _restore_vlrs(self, kept: Kept) -> None:
        """VLRs get the numbers that they had."""
        self._store.clear(VLR)
        self._store.clear(SERVED)
        for name in kept.vlrs:
            follow.vlr_met(self._store.words, self._code(name))
        for area, vlrs in kept.areas:
            key = plmn_octets(area) << 20 | area.lac
            at = add_one(self._store.words, SERVED, key)
            words = self._store.words
            for place, name in enumerate(vlrs[:VLRS_OF_AN_AREA]):
                words[at + S_VLR + place] = follow.vlr_met(words, self._code(name))
                words[at + S_COUNT] = place + 1
        self.set_pool(self.pool)

    def _code(self, vlr: str) -> int:
        return int(vlr) if vlr.isdecimal() else LINKS_AT + self._link(vlr)

    def _name(self, code: int) -> str:
        return str(code) if code < LINKS_AT else list(self._links)[code - LINKS_AT]


@entry
def _bind_all(words: Any, table: Any, code: Int, tmsis: Any, imsis: Any) -> None:
    s, t = memory(words), memory(table)
    vlr = vlr_of(s, code)
    for index in range(tmsis.size):
        bind(s, t, vlr, tmsis[index], imsis[index])
