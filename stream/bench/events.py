"""``xinling bench decode --as events``: from a capture's bytes to events, and what a binding costs.

Measured in processes of their own, one JSON line each:

    python -m stream.bench.events columns trace.pcap

``columns`` file to columns of events, by compiled code; ``objects`` the same and every event as
`Event`; ``rows`` that and every event as JSON; ``plain`` without compiled code; ``bindings`` octets
of memory a TMSI binding, of the number of bindings named in place of the file.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from decoders.capture import CaptureParser
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder
from decoders.events import Event
from decoders.kernel import FrameReader, Kernel
from decoders.kernel.events.batch import EventBatch
from decoders.kernel.events.kernel import EventKernel
from decoders.messages import Message
from decoders.numbers import NumberingPlan
from decoders.ordering import in_order
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream import rule_files
from stream.replay import events_of

_PART: Final = 1 << 20
_TMSIS: Final = 2_654_435_761
"""An odd factor: each number gives another TMSI, scattered over all 32 bits."""
_IMSIS: Final = 1_460_000_000_000_000
"""IMSIs of mobile country code 460 as numbers of their digits behind a 1."""
_TOGETHER: Final = 100_000
_WARM: Final = 10_000
"""Bindings for which a table grows once."""


def compiled(path: Path, plan: NumberingPlan | None = None) -> Iterator[EventBatch]:
    """The capture's events by compiled code, in the order of the file."""
    kernel, reader = Kernel(), FrameReader(path.name)
    events = EventKernel(CorrelatorConfig(), Pseudonyms(TEST_KEY), plan)
    with path.open("rb") as file:
        while part := file.read(_PART):
            for frames in reader.feed(part):
                for batch in kernel.feed(frames):
                    yield events.feed(batch)
    yield events.finish()


def decoded(path: Path) -> Iterator[Message]:
    """The capture's messages by the plain decoder, records in the order of their times."""
    decoder, parser = Decoder(), CaptureParser(path.name)
    with path.open("rb") as file:
        parts = iter(lambda: file.read(_PART), b"")
        records = (record for part in parts for record in parser.records(part))
        for record in in_order(records):
            yield from decoder.feed(record)


def _correlated(messages: Iterator[Message]) -> Iterator[Event]:
    plan = rule_files.plan(None)
    return events_of(messages, Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), plan))


def columns(path: Path) -> dict[str, Any]:
    """File to columns of events, a batch of events at a time; numbers stand as digits."""
    return {"events": sum(len(batch) for batch in compiled(path))}


def objects(path: Path) -> dict[str, Any]:
    """File to events as `Event`, the other party's number split by the plan."""
    plan = rule_files.plan(None)
    return {"events": sum(len(batch.events()) for batch in compiled(path, plan))}


def rows(path: Path) -> dict[str, Any]:
    """File to events as JSON, thrown away."""
    encoder, octets, count = msgspec.json.Encoder(), 0, 0
    for batch in compiled(path, rule_files.plan(None)):
        for event in batch.events():
            octets += len(encoder.encode(event.row()))
            count += 1
    return {"events": count, "octets": octets}


def plain(path: Path) -> dict[str, Any]:
    """File to events without the kernel."""
    return {"events": sum(1 for _ in _correlated(decoded(path)))}


def bindings(count: int) -> dict[str, Any]:
    """Octets of memory that a table of so many bindings takes, each of another subscriber."""
    if count > _WARM:
        bindings(_WARM)  # machine code is made or loaded before anything is measured
    table = EventKernel(CorrelatorConfig(bindings=2 * count), Pseudonyms(TEST_KEY), None).bindings
    before, begun = _resident(), time.process_time()
    for first in range(0, count, _TOGETHER):
        numbers = np.arange(first, min(first + _TOGETHER, count), dtype=np.int64)
        table.bind_all("4177", numbers * _TMSIS & 0xFFFFFFFF, _IMSIS + numbers)
    return {
        "bindings": len(table),
        "octets_each": round((_resident() - before) / count, 1),
        "microseconds_each": round((time.process_time() - begun) / count * 1e6, 3),
    }


def _resident() -> int:
    """Octets of memory of this process that are in use."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


_KINDS: Final[dict[str, Callable[[Path], dict[str, Any]]]] = {
    "columns": columns,
    "objects": objects,
    "rows": rows,
    "plain": plain,
    "bindings": lambda path: bindings(int(path.name)),
}


def main() -> None:
    """Prints one line."""
    kind, path = sys.argv[1], Path(sys.argv[2])
    if kind in {"columns", "objects", "rows"}:
        _warm(path)
    cpu, begun = time.process_time(), time.perf_counter()
    found = _KINDS[kind](path)
    found |= {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")


def _warm(path: Path) -> None:
    """Machine code is loaded before the clock starts."""
    kernel = Kernel()
    events = EventKernel(CorrelatorConfig(), Pseudonyms(TEST_KEY), None)
    with path.open("rb") as file:
        for frames in FrameReader(path.name).feed(file.read(_PART // 16)):
            for batch in kernel.feed(frames):
                events.feed(batch).events()


if __name__ == "__main__":
    main()
