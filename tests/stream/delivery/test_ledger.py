"""The ledger: one claim an offer, and what may follow it (P2)."""

from __future__ import annotations

import asyncio
from itertools import product
from uuid import uuid4

import pytest
from one_or_cluster import KINDS
from redis.asyncio import Redis

from stream.sms import outcomes
from stream.sms.ledger import Entry, Ledger


@pytest.fixture(params=KINDS)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, "test")


async def claim(ledger: Ledger, deadline: int, claimant: str = "") -> bool:
    return await ledger.claim(entry(), deadline, claimant or uuid4().hex)


def entry(offer: str = "o1") -> Entry:
    return Entry(offer, "c", 0, "1-who", outcomes.CLAIMED)


async def test_p2_of_many_claims_at_once_one_is_granted(ledger: Ledger) -> None:
    granted = await asyncio.gather(*(claim(ledger, 100) for _ in range(50)))
    assert sum(granted) == 1


async def test_p2_a_claim_without_result_becomes_unknown_and_is_never_granted_again(
    ledger: Ledger,
) -> None:
    await claim(ledger, 100)
    assert await ledger.overdue(99) == []
    assert await ledger.overdue(100) == ["o1"]
    assert await ledger.abandon("o1")
    assert not await claim(ledger, 200)
    found = await ledger.entry("o1")
    assert found is not None
    assert found.state == outcomes.UNKNOWN


async def test_p2_whoever_claimed_an_offer_does_not_claim_it_again_where_redis_has_forgotten(
    ledger: Ledger, redis: Redis
) -> None:
    await claim(ledger, 100)
    await redis.flushall()
    assert not await claim(ledger, 200)
    assert await ledger.overdue(300) == []


async def test_p2_what_becomes_of_a_forgotten_claim_stands_in_the_ledger_again(
    ledger: Ledger, redis: Redis
) -> None:
    await claim(ledger, 100)
    await redis.flushall()
    assert await ledger.move("o1", outcomes.FAILED, "ESME_RSYSERR", "teller")
    found = await ledger.entry("o1")
    assert found is not None
    assert (found.state, found.campaign, found.subscriber) == (outcomes.FAILED, "c", "1-who")


async def test_p2_no_more_claims_are_remembered_than_there_is_room_for(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.sms.ledger._GRANTED", 2)
    for offer in ("o1", "o2", "o3"):
        await ledger.claim(entry(offer), 100, uuid4().hex)
    await redis.flushall()
    again = [await ledger.claim(entry(offer), 100, uuid4().hex) for offer in ("o3", "o2", "o1")]
    assert again == [False, False, True]


async def test_a_result_is_not_abandoned(ledger: Ledger) -> None:
    await claim(ledger, 100)
    await ledger.submitted("o1", ["m1"])
    assert not await ledger.abandon("o1")


async def test_a_released_claim_may_be_claimed_again(ledger: Ledger) -> None:
    await claim(ledger, 100)
    await ledger.release("o1")
    assert await ledger.overdue(100) == []
    assert await claim(ledger, 100)


async def test_only_a_claim_is_released(ledger: Ledger) -> None:
    await claim(ledger, 100)
    await ledger.submitted("o1", ["m1"])
    await ledger.release("o1")
    assert not await claim(ledger, 100)


async def test_a_withheld_offer_is_not_claimed_later(ledger: Ledger) -> None:
    assert await ledger.settle(entry(), outcomes.WITHHELD, 100, "me")
    assert not await claim(ledger, 100)


async def test_a_receipt_finds_its_offer(ledger: Ledger) -> None:
    await claim(ledger, 100)
    assert await ledger.submitted("o1", ["m1"]) is None
    found = await ledger.receipt("m1", outcomes.DELIVERED)
    assert found is not None
    assert (found[0].offer, found[1]) == ("o1", outcomes.DELIVERED)


async def test_a_receipt_before_the_answer_is_not_lost(ledger: Ledger) -> None:
    await claim(ledger, 100)
    assert await ledger.receipt("m1", outcomes.DELIVERED) is None
    assert await ledger.submitted("o1", ["m1"]) == outcomes.DELIVERED


async def test_a_text_of_parts_is_delivered_when_all_of_them_are(ledger: Ledger) -> None:
    await claim(ledger, 100)
    await ledger.submitted("o1", ["m1", "m2"])
    first = await ledger.receipt("m1", outcomes.DELIVERED)
    second = await ledger.receipt("m2", outcomes.DELIVERED)
    assert first is not None
    assert second is not None
    assert (first[1], second[1]) == (None, outcomes.DELIVERED)


async def test_a_text_of_parts_has_failed_when_one_of_them_has(ledger: Ledger) -> None:
    await claim(ledger, 100)
    await ledger.submitted("o1", ["m1", "m2"])
    found = await ledger.receipt("m2", outcomes.FAILED)
    assert found is not None
    assert found[1] == outcomes.FAILED


async def test_a_foreign_receipt_names_no_offer(ledger: Ledger) -> None:
    assert await ledger.receipt("nobody's", outcomes.DELIVERED) is None


@pytest.mark.parametrize(
    ("before", "after"), list(product([s for s in outcomes.MAY_FOLLOW if s != "claimed"], repeat=2))
)
async def test_the_table_says_which_state_may_follow_which(
    ledger: Ledger, before: str, after: str
) -> None:
    if None in outcomes.MAY_FOLLOW[before]:
        await ledger.settle(entry(), before, 100, "me")
    else:
        await claim(ledger, 100)
        await ledger.move("o1", before, None, "me")
    assert await ledger.move("o1", after, None, "me") == (before in outcomes.MAY_FOLLOW[after])


async def test_records_are_kept_five_months(ledger: Ledger, redis: Redis) -> None:
    await claim(ledger, 100)
    assert await redis.ttl("xl:ledger:{o1}") > 150 * 86_400


async def test_p2_who_lost_the_answer_to_a_claim_may_ask_again(ledger: Ledger) -> None:
    assert await claim(ledger, 100, "me")
    assert await claim(ledger, 100, "me")
    assert not await claim(ledger, 100, "another")
    await ledger.submitted("o1", ["m1"])
    assert not await claim(ledger, 100, "me")


async def test_who_wrote_an_outcome_is_known_until_it_is_told(ledger: Ledger) -> None:
    await claim(ledger, 100)
    await ledger.move("o1", outcomes.UNKNOWN, "no answer", "me")
    before = await ledger.entry("o1")
    await ledger.told("o1")
    after = await ledger.entry("o1")
    assert before is not None
    assert after is not None
    assert (before.untold, before.reason, after.untold) == ("me", "no answer", "")
