"""Which IMSI a TMSI stands for, learned from what passes, TS 23.003 2.4, TS 24.008 4.3.1.

A binding belongs to the VLR that gave the TMSI, which is found by the location area in which the
phone says that it got it; a VLR is named by its MSC (point code, or the link where there is none).
While a reallocation is not confirmed the old and the new TMSI both stand. Bounded: the binding
that was not used for longest goes first, and is counted.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

import msgspec

from decoders.errors import XinlingError
from decoders.messages import Lai

_AREAS = 65_536
_VLRS_OF_AN_AREA = 8
_VERSION = 1

Binding = tuple[str, str]
"""(VLR, TMSI)."""


class Pool(msgspec.Struct, frozen=True):
    """How the MSCs of a pool share their TMSIs out, TS 23.236 4.1: by network resource identifier.

    The identifier lies in the TMSI from bit 23 downwards. Nothing on the A-interface tells how long
    it is, so it is configured; without it pools are told apart by what was seen alone.
    """

    bits: int = 0
    """Length of the identifiers, 0 to 10; 0 where there is no pool."""
    vlrs: dict[int, str] = {}
    """Identifier → VLR, which is named by its MSC's point code."""

    def giver(self, tmsi: str) -> str | None:
        """The VLR that gave `tmsi` (eight hexadecimal digits); None where none is configured."""
        if not self.bits:
            return None
        return self.vlrs.get(int(tmsi, 16) >> (24 - self.bits) & ((1 << self.bits) - 1))


class _Kept(msgspec.Struct, array_like=True):
    """A table as it survives a restart, the binding that was not used for longest first."""

    version: int
    imsis: list[tuple[str, str, str]]
    areas: list[tuple[Lai, tuple[str, ...]]]


class Bindings:
    """The table of TMSIs, and which VLRs serve which location areas."""

    def __init__(self, limit: int = 16_000_000, pool: Pool | None = None) -> None:
        self._limit = limit
        self._pool = pool or Pool()
        self._imsis: OrderedDict[Binding, str] = OrderedDict()
        self._of: dict[str, tuple[Binding, ...]] = {}
        self._vlrs: OrderedDict[Lai, tuple[str, ...]] = OrderedDict()
        self.counts: Counter[str] = Counter()
        """``bound`` ``contradicted`` ``unbound`` ``evicted``."""

    def __len__(self) -> int:
        return len(self._imsis)

    def dump(self) -> bytes:
        """The table as bytes, to be kept with the position that ingest has reached.

        They bear clear IMSIs: who keeps them seals them (P6).
        """
        imsis = [(vlr, tmsi, imsi) for (vlr, tmsi), imsi in self._imsis.items()]
        return msgspec.msgpack.encode(_Kept(_VERSION, imsis, list(self._vlrs.items())))

    def restore(self, data: bytes) -> None:
        """Take up what `dump` gave; raises XinlingError where it is no such table."""
        try:
            kept = msgspec.msgpack.decode(data, type=_Kept)
        except (msgspec.ValidationError, msgspec.DecodeError):
            kept = None
        if kept is None or kept.version != _VERSION:
            raise XinlingError(
                "this is no table of TMSI bindings of this version",
                remedy="start without it; bindings are learned again as subscribers update",
            )
        for area, vlrs in kept.areas:
            for vlr in vlrs:
                self.serve(area, vlr)
        for vlr, tmsi, imsi in kept.imsis:
            self.bind(vlr, tmsi, imsi)

    def serve(self, area: Lai, vlr: str) -> None:
        """`vlr` was seen to serve `area`; in a pool several do."""
        known = self._vlrs.get(area, ())
        if vlr in known or len(known) >= _VLRS_OF_AN_AREA:
            return
        self._vlrs[area] = (*known, vlr)
        if len(self._vlrs) > _AREAS:
            self._vlrs.popitem(last=False)

    def serving(self, area: Lai) -> tuple[str, ...]:
        """The VLRs seen to serve `area`."""
        return self._vlrs.get(area, ())

    def giver(self, tmsi: str, area: Lai) -> str | None:
        """The VLR that gave a TMSI which a phone got in `area`; None where nothing tells.

        An identifier means an MSC in its own pool only, so it must be one that serves the area.
        """
        known = self.serving(area)
        by_identifier = self._pool.giver(tmsi)
        if by_identifier in known:
            return by_identifier
        return known[0] if len(known) == 1 else None

    def find(self, tmsi: str, area: Lai | None, vlr: str | None) -> str | None:
        """IMSI of a TMSI that a phone says it got in `area`, to the MSC of `vlr`.

        None where nothing was learned, where the area's VLR was never seen, or where two VLRs of
        the area's pool gave this TMSI to two subscribers and neither is the one spoken to.
        """
        known = self.serving(area) if area is not None else ()
        if area is not None and not known:
            return None
        giver = self._pool.giver(tmsi)
        if giver is not None and giver in (known or (vlr,)):
            return self._imsis.get((giver, tmsi))
        if vlr is not None and (area is None or vlr in known):
            imsi = self._imsis.get((vlr, tmsi))
            if imsi is not None:
                return imsi
        imsis = {imsi for one in known if (imsi := self._imsis.get((one, tmsi))) is not None}
        return imsis.pop() if len(imsis) == 1 else None

    def bind(self, vlr: str, tmsi: str, imsi: str) -> None:
        """`tmsi` stands for `imsi` from here on, beside a TMSI that `imsi` has already."""
        binding = (vlr, tmsi)
        before = self._imsis.get(binding)
        if before == imsi:
            self._imsis.move_to_end(binding)
            return
        if before is not None:
            self.counts["contradicted"] += 1
            self._drop(binding)
        held = self._of.get(imsi, ())
        if len(held) > 1:
            self._drop(held[0])
        self.counts["bound"] += 1
        self._imsis[binding] = imsi
        self._of[imsi] = (*self._of.get(imsi, ()), binding)
        while len(self._imsis) > self._limit:
            self.counts["evicted"] += 1
            self._drop(next(iter(self._imsis)))

    def confirm(self, vlr: str, tmsi: str, imsi: str) -> None:
        """The phone uses `tmsi`: its other TMSIs no longer stand."""
        self.bind(vlr, tmsi, imsi)
        for binding in self._of.get(imsi, ()):
            if binding != (vlr, tmsi):
                self._drop(binding)

    def forget(self, imsi: str) -> None:
        """The VLR took the TMSI away (an ACCEPT with the IMSI, TS 24.008 4.4.4.6)."""
        for binding in self._of.get(imsi, ()):
            self._drop(binding)

    def _drop(self, binding: Binding) -> None:
        imsi = self._imsis.pop(binding, None)
        if imsi is None:
            return
        self.counts["unbound"] += 1
        rest = tuple(one for one in self._of.get(imsi, ()) if one != binding)
        if rest:
            self._of[imsi] = rest
        else:
            self._of.pop(imsi, None)
