"""One measured reading of a capture in a process of its own: prints one JSON line.

    python -m stream.bench.worker columns trace.pcap

``columns`` file to columns by the kernel; ``rows`` the same and every row as JSON; ``plain`` file
to messages by the plain decoder; ``live`` small batches, as a live feed gives them.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

_BEGUN: Final = time.perf_counter()

from decoders.capture import CaptureParser  # noqa: E402  what importing costs is measured too
from decoders.decoder import Decoder  # noqa: E402
from decoders.kernel import COMPILED, FrameReader, Kernel, frames_of  # noqa: E402
from decoders.kernel.rows import rows_of  # noqa: E402

_PART: Final = 1 << 20
_WARM: Final = 64
_LIVE_FRAMES: Final = 64
_LIVE_BATCHES: Final = 200


def columns(path: Path) -> dict[str, Any]:
    """File to columns."""
    kernel, reader, messages, frames = Kernel(), FrameReader(path.name), 0, 0
    with path.open("rb") as file:
        while part := file.read(_PART):
            for some in reader.feed(part):
                frames += len(some.sizes)
                for batch in kernel.feed(some):
                    messages += len(batch.rows)
    reader.close()
    return {"messages": messages, "frames": frames, "asked": kernel.asked, "compiled": COMPILED}


def rows(path: Path) -> dict[str, Any]:
    """File to JSON rows, clear, thrown away."""
    kernel, reader, octets, messages = Kernel(), FrameReader(path.name), 0, 0
    encoder = msgspec.json.Encoder()
    with path.open("rb") as file:
        while part := file.read(_PART):
            for some in reader.feed(part):
                for batch in kernel.feed(some):
                    messages += len(batch.rows)
                    for made in rows_of(batch, clear=True):
                        octets += len(encoder.encode(made))
    return {"messages": messages, "octets": octets}


def plain(path: Path) -> dict[str, Any]:
    """File to messages by the plain decoder."""
    decoder, parser, messages = Decoder(), CaptureParser(path.name), 0
    with path.open("rb") as file:
        while part := file.read(_PART):
            for record in parser.records(part):
                messages += len(decoder.feed(record))
    return {"messages": messages}


def live(path: Path) -> dict[str, Any]:
    """How long batches of a few dozen frames take, the first of a fresh kernel apart."""
    with path.open("rb") as file:
        found = list(CaptureParser(path.name).records(file.read(16 * _PART)))
    kernel, took = Kernel(), []
    for at in range(0, min(len(found), _LIVE_FRAMES * _LIVE_BATCHES), _LIVE_FRAMES):
        begun = time.perf_counter()
        for some in frames_of(found[at : at + _LIVE_FRAMES]):
            for _ in kernel.feed(some):
                pass
        took.append((time.perf_counter() - begun) * 1000)
    later = sorted(took[1:])
    return {
        "first_batch_ms": round(took[0], 2),
        "batch_ms_median": round(later[len(later) // 2], 3),
        "batch_ms_99": round(later[int(len(later) * 0.99)], 3),
        "frames_a_batch": _LIVE_FRAMES,
    }


_KINDS: Final[dict[str, Callable[[Path], dict[str, Any]]]] = {
    "columns": columns,
    "rows": rows,
    "plain": plain,
    "live": live,
}


def main() -> None:
    """Reads a small piece first, so that machine code is loaded before the clock starts."""
    kind, path = sys.argv[1], Path(sys.argv[2])
    _warm(path)
    started = time.perf_counter() - _BEGUN
    cpu, begun = time.process_time(), time.perf_counter()
    found = _KINDS[kind](path)
    found |= {"seconds": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    found |= {
        "start_up": started,
        "start_up_cpu": cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")


def _warm(path: Path) -> None:
    with path.open("rb") as file:
        for some in FrameReader(path.name).feed(file.read(_WARM * 1024)):
            for _ in Kernel().feed(some):
                pass


if __name__ == "__main__":
    main()
