"""A worker with work and without progress is seen; one that is idle, or moves, is left alone."""

from __future__ import annotations

from stream.watchdog import Place, Stalls


def test_a_partition_with_work_that_does_not_move_is_stalled() -> None:
    stalls = Stalls(60)
    assert stalls.look({0: Place(5, 9)}, 0) == []
    assert stalls.look({0: Place(5, 9)}, 59) == []
    assert stalls.look({0: Place(5, 10)}, 60) == [0]


def test_progress_starts_the_time_anew() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(5, 9)}, 0)
    assert stalls.look({0: Place(6, 9)}, 59) == []
    assert stalls.look({0: Place(6, 9)}, 118) == []
    assert stalls.look({0: Place(6, 9)}, 119) == [0]


def test_a_partition_without_work_is_never_stalled() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(9, 9)}, 0)
    assert stalls.look({0: Place(9, 9)}, 1000) == []
    assert stalls.look({0: Place(9, 12)}, 1001) == []
    assert stalls.look({0: Place(9, 12)}, 1060) == [0]


def test_a_partition_that_was_given_away_and_came_back_begins_anew() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(5, 9)}, 0)
    stalls.look({}, 30)
    assert stalls.look({0: Place(5, 9)}, 61) == []


def test_while_nobody_could_see_nobody_is_blamed() -> None:
    stalls = Stalls(60)
    stalls.look({0: Place(5, 9)}, 0)
    stalls.forget()
    assert stalls.look({0: Place(5, 9)}, 100) == []
