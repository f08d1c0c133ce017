"""A reader over bytes in which no nested length can be overrun.

Every container hands its contents a reader of its own (`Reader.within`), so that what is inside can
never read past it, whatever lengths it claims. Offsets stay those of the whole message.
"""

from __future__ import annotations

from decoders.errors import DecodeError


class Reader:
    """A window of ``data`` from ``at`` up to ``end``; reading moves ``at``.

    Whoever makes one says an ``end`` within ``data``; `within` never gives another.
    """

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        """Octets not read yet."""
        return self.end - self.at

    def octet(self) -> int:
        """The next octet; raises DecodeError at the end."""
        at = self.at
        if at >= self.end:
            raise DecodeError("ends too early", offset=at)
        self.at = at + 1
        return self.data[at]

    def peek(self) -> int:
        """The next octet without moving; raises DecodeError at the end."""
        if self.at >= self.end:
            raise DecodeError("ends too early", offset=self.at)
        return self.data[self.at]

    def number(self, octets: int) -> int:
        """The next ``octets`` octets as an integer, most significant first."""
        return int.from_bytes(self.take(octets), "big")

    def take(self, octets: int) -> bytes:
        """The next ``octets`` octets; raises DecodeError where there are fewer."""
        start = self.at
        if octets > self.end - start:
            raise DecodeError("ends too early", offset=start)
        self.at = start + octets
        return self.data[start : self.at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.end - self.at)

    def within(self, octets: int) -> Reader:
        """A reader of the next ``octets`` octets alone, which this one passes over."""
        start = self.at
        if octets > self.end - start:
            raise DecodeError("length beyond its container", offset=start)
        self.at = start + octets
        return Reader(self.data, start, self.at)
