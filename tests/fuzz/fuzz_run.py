"""Fuzzes for as long as it is told: ``python tests/fuzz/fuzz_run.py --frames 10000000``.

Each worker leads lives: a seed, a decoder with a correlator, and mutated frames of all fixtures.
A line of JSON for each life, and one for the whole; what breaks the invariant is printed with the
seed that repeats it and, where the record alone does it, with the record, to be kept in
``tests/fuzz/crashers.jsonl``. Ends with 1 where anything broke.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage

from fuzz_corpus import Corpus, corpora, secrets
from fuzz_invariant import Life
from fuzz_mutations import Mutator

from decoders.messages import Record

CRASHERS = Path(__file__).parent / "crashers.jsonl"
LIFE = 100_000
"""Mutated frames of one life in the long run."""
CHECK_EVERY = 2500
UNTOUCHED = 0.25
"""The share of frames left as they are: state must be there to be disturbed."""


def lead(seed: int, frames: int) -> dict[str, object]:
    """One life of so many mutated frames; what broke is in the result."""
    dice = Random(seed)
    life = Life(secrets(), dice)
    touches, last = 0, None
    began = time.monotonic()
    try:
        for record, touched in mutated(dice):
            last = record
            life.feed(record)
            touches += touched
            if life.records % CHECK_EVERY == 0:
                life.check()
            if touches >= frames:
                break
        life.end()
    except Exception as error:  # noqa: BLE001  that anything escapes is what is looked for
        broke = _crash(seed, touches, last, error)
    else:
        broke = None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return {
        "seed": seed,
        "mutated": touches,
        "records": life.records,
        "messages": life.messages,
        "events": life.events,
        "seconds": round(time.monotonic() - began, 1),
        "peak_mb": getrusage(RUSAGE_SELF).ru_maxrss // 1024,
        "broke": broke,
    }


def mutated(dice: Random, chosen: Sequence[Corpus] | None = None) -> Iterator[tuple[Record, bool]]:
    """Captures one after another for ever, with whether each record was touched."""
    while True:
        corpus = dice.choice(chosen or corpora())
        mutator = Mutator(corpus, dice)
        for record in corpus.records:
            if dice.random() < UNTOUCHED:
                yield record, False
            else:
                for one in mutator.of(record):
                    yield one, True


def _crash(seed: int, touches: int, record: Record | None, error: Exception) -> dict[str, object]:
    alone = record is not None and not _survives(record)
    lines = traceback.format_exception(error)
    found: dict[str, object] = {
        "error": f"{type(error).__name__}: {error}",
        "where": lines[-2].strip(),
        "after": touches,
        "seed": seed,
        "alone": alone,
    }
    if record is not None:
        found |= {"link_type": record.link_type, "time": record.time, "data": record.data.hex()}
    return found


def _survives(record: Record) -> bool:
    """Whether a decoder that has seen nothing else reads this record well."""
    life = Life(secrets(), Random(0))
    try:
        for _ in range(2):
            life.feed(record)
        life.end()
    except Exception:  # noqa: BLE001
        return False
    return True


def main() -> int:
    """Leads lives until there are frames enough, or the time is up."""
    options = _options()
    began = time.monotonic()
    totals = {"mutated": 0, "records": 0, "messages": 0, "events": 0, "lives": 0, "broken": 0}
    lives = max(1, options.frames // options.life)
    seeds = ((options.seed + number, options.life) for number in range(lives))
    with get_context("spawn").Pool(options.workers, maxtasksperchild=8) as pool:
        for result in pool.imap_unordered(_lead, seeds):
            for name in ("mutated", "records", "messages", "events"):
                totals[name] += result[name]
            totals["lives"] += 1
            totals["broken"] += result["broke"] is not None
            say({"life": result})
            if options.seconds and time.monotonic() - began > options.seconds:
                pool.terminate()
                break
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    seconds = round(time.monotonic() - began, 1)
    say({"fuzz": totals, "first_seed": options.seed, "seconds": seconds, **machine})
    return 1 if totals["broken"] else 0


def _lead(work: tuple[int, int]) -> dict[str, object]:
    return lead(*work)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=10_000_000, help="mutated frames in all")
    parser.add_argument("--life", type=int, default=LIFE, help="mutated frames of one life")
    parser.add_argument("--seconds", type=float, default=0, help="stop after the life then led")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def say(line: dict[str, object]) -> None:
    """A line of JSON."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
