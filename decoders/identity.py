"""Which IMSI a TMSI stands for, learned from what passes, TS 23.003 2.4, TS 24.008 4.3.1.

A binding belongs to the VLR that gave the TMSI, which is found by the location area in which the
phone says that it got it; a VLR is named by its MSC (point code, or the link where there is none).
While a reallocation is not confirmed the old and the new TMSI both stand. Bounded: the binding
that was not used for longest goes first, and is counted.
"""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from decoders.errors import XinlingError
from decoders.messages import Lai
from decoders.tmsi_table import TmsiTable

_AREAS = 65_536
_VLRS_OF_AN_AREA = 8
_VLRS = 65_536
_LONGEST_IMSI = 18
"""Digits that fit into 64 bits; an IMSI has at most 15."""
_PARTS = 5
KEPT_VERSION = 3


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


class Kept(msgspec.Struct, array_like=True):
    """A table as it survives a restart."""

    version: int
    vlrs: list[str]
    imsis: list[bytes]
    """`TmsiTable.dump`."""
    areas: list[tuple[Lai, tuple[str, ...]]]


@contextmanager
def taken_up(data: bytes) -> Iterator[Kept]:
    """A table as it was kept; raises XinlingError where it is none, or whoever takes it up says so.

    That is by ValueError.
    """
    try:
        kept = msgspec.msgpack.decode(data, type=Kept)
        if kept.version == KEPT_VERSION and len(kept.imsis) == _PARTS:
            yield kept
            return
    except (msgspec.DecodeError, ValueError):
        pass
    raise XinlingError(
        "this is no table of TMSI bindings of this version",
        remedy="start without it; bindings are learned again as subscribers update",
    )


class Bindings:
    """The table of TMSIs, and which VLRs serve which location areas."""

    def __init__(self, limit: int = 16_000_000, pool: Pool | None = None) -> None:
        self._pool = pool or Pool()
        self._imsis = TmsiTable(limit)
        self._numbers: dict[str, int] = {}
        """Of VLRs, in the order in which they were met."""
        self._vlrs: OrderedDict[Lai, tuple[str, ...]] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._imsis)

    @property
    def counts(self) -> Counter[str]:
        """``bound`` ``contradicted`` ``unbound`` ``evicted``."""
        self._counts["evicted"] = self._imsis.evicted
        return self._counts

    def dump(self) -> bytes:
        """The table as bytes, to be kept with the position that ingest has reached.

        They bear clear IMSIs: who keeps them seals them (P6).
        """
        areas = list(self._vlrs.items())
        kept = Kept(KEPT_VERSION, list(self._numbers), self._imsis.dump(), areas)
        return msgspec.msgpack.encode(kept)

    def restore(self, data: bytes) -> None:
        """Take up what `dump` gave; raises XinlingError where it is no such table."""
        with taken_up(data) as kept:
            self._imsis.restore(kept.imsis)
            self._numbers = {vlr: number for number, vlr in enumerate(kept.vlrs)}
            self._vlrs = OrderedDict(kept.areas)

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
            return self._imsi(giver, tmsi)
        if vlr is not None and (area is None or vlr in known):
            imsi = self._imsi(vlr, tmsi)
            if imsi is not None:
                return imsi
        imsis = {imsi for one in known if (imsi := self._imsi(one, tmsi)) is not None}
        return imsis.pop() if len(imsis) == 1 else None

    def bind(self, vlr: str, tmsi: str, imsi: str) -> None:
        """`tmsi` stands for `imsi` from here on, beside a TMSI that `imsi` has already."""
        key, value = self._key(vlr, tmsi, add=True), _value(imsi)
        if key is None or value is None:
            return
        before = self._imsis.get(key)
        if before == value:
            self._imsis.put(key, value)
            return
        if before is not None:
            self._counts["contradicted"] += 1
            self._drop(key)
        held = self._imsis.of(value)
        if len(held) > 1:
            self._drop(held[0])
        self._counts["bound"] += 1
        self._imsis.put(key, value)

    def confirm(self, vlr: str, tmsi: str, imsi: str) -> None:
        """The phone uses `tmsi`: its other TMSIs no longer stand."""
        self.bind(vlr, tmsi, imsi)
        used = self._key(vlr, tmsi)
        for key in self._of(imsi):
            if key != used:
                self._drop(key)

    def forget(self, imsi: str) -> None:
        """The VLR took the TMSI away (an ACCEPT with the IMSI, TS 24.008 4.4.4.6)."""
        for key in self._of(imsi):
            self._drop(key)

    def contradict(self) -> None:
        """A dialogue showed another IMSI than its TMSI stood for."""
        self._counts["contradicted"] += 1

    def _imsi(self, vlr: str, tmsi: str) -> str | None:
        key = self._key(vlr, tmsi)
        value = None if key is None else self._imsis.get(key)
        return None if value is None else str(value)[1:]

    def _of(self, imsi: str) -> tuple[int, ...]:
        value = _value(imsi)
        return () if value is None else self._imsis.of(value)

    def _drop(self, key: int) -> None:
        self._counts["unbound"] += self._imsis.drop(key)

    def _key(self, vlr: str, tmsi: str, *, add: bool = False) -> int | None:
        """VLR and TMSI as one integer; None for a VLR that was not met, or one too many."""
        number = self._numbers.get(vlr)
        if number is None:
            if not add or len(self._numbers) >= _VLRS:
                return None
            number = self._numbers[vlr] = len(self._numbers)
        return number << 32 | int(tmsi, 16)


def imsis_of(data: bytes) -> Iterator[str]:
    """Everybody in what `Bindings.dump` gave, some of them twice; nobody in anything else."""
    try:
        kept = msgspec.msgpack.decode(data, type=Kept)
    except msgspec.DecodeError:
        return
    for values in kept.imsis[1:_PARTS:2] if kept.version == KEPT_VERSION else ():
        numbers = array("Q")
        numbers.frombytes(values)
        yield from (str(number)[1:] for number in numbers)


def _value(imsi: str) -> int | None:
    """An IMSI as an integer that keeps its leading zeros; None where it is none."""
    if not (imsi.isascii() and imsi.isdecimal() and len(imsi) <= _LONGEST_IMSI):
        return None
    return int("1" + imsi)
