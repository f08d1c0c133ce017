"""SCCP messages as captured frames (pcap records): in SCTP or TCP over IP, on MTP links, or alone.

Some ten thousand messages at once: headers are matrices, payloads are gathered. Messages of one way
that follow each other closely share a packet, and a packet acknowledges what came the other way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator import crc32c
from simulator.adaptation import LAYERS, SERVICE, Chunks, heads, padded
from simulator.fields import big, folded, internet_sum, little, put, rank
from simulator.messages import (
    FIRST_BSC_POINT_CODE,
    FIRST_MSC_POINT_CODE,
    Messages,
    indices,
    joined,
)
from simulator.scenario import Scenario
from simulator.templates import Octets
from simulator.world import World

Integers = npt.NDArray[np.int64]

SECOND = 1_000_000
LINK_TYPES = {"ethernet": 1, "vlan": 1, "sll": 113, "ip": 228}
LINK_TYPES |= {"mtp2-header": 139, "mtp2": 140, "mtp3": 141, "sccp": 142}
BARE = {"mtp2-header": 12, "mtp2": 8, "mtp3": 5, "sccp": 0}
"""Links without IP: octets before an SCCP message."""
_MOST_IN_A_PACKET = 4
_RECORD = 16
_IP, _SCTP, _SACK = 20, 12, 16
_IPA, _TCP = 3, 20
_IPA_PORT, _IPA_SCCP = 5000, 0xFD
_OF_SCTP, _OF_TCP = 132, 6
_SIGNAL_UNIT = 63
"""The greatest length indicator, Q.703 2.3.3."""


class Frames(NamedTuple):
    """Pcap records, sorted by file and time, and their octets one after the other."""

    time: Integers
    file: Integers
    offset: Integers
    length: Integers
    octets: npt.NDArray[np.uint8]


class Carrier:
    """Sends messages over the links of all controllers; the hours follow each other."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self._scenario = scenario
        count = len(world.bsc_city)
        self.msc = np.array([world.msc[np.flatnonzero(world.bsc == n)[0]] for n in range(count)])
        per = scenario.captures.per
        numbers = {"bsc": np.arange(count), "msc": self.msc, "all": np.zeros(count, np.int64)}
        self.file_of = numbers[per].astype(np.int64)
        rng = np.random.default_rng([scenario.seed, 7])
        self._tsn = rng.integers(1, 2**31, 2 * count)
        self._acknowledged = self._tsn[np.arange(2 * count) ^ 1] - 1
        self._tag = rng.integers(1, 2**32, 2 * count)
        self._skew = (rng.uniform(-0.5, 0.5, count) * scenario.faults.skew * SECOND).astype(
            np.int64
        )

    @property
    def ahead(self) -> int:
        """Microseconds by which a message may seem to pass before it did: clocks are slow."""
        return int(max(0, -self._skew.min(initial=0)))

    def seen(self, messages: Messages) -> Integers:
        """When the probes say that messages passed: their clocks may differ."""
        return messages.time + self._skew[messages.bsc]

    def carry(self, messages: Messages, number: int) -> Frames:
        """The frames of some messages, which follow those before, after the scenario's faults.

        `number` tells one call from the others. A few ten thousand messages are best: what is
        handled then stays in the processor's cache.
        """
        rng = np.random.default_rng([self._scenario.seed, 8, number])
        if self._scenario.faults.unknown:
            messages = joined([messages, _unknown(messages, self._scenario.faults.unknown, rng)])
        way = messages.bsc * 2 + ~messages.up
        order = np.lexsort((messages.time, way))
        messages, way = messages.taken(order), way[order]
        link = self._scenario.captures.link
        if link in BARE:
            frames = self._bare(messages, way)
        elif self._scenario.captures.carrier == "sccplite":
            frames = self._segments(messages, way)
        else:
            frames = self._packets(messages, way)
        return self._faulty(frames, rng)

    def _bare(self, messages: Messages, way: Integers) -> _Drawn:
        """One message a frame, with its MTP headers or without."""
        bsc, width = messages.bsc, BARE[self._scenario.captures.link]
        length = _RECORD + width + messages.length
        time = messages.time + self._skew[bsc]
        place, offset = self._placed(time, bsc, length)
        octets = np.zeros(int(length.sum()), np.uint8)
        put(octets, offset, _record(time, length - _RECORD))
        if width:
            put(octets, offset + _RECORD, self._mtp(messages, way, width))
        _copy(octets, offset + _RECORD + width, messages)
        return _Drawn(time, bsc, offset, length, octets, place)

    def _mtp(self, messages: Messages, way: Integers, width: int) -> Octets:
        """MTP3's header, MTP2's before it, and the pseudo header of link type 139."""
        number = self._tsn[way] + rank(way)
        seen, _ = self._acknowledge(messages.time, way, messages.time, way)
        np.add.at(self._tsn, way, 1)
        head = np.zeros((len(way), 12), np.uint8)
        head[:, 0] = ~messages.up
        head[:, 2:4] = big(messages.bsc, 2)
        head[:, 4], head[:, 5] = seen & 0x7F, number & 0x7F
        head[:, 6] = np.minimum(5 + messages.length, _SIGNAL_UNIT)
        head[:, 7] = SERVICE
        head[:, 8:] = little(self._label(messages), 4)
        return head[:, 12 - width :]

    def _label(self, messages: Messages) -> Integers:
        """Routing label, Q.704 2.2."""
        opc, dpc = self._points(messages)
        return dpc | opc << 14 | messages.sls << 28

    def _points(self, messages: Messages) -> tuple[Integers, Integers]:
        """Originating and destination point codes."""
        bsc = FIRST_BSC_POINT_CODE + messages.bsc
        msc = FIRST_MSC_POINT_CODE + self.msc[messages.bsc]
        return np.where(messages.up, bsc, msc), np.where(messages.up, msc, bsc)

    def _placed(self, time: Integers, bsc: Integers, length: Integers) -> tuple[Integers, Integers]:
        """The order of the frames in their files, and where each begins."""
        place = np.lexsort((time, self.file_of[bsc]))
        offset = np.empty(len(time), np.int64)
        offset[place] = np.cumsum(length[place]) - length[place]
        return place, offset

    def _bundled(self, messages: Messages, way: Integers) -> tuple[Integers, Integers, Integers]:
        """Which packet each message is in, and the first and last message of each packet."""
        gap = np.diff(messages.time, prepend=0) > self._scenario.captures.bundling * SECOND
        opens = gap | (rank(way) == 0)
        run = rank(np.cumsum(opens))
        opens |= run % _MOST_IN_A_PACKET == 0
        first = np.flatnonzero(opens)
        last = np.append(first[1:], len(way)) - 1 if len(way) else first
        return np.cumsum(opens) - 1, first, last

    def _packets(self, messages: Messages, way: Integers) -> _Drawn:
        """SCTP packets of up to four messages."""
        layer = LAYERS[self._scenario.captures.carrier]
        tsn = self._tsn[way] + rank(way)
        packet, first, last = self._bundled(messages, way)
        chunk = padded(layer.width + messages.length)
        sent, packet_way = messages.time[last], way[first]
        seen, sacked = self._acknowledge(sent[packet], way, sent, packet_way)
        body = np.bincount(packet, chunk, len(first)).astype(np.int64)
        sctp = _SCTP + _SACK * sacked + body
        ports = np.full((len(first), 2), layer.port, ">u2").view(np.uint8)
        common = [ports, big(self._tag[packet_way], 4), np.zeros((len(first), 4), np.uint8)]
        drawn, start = self._in_ip(sent, packet_way, sctp, _OF_SCTP)
        octets = drawn.octets
        put(octets, start, np.hstack(common))
        put(octets, (start + _SCTP)[sacked], _sack(seen[sacked]))
        before = np.cumsum(chunk) - chunk
        at = (start + _SCTP + _SACK * sacked)[packet] + before - before[first][packet]
        opc, dpc = self._points(messages)
        label, sls = self._label(messages), messages.sls
        chunks = Chunks(tsn, seen[packet], messages.bsc, label, opc, dpc, sls, messages.length)
        put(octets, at, heads(layer, chunks))
        _copy(octets, at + layer.width, messages)
        put(octets, start + 8, little(crc32c.checksums(octets, start, sctp), 4))
        np.add.at(self._tsn, way, 1)
        return drawn

    def _segments(self, messages: Messages, way: Integers) -> _Drawn:
        """TCP segments of up to four SCCP messages, each framed by IPA (SCCPlite)."""
        packet, first, last = self._bundled(messages, way)
        framed = _IPA + messages.length
        sent, packet_way = messages.time[last], way[first]
        body = np.bincount(packet, framed, len(first)).astype(np.int64)
        before = np.cumsum(body) - body
        order = np.arange(len(first))
        opening = np.maximum.accumulate(np.where(rank(packet_way) == 0, order, 0))
        number = self._tsn[packet_way] + before - before[opening]
        drawn, start = self._in_ip(sent, packet_way, _TCP + body, _OF_TCP)
        octets = drawn.octets
        head = np.zeros((len(first), _TCP), np.uint8)
        down = (packet_way % 2)[:, None] == 1
        ours, theirs = big(40_000 + packet_way // 2, 2), np.array([_IPA_PORT >> 8, _IPA_PORT & 255])
        head[:, :2], head[:, 2:4] = np.where(down, theirs, ours), np.where(down, ours, theirs)
        head[:, 4:8] = big(number & 0xFFFFFFFF, 4)
        head[:, 8:12] = big(self._received(sent, packet_way, body) & 0xFFFFFFFF, 4)
        head[:, 12:16] = (0x50, 0x18, 0x7F, 0xFF)
        put(octets, start, head)
        within = np.cumsum(framed) - framed
        at = (start + _TCP)[packet] + within - within[first][packet]
        frame = np.hstack([big(messages.length, 2), np.full((len(at), 1), _IPA_SCCP, np.uint8)])
        put(octets, at, frame)
        _copy(octets, at + _IPA, messages)
        total = internet_sum(octets, start - 8, _TCP + 8 + body) + 6 + _TCP + body
        put(octets, start + 16, big(~folded(total) & 0xFFFF, 2))
        np.add.at(self._tsn, packet_way, body)
        return drawn

    def _received(self, sent: Integers, way: Integers, body: Integers) -> Integers:
        """The octet that each segment expects next of the other way."""
        base = int(sent.min(initial=2**62))
        keys = (way << 50) + sent - base
        total = np.concatenate([[0], np.cumsum(body)])
        other = way ^ 1
        known = total[np.searchsorted(keys, (other << 50) + sent - base)]
        expected: Integers = self._tsn[other] + known - total[np.searchsorted(keys, other << 50)]
        return expected

    def _in_ip(
        self, sent: Integers, way: Integers, inner: Integers, protocol: int
    ) -> tuple[_Drawn, Integers]:
        """Frames with everything up to IP, and where in them `inner` octets are to be put."""
        prefix = _prefix(self._scenario.captures.link)
        length = _RECORD + len(prefix) + _IP + inner
        time = sent + self._skew[way // 2]
        place, offset = self._placed(time, way // 2, length)
        octets = np.zeros(int(length.sum()), np.uint8)
        head = [_record(time, length - _RECORD), np.tile(prefix, (len(way), 1))]
        put(octets, offset, np.hstack([*head, self._ip(way, inner + _IP, protocol)]))
        return _Drawn(time, way // 2, offset, length, octets, place), offset + length - inner

    def _acknowledge(
        self, time: Integers, way: Integers, sent: Integers, packet_way: Integers
    ) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """The TSN that each packet acknowledges, of what was sent before, and if it is news."""
        base = int(time.min(initial=2**62))
        keys = (way << 50) + time - base
        other = packet_way ^ 1
        known = np.searchsorted(keys, (other << 50) + sent - base)
        known -= np.searchsorted(keys, other << 50)
        seen = self._tsn[other] + known - 1
        previous = np.where(rank(packet_way) == 0, self._acknowledged[packet_way], np.roll(seen, 1))
        self._acknowledged[packet_way] = seen
        return seen, seen != previous

    def _ip(self, way: Integers, length: Integers, protocol: int) -> Octets:
        bsc, down = way // 2, way % 2
        ours = np.column_stack([np.full(len(way), 10), np.full(len(way), 1), bsc, 1 + 0 * bsc])
        theirs = np.column_stack(
            [np.full(len(way), 10), np.zeros(len(way)), self.msc[bsc], 1 + 0 * bsc]
        )
        head = np.zeros((len(way), _IP), np.uint8)
        head[:, :2], head[:, 6], head[:, 8:10] = (0x45, 0), 0x40, (64, protocol)
        head[:, 2:4] = big(length, 2)
        head[:, 4:6] = big(np.arange(len(way)), 2)
        head[:, 12:16] = np.where(down[:, None] == 1, theirs, ours)
        head[:, 16:20] = np.where(down[:, None] == 1, ours, theirs)
        total = head.view(">u2").astype(np.int64).sum(axis=1)
        total = (total & 0xFFFF) + (total >> 16)
        head[:, 10:12] = big(~((total & 0xFFFF) + (total >> 16)) & 0xFFFF, 2)
        return head

    def _faulty(self, drawn: _Drawn, rng: np.random.Generator) -> Frames:
        """In the order of the files; without what was lost, with what was seen twice."""
        time, bsc, offset, length, octets, place = drawn
        faults = self._scenario.faults
        kept = rng.random(len(time)) >= faults.lost
        for dead in faults.dead:
            silent = (time >= dead.since * SECOND) & (time < dead.until * SECOND)
            kept &= ~(silent & (bsc == dead.bsc))
        often = np.where(kept, 1 + (rng.random(len(time)) < faults.doubled), 0)[place]
        file = self.file_of[bsc]
        if (often == 1).all():
            return Frames(time[place], file[place], offset[place], length[place], octets)
        place = np.repeat(place, often)
        octets = octets[indices(offset[place], length[place])]
        length = length[place]
        return Frames(time[place], file[place], np.cumsum(length) - length, length, octets)


class _Drawn(NamedTuple):
    """Frames before the faults, by link; `place` is their order in the files."""

    time: Integers
    bsc: Integers
    offset: Integers
    length: Integers
    octets: npt.NDArray[np.uint8]
    place: Integers


def _copy(octets: npt.NDArray[np.uint8], offset: Integers, messages: Messages) -> None:
    octets[indices(offset, messages.length)] = messages.octets[
        indices(messages.offset, messages.length)
    ]


def _record(time: Integers, length: Integers) -> Octets:
    """Pcap record headers."""
    fields = (time // SECOND, time % SECOND, length, length)
    return np.hstack([little(field, 4) for field in fields])


def _prefix(link: str) -> Octets:
    """What stands before IP."""
    station = "020000000001 020000000002"
    text = {
        "ethernet": station + "0800",
        "vlan": station + "8100 0064 0800",
        "sll": "0000 0001 0006 020000000002 0000 0800",
        "ip": "",
    }[link]
    return np.frombuffer(bytes.fromhex(text), np.uint8)


def _sack(seen: Integers) -> Octets:
    """SACK chunks (RFC 4960 3.3.4) without gaps."""
    chunk = np.zeros((len(seen), _SACK), np.uint8)
    chunk[:, 0], chunk[:, 3] = 3, _SACK
    chunk[:, 4:8] = big(seen, 4)
    chunk[:, 8:12] = (0, 2, 0, 0)
    return chunk


def _unknown(messages: Messages, share: float, rng: np.random.Generator) -> Messages:
    """A BSSMAP message of type 7e after some of the messages in connections."""
    connected = messages.octets[messages.offset] == 6
    chosen = np.flatnonzero(connected & (rng.random(len(messages.time)) < share))
    octets = np.zeros((len(chosen), 10), np.uint8)
    octets[:, :4] = messages.octets[messages.offset[chosen, None] + np.arange(4)]
    octets[:, 4:] = (0, 1, 3, 0, 1, 0x7E)
    return messages.taken(chosen)._replace(
        time=messages.time[chosen] + 300,
        length=np.full(len(chosen), 10),
        offset=np.arange(len(chosen)) * 10,
        octets=octets.ravel(),
    )
