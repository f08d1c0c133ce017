"""A worker to be killed: the made-up log through the embedded engine, no relay.

Started as ``killed_worker.py URL EPOCH``; says ``ready`` before its first batch, ``done`` after the
last.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

from fake_rules import FakeRules
from made_events import FIRST, stream

from decoders.events import Event
from stream.batcher import Addressed, Batcher
from stream.engine import Engine
from stream.handler import Handler, Limits
from stream.log import FeedScored, RulesChanged
from stream.redis_store import RedisStore
from stream.state import StateStore

PARTITIONS = 4


def written(epoch: str) -> Iterator[Addressed]:
    """The made-up log, in small batches, the same every time."""
    batcher = Batcher("captures", epoch, PARTITIONS, max_items=20)
    for item in (*FIRST, *stream()):
        if isinstance(item, Event):
            yield from batcher.add(item)
        elif isinstance(item, RulesChanged):
            yield from batcher.change_everywhere(item)
        elif isinstance(item, FeedScored):
            yield from batcher.score(item)
        else:
            yield from batcher.change(item)
    yield from batcher.flush()


async def work(store: StateStore, epoch: str) -> None:
    """Everything, from the beginning of the log; commits of a few items, to be cut in between."""
    handler = Handler(store, FakeRules, Limits(items=9, timers=2))
    async with Engine(handler, PARTITIONS, workers=2) as engine:
        for partition, batch in written(epoch):
            await engine.put(partition, batch)


async def main(url: str, epoch: str) -> None:
    store = RedisStore.at(url)
    print("ready", flush=True)  # noqa: T201  whoever kills waits for it
    await work(store, epoch)
    await store.close()
    print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
