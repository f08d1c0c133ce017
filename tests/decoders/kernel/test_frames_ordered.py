"""P1: frames by the thousand come in the very order in which records come one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from heapq import merge
from operator import attrgetter

import pytest

from decoders import ordering
from decoders.kernel import Frames, frames_of
from decoders.kernel.ordered import in_order, merged
from decoders.messages import Record
from decoders.ordering import WINDOW


def blocks(records: list[Record], chance: random.Random) -> Iterator[Frames]:
    """The records in portions of any size."""
    at = 0
    while at < len(records):
        size = chance.choice((1, 2, 17, 400))
        yield from frames_of(records[at : at + size])
        at += size


def made(source: str, chance: random.Random, *, set_back: bool = False) -> list[Record]:
    """Records somewhat out of order; at times the clock stands, is set forward or back."""
    time, found = 1_000_000_000, []
    for number in range(1500):
        time += chance.choice((0, 0, 1, 900, 9000, 9000, 60_000))
        if set_back and chance.random() < 0.01:
            time -= chance.choice((WINDOW, WINDOW + 1, 3_000_000))
        late = chance.choice((0, 0, 0, 30_000, WINDOW)) if chance.random() < 0.3 else 0
        data = number.to_bytes(4, "big") + bytes(chance.randrange(20))
        found.append(Record(source, number + 1, time - late, chance.choice((1, 141)), data, "f"))
    return found


def one_by_one(captures: list[list[Record]]) -> list[Record]:
    streams = [ordering.in_order(records) for records in captures]
    return list(merge(*streams, key=attrgetter("time")))


def by_the_thousand(captures: list[list[Record]], chance: random.Random) -> list[Record]:
    streams = [in_order(blocks(records, chance)) for records in captures]
    return [
        frames.record(index) for frames in merged(streams) for index in range(len(frames.times))
    ]


@pytest.mark.parametrize("set_back", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_p1_any_captures_are_merged_in_the_order_of_their_records(
    seed: int, *, set_back: bool
) -> None:
    chance = random.Random(seed)
    captures = [made(f"c{i}", chance, set_back=set_back) for i in range(chance.choice((1, 2, 4)))]
    assert by_the_thousand(captures, chance) == one_by_one(captures)


def test_p1_where_more_wait_than_may_they_go_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decoders.kernel.ordered.MOST", 40)
    monkeypatch.setattr(ordering.InOrder.__init__, "__defaults__", (WINDOW, 40, None))
    chance = random.Random(5)
    captures = [made("a", chance), made("b", chance)]
    assert by_the_thousand(captures, chance) == one_by_one(captures)


def test_p3_what_waits_for_a_slower_capture_is_bounded() -> None:
    """One capture stands still in time while the others go on: nobody waits for its end."""
    chance = random.Random(1)
    still = [Record("a", n + 1, 7, 1, b"data", "") for n in range(4000)]
    later = [Record("b", n + 1, 7 + n // 1000, 1, b"data", "") for n in range(4000)]
    most = 0

    def watched(records: list[Record]) -> Iterator[Frames]:
        nonlocal given
        for frames in blocks(records, chance):
            given += len(frames.times)
            yield frames

    given = taken = 0
    for frames in merged([watched(still), watched(later)]):
        taken += len(frames.times)
        most = max(most, given - taken)
    assert taken == 8000
    assert most < 1500
