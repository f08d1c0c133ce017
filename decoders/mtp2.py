"""MTP2 links as a bystander sees them: each message signal unit once (ITU-T Q.703 5 and 6).

A unit repeated by the basic method or by preventive cyclic retransmission bears the forward
sequence number (FSN) and the octets of one that passed shortly before. A link whose FSN never moves
(captures made by programs) has no sequence, and nothing on it is taken for a repetition.

Link type 139 says which link and direction a unit belongs to, so that missing FSNs show. Type 140
does not: there only units of one routing label are compared, and nothing can be missed.
"""

from __future__ import annotations

from typing import Final

from decoders.messages import Record
from decoders.mtp import Mtp3, SignalUnit, mtp3, signal_unit
from decoders.undecoded import Ledger

_PSEUDO_HEADER: Final = 4
_REMEMBERED: Final = 64
"""Units that may be repeated: Q.703 6.2.4 lets at most 127 wait for an acknowledgement, and a
repetition follows within a few."""
_FILL_OR_STATUS: Final = 2
_FCS: Final = 2

_Key = tuple[str, object, object]


class _Sequence:
    """One direction of a signalling link, or as much of it as one routing label shows."""

    __slots__ = ("last", "moves", "recent")

    def __init__(self) -> None:
        self.last: int | None = None
        self.moves = False
        self.recent: dict[int, bytes] = {}

    def accept(self, fsn: int, unit: bytes, modulus: int) -> tuple[bool, int]:
        """Whether the unit is new, and how many FSNs are missing before it."""
        step = 1 if self.last is None else (fsn - self.last) % modulus
        self.moves = self.moves or (step != 0 and self.last is not None)
        if self.moves and self.recent.get(fsn) == unit:
            return False, 0
        self.recent.pop(fsn, None)
        self.recent[fsn] = unit
        if len(self.recent) > _REMEMBERED:
            del self.recent[next(iter(self.recent))]
        if step < modulus // 2:
            self.last = fsn
            return True, max(0, step - 1)
        return True, 0


class Mtp2Layer:
    """Takes MTP2 records, gives level 3 messages with the name of their link.

    Args:
        ledger: where failures and gaps are counted.
        point_code_bits: 14 or 24.
        max_links: directions remembered; the first met makes room.
    """

    def __init__(self, ledger: Ledger, point_code_bits: int, max_links: int) -> None:
        self._ledger = ledger
        self._point_code_bits = point_code_bits
        self._max_links = max_links
        self._sequences: dict[_Key, _Sequence] = {}
        self._trailers: dict[str, int] = {}

    def feed(self, record: Record) -> tuple[str, Mtp3] | None:
        """A record of link type 140."""
        return self._unit(record, 0, f"{record.feed or record.source} mtp2", None, extended=False)

    def feed_with_pseudo_header(self, record: Record) -> tuple[str, Mtp3] | None:
        """A record of link type 139: sent, annex A used, link number (2), then the unit."""
        head = record.data[:_PSEUDO_HEADER]
        if len(head) < _PSEUDO_HEADER:
            self._ledger.fail("MTP2 pseudo header cut short", record)
            return None
        number = int.from_bytes(head[2:], "big")
        key = (record.feed or record.source, number, head[0])
        link = f"{record.feed or record.source} mtp2 {number}"
        return self._unit(record, _PSEUDO_HEADER, link, key, extended=head[1] == 1)

    def _unit(
        self, record: Record, start: int, link: str, key: _Key | None, *, extended: bool
    ) -> tuple[str, Mtp3] | None:
        data = record.data
        unit = signal_unit(data, start, extended=extended)
        if unit is None:
            self._ledger.fail("MTP2 signal unit cut short", record)
            return None
        if unit.length <= _FILL_OR_STATUS:
            self._ledger.skip("MTP2 fill-in or link status unit")
            if unit.length and key is not None:
                self._sequences.pop(key, None)  # alignment: numbers start again, Q.703 7
            return None
        end = self._end(record, unit)
        message = None if end is None else mtp3(data, unit.start, end, self._point_code_bits)
        if end is None or message is None:
            self._ledger.fail("MTP2 signal unit cut short", record)
            return None
        label = (record.feed or record.source, (message.opc, message.dpc), message.sls)
        sequence = self._sequence(key or label)
        modulus = 4096 if extended else 128
        new, missing = sequence.accept(unit.fsn, data[unit.start : end], modulus)
        if not new:
            self._ledger.skip("MTP2 signal unit seen before")
            return None
        if missing and key is not None:
            self._ledger.gap(link, missing)
        return link, message

    def _end(self, record: Record, unit: SignalUnit) -> int | None:
        """Where the unit ends; a check sequence behind it is known from shorter units."""
        size = len(record.data)
        if unit.open_ended:
            return max(unit.start, size - self._trailers.get(record.feed or record.source, 0))
        if unit.end > size:
            return None
        self._trailers[record.feed or record.source] = _FCS if size - unit.end == _FCS else 0
        return unit.end

    def _sequence(self, key: _Key) -> _Sequence:
        sequence = self._sequences.get(key)
        if sequence is None:
            if len(self._sequences) >= self._max_links:
                del self._sequences[next(iter(self._sequences))]
            sequence = self._sequences[key] = _Sequence()
        return sequence
