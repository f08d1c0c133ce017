"""From a captured record to the SCCP messages in it: each whole, and each once.

Ethernet, cooked, raw IP ─► IPv4, IPv6 ─┬─► SCTP ─► M3UA ──────────────► SCCP
                                        │       └─► M2UA, M2PA ─► MTP3 ─► SCCP
                                        └─► TCP ──► IPA ───────────────► SCCP
link types 139, 140 (MTP2) ─► MTP3 ─► SCCP;  141 (MTP3) ─► SCCP;  142 is SCCP
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from decoders import link
from decoders.adaptation import AdaptationLayer
from decoders.errors import CaptureError
from decoders.ip import SCTP, TCP, IpLayer, Payload
from decoders.ipa import IpaLayer
from decoders.messages import Record, SccpUnit
from decoders.mtp import SERVICE_SCCP, Mtp3, mtp3
from decoders.mtp2 import Mtp2Layer
from decoders.sctp import SctpLayer
from decoders.tcp import TcpLayer
from decoders.times import SECOND
from decoders.undecoded import Ledger, Sample

_MAX_REFUSED: Final = 512
"""Captures and link types remembered as refused; more are only counted."""


class TransportConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a network's transport needs to be told, and the bounds on what is remembered of it."""

    point_code_bits: Literal[14, 24] = 14
    """Of MTP3 routing labels: 14 (ITU), 24 (Chinese national). M3UA carries them whole."""
    ipa_ports: tuple[int, ...] = (5000,)
    """TCP ports that an MSC listens on for SCCPlite."""
    max_associations: int = 4096
    """Directions of SCTP associations, of TCP connections and of MTP2 links remembered, each."""
    max_datagrams: int = 1024
    """IP datagrams of which fragments are missing, kept at once."""
    fragment_seconds: int = 30
    """How long an incomplete datagram waits, in capture time."""
    max_waiting_bytes: int = 4_194_304
    """Octets of fragments, or behind a hole, that wait for the rest: of IP, SCTP and TCP each."""
    hole_seconds: int = 2
    """How long TCP octets wait for a hole before them to close, in capture time."""
    max_samples: int = 32
    """Samples of what could not be decoded that are kept."""


class Transport:
    """Reads the records of any number of captures; keeps each capture's links apart.

    Feed the records of one capture in the order in which they stand in it; records of different
    captures may alternate.
    """

    def __init__(self, config: TransportConfig | None = None) -> None:
        self._config = config = config or TransportConfig()
        self._ledger = ledger = Ledger(config.max_samples)
        bound = config.max_associations
        waiting = config.max_waiting_bytes
        self._ip = IpLayer(ledger, config.max_datagrams, waiting, config.fragment_seconds * SECOND)
        self._sctp = SctpLayer(ledger, bound, waiting)
        self._tcp = TcpLayer(ledger, config.ipa_ports, bound, waiting, config.hole_seconds * SECOND)
        self._ipa = IpaLayer(ledger, bound)
        self._adaptation = AdaptationLayer(ledger, config.point_code_bits)
        self._mtp2 = Mtp2Layer(ledger, config.point_code_bits, bound)
        self._server_ports = frozenset(port.to_bytes(2, "big") for port in config.ipa_ports)
        self._refused: set[tuple[str, int]] = set()
        self._signalling: dict[int, Callable[[Record], list[SccpUnit]]] = {
            link.MTP2: self._mtp2_record,
            link.MTP2_PSEUDO_HEADER: self._mtp2_record,
            link.MTP3: self._mtp3_record,
            link.SCCP: self._sccp_record,
        }

    @property
    def undecoded(self) -> Counter[str]:
        """What was broken, by reason."""
        return self._ledger.undecoded

    @property
    def skipped(self) -> Counter[str]:
        """What was whole but held no new SCCP message, by kind."""
        return self._ledger.skipped

    @property
    def gaps(self) -> Counter[str]:
        """Pieces visibly missing, by link; only ever grows."""
        return self._ledger.gaps

    @property
    def samples(self) -> deque[Sample]:
        """The latest failures, header bytes only."""
        return self._ledger.samples

    @property
    def sctp(self) -> SctpLayer:
        """What reads SCTP."""
        return self._sctp

    def owes_gap(self, link_label: str) -> bool:
        """Whether a gap on this link is still to be told with its next unit."""
        return self._ledger.owes_gap(link_label)

    def feed(self, record: Record) -> list[SccpUnit]:
        """The SCCP messages that this record completes, in its own order.

        Whatever the bytes, nothing is raised: what cannot be read is counted (P4).

        Raises:
            CaptureError: nobody here reads this record's link type. Once a capture and link type;
                after that such records are counted as skipped.
        """
        network = link.NETWORKS.get(record.link_type)
        if network is not None:
            ethertype, offset = network(record.data)
            return self._packet(record, ethertype, offset)
        signalling = self._signalling.get(record.link_type)
        if signalling is not None:
            return signalling(record)
        return self._unknown_link_type(record)

    def _packet(self, record: Record, ethertype: int, offset: int) -> list[SccpUnit]:
        if ethertype == link.IPV4:
            payload = self._ip.v4(record, offset)
        elif ethertype == link.IPV6:
            payload = self._ip.v6(record, offset)
        elif ethertype == link.CUT_SHORT:
            self._ledger.fail("link header cut short", record)
            return []
        else:
            known = ethertype != link.UNKNOWN
            self._ledger.skip(f"ethertype 0x{ethertype:04x}" if known else "link protocol unknown")
            return []
        return [] if payload is None else self._transport(record, payload)

    def _transport(self, record: Record, payload: Payload) -> list[SccpUnit]:
        protocol, addresses, data, start, end = payload
        units: list[SccpUnit] = []
        if protocol == SCTP:
            for datagram in self._sctp.feed(record, addresses, data, start, end):
                msu = self._adaptation.feed(record, datagram)
                if msu is not None:
                    self._level3_user(record, datagram.link, msu, units)
        elif protocol == TCP:
            for octets in self._tcp.feed(record, addresses, data, start, end):
                from_msc = self._from_server(octets.ports)
                for sccp in self._ipa.feed(record, octets):
                    gap = self._ledger.take_gap(octets.link)
                    units.append(SccpUnit(record, octets.link, None, None, sccp, from_msc, gap))
        else:
            self._ledger.skip(f"IP protocol {protocol}")
        return units

    def _from_server(self, ports: bytes) -> bool | None:
        source, destination = (port in self._server_ports for port in (ports[:2], ports[2:]))
        return None if source == destination else source

    def _level3_user(
        self, record: Record, link_label: str, msu: Mtp3, units: list[SccpUnit]
    ) -> None:
        if msu.service != SERVICE_SCCP:
            self._ledger.skip(f"MTP3 service indicator {msu.service & 255}")
        elif not msu.user_part:
            self._ledger.fail("MTP3 user part empty", record)
        else:
            gap = self._ledger.take_gap(link_label)
            units.append(SccpUnit(record, link_label, msu.opc, msu.dpc, msu.user_part, None, gap))

    def _mtp2_record(self, record: Record) -> list[SccpUnit]:
        units: list[SccpUnit] = []
        if record.link_type == link.MTP2:
            found = self._mtp2.feed(record)
        else:
            found = self._mtp2.feed_with_pseudo_header(record)
        if found is not None:
            self._level3_user(record, found[0], found[1], units)
        return units

    def _mtp3_record(self, record: Record) -> list[SccpUnit]:
        units: list[SccpUnit] = []
        data = record.data
        msu = mtp3(data, 0, len(data), self._config.point_code_bits)
        if msu is None:
            self._ledger.fail("MTP3 label cut short", record)
        else:
            self._level3_user(record, f"{record.feed or record.source} mtp3", msu, units)
        return units

    def _sccp_record(self, record: Record) -> list[SccpUnit]:
        if not record.data:
            self._ledger.fail("SCCP record empty", record)
            return []
        return [SccpUnit(record, f"{record.feed or record.source} sccp", None, None, record.data)]

    def _unknown_link_type(self, record: Record) -> list[SccpUnit]:
        case = (record.source, record.link_type)
        if case in self._refused or len(self._refused) >= _MAX_REFUSED:
            self._ledger.skip(f"link type {record.link_type}")
            return []
        self._refused.add(case)
        raise CaptureError(
            f"link type {record.link_type} is not one that can be read",
            file=record.source,
            key=f"frame {record.frame}",
            remedy="capture on Ethernet, Linux cooked, raw IP, MTP2, MTP3 or SCCP",
        )
