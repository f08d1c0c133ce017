"""Messages made by hand: one dialogue at a time, a second between any two messages."""

from __future__ import annotations

from itertools import count
from typing import Any

from decoders.messages import Cell, Lai, Message
from decoders.times import SECOND

BSS, MSC = 11, 22
AREA = Lai("460", "00", 100)
CELL = Cell("460", "00", 100, 7)
IMSI = "460000000000001"
START = 1_200_000_000 * SECOND


class Wire:
    """Makes the messages of connections between one controller and its MSC."""

    def __init__(self, time: int = START, step: int = SECOND) -> None:
        self.time = time
        self.step = step
        self._frames = count(1)

    def message(self, protocol: str, name: str, *, up: bool, **fields: Any) -> Message:
        """A message; `up` from the controller to the MSC. DT1 to `dlr` unless told otherwise."""
        self.time += self.step
        frame = next(self._frames)
        here = {"opc": BSS, "dpc": MSC} if up else {"opc": MSC, "dpc": BSS}
        common = {"frame": frame, "time": self.time, "sccp": "DT1", "code": 0, "source": "wire"}
        raw = {"link": "link", "raw": f"{protocol} {name} {frame}".encode()}
        every = {**here, **common, **raw, "protocol": protocol, "message": name, **fields}
        return Message(**every)

    def request(self, slr: int, name: str, **fields: Any) -> list[Message]:
        """CR with COMPLETE LAYER 3 INFORMATION, and the layer 3 message inside it."""
        outer = self.message(
            "BSSMAP", "COMPLETE LAYER 3 INFORMATION", up=True, sccp="CR", slr=slr, cell=CELL
        )
        protocol = "RR" if name == "PAGING RESPONSE" else "MM"
        self.time -= self.step
        within = {"within": outer.message, "frame": outer.frame}
        inner = self.message(protocol, name, up=True, sccp="CR", slr=slr, **{**within, **fields})
        return [outer, inner]

    def confirm(self, slr: int, dlr: int) -> Message:
        return self.message("SCCP", "CONNECTION CONFIRM", up=False, sccp="CC", slr=slr, dlr=dlr)

    def release(self, slr: int, dlr: int) -> list[Message]:
        """RLSD from the MSC (its reference is `slr`) and RLC."""
        return [
            self.message("SCCP", "RELEASED", up=False, sccp="RLSD", slr=slr, dlr=dlr),
            self.message("SCCP", "RELEASE COMPLETE", up=True, sccp="RLC", slr=dlr, dlr=slr),
        ]

    def open(self, name: str = "CM SERVICE REQUEST", **fields: Any) -> list[Message]:
        """A confirmed connection, 1 the controller's reference and 2 the MSC's."""
        who = {"imsi": IMSI, **fields}
        return [*self.request(1, name, **who), self.confirm(2, 1)]

    def to_mobile(self, protocol: str, name: str, **fields: Any) -> Message:
        return self.message(protocol, name, up=False, dlr=1, **fields)

    def from_mobile(self, protocol: str, name: str, **fields: Any) -> Message:
        return self.message(protocol, name, up=True, dlr=2, **fields)
