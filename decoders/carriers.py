"""What a strange capture travels over: what must be known before its messages can be read.

A first look at records under no configuration at all: which carriers there are, on which TCP ports
an MSC listens for SCCPlite, whether routing labels have point codes of 14 or of 24 bits. `survey`
then reads the messages under what this has found.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import Final, Literal

import msgspec

from decoders import link
from decoders.adaptation import protocol_of
from decoders.decoder import Decoder, DecoderConfig
from decoders.errors import CaptureError
from decoders.ip import SCTP, TCP, IpLayer, Payload
from decoders.ipa import frames
from decoders.messages import Message, Record
from decoders.sctp import SctpLayer
from decoders.times import SECOND
from decoders.transport import TransportConfig
from decoders.undecoded import Ledger

ENOUGH: Final = 2_000
"""Messages after which the width of point codes is decided."""
_MAX_CONNECTIONS: Final = 4096
_MAX_STREAMS: Final = 1024
_MAX_WAITING: Final = 1 << 20
_TCP_HEADER: Final = struct.Struct(">HHIIBB")
_SYN: Final = 2
_ACK: Final = 16
_SIGNALLING: Final = {
    link.MTP2: "MTP2",
    link.MTP2_PSEUDO_HEADER: "MTP2",
    link.MTP3: "MTP3",
    link.SCCP: "SCCP",
}
LABELLED: Final = frozenset({"MTP2", "MTP3", "M2UA", "M2PA"})
"""Carriers whose point codes stand in an MTP3 routing label, of 14 or 24 bits."""


class _Connection(msgspec.Struct):
    """A TCP connection."""

    server: int | None = None
    """The port that was called, where its beginning was seen."""
    sccp: int = 0
    """IPA frames with SCCP in them."""
    foreign: int = 0
    """Segments that are no IPA."""


class Width(msgspec.Struct):
    """How reading goes with point codes of one width."""

    read: int = 0
    broken: int = 0


class Carriers:
    """Looks at records one after another; never raises.

    Attributes:
        link_types: records by LINKTYPE_ value.
        carriers: what carries signalling, by name, with how many messages or segments.
        sctp_ports: by port, how many user messages went to it.
        widths: how reading goes with routing labels of 14 and of 24 bits.
        widest: the largest point code that M3UA named; it carries them whole.
    """

    def __init__(self) -> None:
        self.link_types: Counter[int] = Counter()
        self.carriers: Counter[str] = Counter()
        self.sctp_ports: Counter[int] = Counter()
        self.widths = {14: Width(), 24: Width()}
        self.widest = 0
        self._others = Ledger(0)
        ledger = Ledger(0)
        self._ip = IpLayer(ledger, _MAX_STREAMS, _MAX_WAITING, 30 * SECOND)
        self._sctp = SctpLayer(ledger, _MAX_STREAMS, _MAX_WAITING)
        self._connections: dict[tuple[tuple[bytes, int], ...], _Connection] = {}
        self._trials = {14: _decoder(14), 24: _decoder(24)}

    @property
    def others(self) -> Counter[str]:
        """What carries no signalling, by kind: other IP protocols, other uses of SCTP."""
        return self._others.skipped

    @property
    def ipa_ports(self) -> tuple[int, ...]:
        """TCP ports that were called and carry SCCPlite, in order."""
        found = {
            _server_port(ends, connection)
            for ends, connection in self._connections.items()
            if connection.sccp > connection.foreign
        }
        return tuple(sorted(found))

    @property
    def point_code_bits(self) -> Literal[14, 24]:
        """The width under which more is read; 14 where nothing tells."""
        if self.widest >= 1 << 14 or self._gain(24) > self._gain(14):
            return 24
        return 14

    def transport(self) -> TransportConfig:
        """How these captures are to be read."""
        bits = self.point_code_bits
        ports = self.ipa_ports
        if not ports:
            return TransportConfig(point_code_bits=bits)
        return TransportConfig(point_code_bits=bits, ipa_ports=ports)

    def feed(self, record: Record) -> None:
        """Look at a record of any capture; those of one capture in their order."""
        kind = record.link_type
        if kind in self.link_types or len(self.link_types) < _MAX_CONNECTIONS:
            self.link_types[kind] += 1
        name = _SIGNALLING.get(kind)
        if name is not None:
            self.carriers[name] += 1
            self._try(record)
            return
        network = link.NETWORKS.get(kind)
        if network is not None:
            payload = self._payload(record, *network(record.data))
            if payload is not None:
                self._transport(record, payload)

    def _payload(self, record: Record, ethertype: int, offset: int) -> Payload | None:
        if ethertype == link.IPV4:
            return self._ip.v4(record, offset)
        if ethertype == link.IPV6:
            return self._ip.v6(record, offset)
        self._others.skip("no IP")
        return None

    def _transport(self, record: Record, payload: Payload) -> None:
        protocol, addresses, data, start, end = payload
        if protocol == SCTP:
            self._sctp_packet(record, addresses, data, start, end)
        elif protocol == TCP and end - start >= 20:
            self._segment(addresses, data, start, end)
        else:
            self._others.skip(f"IP protocol {protocol}")

    def _sctp_packet(
        self, record: Record, addresses: bytes, data: bytes, start: int, end: int
    ) -> None:
        labelled = False
        for datagram in self._sctp.feed(record, addresses, data, start, end):
            name = protocol_of(datagram)
            if name is None:
                self._others.skip(f"SCTP payload protocol {datagram.protocol}")
                continue
            self.carriers[name] += 1
            labelled = True
            port = int.from_bytes(datagram.ports[2:4], "big")
            if port in self.sctp_ports or len(self.sctp_ports) < _MAX_CONNECTIONS:
                self.sctp_ports[port] += 1
        if labelled:
            self._try(record)

    def _segment(self, addresses: bytes, data: bytes, start: int, end: int) -> None:
        source, destination, _, _, offset, flags = _TCP_HEADER.unpack_from(data, start)
        half = len(addresses) // 2
        near, far = (addresses[:half], source), (addresses[half:], destination)
        ends = (near, far) if near < far else (far, near)
        connection = self._connections.get(ends)
        if connection is None:
            if len(self._connections) >= _MAX_CONNECTIONS:
                self._others.skip("TCP connections beyond those looked at")
                return
            connection = self._connections[ends] = _Connection()
        if flags & _SYN:
            connection.server = source if flags & _ACK else destination
        payload = data[start + (offset >> 4) * 4 : end]
        if payload:
            found, carrying = frames(payload)
            connection.sccp += carrying
            connection.foreign += not found
            if carrying:
                self.carriers["IPA"] += 1
            else:
                self._others.skip("IPA without SCCP" if found else "TCP")

    def _try(self, record: Record) -> None:
        if max(width.read for width in self.widths.values()) >= ENOUGH:
            return
        for bits, decoder in self._trials.items():
            try:
                messages = decoder.feed(record)
            except CaptureError:
                continue
            self._note(bits, messages)

    def _note(self, bits: int, messages: list[Message]) -> None:
        width = self.widths[bits]
        for message in messages:
            if message.error is None and message.protocol != "UNKNOWN":
                width.read += 1
            else:
                width.broken += 1
            if self.carriers.keys().isdisjoint(LABELLED):
                self.widest = max(self.widest, message.opc or 0, message.dpc or 0)

    def _gain(self, bits: int) -> int:
        width = self.widths[bits]
        return width.read - width.broken


def _decoder(bits: Literal[14, 24]) -> Decoder:
    return Decoder(DecoderConfig(transport=TransportConfig(point_code_bits=bits, max_samples=0)))


def _server_port(ends: tuple[tuple[bytes, int], ...], connection: _Connection) -> int:
    """The port that was called; where no beginning was seen, the lower of the two."""
    return connection.server or min(port for _, port in ends)
