"""``xinling bench replay``: captures to verdict rows in one process, as JSON lines.

What `xinling replay` does, without writing: rows become JSON that is thrown away. Drafts decide as
if they were live. Each round does the same again, with the captures in the machine's memory.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from rules.engine import RuleSet
from rules.verdicts import Verdict
from stream import garbage, kernel_cache, rehearsal, rule_files
from stream.bench.decode import _file as one_file
from stream.bench.decode import _machine as machine
from stream.offline import Captures, Reading, correlation
from stream.replay import Change, Replay, Replayed
from stream.ways import compile_now

_LIVE: Final = "live"
_Result = TypeVar("_Result")


class Timed(NamedTuple):
    """What a round came to."""

    messages: int
    replayed: Replayed
    events: float
    """Processor seconds as far as events, with what feeds are worth and each minute's clock."""
    log: float
    """Of loading rules and profiles alone."""
    whole: float


def replay(reading: Reading, files: rehearsal.Files, *, messages: int | None, rounds: int) -> None:
    """Measures and prints.

    Args:
        reading: the captures, and how they are read.
        files: what decides.
        messages: repeat their traffic until there are about so many messages.
        rounds: how often; medians are printed.

    Raises:
        XinlingError: a capture or a file cannot be used.
    """
    changes = _changes(files)
    kernel_cache.choose()
    garbage.settle()
    with tempfile.TemporaryDirectory(prefix="xinling-bench-") as folder:
        if messages is not None:
            path = one_file(reading.captures, messages, Path(folder))
            reading = msgspec.structs.replace(reading, captures=[str(path)])
        if Captures(reading).long and kernel_cache.there():
            compile_now()
        _print({"bench": "machine", **machine()})
        found = [_round(reading, changes) for _ in range(rounds)]
        _print({"bench": "replay", "compiled": Captures(reading).many_events, **_line(found)})


def _changes(files: rehearsal.Files) -> list[Change]:
    """Rules, all of them live, and profiles."""
    bundle = rule_files.bundle(files.campaigns, files.areas, files.cells, files.settings)
    bundle = rehearsal.launched(RuleSet.load(bundle), bundle, _LIVE)
    return list(rehearsal.changes_of(bundle, files.profiles))


def _round(reading: Reading, changes: Sequence[Change]) -> Timed:
    encode = msgspec.json.Encoder().encode

    def write(verdict: Verdict) -> None:
        encode(verdict.row())

    def run(signals: Iterable[Any]) -> Replayed:
        return asyncio.run(Replay(write).run(signals, changes))

    def events() -> int:
        captures = Captures(reading)
        for _ in captures.signals(correlation(reading)):
            pass
        return captures.read

    messages, alone = _timed(events)
    _, log = _timed(lambda: run([]))
    replayed, whole = _timed(lambda: run(Captures(reading).signals(correlation(reading))))
    return Timed(messages, replayed, alone, log, whole)


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    begun = time.process_time()
    result = work()
    return result, time.process_time() - begun


def _line(found: Sequence[Timed]) -> dict[str, Any]:
    first = found[0]
    whole = [one.whole - one.log for one in found]
    return {
        "messages": first.messages,
        "events": first.replayed.events,
        "verdicts": first.replayed.verdicts,
        "messages_per_cpu_second": round(first.messages / median(whole)),
        "range": [round(first.messages / max(whole)), round(first.messages / min(whole))],
        "cpu_seconds": {
            "in all": round(median(whole), 3),
            "as far as events": round(median(one.events for one in found), 3),
            "rules and profiles, not counted": round(median(one.log for one in found), 3),
        },
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "rounds": len(found),
    }


def _print(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()
