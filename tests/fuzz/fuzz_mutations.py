"""Frames that never were, made of frames that were: flips, cuts, lies, swaps, nesting, pieces.

Everything is drawn from one `Random`, so that a seed gives the same frames again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from fuzz_corpus import Corpus

from decoders.messages import Record

EDGES = (0, 1, 2, 3, 4, 7, 8, 0x0F, 0x10, 0x1F, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)
LINK_TYPES = (0, 1, 12, 101, 108, 113, 139, 140, 141, 142, 228, 229, 276)
MTP3, SCCP = 141, 142
MAX_OCTETS = 8192

Mutation = Callable[[bytearray, Random, bytes], None]


def flip(data: bytearray, dice: Random, _: bytes) -> None:
    """Bits fall over."""
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def edge(data: bytearray, dice: Random, _: bytes) -> None:
    """An octet takes a value where readers like to err."""
    data[dice.randrange(len(data))] = dice.choice(EDGES)


def truncate(data: bytearray, dice: Random, _: bytes) -> None:
    """The end is missing."""
    del data[dice.randrange(len(data)) :]


def lie(data: bytearray, dice: Random, _: bytes) -> None:
    """What looks like a length says a little more or less than there is, or absurdly much."""
    at = dice.randrange(len(data))
    left = len(data) - at
    value = dice.choice((0, 1, left - 3, left - 2, left - 1, left, left + 1, 0xFFFF, 2 * left))
    if dice.random() < 0.5:
        data[at] = max(0, value) & 0xFF
    else:
        data[at : at + 2] = (max(0, value) & 0xFFFF).to_bytes(2, "big")


def lie_where_a_length_is(data: bytearray, dice: Random, _: bytes) -> None:
    """An octet that does count what follows to the end counts wrongly."""
    places = [at for at in range(len(data)) if abs(data[at] - (len(data) - at - 1)) < 3]
    if places:
        at = dice.choice(places)
        data[at] = (data[at] + dice.choice((-9, -2, -1, 1, 2, 9, 100))) & 0xFF


def swap(data: bytearray, dice: Random, _: bytes) -> None:
    """Two neighbouring pieces change places, mostly where chunks and parameters begin."""
    grain = dice.choice((1, 2, 4, 4))
    cuts = sorted(dice.randrange(0, len(data) + 1, grain) for _ in range(3))
    first, middle, last = cuts
    data[first:last] = data[middle:last] + data[first:middle]


def nest(data: bytearray, dice: Random, _: bytes) -> None:
    """A piece of it stands inside it again."""
    at = dice.randrange(len(data))
    start = dice.randrange(len(data))
    data[at:at] = data[start : start + dice.randrange(1, 300)]


def repeat(data: bytearray, dice: Random, _: bytes) -> None:
    """A piece stands there many times."""
    at = dice.randrange(len(data))
    piece = data[at : at + dice.choice((1, 2, 3, 8, 16))]
    data[at:at] = piece * dice.choice((2, 10, 60))


def splice(data: bytearray, dice: Random, other: bytes) -> None:
    """It goes on as another one."""
    at = dice.randrange(len(data))
    data[at:] = other[dice.randrange(len(other)) :] if other else b""


def insert(data: bytearray, dice: Random, _: bytes) -> None:
    """Noise in the middle."""
    at = dice.randrange(len(data) + 1)
    data[at:at] = dice.randbytes(dice.choice((1, 2, 3, 5, 40)))


def delete(data: bytearray, dice: Random, _: bytes) -> None:
    """A piece is missing."""
    at = dice.randrange(len(data))
    del data[at : at + dice.choice((1, 1, 2, 3, 8))]


MUTATIONS: tuple[Mutation, ...] = (
    flip,
    edge,
    edge,
    truncate,
    lie,
    lie_where_a_length_is,
    lie_where_a_length_is,
    swap,
    nest,
    repeat,
    splice,
    insert,
    delete,
)


class Mutator:
    """Gives mutated records of one capture, for ever."""

    def __init__(self, corpus: Corpus, dice: Random) -> None:
        self._corpus = corpus
        self._dice = dice
        self._time = corpus.records[0].time

    def of(self, record: Record) -> list[Record]:
        """What becomes of a record: itself, or mutated ones instead of it."""
        dice = self._dice
        self._time = self._moved(record.time)
        record = record._replace(time=self._time)
        kind = dice.random()
        if kind < 0.35:
            return [record._replace(data=self._mutated(record.data))]
        if kind < 0.42:
            return self._ip_fragments(record)
        if kind < 0.62:
            return [self._message(record)]
        if kind < 0.85:
            return [self._body(record)]
        if kind < 0.95:
            return self._segments(record)
        other = dice.choice(self._corpus.records)
        return [record._replace(data=self._mutated(other.data), link_type=dice.choice(LINK_TYPES))]

    def _moved(self, time: int) -> int:
        """Capture time mostly passes; sometimes it stands, leaps or falls back."""
        chance = self._dice.random()
        if chance < 0.97:
            return time
        leap = self._dice.choice((0, -3_600_000_000, 5_000_000, 3_600_000_000, 1 << 45))
        return max(0, self._time + leap)

    def _mutated(self, data: bytes, other: bytes | None = None) -> bytes:
        dice = self._dice
        if other is None:
            other = dice.choice(self._corpus.records).data
        octets = bytearray(data)
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            if octets:
                dice.choice(MUTATIONS)(octets, dice, other)
        return bytes(octets[:MAX_OCTETS])

    def _message(self, record: Record) -> Record:
        """An SCCP message, mutated, over MTP3 or alone: carriers hide nothing of it."""
        dice = self._dice
        unit = dice.choice(self._corpus.units)
        data = self._mutated(unit.data, dice.choice(self._corpus.units).data)
        return _carried(record, unit.opc, unit.dpc, data)

    def _body(self, record: Record) -> Record:
        """A BSSMAP or layer 3 message, mutated, with everything around it as it should be."""
        dice = self._dice
        unit = dice.choice(self._corpus.units)
        body = self._bssap()
        reference = dice.choice((unit.data[1:4], dice.randbytes(3)))
        head = b"\x06" + reference.ljust(3, b"\0") + b"\0\x01"
        return _carried(record, unit.opc, unit.dpc, head + bytes([len(body)]) + body)

    def _bssap(self) -> bytes:
        dice = self._dice
        body = dice.choice(self._corpus.bodies)
        header = 3 if body[0] else 2
        inner = self._mutated(body[header:], dice.choice(self._corpus.bodies))[: 252 - header]
        return body[: header - 1] + bytes([len(inner)]) + inner

    def _segments(self, record: Record) -> list[Record]:
        """A message in parts: by more-data in DT1, or by the segmentation parameter of XUDT."""
        dice = self._dice
        unit = dice.choice(self._corpus.units)
        whole = b"".join(self._bssap() for _ in range(dice.choice((1, 2))))
        step = dice.choice((1, 5, 40, 200))
        parts = [whole[at : at + step] for at in range(0, len(whole), step)][:15]
        if dice.random() < 0.5:
            made = [
                b"\x06\x01\x02\x03" + bytes([number < len(parts) - 1, 1, len(part)]) + part
                for number, part in enumerate(parts)
            ]
        else:
            made = [
                _xudt(part, first=number == 0, remaining=len(parts) - 1 - number)
                for number, part in enumerate(parts)
            ]
        self._disturb(made)
        return [_carried(record, unit.opc, unit.dpc, data) for data in made]

    def _ip_fragments(self, record: Record) -> list[Record]:
        """The IPv4 packet of an Ethernet or cooked record, in pieces."""
        dice = self._dice
        start = {1: 14, 113: 16, 276: 20}.get(record.link_type)
        data = record.data
        if start is None or len(data) < start + 28 or data[start] != 0x45:
            return [record._replace(data=self._mutated(data))]
        head, payload = bytearray(data[start : start + 20]), data[start + 20 :]
        step = 8 * dice.choice((1, 2, 5, 20))
        made = []
        for at in list(range(0, len(payload), step))[:40]:
            piece = payload[at : at + step]
            head[2:4] = (20 + len(piece)).to_bytes(2, "big")
            more = 0x2000 if at + step < len(payload) else 0
            head[6:8] = (more | at // 8).to_bytes(2, "big")
            made.append(data[:start] + bytes(head) + piece)
        self._disturb(made)
        return [record._replace(data=piece) for piece in made]

    def _disturb(self, parts: list[bytes]) -> None:
        """One part is mutated, lost, twice there, or all come in another order."""
        dice = self._dice
        at = dice.randrange(len(parts))
        kind = dice.randrange(5)
        if kind == 0:
            parts[at] = self._mutated(parts[at])
        elif kind == 1 and len(parts) > 1:
            del parts[at]
        elif kind == 2:
            parts.insert(at, parts[at])
        elif kind == 3:
            dice.shuffle(parts)


def _xudt(part: bytes, *, first: bool, remaining: int) -> bytes:
    """Q.713 4.18: two parties of subsystem 254, the data, the segmentation parameter."""
    party = b"\x02\x42\xfe"
    pointers = bytes([4, 6, 8, 8 + len(part)])
    segment = bytes([0x10, 4, first << 7 | remaining & 15, 1, 2, 3, 0])
    return b"\x11\x00\x0f" + pointers + party * 2 + bytes([len(part)]) + part + segment


def _carried(record: Record, opc: int | None, dpc: int | None, data: bytes) -> Record:
    if opc is None or dpc is None:
        return record._replace(data=data, link_type=SCCP)
    label = (dpc & 0x3FFF | (opc & 0x3FFF) << 14).to_bytes(4, "little")
    return record._replace(data=b"\x83" + label + data, link_type=MTP3)
