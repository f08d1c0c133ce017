"""SCCP messages as captured frames: M3UA in SCTP in IP, or MTP3 or SCCP alone, as pcap records.

Some ten thousand messages at once: headers are matrices, payloads are gathered. Messages of one way
that follow each other closely share a packet, and a packet acknowledges what came the other way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulator import crc32c
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
LINK_TYPES = {"ethernet": 1, "vlan": 1, "sll": 113, "ip": 228, "mtp3": 141, "sccp": 142}
_MOST_IN_A_PACKET = 4
_RECORD = 16
_IP, _SCTP, _SACK = 20, 12, 16
_CHUNK = 16 + 8 + 16
"""DATA chunk, M3UA and Protocol Data headers."""


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
        frames = self._bare(messages) if link in {"mtp3", "sccp"} else self._packets(messages, way)
        return self._faulty(frames, rng)

    def _bare(self, messages: Messages) -> _Drawn:
        """One message a frame, with its MTP3 label or without."""
        bsc, label = messages.bsc, 5 if self._scenario.captures.link == "mtp3" else 0
        length = _RECORD + label + messages.length
        time = messages.time + self._skew[bsc]
        place, offset = self._placed(time, bsc, length)
        octets = np.zeros(int(length.sum()), np.uint8)
        _put(octets, offset, _record(time, length - _RECORD))
        if label:
            opc, dpc = self._points(messages)
            routing = dpc | opc << 14 | messages.sls << 28
            head = np.hstack([np.full((len(bsc), 1), 0x83, np.uint8), _little(routing, 4)])
            _put(octets, offset + _RECORD, head)
        _copy(octets, offset + _RECORD + label, messages)
        return _Drawn(time, bsc, offset, length, octets, place)

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

    def _packets(self, messages: Messages, way: Integers) -> _Drawn:
        """SCTP packets of up to four messages."""
        rank = _rank(way)
        tsn = self._tsn[way] + rank
        gap = np.diff(messages.time, prepend=0) > self._scenario.captures.bundling * SECOND
        opens = gap | (rank == 0)
        run = _rank(np.cumsum(opens))
        opens |= run % _MOST_IN_A_PACKET == 0
        packet = np.cumsum(opens) - 1
        first = np.flatnonzero(opens)
        last = np.append(first[1:], len(way)) - 1 if len(way) else first
        chunk = _CHUNK + (messages.length + 3 & ~3)
        sent, packet_way = messages.time[last], way[first]
        seen, sacked = self._acknowledge(sent[packet], way, sent, packet_way)
        prefix = _prefix(self._scenario.captures.link)
        body = np.bincount(packet, chunk, len(first)).astype(np.int64)
        sctp = _SCTP + _SACK * sacked + body
        length = _RECORD + len(prefix) + _IP + sctp
        bsc = packet_way // 2
        time = sent + self._skew[bsc]
        place, offset = self._placed(time, bsc, length)
        octets = np.zeros(int(length.sum()), np.uint8)
        head = [_record(time, length - _RECORD), np.tile(prefix, (len(first), 1))]
        head += [self._ip(packet_way, sctp + _IP), self._sctp(packet_way)]
        _put(octets, offset, np.hstack(head))
        start = offset + length - sctp
        _put(octets, (start + _SCTP)[sacked], _sack(seen[sacked]))
        before = np.cumsum(chunk) - chunk
        within = before - before[first][packet]
        at = (start + _SCTP + _SACK * sacked)[packet] + within
        _put(octets, at, self._data(messages, tsn))
        _copy(octets, at + _CHUNK, messages)
        _put(octets, start + 8, _little(crc32c.checksums(octets, start, sctp), 4))
        np.add.at(self._tsn, way, 1)
        return _Drawn(time, bsc, offset, length, octets, place)

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
        previous = np.where(
            _rank(packet_way) == 0, self._acknowledged[packet_way], np.roll(seen, 1)
        )
        self._acknowledged[packet_way] = seen
        return seen, seen != previous

    def _ip(self, way: Integers, length: Integers) -> Octets:
        bsc, down = way // 2, way % 2
        ours = np.column_stack([np.full(len(way), 10), np.full(len(way), 1), bsc, 1 + 0 * bsc])
        theirs = np.column_stack(
            [np.full(len(way), 10), np.zeros(len(way)), self.msc[bsc], 1 + 0 * bsc]
        )
        head = np.zeros((len(way), _IP), np.uint8)
        head[:, :2], head[:, 6], head[:, 8:10] = (0x45, 0), 0x40, (64, 132)
        head[:, 2:4] = _big(length, 2)
        head[:, 4:6] = _big(np.arange(len(way)), 2)
        head[:, 12:16] = np.where(down[:, None] == 1, theirs, ours)
        head[:, 16:20] = np.where(down[:, None] == 1, ours, theirs)
        total = head.view(">u2").astype(np.int64).sum(axis=1)
        total = (total & 0xFFFF) + (total >> 16)
        head[:, 10:12] = _big(~((total & 0xFFFF) + (total >> 16)) & 0xFFFF, 2)
        return head

    def _sctp(self, way: Integers) -> Octets:
        ports = np.full((len(way), 2), 2905, ">u2").view(np.uint8)
        return np.hstack([ports, _big(self._tag[way], 4), np.zeros((len(way), 4), np.uint8)])

    def _data(self, messages: Messages, tsn: Integers) -> Octets:
        """DATA chunk, M3UA DATA and Protocol Data headers (RFC 4960 3.3.1, RFC 4666 3.3.1)."""
        opc, dpc = self._points(messages)
        padded = messages.length + 3 & ~3
        head = np.zeros((len(tsn), _CHUNK), np.uint8)
        head[:, 1] = 3
        head[:, 2:4] = _big(_CHUNK + padded, 2)
        head[:, 4:8] = _big(tsn, 4)
        head[:, 9] = 1
        head[:, 10:12] = _big(tsn, 2)
        head[:, 15] = 3
        head[:, 16:20] = (1, 0, 1, 1)
        head[:, 20:24] = _big(24 + padded, 4)
        head[:, 24:26] = (2, 0x10)
        head[:, 26:28] = _big(16 + messages.length, 2)
        head[:, 28:32], head[:, 32:36] = _big(opc, 4), _big(dpc, 4)
        head[:, 36:39] = (3, 2, 0)
        head[:, 39] = messages.sls
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


def _rank(sorted_values: Integers) -> Integers:
    """The place of each within its run of equal values."""
    order = np.arange(len(sorted_values))
    first = np.ones(len(order), bool)
    first[1:] = sorted_values[1:] != sorted_values[:-1]
    return order - np.maximum.accumulate(np.where(first, order, 0))


def _put(octets: npt.NDArray[np.uint8], offset: Integers, matrix: Octets) -> None:
    octets[offset[:, None] + np.arange(matrix.shape[1])] = matrix


def _copy(octets: npt.NDArray[np.uint8], offset: Integers, messages: Messages) -> None:
    octets[indices(offset, messages.length)] = messages.octets[
        indices(messages.offset, messages.length)
    ]


def _big(values: npt.NDArray[np.integer], width: int) -> Octets:
    return values.astype(">i8").view(np.uint8).reshape(-1, 8)[:, 8 - width :]


def _little(values: npt.NDArray[np.integer], width: int) -> Octets:
    return values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]


def _record(time: Integers, length: Integers) -> Octets:
    """Pcap record headers."""
    fields = (time // SECOND, time % SECOND, length, length)
    return np.hstack([_little(field, 4) for field in fields])


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
    chunk[:, 4:8] = _big(seen, 4)
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
