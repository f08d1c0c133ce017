"""What the made-up log must come to, and what a store has come to."""

from __future__ import annotations

from killed_worker import PARTITIONS, work

from stream.memory_store import MemoryStore
from stream.state import StateStore


async def outbox(store: StateStore) -> list[list[bytes]]:
    """Everything decided, by partition; nobody has relayed it."""
    return [
        [entry.data for entry in await store.outbox(partition, 100_000)]
        for partition in range(PARTITIONS)
    ]


async def undisturbed() -> list[list[bytes]]:
    """What a run without any failure decides."""
    store = MemoryStore()
    await work(store, "undisturbed")
    return await outbox(store)
