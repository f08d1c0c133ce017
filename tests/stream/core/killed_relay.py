"""A relay to be killed: entries of an outbox to the end of a file, one by one.

Started as ``killed_relay.py URL FILE``; says ``ready`` before its first entry.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
from killed_worker import PARTITIONS

from stream import relay as relays
from stream.redis_store import RedisStore
from stream.relay import Relay
from stream.state import OutboxEntry

AT_A_TIME = 20
"""Entries that are taken out together: a kill falls between their writing and that."""


async def main(url: str, file: Path) -> None:
    store = RedisStore.at(url)
    with file.open("ab", buffering=0) as published:

        async def publish(partition: int, entries: list[OutboxEntry]) -> None:
            for entry in entries:
                row = [partition, entry.verdict.offer, entry.verdict.step]
                published.write(msgspec.json.encode(row) + b"\n")
                await asyncio.sleep(0)

        relays.BATCH = AT_A_TIME
        print("ready", flush=True)  # noqa: T201  whoever kills waits for it
        await Relay(store, publish, range(PARTITIONS)).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
