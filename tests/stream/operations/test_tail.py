"""A running service as lines: events, verdicts, outcomes, masked (P6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from decoders.events import Destination, Event, OtherParty
from decoders.messages import Cell
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules.verdicts import Verdict
from stream import topics
from stream.ask.tail import Lines, Wanted
from stream.log import SCHEMA_VERSION, Batch, RulesChanged, Signal, Tick, encode
from stream.sms.outcomes import Outcome
from stream.topic_reader import Record

WHO = Pseudonyms(TEST_KEY).subscriber("460001234567890")
CALL = Event(
    id="e",
    type="call.attempted",
    time=1_201_511_553_123_456,
    subscriber=WHO,
    identity="imsi",
    dialogue="d",
    cell=Cell("460", "00", 17104, 5),
    direction="mobile originated",
    other_party=OtherParty(1, 1, Destination("fixed", "CN", "0371", "郑州"), id="1-ab"),
    number_class="long distance",
)
SEND = Verdict(
    offer="0f" * 16,
    step=0,
    campaign="going",
    campaign_hash="",
    wave=1,
    subscriber=WHO,
    time=CALL.time,
    trigger="e",
    verdict="send",
)
DELIVERED = Outcome(
    offer="0f" * 16, campaign="going", wave=1, subscriber=WHO, time=CALL.time, outcome="delivered"
)


def record(topic: str, value: bytes) -> Record:
    return Record(topic, 0, 7, 0, value)


def records() -> list[Record]:
    batch = Batch(
        SCHEMA_VERSION, "e", "s", 0, [RulesChanged("ab" * 16, {}), Tick(0), Signal(1, CALL)]
    )
    return [
        record(topics.EVENTS, encode(batch)),
        record(topics.EVENTS, encode(batch)),
        record(topics.VERDICTS, msgspec.json.encode(SEND.row())),
        record(topics.OUTCOMES, msgspec.json.encode(DELIVERED.row())),
    ]


def lines(wanted: Wanted) -> list[str]:
    made = Lines(wanted)
    return [line for one in records() if one.topic in wanted.topics() for line in made.of(one)]


def test_everything_is_shown_and_new_rules_once() -> None:
    kinds = [line.split()[1] if line[0] == "2" else line.split()[0] for line in lines(Wanted())]
    assert kinds == ["rules", "event", "event", "verdict", "outcome"]


def test_a_line_says_what_happened_to_whom_and_what_was_decided() -> None:
    event, verdict, outcome = lines(Wanted())[2:]
    assert event == (
        f"2008-01-28T09:12:33.123456Z  event    {WHO[:10]}…  call.attempted   460-00 17104/5   "
        "mobile originated   long distance number (郑州)"
    )
    assert verdict.endswith(f"{WHO[:10]}…  going  send  offer {SEND.offer}")
    assert outcome.endswith(f"{WHO[:10]}…  going  delivered  offer {SEND.offer}")


def test_a_type_shows_only_its_events_and_a_campaign_only_its_decisions() -> None:
    assert [line.split()[1] for line in lines(Wanted(frozenset({"call.attempted"})))] == [
        "event",
        "event",
    ]
    assert lines(Wanted(frozenset({"call.ended"}))) == []
    assert [line.split()[1] for line in lines(Wanted(campaign="going"))] == ["verdict", "outcome"]
    assert lines(Wanted(campaign="other")) == []
    both = Wanted(frozenset({"call.attempted"}), "going")
    assert len(lines(both)) == 4


def test_p6_no_line_bears_a_whole_pseudonym() -> None:
    assert not any(WHO in line for line in lines(Wanted()))


@pytest.mark.parametrize("topic", [topics.EVENTS, topics.VERDICTS, topics.OUTCOMES])
@pytest.mark.parametrize("value", [b"", b"?", b"{}", b"[]", b'{"time": 5}'])
def test_p4_a_record_that_cannot_be_read_is_a_line(topic: str, value: bytes) -> None:
    assert list(Lines(Wanted()).of(record(topic, value))) == [f"{topic} 0/7 cannot be read"]


def test_a_type_that_does_not_exist_is_said(xinling: Callable[..., Any]) -> None:
    said = xinling("tail", "--type", "call.missed")
    assert said.code == 1
    assert "call.attempted" in said.err
