"""The feed is scored by link and by location area, from what passes and what does not."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from correlation_labs import LABS, correlator, decode, merged, records
from correlation_messages import CELL, START, Wire

from decoders.events import LOCATION_SEEN, LOCATION_UPDATED, Event
from decoders.messages import Cell
from decoders.quality import FULL, LINKS_OF_AREA, WINDOW, Quality, Scored
from decoders.times import SECOND
from rules.feed import TRUSTED

MINUTE = WINDOW
ELSEWHERE = Cell("460", "00", 200, 9)


def event(cell: Cell = CELL, **fields: Any) -> Event:
    common = {"id": "1", "type": LOCATION_SEEN, "time": 0, "subscriber": "1-a", "dialogue": "d"}
    return Event(**{"identity": "imsi", "cell": cell, **common, **fields})


class Feed:
    """Minutes of a feed: an area that is always well, and another that a test is about."""

    def __init__(self) -> None:
        self.quality = Quality()
        self.minute = START // MINUTE + 1
        self.changes: list[Scored] = []
        self.quality.advance(self.minute * MINUTE)

    def pass_by(self, minutes: int, *events: Event, messages: int = 0, missing: int = 0) -> None:
        """Each minute 20 events of the one area, and those given of the other one."""
        for _ in range(minutes):
            for _ in range(20):
                self.quality.told(event(ELSEWHERE), ["other"])
                self.quality.heard("other", missing=0)
            for one in events:
                self.quality.told(one, ["link"])
            for number in range(messages):
                self.quality.heard("link", missing=missing if number == 0 else 0)
            self.minute += 1
            self.quality.advance(self.minute * MINUTE)
            self.changes += self.quality.changes()

    @property
    def area(self) -> int:
        return self.quality.areas["46000-100"]


def test_a_feed_that_is_well_is_never_spoken_of() -> None:
    feed = Feed()
    feed.pass_by(100, *[event()] * 10)
    assert feed.changes == []
    assert feed.area == FULL


def test_an_area_that_falls_silent_has_no_score_left_and_gets_it_back() -> None:
    feed = Feed()
    feed.pass_by(60, *[event()] * 10)
    feed.pass_by(2)
    assert feed.changes == []
    feed.pass_by(2)
    assert [one.areas for one in feed.changes] == [{"46000-100": 0}]
    assert feed.changes[0].time % MINUTE == 0
    feed.pass_by(300)
    assert len(feed.changes) == 1
    feed.pass_by(1, *[event()] * 10)
    assert [one.areas for one in feed.changes[1:]] == [{}]


def test_where_little_happens_silence_takes_longer_to_mean_something() -> None:
    feed = Feed()
    for _ in range(40):
        feed.pass_by(1, event())
        feed.pass_by(2)
    feed.pass_by(20)
    assert feed.changes == []
    feed.pass_by(100)
    assert feed.changes[0].areas == {"46000-100": 0}


def test_where_hardly_anything_happens_silence_means_nothing() -> None:
    feed = Feed()
    for _ in range(10):
        feed.pass_by(1, event())
        feed.pass_by(9)
    feed.pass_by(600)
    assert feed.changes == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"identity": "unknown"},
        {"type": LOCATION_UPDATED, "detail": {"outcome": "unseen"}},
    ],
)
def test_a_rise_of_what_is_wrong_lowers_the_score_by_its_share(wrong: dict[str, Any]) -> None:
    right = {**wrong, "identity": "imsi"}
    if "detail" in wrong:
        right["detail"] = {"outcome": "accepted"}
    feed = Feed()
    feed.pass_by(60, *[event(**right)] * 10)
    feed.pass_by(8, *[event(**right)] * 5, *[event(**wrong)] * 5)
    assert 40 <= feed.area <= 70


def test_what_has_always_been_so_lowers_no_score() -> None:
    feed = Feed()
    feed.pass_by(60, *[event()] * 5, *[event(identity="unknown")] * 5)
    assert feed.area == FULL


def test_too_few_cases_say_nothing() -> None:
    feed = Feed()
    feed.pass_by(60, event())
    feed.pass_by(1, event(identity="unknown"))
    assert feed.area == FULL


def test_a_link_is_scored_by_what_is_missing_and_by_its_silence() -> None:
    feed = Feed()
    feed.pass_by(30, messages=90)
    assert feed.quality.links == {"other": FULL, "link": FULL}
    feed.pass_by(6, messages=90, missing=10)
    assert feed.quality.links["link"] == 70
    feed.pass_by(3)
    assert feed.quality.links["link"] == 0
    feed.pass_by(60)
    assert "link" not in feed.quality.links


@pytest.mark.parametrize(
    ("percent", "scores"), [(0, {100}), (2, {90}), (5, {80, 90}), (9, {70}), (20, {40})]
)
def test_an_area_scores_as_its_links_do_however_many_events_a_gap_touches(
    percent: int, scores: set[int]
) -> None:
    feed = Feed()
    touched = [event(trust="gap")] * 10
    feed.pass_by(60, *touched, messages=1000 - 10 * percent, missing=10 * percent)
    assert feed.area in scores
    assert feed.quality.areas["46000-200"] == FULL


def test_an_outage_lowers_the_score_for_some_minutes_however_long_it_was() -> None:
    for missing in (600, 30_000):
        feed = Feed()
        feed.pass_by(60, *[event()] * 10, messages=500)
        feed.pass_by(1, *[event()] * 10, messages=500, missing=missing)
        scores = [feed.area]
        for _ in range(5):
            feed.pass_by(1, *[event()] * 10, messages=500)
            scores.append(feed.area)
        assert scores[0] < TRUSTED
        assert scores[1] < TRUSTED
        assert scores[-1] >= 90


def test_one_message_missing_of_a_few_says_little() -> None:
    feed = Feed()
    feed.pass_by(60, event(), messages=4)
    feed.pass_by(1, event(), messages=4, missing=1)
    assert feed.area == FULL
    feed.pass_by(3, event(), messages=4, missing=4)
    feed.pass_by(1, event(), messages=30, missing=30)
    assert feed.area < TRUSTED


def test_an_area_is_borne_by_the_first_links_of_its_latest_minute() -> None:
    feed = Feed()
    feed.pass_by(1, event(), messages=500, missing=400)
    assert feed.area < TRUSTED
    for _ in range(3):
        feed.quality.heard("link", missing=1000)
        for number in range(LINKS_OF_AREA + 1):
            feed.quality.told(event(), [f"link {number}"])
            feed.quality.heard(f"link {number}", missing=0)
        feed.pass_by(1)
    assert feed.area == FULL
    assert feed.quality.links["link"] < TRUSTED


def test_p4_a_clock_that_leaps_costs_no_more_than_a_day_of_minutes() -> None:
    quality = Quality()
    quality.heard("link", missing=0)
    quality.advance(START)
    quality.advance(START + 10**6 * MINUTE)
    assert quality.links == {}
    quality.advance(START + 10**6 * MINUTE + 1)


@pytest.mark.parametrize("lab", LABS)
def test_in_the_laboratories_no_area_falls(lab: str) -> None:
    one = correlator()
    for message in decode(records(LABS[lab])):
        one.feed(message)
    assert one.quality.changes() == []
    assert set(one.quality.areas.values()) == {FULL}
    silent = [link for link, score in one.quality.links.items() if score != FULL]
    assert len(silent) == (lab == "b")  # the association that the MSC's restart has ended


def test_p1_the_same_messages_give_the_same_scores() -> None:
    chance = Random(3)
    lossy = [one for one in decode(merged(*LABS.values())) if chance.random() > 0.3]
    told = []
    for _ in range(2):
        one = correlator()
        for message in lossy:
            one.feed(message)
        told.append((one.quality.changes(), one.quality.links))
    assert told[0] == told[1]


def test_a_dialogues_links_and_area_are_counted_from_messages() -> None:
    wire = Wire()
    one = correlator()
    messages = [*wire.open(), *wire.release(2, 1)]
    for message in messages:
        one.feed(message)
    one.advance(START + 600 * SECOND)
    assert one.quality.links == {"link": FULL}
    assert one.quality.areas == {"46000-100": FULL}
