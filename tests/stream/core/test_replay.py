"""P1 on the laboratories' captures: the same rows with any workers, partitions and stores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from labs import LEFT, MSC, agreed, correlator, events, messages, rules
from stores import STORES, open_store

from decoders.events import Event
from decoders.times import SECOND
from rules.verdicts import Verdict
from stream.log import OptedOut
from stream.replay import Change, Replay, Replayed, events_of
from stream.state import StateStore

HOUR = 3600 * SECOND


async def replayed(
    items: Iterable[Event | Change],
    partitions: int = 1,
    workers: int = 1,
    *,
    store: StateStore | None = None,
    until: int | None = None,
) -> tuple[bytes, Replayed]:
    written: list[Verdict] = []
    replay = Replay(written.append, partitions=partitions, workers=workers, store=store)
    result = await replay.run(items, [rules(), *agreed()], until=until)
    return b"\n".join(msgspec.json.encode(verdict.row()) for verdict in written), result


def changed_on_the_way() -> list[Event | Change]:
    """The events with an opt-out, a profile load and a campaign reload among them."""
    items: list[Event | Change] = list(events())
    caller = next(event for event in events() if event.type == "call.attempted")
    third = len(items) // 3
    items[2 * third : 2 * third] = [rules("45s"), *agreed()]
    items[third:third] = [OptedOut(caller.subscriber, caller.time)]
    return items


@pytest.fixture(scope="module")
def last() -> int:
    return events()[-1].time


@pytest.mark.parametrize("partitions", [1, 8, 32])
@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_p1_the_captures_give_the_same_rows_with_any_workers_and_partitions(
    partitions: int, workers: int, last: int
) -> None:
    until = last + 3 * HOUR
    expected, one = await replayed(changed_on_the_way(), until=until)
    got, many = await replayed(changed_on_the_way(), partitions, workers, until=until)
    assert got == expected
    assert many == one
    verdicts = Counter(json.loads(line)["verdict"] for line in got.splitlines())
    assert set(verdicts) == {"send", "control", "hold", "refuse"}


@pytest.mark.parametrize("partitions", [1, 8, 32])
@pytest.mark.parametrize("name", STORES)
async def test_p1_the_captures_give_the_same_rows_on_every_store(
    name: str, partitions: int, request: pytest.FixtureRequest, last: int
) -> None:
    until = last + 3 * HOUR
    expected, one = await replayed(changed_on_the_way(), until=until)
    store = await open_store(request, name)
    got, other = await replayed(changed_on_the_way(), partitions, 2, store=store, until=until)
    await store.close()
    assert got == expected
    assert other == one


async def test_exactly_the_phones_that_left_are_told_so(last: int) -> None:
    text, result = await replayed(events(), 8, 2, until=last + 120 * SECOND)
    rows: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    going = [row for row in rows if row["campaign"] == "going"]
    assert {row["subscriber"] for row in going} == LEFT
    assert [row["verdict"] for row in going] == ["send"] * len(LEFT)
    assert all(row["evidence"] for row in going)
    assert result.faults == 0


async def test_the_end_of_the_captures_fires_nothing_and_pending_timers_are_told() -> None:
    _, ended = await replayed(events())
    _, ran_on = await replayed(events(), until=events()[-1].time + 24 * HOUR)
    assert ended.pending > ran_on.pending
    assert ended.verdicts < ran_on.verdicts


async def test_events_come_from_messages_one_by_one() -> None:
    assert list(events_of(messages(MSC), correlator())) == list(events())
