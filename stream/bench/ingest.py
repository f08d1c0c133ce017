"""The whole ingest of a live feed: ``python -m stream.bench.ingest CAPTURE RATE… [--kafka HOST]``.

Another process sends the capture as pcap over IP, so many messages a second; ingest follows it by
compiled code, as the service does, events encoded into batches. They go nowhere, or onto Kafka. One
JSON line a rate: how long sending and taking took, the share of a core (ingest alone), how long
the sender was held up, and what a checkpoint of what is open at the end costs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from decoders.correlator import CorrelatorConfig
from decoders.decoder import DecoderConfig
from decoders.errors import CaptureError
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from stream import kernel_cache, log, rule_files, topics, ways
from stream.bench.feed import messages_of, send
from stream.config import Kafka
from stream.ingest import Writer, flush_after
from stream.log import Batch
from stream.log_writer import LogWriter
from stream.publisher import Publisher
from stream.topics import Log

_PARTITIONS: Final = 8
_QUIET_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1
_PATIENCE: Final = 60.0


class _Nowhere:
    """Encodes what is written and throws it away."""

    def __init__(self) -> None:
        self.octets = 0

    async def write(self, _partition: int, batch: Batch) -> None:
        self.octets += len(log.encode(batch))

    async def flush(self) -> None:
        return


def followed(path: Path, rate: float, kafka: str = "") -> dict[str, Any]:
    """Ingest of everything that a sender sends at ``rate`` messages a second."""
    total = messages_of(path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = os.fork()
        if not sender:
            send(server, path, total / rate)
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        found = asyncio.run(_taken(address, total, kafka))
    os.waitpid(sender, 0)
    return {"rate": rate, "sent_in_seconds": round(total / rate, 2), **found}


async def _taken(address: str, total: int, kafka: str) -> dict[str, Any]:
    if not kafka:
        return await _run(address, total, _Nowhere())
    config = Kafka(brokers=kafka, partitions=_PARTITIONS)
    await topics.prepare(config, _PATIENCE)
    publisher = Publisher(config, _PATIENCE)
    writer = LogWriter(publisher, _PARTITIONS)
    try:
        return await _run(address, total, writer)
    finally:
        await writer.close()
        await publisher.close()


async def _run(address: str, total: int, writer: Writer) -> dict[str, Any]:
    kind, correlator = ways.by_frames(), CorrelatorConfig()
    way = ways.Way(
        DecoderConfig(), correlator, Pseudonyms(TEST_KEY), rule_files.plan(None), _refuse
    )
    feed, reader = kind.feed([address], _refuse), kind.reader(way)
    ingest = kind.ingest(
        feed=feed,
        reader=reader,
        writer=writer,
        log=Log(secrets.token_hex(16), _PARTITIONS),
        settings=b"",
        flush_seconds=flush_after(0.02, _PARTITIONS),
        speed=None,
    )
    running = asyncio.create_task(ingest.run())
    began = cpu = 0.0
    heard, before = time.monotonic(), 0
    while ingest.totals.messages < total and time.monotonic() - heard < _QUIET_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS)
        if ingest.totals.frames != before:
            heard, before = time.monotonic(), ingest.totals.frames
            began, cpu = began or heard, cpu or time.process_time()
    wall, used = time.monotonic() - began, time.process_time() - cpu
    kept = time.perf_counter()
    size = len(reader.memory())
    kept = time.perf_counter() - kept
    ingest.stop()
    await running
    return {
        "messages": ingest.totals.messages,
        "events": ingest.totals.events,
        "batches": ingest.totals.batches,
        "taken_in_seconds": round(wall, 2),
        "cpu_seconds": round(used, 3),
        "share_of_a_core": round(used / wall, 3),
        "blocked_seconds": round(feed.blocked, 3),
        "open_connections": reader.correlator.connections,
        "checkpoint_milliseconds": round(1000 * kept, 1),
        "checkpoint_octets": size,
    }


def _refuse(error: CaptureError) -> None:
    raise error


def main() -> None:
    """Prints a line for each rate."""
    kernel_cache.choose()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    parser.add_argument("rates", type=float, nargs="+")
    parser.add_argument("--kafka", default="", help="host:port of a broker")
    given = parser.parse_args()
    for rate in given.rates:
        found = followed(given.capture, rate, given.kafka)
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
