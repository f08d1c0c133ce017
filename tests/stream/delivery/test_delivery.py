"""Delivery: the question asked again, one submit an offer, and what is told of it."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from stream.sms import outcomes
from stream.sms.delivery import NO_NUMBER
from stream.sms.ledger import Entry
from stream.sms.smpp import NotSubmittedError, ShortMessage
from stream.sms.smsc import Fault, Smsc
from tests.stream.delivery.conftest import (
    NOW,
    OpenRoom,
    Room,
    eventually,
    none_left,
    offer,
    running,
)

SUBMITTED, DELIVERED = outcomes.SUBMITTED, outcomes.DELIVERED


async def test_an_offer_is_submitted_and_its_receipt_told(room: Room) -> None:
    outcome = await room.delivery.deliver(offer())
    assert outcome is not None
    await room.until(SUBMITTED, DELIVERED)
    assert outcome.row() == {
        "offer": "offer-1",
        "campaign": "two-cities",
        "wave": 0,
        "subscriber": "1-who",
        "time": "2026-11-21T21:30:00.000000Z",
        "outcome": "submitted",
    }


async def test_p2_an_offer_given_twice_is_submitted_once(room: Room, smsc: Smsc) -> None:
    outcomes_ = await asyncio.gather(*(room.delivery.deliver(offer()) for _ in range(20)))
    assert sum(outcome is not None for outcome in outcomes_) == 1
    assert len(smsc.submitted) == 1


async def forgotten(redis: Redis) -> None:
    """What was claimed in the last second."""
    await redis.delete("xl:ledger:{offer-1}", "xl:ledger:open")


@pytest.mark.parametrize("fault", [None, Fault.REJECT, Fault.CUT])
async def test_p2_an_offer_whose_claim_redis_forgets_is_submitted_once_and_told(
    room: Room, redis: Redis, smsc: Smsc, monkeypatch: pytest.MonkeyPatch, fault: Fault | None
) -> None:
    submit, submitted = room.client.submit, 0

    async def while_forgotten(message: ShortMessage) -> list[str]:
        nonlocal submitted
        submitted += 1
        await forgotten(redis)
        return await submit(message)

    monkeypatch.setattr(room.client, "submit", while_forgotten)
    if fault is not None:
        smsc.faults.append(fault)
    first = await room.delivery.deliver(offer())
    assert first is not None
    await forgotten(redis)
    assert await room.delivery.deliver(offer()) is None
    assert submitted == 1
    assert first.outcome in room.words()


async def test_p2_an_offer_that_went_out_does_not_expire_where_redis_has_forgotten_it(
    room: Room, redis: Redis
) -> None:
    await room.delivery.deliver(offer())
    await room.until(SUBMITTED, DELIVERED)
    await forgotten(redis)
    room.gate.outcome = outcomes.EXPIRED
    assert await room.delivery.deliver(offer()) is None
    assert room.words() == [SUBMITTED, DELIVERED]


async def test_p2_two_processes_with_one_ledger_submit_once(rooms: OpenRoom, smsc: Smsc) -> None:
    one, other = await rooms(), await rooms()
    await asyncio.gather(one.delivery.deliver(offer()), other.delivery.deliver(offer()))
    assert len(smsc.submitted) == 1


@pytest.mark.parametrize("outcome", [outcomes.WITHHELD, outcomes.EXPIRED])
async def test_p3_what_the_gate_refuses_is_told_and_not_submitted(
    room: Room, smsc: Smsc, outcome: str
) -> None:
    room.gate.outcome, room.gate.reason = outcome, "opted out"
    await room.delivery.deliver(offer())
    room.gate.outcome = None
    assert await room.delivery.deliver(offer()) is None
    assert [(told.outcome, told.reason) for told in room.told] == [(outcome, "opted out")]
    assert not smsc.submitted


async def test_a_subscriber_whom_the_vault_does_not_know_is_withheld(
    room: Room, smsc: Smsc
) -> None:
    await room.vault.forget("1-who")
    outcome = await room.delivery.deliver(offer())
    assert outcome is not None
    assert (outcome.outcome, outcome.reason) == (outcomes.WITHHELD, NO_NUMBER)
    assert not smsc.submitted


@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.CUT])
async def test_p2_a_lost_answer_is_unknown_and_not_sent_again(
    room: Room, smsc: Smsc, fault: Fault
) -> None:
    smsc.faults.append(fault)
    await room.delivery.deliver(offer())
    assert await room.delivery.deliver(offer()) is None
    assert room.words() == [outcomes.UNKNOWN]
    assert len(smsc.submitted) == 1


async def test_a_rejected_submit_has_failed_with_its_status(room: Room, smsc: Smsc) -> None:
    smsc.faults.append(Fault.REJECT)
    outcome = await room.delivery.deliver(offer())
    assert outcome is not None
    assert (outcome.outcome, outcome.reason) == (outcomes.FAILED, "ESME_RINVDSTADR")


async def test_an_undelivered_message_fails_after_it_was_submitted(room: Room, smsc: Smsc) -> None:
    smsc.faults.append(Fault.UNDELIVERABLE)
    await room.delivery.deliver(offer())
    await room.until(SUBMITTED, outcomes.FAILED)


async def test_a_receipt_before_the_answer_is_told_after_it(room: Room, smsc: Smsc) -> None:
    smsc.faults.append(Fault.RECEIPT_FIRST)
    await room.delivery.deliver(offer())
    await room.until(SUBMITTED, DELIVERED)


async def test_a_long_chinese_text_is_delivered_when_its_last_part_is(
    room: Room, smsc: Smsc
) -> None:
    await room.delivery.deliver(offer(text="您已离开郑州，" * 20))
    await room.until(SUBMITTED, DELIVERED)
    assert len(smsc.submitted) == 3


async def test_p2_a_killed_process_leaves_unknown_behind_and_nothing_is_sent_again(
    rooms: OpenRoom, smsc: Smsc
) -> None:
    killed = await rooms(response_seconds=30)
    smsc.faults.append(Fault.SILENCE)
    async with running(killed.delivery.deliver(offer())):
        await eventually(lambda: len(smsc.submitted) == 1)
    follower = await rooms()
    assert await follower.delivery.deliver(offer()) is None
    assert await follower.delivery.settle_overdue() == 0
    follower.wall = NOW + 61_000_000
    assert await follower.delivery.settle_overdue() == 1
    assert follower.words() == [outcomes.UNKNOWN]
    assert await follower.delivery.settle_overdue() == 0
    assert len(smsc.submitted) == 1


async def test_an_offer_waits_for_an_smsc_that_is_away(room: Room, smsc: Smsc) -> None:
    await room.client.ready()
    await smsc.stop()
    await asyncio.sleep(0.05)
    async with running(room.delivery.deliver(offer())) as delivering:
        await asyncio.sleep(0.1)
        assert not room.gate.asked, "the question is asked when it can be submitted, not before"
        await smsc.start(smsc.port)
        await delivering
    assert room.words()[0] == SUBMITTED


async def test_an_outcome_that_could_not_be_told_is_told_by_the_next_process(
    rooms: OpenRoom,
) -> None:
    broken = await rooms()

    async def fail(_: object) -> None:
        raise ConnectionError

    broken.gate.outcome = outcomes.WITHHELD
    broken.delivery._tell = fail
    with pytest.raises(ConnectionError):
        await broken.delivery.deliver(offer())
    follower = await rooms()
    follower.wall = NOW + 61_000_000
    await follower.delivery.settle_overdue()
    assert follower.words() == [outcomes.WITHHELD]


async def test_a_text_that_cannot_be_sent_is_withheld(room: Room, smsc: Smsc) -> None:
    outcome = await room.delivery.deliver(offer(text=""))
    assert outcome is not None
    assert outcome.outcome == outcomes.WITHHELD
    assert not smsc.submitted


class Losing:
    """A ledger whose answers to one method are lost a number of times, after it has written."""

    def __init__(self, room: Room, method: str, times: int = 1) -> None:
        self.times = times
        self._real = getattr(room.ledger, method)
        setattr(room.ledger, method, self)

    async def __call__(self, *arguments: object) -> object:
        answer = await self._real(*arguments)
        if self.times:
            self.times -= 1
            raise RedisConnectionError
        return answer


@pytest.mark.parametrize("method", ["claim", "submitted", "told"])
async def test_p2_a_lost_answer_of_the_ledger_changes_nothing(
    room: Room, smsc: Smsc, method: str
) -> None:
    losing = Losing(room, method)
    await room.delivery.deliver(offer())
    await room.until(SUBMITTED, DELIVERED)
    assert losing.times == 0
    assert len(smsc.submitted) == 1


@pytest.mark.parametrize("method", ["move", "reopen", "told"])
async def test_an_unknown_is_told_once_though_answers_of_the_ledger_are_lost(
    room: Room, smsc: Smsc, method: str
) -> None:
    smsc.faults.append(Fault.CUT)
    losing = Losing(room, method)
    await room.delivery.deliver(offer())
    room.wall = NOW + 61_000_000
    await room.delivery.settle_overdue()
    assert losing.times == 0
    assert set(room.words()) == {outcomes.UNKNOWN}


async def test_the_overdue_are_settled_again_and_again_while_it_runs(
    room: Room, redis: Redis
) -> None:
    await room.ledger.claim(claimed("lost"), NOW, "a process that is gone")
    await redis.zadd("xl:ledger:open", {"never recorded": NOW})
    async with running(room.delivery.keep_settling(0.01)):
        await room.until(outcomes.UNKNOWN)
        await room.ledger.claim(claimed("lost too"), NOW + 1, "another")
        room.wall = NOW + 1
        await room.until(outcomes.UNKNOWN, outcomes.UNKNOWN)
        await none_left(lambda: room.ledger.overdue(NOW + 1))


def claimed(name: str) -> Entry:
    return Entry(name, "two-cities", 0, "1-who", outcomes.CLAIMED)


async def test_settling_goes_on_when_the_ledger_is_back(room: Room) -> None:
    lost = Losing(room, "overdue", times=2)
    async with running(room.delivery.keep_settling(0.01)):
        await eventually(lambda: lost.times == 0)
        await room.ledger.claim(claimed("lost"), NOW + 1, "a process that is gone")
        room.wall = NOW + 1
        await room.until(outcomes.UNKNOWN)


async def test_without_a_session_a_claim_is_given_back_and_the_offer_goes_out_later(
    room: Room, smsc: Smsc
) -> None:
    await room.client.ready()
    real = room.client.submit
    tries = 0

    async def submit(message: ShortMessage) -> list[str]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise NotSubmittedError("no session with the SMSC")
        return await real(message)

    room.client.submit = submit  # type: ignore[method-assign]
    await room.delivery.deliver(offer())
    await room.until(SUBMITTED, DELIVERED)
    assert len(room.gate.asked) == 2, "the question is asked again"
    assert len(smsc.submitted) == 1
