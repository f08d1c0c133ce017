"""What became of offers, as records of the log: an answer ends a campaign's waves (P1, P3)."""

from __future__ import annotations

import json

import pytest

from decoders.events import CALL_ATTEMPTED, Event
from decoders.times import SECOND, from_text
from rules import profile as profiles
from rules.bundle import bundle_hash
from rules.profile import Profile
from rules.verdicts import Verdict
from stream.log import OutcomeRecorded, ProfileChanged, RulesChanged
from stream.replay import Change, Replay

NOON = from_text("2008-01-20T04:00:00Z")
DAY = 24 * 3600 * SECOND
CAMPAIGN = """
campaign: again
title: asked again
status: live
trigger: {called: {}}
offer: {from: "10086", text: 优惠, valid_for: 24h}
waves: {times: 1, after: 3d}
"""
BUNDLE = {"campaigns/again.yaml": CAMPAIGN.encode()}
WILLING = Profile(consent=("sms",), time_zone="Asia/Shanghai")
PEOPLE = [f"1-{number:024x}" for number in range(6)]


def calls(time: int) -> list[Event]:
    return [
        Event(
            id=f"{number}-{time}",
            type=CALL_ATTEMPTED,
            time=NOON + time + number,
            subscriber=person,
            identity="imsi",
            dialogue="d",
            frames=[],
        )
        for number, person in enumerate(PEOPLE)
    ]


def outcome(number: int, what: str) -> OutcomeRecorded:
    return OutcomeRecorded(PEOPLE[number], "again", "an offer", what, NOON + DAY)


async def told(answers: list[Change], *later: Event, partitions: int = 1) -> list[Verdict]:
    found: list[Verdict] = []
    items: list[Event | Change] = [*calls(0), *answers, *later]
    changes: list[Change] = [RulesChanged(bundle_hash(BUNDLE), BUNDLE)]
    changes += [ProfileChanged(person, profiles.encode(WILLING)) for person in PEOPLE]
    replay = Replay(found.append, partitions=partitions)
    await replay.run(items, changes, until=NOON + 10 * DAY)
    return found


@pytest.mark.parametrize("partitions", [1, 4])
async def test_who_answered_gets_no_further_wave_and_the_others_do(partitions: int) -> None:
    answers = [outcome(0, "replied"), outcome(1, "converted"), outcome(2, "delivered")]
    found = await told([*answers], partitions=partitions)
    again = {verdict.subscriber for verdict in found if verdict.wave == 2}
    assert again == set(PEOPLE[2:])


async def test_p1_outcomes_give_the_same_rows_with_any_partitions() -> None:
    answers: list[Change] = [outcome(0, "replied"), outcome(3, "opted out")]
    rows = [
        [json.dumps(verdict.row()) for verdict in await told(answers, partitions=partitions)]
        for partitions in (1, 2, 8)
    ]
    assert rows[0] == rows[1] == rows[2]
    assert len(rows[0]) == 10


async def test_p3_an_opt_out_among_the_outcomes_is_one() -> None:
    found = await told([outcome(0, "opted out")], *calls(2 * DAY))
    reasons = {(verdict.subscriber, verdict.reason) for verdict in found}
    assert (PEOPLE[0], "opted out") in reasons
    assert {who for who, reason in reasons if reason == "opted out"} == {PEOPLE[0]}


async def test_an_outcome_before_any_rules_changes_nothing() -> None:
    found: list[Verdict] = []
    replayed = await Replay(found.append).run([outcome(0, "replied")])
    assert (found, replayed.faults) == ([], 0)
