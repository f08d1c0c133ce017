"""P2 where a Redis comes back without the last it had answered (`appendfsync everysec`).

Decisions are lost with the progress that stands beside them, so they are made again and the same.
What else was lost is the ledger's, and cannot be made again: the service warns of such a Redis.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from fake_rules import FakeRules
from killed_worker import PARTITIONS, written
from outboxes import outbox, undisturbed
from redis.asyncio import Redis
from redis_servers import RedisServer

from stream.batcher import Addressed
from stream.handler import Handler, Limits
from stream.redis_store import RedisStore
from stream.state import OffsetGapError, StateStore

SOME, MORE = 40, 25


async def handled(
    store: StateStore, records: list[Addressed], offsets: list[int]
) -> OffsetGapError | None:
    """Hands records over as the agent does; the gap that ended it, if one did."""
    handler = Handler(store, FakeRules, Limits(items=9, timers=2))
    for partition, batch in records:
        try:
            await handler.handle(partition, offsets[partition], batch)
        except OffsetGapError as gap:
            return gap
        offsets[partition] += 1
    return None


@pytest.mark.slow
async def test_p2_a_redis_that_lost_its_last_second_is_noticed_and_its_decisions_made_again(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    await Redis.from_url(redis_server.url).flushall()
    store = RedisStore.at(redis_server.url)
    log = written("log")
    offsets = [0] * PARTITIONS
    assert await handled(store, list(islice(log, SOME)), offsets) is None
    redis_server.keep(tmp_path / "second")
    assert await handled(store, list(islice(log, MORE)), offsets) is None
    ahead = list(offsets)

    redis_server.kill()
    redis_server.put_back(tmp_path / "second")
    redis_server.start()
    back = RedisStore.at(redis_server.url)
    gap = await handled(back, list(log), offsets)
    assert gap is not None, "records that Redis has forgotten were passed over"
    assert gap.expected < gap.found

    assert sum(await made_again(back)) < sum(ahead)
    await back.close()


async def made_again(store: StateStore) -> list[int]:
    """Decides from where the store is, to what would have been decided; where that was."""
    begin = [(await store.progress(partition)).offset for partition in range(PARTITIONS)]
    seen = [0] * PARTITIONS
    again = []
    for partition, batch in written("log"):
        if seen[partition] >= begin[partition]:
            again.append(Addressed(partition, batch))
        seen[partition] += 1
    assert await handled(store, again, list(begin)) is None
    assert await outbox(store) == await undisturbed()
    return begin
