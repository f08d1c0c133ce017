"""Shared budgets in a replay: exact, and the same rows however the work is cut up (P1)."""

from __future__ import annotations

import json

import pytest

from decoders.events import CALL_ATTEMPTED, Event
from decoders.times import SECOND, from_text
from rules import profile as profiles
from rules.bundle import bundle_hash
from rules.profile import Profile
from rules.verdicts import Verdict
from stream.log import ProfileChanged, RulesChanged
from stream.replay import Change, Reached, Replay

NOON = from_text("2008-01-20T04:00:00Z")
PEOPLE = [f"1-{number:024x}" for number in range(40)]
WILLING = profiles.encode(Profile(consent=("sms",), time_zone="Asia/Shanghai"))
CAMPAIGN = """
campaign: few
title: few of them
status: live
trigger: {called: {}}
offer: {from: "10086", text: 优惠, valid_for: 24h}
limits: {LIMITS}
"""


def ruled(limits: str) -> RulesChanged:
    files = {"campaigns/few.yaml": CAMPAIGN.replace("LIMITS", limits).encode()}
    return RulesChanged(bundle_hash(files), files)


def calls(second: int) -> list[Event]:
    return [
        Event(
            id=f"{number}-{second}",
            type=CALL_ATTEMPTED,
            time=NOON + second * SECOND + number + 1,
            subscriber=person,
            identity="imsi",
            dialogue="d",
            frames=[],
        )
        for number, person in enumerate(PEOPLE)
    ]


async def told(
    limits: str, *seconds: int, partitions: int = 1, workers: int = 1, max_items: int = 500
) -> list[Verdict]:
    found: list[Verdict] = []
    changes: list[Change] = [ruled(limits)]
    changes += [ProfileChanged(person, WILLING) for person in PEOPLE]
    items: list[Event | Reached | Change] = []
    for second in seconds:
        items += [*calls(second), Reached(NOON + (second + 1) * SECOND)]
    replay = Replay(found.append, partitions=partitions, workers=workers, max_items=max_items)
    await replay.run(items, changes)
    return found


def sends(found: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in found if verdict.verdict == "send"]


async def test_a_total_is_never_exceeded_and_used_up_to_the_last() -> None:
    found = await told("total: 55", 0, 30)
    assert len(sends(found)) == 55
    assert {each.reason for each in found if each.verdict != "send"} == {"sold out"}
    assert len({each.offer for each in found}) == 80


async def test_within_a_second_the_offer_id_decides() -> None:
    found = await told("total: 10", 0)
    assert {each.offer for each in sends(found)} == set(sorted(each.offer for each in found)[:10])


async def test_sold_out_gives_the_cap_back_at_the_next_whole_minute() -> None:
    """Of 40 people 10 a minute: whoever was refused may be sent to later, nobody is twice."""
    limits = "per_minute: 10, per_subscriber: {times: 1, every: 30d}"
    found = await told(limits, 0, 90, 180, 270, 360)
    sent = [each.subscriber for each in sends(found)]
    assert len(sent) == len(set(sent)) == 40
    reasons = [each.reason for each in found if each.verdict == "refuse"]
    assert reasons.count("sold out") == 30 + 20 + 10
    assert reasons.count("capped") == 10 + 20 + 30 + 40


@pytest.mark.parametrize(("partitions", "workers", "items"), [(1, 1, 7), (8, 1, 500), (32, 4, 3)])
async def test_p1_the_rows_are_the_same_with_any_partitions_workers_and_batches(
    partitions: int, workers: int, items: int
) -> None:
    limits = "total: 33, per_minute: 10, per_subscriber: {times: 1, every: 30d}"
    seconds = (0, 1, 59, 60, 61, 125, 300)
    expected = await told(limits, *seconds)
    found = await told(limits, *seconds, partitions=partitions, workers=workers, max_items=items)
    assert [json.dumps(each.row()) for each in found] == [
        json.dumps(each.row()) for each in expected
    ]
    assert len(sends(found)) == 33


async def test_rules_that_cannot_be_used_leave_the_budgets_as_they_were() -> None:
    found: list[Verdict] = []
    changes: list[Change] = [ruled("total: 1"), RulesChanged("x", {"a.yaml": b"campaign: ["})]
    changes += [ProfileChanged(person, WILLING) for person in PEOPLE]
    replayed = await Replay(found.append).run(calls(0), changes)
    assert replayed.faults == 1
    assert len(sends(found)) == 1
