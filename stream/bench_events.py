"""``xinling bench decode --as events``: from a capture's bytes to events, and what a binding costs.

Measured in processes of their own, one JSON line each:

    python -m stream.bench_events columns trace.pcap

``columns`` file to columns of events, the kernel's messages through the correlator; ``rows`` the
same and every event as JSON; ``plain`` the plain decoder in the kernel's place; ``bindings`` octets
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

from decoders.capture import CaptureParser
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder
from decoders.events import Event
from decoders.identity import Bindings
from decoders.kernel import FrameReader, Kernel
from decoders.kernel.plain import message
from decoders.messages import Message
from decoders.ordering import in_order
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream import rule_files
from stream.replay import events_of

_PART: Final = 1 << 20
_COLUMNS: Final = ("time", "type", "subscriber", "identity", "dialogue", "call", "number_class")
_TMSIS: Final = 2_654_435_761
"""An odd factor: each number gives another TMSI, scattered over all 32 bits."""


def compiled(path: Path) -> Iterator[Message]:
    """The capture's messages by the kernel, in the order of the file."""
    kernel, reader = Kernel(), FrameReader(path.name)
    with path.open("rb") as file:
        while part := file.read(_PART):
            for frames in reader.feed(part):
                for batch in kernel.feed(frames):
                    for index in range(len(batch.rows)):
                        yield message(batch, index)


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
    """File to columns of events, a batch of events at a time."""
    kept: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    count = 0
    for event in _correlated(compiled(path)):
        count += 1
        for name, column in kept.items():
            column.append(getattr(event, name))
        if count % _PART == 0:
            kept = {name: [] for name in _COLUMNS}
    return {"events": count}


def rows(path: Path) -> dict[str, Any]:
    """File to events as JSON, thrown away."""
    encoder, octets, count = msgspec.json.Encoder(), 0, 0
    for event in _correlated(compiled(path)):
        octets += len(encoder.encode(event.row()))
        count += 1
    return {"events": count, "octets": octets}


def plain(path: Path) -> dict[str, Any]:
    """File to events without the kernel."""
    return {"events": sum(1 for _ in _correlated(decoded(path)))}


def bindings(count: int) -> dict[str, Any]:
    """Octets of memory that a table of so many bindings takes, each of another subscriber."""
    table, before = Bindings(2 * count), _resident()
    for number in range(count):
        table.bind("4177", f"{number * _TMSIS & 0xFFFFFFFF:08x}", f"46000{number:010d}")
    return {"bindings": len(table), "octets_each": round((_resident() - before) / count, 1)}


def _resident() -> int:
    """Octets of memory of this process that are in use."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


_KINDS: Final[dict[str, Callable[[Path], dict[str, Any]]]] = {
    "columns": columns,
    "rows": rows,
    "plain": plain,
    "bindings": lambda path: bindings(int(path.name)),
}


def main() -> None:
    """Prints one line."""
    kind, path = sys.argv[1], Path(sys.argv[2])
    if kind in {"columns", "rows"}:
        _warm(path)
    cpu, begun = time.process_time(), time.perf_counter()
    found = _KINDS[kind](path)
    found |= {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")


def _warm(path: Path) -> None:
    """Machine code is loaded before the clock starts."""
    with path.open("rb") as file:
        for frames in FrameReader(path.name).feed(file.read(_PART // 16)):
            for _ in Kernel().feed(frames):
                pass


if __name__ == "__main__":
    main()
