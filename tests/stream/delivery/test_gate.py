"""The gate: what the partition knows by the time of the submit decides again (P3)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from decoders.times import SECOND
from rules import profile as profiles
from rules.engine import RuleSet
from rules.profile import Profile
from rules.verdicts import Verdict
from stream.log import partition_of
from stream.memory_store import MemoryStore
from stream.sms import outcomes
from stream.sms.gate import StoreGate
from stream.state import Commit, Progress
from tests.stream.delivery.conftest import HOUR, offer

PARTITIONS = 3
DECIDED = 1_795_302_000_000_000
"""2026-11-21T23:00:00Z, noon in Auckland."""
CAMPAIGN = """
campaign: two-cities
title: 两个城市一个家
status: {status}
trigger: {{left: {{area: here}}}}
offer: {{from: "10086", text: 您已离开, valid_for: 4h}}
runs: {{until: {until}}}
"""
AREAS = b'{"features": [{"properties": {"area": "here", "lacs": ["1"]}, "geometry": null}]}'
WILLING = Profile(consent=("sms",), time_zone="Pacific/Auckland")


class Partition:
    """A store with one subscriber's profile and the rules, as the log may have left them."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.gate = StoreGate(self.store, PARTITIONS)

    async def holds(
        self, profile: Profile | None = WILLING, status: str = "live", until: str = "2026-12-01"
    ) -> None:
        partition = partition_of("1-who", PARTITIONS)
        bundle = {
            "campaigns/c.yaml": CAMPAIGN.format(status=status, until=until).encode(),
            "areas.geojson": AREAS,
        }
        loaded = await self.store.load(partition, [], None, 0)
        packed = None if profile is None else profiles.encode(profile)
        commit = Commit(
            progress=Progress(offset=1, rules=RuleSet.load(bundle).hash),
            profiles={"1-who": packed},
            rules=bundle,
        )
        assert await self.store.commit(partition, loaded.token, commit)


@pytest.fixture
async def partition() -> AsyncIterator[Partition]:
    made = Partition()
    yield made
    await made.store.close()


def verdict() -> Verdict:
    return msgspec.structs.replace(offer(), time=DECIDED)


async def test_a_willing_person_in_the_day_may_be_sent_to(partition: Partition) -> None:
    await partition.holds()
    answer = await partition.gate.ask(verdict(), DECIDED + SECOND)
    assert (answer.outcome, answer.source) == (None, "10086")
    assert answer.until == DECIDED + 4 * HOUR


async def test_p3_the_validity_ends_before_the_next_quiet_hours(partition: Partition) -> None:
    await partition.holds()
    late = msgspec.structs.replace(offer(), time=DECIDED + 6 * HOUR)
    answer = await partition.gate.ask(late, late.time)
    assert answer.until == DECIDED + 8 * HOUR - 0, "20:00 in Auckland, not 22:00"


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (None, "no consent"),
        (Profile(time_zone="Pacific/Auckland"), "no consent"),
        (profiles.opted_out(WILLING), "opted out"),
        (Profile(consent=("sms",)), "unknown time zone"),
        (Profile(consent=("sms",), time_zone="Asia/Shanghai"), "quiet hours"),
    ],
)
async def test_p3_what_changed_since_the_decision_withholds_it(
    partition: Partition, profile: Profile | None, reason: str
) -> None:
    await partition.holds(profile)
    answer = await partition.gate.ask(verdict(), DECIDED)
    assert (answer.outcome, answer.reason) == (outcomes.WITHHELD, reason)


async def test_p3_an_unreadable_profile_is_no_consent(partition: Partition) -> None:
    await partition.holds()
    number = partition_of("1-who", PARTITIONS)
    loaded = await partition.store.load(number, [], None, 0)
    spoilt = Commit(progress=loaded.progress, profiles={"1-who": b"?"})
    assert await partition.store.commit(number, loaded.token, spoilt)
    answer = await partition.gate.ask(verdict(), DECIDED)
    assert answer.reason == "no consent"


@pytest.mark.parametrize("status", ["paused", "draft", "shadow"])
async def test_a_campaign_that_is_not_live_any_more_withholds(
    partition: Partition, status: str
) -> None:
    await partition.holds(status=status)
    answer = await partition.gate.ask(verdict(), DECIDED)
    assert (answer.outcome, answer.reason) == (outcomes.WITHHELD, "stopped")


async def test_a_campaign_that_is_over_withholds(partition: Partition) -> None:
    await partition.holds(until="2026-11-20")
    answer = await partition.gate.ask(verdict(), DECIDED)
    assert answer.reason == "outside campaign dates"


async def test_an_offer_past_its_validity_has_expired(partition: Partition) -> None:
    await partition.holds()
    answer = await partition.gate.ask(verdict(), DECIDED + 4 * HOUR)
    assert (answer.outcome, answer.reason) == (outcomes.EXPIRED, None)


async def test_a_campaign_that_is_gone_withholds(partition: Partition) -> None:
    await partition.holds()
    gone = msgspec.structs.replace(verdict(), campaign="another")
    answer = await partition.gate.ask(gone, DECIDED)
    assert (answer.outcome, answer.reason) == (outcomes.WITHHELD, "stopped")


async def test_without_rules_nothing_goes_out(partition: Partition) -> None:
    answer = await partition.gate.ask(verdict(), DECIDED)
    assert (answer.outcome, answer.reason) == (outcomes.WITHHELD, "stopped")


async def test_p3_a_no_by_a_reply_counts_before_the_log_has_it(partition: Partition) -> None:
    await partition.holds()

    async def said_no(subscriber: str) -> bool:
        return subscriber == "1-who"

    gate = StoreGate(partition.store, PARTITIONS, said_no=said_no)
    answer = await gate.ask(verdict(), DECIDED + SECOND)
    assert (answer.outcome, answer.reason) == (outcomes.WITHHELD, "opted out")


async def test_what_counts_as_an_answer_is_what_the_campaign_in_force_says(
    partition: Partition,
) -> None:
    assert await partition.gate.keywords("1-who", "two-cities") == ()
    await partition.holds()
    assert await partition.gate.keywords("1-who", "two-cities") == ("1",)
    assert await partition.gate.keywords("1-who", "another") == ()
