"""Records slightly out of order are put back in order, within bounds."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from decoders.ordering import InOrder, in_order


class At(NamedTuple):
    time: int
    name: int = 0


def times(items: list[At]) -> list[int]:
    return [item.time for item in items]


def test_what_lags_less_than_the_window_is_put_in_order() -> None:
    chance = Random(1)
    wanted = [At(1_000 * number) for number in range(500)]
    shuffled = sorted(wanted, key=lambda one: one.time + chance.randrange(50_000))
    assert shuffled != wanted
    assert list(in_order(shuffled)) == wanted


def test_equal_times_keep_their_order() -> None:
    items = [At(5, 1), At(5, 2), At(4, 3), At(5, 4)]
    assert list(in_order(items)) == [At(4, 3), At(5, 1), At(5, 2), At(5, 4)]


def test_without_a_window_everything_goes_as_it_comes() -> None:
    order: InOrder[At] = InOrder(0)
    assert [times(order.feed(At(time))) for time in (3, 1, 2)] == [[3], [1], [2]]


def test_a_clock_set_back_begins_anew_and_holds_nothing_back() -> None:
    hour = 3_600_000_000
    items = [At(hour), At(hour + 10), At(1), At(3), At(2), At(100_000)]
    assert times(list(in_order(items))) == [hour, hour + 10, 1, 2, 3, 100_000]


def test_p4_a_clock_that_stands_still_holds_no_more_than_the_bound() -> None:
    order: InOrder[At] = InOrder(50_000, most=10)
    given = [one for number in range(100) for one in order.feed(At(7, number))]
    assert [one.name for one in given] == list(range(90))
    assert len(order) == 10
    assert [one.name for one in order.rest()] == list(range(90, 100))
