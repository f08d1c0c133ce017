"""From captured records to messages: transport, SCCP, BSSAP, BSSMAP and layer 3 in one `Decoder`.

No byte sequence makes it raise; what could be read in part is a `Message` with its ``error``, what
could not be read at all is counted in `Decoder.undecoded` (P4).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

import msgspec

from decoders import bssap, bssmap, dtap, sccp
from decoders.bssap import Bssap
from decoders.errors import DecodeError
from decoders.messages import Element, Message, Record, SccpUnit
from decoders.reading import Reading
from decoders.samples import harmless
from decoders.sccp import Sccp
from decoders.segments import Segments
from decoders.transport import Transport, TransportConfig
from decoders.undecoded import Ledger, Sample

DATA_FORMS = frozenset({0x06, 0x07})
CONNECTION_REQUEST, CONNECTION_CONFIRM = 0x01, 0x02
RELEASED, RELEASE_COMPLETE, REFUSED = 0x04, 0x05, 0x03
CONNECTIONLESS = frozenset({0x09, 0x0A, 0x11, 0x12, 0x13, 0x14})


class DecoderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to decode, and the bounds on what is remembered."""

    transport: TransportConfig = TransportConfig()
    elements: bool = False
    """Whether messages bear their trees (``xinling dissect``)."""
    max_segmented: int = 4096
    """SCCP messages of which parts are missing, kept at once."""
    max_segmented_octets: int = 16_384
    """Octets of one SCCP message in parts."""
    max_foreign: int = 65_536
    """Connections remembered that carry another subsystem than BSSAP."""
    max_pairs: int = 4096
    """Pairs of point codes of which it is remembered which end is the MSC."""
    max_samples: int = 32
    """Samples of what could not be decoded that are kept."""


class _Place(NamedTuple):
    """What all messages of an SCCP message have in common."""

    unit: SccpUnit
    sccp: Sccp
    from_msc: bool | None


class Decoder:
    """Decodes the records of any number of captures; keeps their links apart.

    Feed the records of one capture in the order in which they stand in it; records of different
    captures may alternate.

    Attributes:
        transport: what reads the carriers.
    """

    def __init__(self, config: DecoderConfig | None = None) -> None:
        self.config = config or DecoderConfig()
        self.transport = Transport(self.config.transport)
        self._ledger = Ledger(self.config.max_samples)
        self._segments = Segments(self.config.max_segmented, self.config.max_segmented_octets)
        self._foreign: OrderedDict[Hashable, None] = OrderedDict()
        self._pairs: OrderedDict[Hashable, bool] = OrderedDict()
        self._point_code_octets = 3 if self.config.transport.point_code_bits == 24 else 2

    @property
    def undecoded(self) -> Counter[str]:
        """What was broken, by reason: carriers, SCCP, BSSAP, messages."""
        return self.transport.undecoded + self._ledger.undecoded + self._segments.dropped

    @property
    def skipped(self) -> Counter[str]:
        """What was whole but no A-interface message, by kind."""
        return self.transport.skipped + self._ledger.skipped

    @property
    def gaps(self) -> Counter[str]:
        """Pieces visibly missing, by link."""
        return self.transport.gaps

    @property
    def samples(self) -> list[Sample]:
        """The latest failures; no identity digits and no text."""
        return [*self.transport.samples, *self._ledger.samples]

    def feed(self, record: Record) -> list[Message]:
        """The messages that this record completes, in its own order.

        Raises:
            CaptureError: nobody here reads this record's link type, see `Transport.feed`.
        """
        messages: list[Message] = []
        for unit in self.transport.feed(record):
            messages += self.unit(unit)
        return messages

    def unit(self, unit: SccpUnit) -> list[Message]:
        """The messages of one SCCP message; never raises."""
        parsed = sccp.parse(
            unit.data,
            point_code_octets=self._point_code_octets,
            elements=self.config.elements,
        )
        if parsed.error is not None and parsed.data is None:
            self._ledger.fail(parsed.error, unit.record, unit.data[:1])
        place = _Place(unit, parsed, self._from_msc(unit))
        if self._is_foreign(place):
            self._ledger.skip("SCCP of another subsystem than BSSAP")
            return []
        self._follow(place)
        if parsed.data is None:
            return [] if parsed.code in CONNECTIONLESS else [self._sccp_row(place)]
        data = self._whole(place)
        return [] if data is None else self._user_data(place, data)

    def _user_data(self, place: _Place, data: bytes) -> list[Message]:
        try:
            part = bssap.split(data)
        except DecodeError as error:
            self._ledger.fail(error.reason, place.unit.record, data[:1])
            if place.sccp.code in CONNECTIONLESS or place.sccp.code in DATA_FORMS:
                return []
            return [self._sccp_row(place, error.reason)]
        is_bssmap = part.dlci is None
        messages = self._bssmap(place, part) if is_bssmap else [self._layer3(place, part)]
        self._envelope(place, data, messages[0])
        return messages

    def _bssmap(self, place: _Place, part: Bssap) -> list[Message]:
        read = bssmap.read(part.data, elements=self.config.elements)
        if read.from_bss is not None:
            place = place._replace(from_msc=self._learn(place.unit, from_msc=not read.from_bss))
        message = self._message(place, "BSSMAP", read.name, read.code, read.reading)
        message.raw = part.data
        self._fail(message, place, part.error)
        if message.layer3 is None:
            return [message]
        if len(message.layer3) < dtap.SHORTEST:
            self._fail(message, place, "layer 3 shorter than its header")
            return [message]
        inner = self._layer3(place, Bssap(None, message.layer3, None))
        inner.within = read.name
        return [message, inner]

    def _layer3(self, place: _Place, part: Bssap) -> Message:
        read = dtap.read(part.data, elements=self.config.elements)
        message = self._message(place, read.protocol, read.name, read.code, read.reading)
        message.raw = part.data
        message.from_mobile = read.from_mobile
        if read.from_mobile is None and place.from_msc is not None and part.dlci is not None:
            message.from_mobile = not place.from_msc
        self._fail(message, place, part.error)
        return message

    def _message(
        self, place: _Place, protocol: str, name: str, code: int, reading: Reading
    ) -> Message:
        return Message(
            protocol=protocol,
            message=name,
            code=code,
            error=reading.error,
            elements=reading.elements,
            **_common(place),
            **reading.fields,
        )

    def _fail(self, message: Message, place: _Place, error: str | None) -> None:
        """Counts a message that was read in part, and keeps what is harmless of it."""
        message.error = message.error or error or place.sccp.error
        if message.error is not None:
            reason = f"{message.protocol} {message.message}: {message.error}"
            self._ledger.fail(reason, place.unit.record, harmless(message))

    def _sccp_row(self, place: _Place, error: str | None = None) -> Message:
        parsed = place.sccp
        return Message(
            protocol="SCCP",
            message=parsed.name,
            code=parsed.code,
            raw=place.unit.data,
            error=parsed.error or error,
            elements=parsed.elements,
            **_common(place),
        )

    def _envelope(self, place: _Place, data: bytes, message: Message) -> None:
        if not self.config.elements:
            return
        header: list[Element] = list(place.sccp.elements or ())
        at = place.sccp.data_at
        for element in bssap.elements(data):
            element.offset += at
            header.append(element)
        message.envelope = header

    def _from_msc(self, unit: SccpUnit) -> bool | None:
        if unit.from_msc is not None or unit.opc is None:
            return unit.from_msc
        return self._pairs.get((unit.opc, unit.dpc))

    def _learn(self, unit: SccpUnit, *, from_msc: bool) -> bool:
        """A message that only one side may send tells which of two point codes is the MSC."""
        if unit.opc is not None and self._pairs.get((unit.opc, unit.dpc)) is not from_msc:
            _remember(self._pairs, (unit.opc, unit.dpc), from_msc, self.config.max_pairs)
            _remember(self._pairs, (unit.dpc, unit.opc), not from_msc, self.config.max_pairs)
        return from_msc

    def _is_foreign(self, place: _Place) -> bool:
        """Whether it belongs to another SCCP user; remembers the connections that do."""
        unit, parsed, _ = place
        foreign = _other_subsystem(parsed)
        if parsed.code in CONNECTIONLESS:
            return foreign
        if parsed.code == CONNECTION_REQUEST:
            self._mark(_mine(unit, parsed.slr), foreign=foreign)
            return foreign
        if not foreign and not self._foreign:
            return False
        foreign = foreign or _theirs(unit, parsed.dlr) in self._foreign
        if foreign and parsed.code == CONNECTION_CONFIRM:
            self._mark(_mine(unit, parsed.slr), foreign=True)
        if foreign and parsed.code in {RELEASE_COMPLETE, REFUSED}:
            self._mark(_theirs(unit, parsed.dlr), foreign=False)
            self._mark(_mine(unit, parsed.slr), foreign=False)
        return foreign

    def _mark(self, key: Hashable, *, foreign: bool) -> None:
        if foreign:
            _remember(self._foreign, key, None, self.config.max_foreign)
        else:
            self._foreign.pop(key, None)

    def _follow(self, place: _Place) -> None:
        """Parts that wait for a connection which begins, ends or has a gap are given up."""
        unit, parsed, _ = place
        if parsed.code in {CONNECTION_CONFIRM, RELEASED, RELEASE_COMPLETE, REFUSED} or unit.gap:
            self._segments.forget(_direction(unit, parsed.dlr))

    def _whole(self, place: _Place) -> bytes | None:
        unit, parsed, _ = place
        data = parsed.data or b""
        if parsed.code in DATA_FORMS:
            return self._segments.data_form(_direction(unit, parsed.dlr), data, more=parsed.more)
        segment = parsed.segment
        if segment is None or (segment.first and not segment.remaining):
            return data
        key = (unit.link, unit.opc, unit.dpc, parsed.calling, segment.reference)
        return self._segments.unitdata(key, data, segment)


def _common(place: _Place) -> dict[str, Any]:
    unit, parsed, from_msc = place
    return {
        "frame": unit.record.frame,
        "time": unit.record.time,
        "opc": unit.opc,
        "dpc": unit.dpc,
        "sccp": parsed.short,
        "slr": parsed.slr,
        "dlr": parsed.dlr,
        "source": unit.record.source,
        "link": unit.link,
        "from_msc": from_msc,
        "gap": unit.gap,
    }


def _other_subsystem(parsed: Sccp) -> bool:
    """Whether its addresses name subsystems and none of them is BSSAP."""
    parties = (parsed.called, parsed.calling)
    named = {party.subsystem for party in parties if party is not None and party.subsystem}
    return bool(named) and bssap.SUBSYSTEM not in named


def _mine(unit: SccpUnit, reference: int | None) -> Hashable:
    """A reference that the sender of this unit gave."""
    return (unit.link if unit.opc is None else unit.opc, reference)


def _theirs(unit: SccpUnit, reference: int | None) -> Hashable:
    """A reference that the receiver of this unit gave."""
    return (unit.link if unit.dpc is None else unit.dpc, reference)


def _direction(unit: SccpUnit, reference: int | None) -> Hashable:
    """One direction of one connection."""
    return (unit.link, unit.opc, unit.dpc, reference)


def _remember(table: OrderedDict[Hashable, Any], key: Hashable, value: object, most: int) -> None:
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)
