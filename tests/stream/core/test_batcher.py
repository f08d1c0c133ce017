"""P1: what a batcher writes depends on the events alone, and where a batch ends means nothing."""

from __future__ import annotations

from fake_rules import event
from hypothesis import given
from hypothesis import strategies as st

from decoders.events import Event
from stream.batcher import Addressed, Batcher, second_before
from stream.log import Item, RulesChanged, Signal, Tick, decode, encode, partition_of

SECOND = 1_000_000


def items(filled: list[Addressed], partition: int) -> list[Item]:
    return [item for to, batch in filled if to == partition for item in batch.items]


def written(events: list[Event], partitions: int, max_items: int) -> list[Addressed]:
    batcher = Batcher("s", "e", partitions, max_items=max_items)
    filled = [batch for event in events for batch in batcher.add(event)]
    return filled + batcher.flush()


def test_a_tick_stands_before_the_first_event_after_a_whole_second() -> None:
    times = [SECOND - 1, SECOND, SECOND + 1, 2 * SECOND, 5 * SECOND + 7]
    flow = items(written([event("a", time) for time in times], 1, 500), 0)
    shown = [item.time if isinstance(item, Tick) else (item.seq, item.event.time) for item in flow]
    assert shown == [
        0, (1, SECOND - 1), (2, SECOND),
        SECOND, (3, SECOND + 1), (4, 2 * SECOND),
        5 * SECOND, (5, 5 * SECOND + 7),
    ]  # fmt: skip


def test_idle_partitions_hear_the_clock() -> None:
    filled = written([event("a", 3 * SECOND + 1)], 4, 500)
    busy = partition_of("a", 4)
    idle = [number for number in range(4) if number != busy]
    assert [items(filled, number) for number in idle] == [[Tick(3 * SECOND)]] * 3


def test_a_late_event_does_not_turn_the_clock_back() -> None:
    flow = items(written([event("a", 9 * SECOND), event("a", 4 * SECOND)], 1, 500), 0)
    assert [item.time for item in flow if isinstance(item, Tick)] == [8 * SECOND]


def test_a_flush_of_nothing_new_is_nothing() -> None:
    batcher = Batcher("s", "e", 2)
    batcher.add(event("a", SECOND))
    assert len(batcher.flush()) == 2
    assert batcher.flush() == []
    batcher.tick(SECOND + 5)
    assert [items(batcher.flush(), 1)] == [[Tick(SECOND)]]


def test_new_rules_go_to_every_partition_after_what_came_before_them() -> None:
    batcher = Batcher("s", "e", 3)
    batcher.add(event("a", SECOND + 1))
    filled = batcher.change_everywhere(RulesChanged("h", {"f": b"x"}))
    for number in range(3):
        assert isinstance(items(filled, number)[-1], RulesChanged)
    assert len(items(filled, partition_of("a", 3))) == 3


def test_a_batch_goes_through_the_log_unchanged() -> None:
    for _, batch in written([event("甲", 7), event("b", SECOND)], 2, 500):
        assert decode(encode(batch)) == batch


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(-SECOND, 3 * SECOND)), max_size=60
    ),
    partitions=st.integers(1, 5),
    max_items=st.integers(1, 9),
)
def test_p1_a_subscriber_meets_the_same_events_and_ticks_in_any_partition(
    steps: list[tuple[str, int]], partitions: int, max_items: int
) -> None:
    events, time = [], 0
    for subscriber, step in steps:
        time += step
        events.append(event(subscriber, time))
    one = items(written(events, 1, 500), 0)
    filled = written(events, partitions, max_items)
    for subscriber in "abcdef":
        flow = items(filled, partition_of(subscriber, partitions))
        assert seen_by(subscriber, flow) == seen_by(subscriber, one)


def seen_by(subscriber: str, flow: list[Item]) -> list[tuple[int, int]]:
    """(sequence, clock) of each of a subscriber's events."""
    clock, seen = -1, []
    for item in flow:
        if isinstance(item, Tick):
            clock = item.time
        elif isinstance(item, Signal) and item.event.subscriber == subscriber:
            seen.append((item.seq, clock))
    return seen


def test_the_second_before_a_time_lies_before_it() -> None:
    times = (SECOND, SECOND + 1, 0, -SECOND)
    assert [second_before(time) for time in times] == [0, SECOND, -SECOND, -2 * SECOND]
