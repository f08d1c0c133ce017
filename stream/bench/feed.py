"""A live feed followed by the kernel: ``python -m stream.bench.feed MESSAGES_A_SECOND CAPTURE``.

Another process sends the capture as pcap over IP, so much a second; this one takes what has come,
as ingest does, and decodes it. One JSON line: how long sending and taking took, the share of a core
for it, and how long the sender was held up because nobody read.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from decoders.errors import CaptureError
from decoders.kernel import Kernel
from stream import kernel_cache
from stream.frames_feed import FramesFeed
from stream.frames_reader import frames_of

_PORTION_SECONDS: Final = 0.005
"""Of what the sender sends at once."""
_TAKE_SECONDS: Final = 0.02
_QUIET_SECONDS: Final = 1.0


def followed(path: Path, rate: float) -> dict[str, Any]:
    """Takes everything that a sender sends at ``rate`` messages a second."""
    total = messages_of(path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = os.fork()
        if not sender:
            send(server, path, total / rate)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        found = asyncio.run(_taken(address, total))
    os.waitpid(sender, 0)
    return {"sent_in_seconds": round(total / rate, 2), **found}


def messages_of(path: Path) -> int:
    """How many there are; machine code is loaded by the way."""
    kernel, count = Kernel(), 0
    for frames in frames_of([str(path)], _refuse):
        count += sum(len(batch.rows) for batch in kernel.feed(frames))
    return count


async def _taken(address: str, total: int) -> dict[str, Any]:
    feed, kernel, messages = FramesFeed([address], _refuse), Kernel(), 0
    began = cpu = 0.0
    heard = time.monotonic()
    while messages < total and time.monotonic() - heard < _QUIET_SECONDS:
        for frames in await feed.take(_TAKE_SECONDS) or []:
            heard = time.monotonic()
            if not began:
                began, cpu = heard, time.process_time()
            for batch in kernel.feed(frames):
                messages += len(batch.rows)
    feed.stop()
    wall, used = time.monotonic() - began, time.process_time() - cpu
    return {
        "messages": messages,
        "taken_in_seconds": round(wall, 2),
        "cpu_seconds": round(used, 3),
        "share_of_a_core": round(used / wall, 3),
        "blocked_seconds": round(feed.blocked, 3),
    }


def send(server: socket.socket, path: Path, seconds: float) -> None:
    """The sender's process: so many octets every few milliseconds."""
    connection, _ = server.accept()
    size = path.stat().st_size
    portion = max(1, int(size * _PORTION_SECONDS / seconds))
    with path.open("rb") as file, connection:
        due = time.monotonic()
        while octets := file.read(portion):
            connection.sendall(octets)
            due += _PORTION_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
        time.sleep(2 * _QUIET_SECONDS)
    os._exit(0)


def _refuse(error: CaptureError) -> None:
    raise error


def main() -> None:
    """Prints one line."""
    kernel_cache.choose()
    found = followed(Path(sys.argv[2]), float(sys.argv[1]))
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")


if __name__ == "__main__":
    main()
