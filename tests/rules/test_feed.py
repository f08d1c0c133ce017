"""What the log says of the feed: how long a fall is remembered, and what it stops."""

from __future__ import annotations

from rules.feed import Fall, Feed, fallen

HOUR = 3_600_000_000
AREA = "46000-17104"


def test_an_area_nobody_speaks_of_is_trusted() -> None:
    assert fallen({}, 0, HOUR) == set()
    assert fallen({"one": Feed().after(0, {AREA: 90})}, 0, HOUR) == set()


def test_a_fall_counts_while_it_lasts_and_for_whatever_it_touched() -> None:
    feed = Feed().after(1 * HOUR, {AREA: 0})
    assert fallen({"one": feed}, 2 * HOUR, 3 * HOUR) == {AREA}
    feed = feed.after(4 * HOUR, {})
    assert fallen({"one": feed}, 2 * HOUR, 5 * HOUR) == {AREA}
    assert fallen({"one": feed}, 4 * HOUR + 1, 5 * HOUR) == set()


def test_the_lowest_score_of_a_fall_counts() -> None:
    feed = Feed().after(1, {AREA: 60}).after(2, {AREA: 80})
    assert feed.falls == {AREA: Fall(60, 2)}
    assert feed.after(3, {}).after(4, {AREA: 90}).falls == {AREA: Fall(90, 4)}


def test_p2_a_word_heard_again_changes_nothing() -> None:
    feed = Feed().after(1, {AREA: 0}).after(2, {})
    assert feed.after(1, {AREA: 0}) is feed
    assert feed.after(2, {AREA: 0}) is feed


def test_what_is_long_past_is_forgotten() -> None:
    feed = Feed().after(1, {AREA: 0}).after(2, {})
    assert feed.after(25 * HOUR, {}).falls == {}
    gone = Feed().after(1, {AREA: 0})
    assert fallen({"a source that ended": gone}, 0, 25 * HOUR) == set()
