"""The same invariant, with frames that atheris finds by the branches that they reach.

``python tests/fuzz/fuzz_coverage.py [--runs N]``; does nothing, and says so, where atheris is not
installed (``pip install atheris``). An input is frames: link type, two octets of length, octets.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

try:
    import atheris
except ImportError:
    sys.stdout.write("atheris is not installed (pip install atheris): no fuzzing by coverage\n")
    sys.exit(0)

with atheris.instrument_imports(include=["decoders"]):
    from fuzz_corpus import corpora, secrets
    from fuzz_invariant import Life
    from fuzz_mutations import LINK_TYPES

    from decoders.messages import Record

LIVES = 500
"""Inputs that one decoder reads before the next takes over."""
STEP = 20_000
"""Microseconds of capture time between frames."""
SEEDS_OF_A_CAPTURE = 25


class Target:
    """What libFuzzer calls with one input after the other."""

    def __init__(self) -> None:
        self._inputs = 0
        self._frames = 0
        self._life = Life(secrets(), Random(1))

    def __call__(self, data: bytes) -> None:
        """Read the frames of one input; whatever escapes is a finding."""
        self._inputs += 1
        if self._inputs % LIVES == 0:
            self._life.end()
            self._life = Life(secrets(), Random(self._inputs))
        at = 0
        while at + 3 <= len(data):
            size = int.from_bytes(data[at + 1 : at + 3], "big")
            self._frames += 1
            kind = LINK_TYPES[data[at] % len(LINK_TYPES)]
            octets = data[at + 3 : at + 3 + size]
            time = 1_200_000_000_000_000 + self._frames * STEP
            self._life.feed(Record("atheris", self._frames, time, kind, octets))
            at += 3 + size


def seeds(folder: Path) -> None:
    """A few frames of every capture as inputs to begin with."""
    for number, corpus in enumerate(corpora()):
        step = max(1, len(corpus.records) // SEEDS_OF_A_CAPTURE)
        for record in corpus.records[::step]:
            head = bytes([LINK_TYPES.index(record.link_type)]) + len(record.data).to_bytes(2, "big")
            (folder / f"{number}-{record.frame}").write_bytes(head + record.data)


def main() -> None:
    """Hands over to libFuzzer, which ends the process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="xinling-fuzz-"))
    seeds(folder)
    limits = ["-max_len=2048", "-timeout=20", "-rss_limit_mb=1024", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], f"-runs={options.runs}", *limits, str(folder)], Target())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
