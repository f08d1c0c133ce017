"""The laboratories' captures as messages and events, and the network's own log of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from decoders.capture import CaptureParser
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.events import Event
from decoders.messages import Message, Record
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import from_text

FIXTURES = Path(__file__).parents[3] / "fixtures"
PCAP = FIXTURES / "pcap"
PLAN = FIXTURES / "plans" / "labs.csv"
LABS = {"a": "lab-a/A_msc", "b": "lab-b/B_msc", "c": "lab-c/C_msc"}
MSC = {"a": 185, "b": 4177, "c": 10860}
FIRST_CONTROLLER = {"a": {1001}, "b": {40001, 40002}, "c": {21301, 21302}}


@cache
def records(name: str) -> tuple[Record, ...]:
    """Records of ``fixtures/pcap/<name>.pcap``."""
    parser = CaptureParser(name)
    found = parser.feed((PCAP / f"{name}.pcap").read_bytes())
    parser.close()
    return tuple(found)


def decode(taken: Iterable[Record]) -> list[Message]:
    decoder = Decoder(DecoderConfig())
    return [message for record in taken for message in decoder.feed(record)]


def merged(*names: str) -> list[Record]:
    return sorted((one for name in names for one in records(name)), key=lambda one: one.time)


@cache
def plan() -> NumberingPlan:
    return NumberingPlan.load(PLAN.read_text(encoding="utf-8"), PLAN.name)


def correlator(config: CorrelatorConfig | None = None, *, clear: bool = True) -> Correlator:
    return Correlator(config or CorrelatorConfig(), Pseudonyms(TEST_KEY), plan(), clear)


def correlate(messages: Sequence[Message], config: CorrelatorConfig | None = None) -> list[Event]:
    """All events of these messages, with clear identities."""
    one = correlator(config)
    events = [event for message in messages for event in one.feed(message)]
    return events + one.finish()


@cache
def events_of(name: str) -> tuple[Event, ...]:
    return tuple(correlate(decode(records(name))))


class Logged(NamedTuple):
    """A row of ``msc_connections.csv``: a subscriber connection as the MSC logged it."""

    number: str
    first: int
    last: int
    opened_as: str
    imsi: str
    tmsi: str


def logged(lab: str) -> list[Logged]:
    path = PCAP / f"lab-{lab}" / "truth" / "msc_connections.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [
        Logged(row[0], from_text(row[1]), from_text(row[2]), row[3], row[4], row[6].lower())
        for row in rows
    ]


class Told(NamedTuple):
    """A dialogue as its events tell it."""

    imsi: str | None
    opened: int
    ended: int
    types: tuple[str, ...]


def told(name: str) -> list[Told]:
    """The dialogues of a capture, in the order of their first record."""
    times = {record.frame: record.time for record in records(name)}
    by_key: dict[str, list[Event]] = {}
    for event in events_of(name):
        by_key.setdefault(event.dialogue, []).append(event)
    dialogues = [
        Told(
            events[0].imsi,
            min(times[frame.frame] for event in events for frame in event.frames),
            max(event.time for event in events),
            tuple(event.type for event in events),
        )
        for events in by_key.values()
    ]
    return sorted(dialogues, key=lambda one: one.opened)


class Notice(NamedTuple):
    """What a phone said of itself, seen by a driver that looked twice a second."""

    time: int
    imsi: str
    kind: str
    number: str | None


_NOTICES = {
    r"Incoming call \(from (\d+)\)": "call.attempted",
    r"Call is (?:answered|connected)": "call.answered",
    r"SMS to (\d+) successful": "message.sent",
    r"SMS from (\d+):": "message.received",
    r"Service response": "service.requested",
}


def phones(lab: str) -> dict[str, str]:
    """Number of the phone → IMSI, from the laboratory's page."""
    page = (PCAP / f"lab-{lab}" / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (\d+) \| (\d{15}) \|", page, re.MULTILINE))


def notices(lab: str) -> list[Notice]:
    """What the phones reported that makes an event."""
    imsis = phones(lab)
    found = []
    path = PCAP / f"lab-{lab}" / "truth" / "timeline.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        said = re.match(r"(\S+) PHONE \(MS (\d+)\) (.*)", line)
        off = re.match(r"(\S+) ACTION power off phone (\d+) .*\(IMSI detach\)", line)
        if off:
            found.append(Notice(from_text(off[1]), imsis[off[2]], "subscriber.detached", None))
        for pattern, kind in _NOTICES.items():
            what = re.match(pattern, said[3]) if said else None
            if said and what:
                number = what[1] if what.groups() else None
                found.append(Notice(from_text(said[1]), imsis[said[2]], kind, number))
    return found
