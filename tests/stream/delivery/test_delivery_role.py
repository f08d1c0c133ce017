"""The role `delivery`: what it measures of a live feed, and a delivery that hangs is ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import msgspec
import pytest

from decoders.times import SECOND
from rules.verdicts import Verdict
from stream import metrics
from stream.config import Config, Privacy, Service
from stream.sms import outcomes
from stream.sms.delivery_role import DeliveryPart
from stream.sms.in_flight import InFlight
from stream.sms.outcomes import Outcome
from stream.topics import Log
from stream.watchdog import StalledError, Watchdog
from tests.stream.delivery.conftest import eventually, offer


def part(clock: str, answer: str = outcomes.SUBMITTED) -> DeliveryPart:
    """The role over a delivery that answers at once; nothing is connected."""
    config = msgspec.structs.replace(
        Config(),
        privacy=Privacy(key="5a" * 32),
        service=Service(clock=clock),  # type: ignore[arg-type]
    )
    made = DeliveryPart(config, Log("epoch", 8), pytest.fail)  # type: ignore[arg-type]

    async def first(_verdict: Verdict) -> None:
        return

    async def deliver(verdict: Verdict) -> Outcome:
        return Outcome(
            offer=verdict.offer,
            campaign=verdict.campaign,
            wave=1,
            subscriber=verdict.subscriber,
            time=verdict.time,
            outcome=answer,
        )

    made._seeding.first = first  # type: ignore[method-assign]
    made._delivery.deliver = deliver  # type: ignore[method-assign]
    return made


def measured() -> tuple[float, float]:
    """How many were measured from frame to submit, and seconds in all."""
    (family,) = metrics.frame_to_submit_seconds.collect()
    found = {sample.name.rpartition("_")[2]: sample.value for sample in family.samples}
    return found["count"], found["sum"]


async def taken(role: DeliveryPart, seconds_ago: float) -> tuple[float, float]:
    """What taking an offer of so long ago added to the measurement."""
    before = measured()
    moment = time.time_ns() // 1000 - int(seconds_ago * SECOND)
    row = msgspec.structs.replace(offer(), time=moment).row()
    await role._take(0, 0, msgspec.json.encode(row))
    after = measured()
    return after[0] - before[0], after[1] - before[1]


async def test_a_live_feed_is_measured_from_the_frame_to_the_smscs_answer() -> None:
    count, seconds = await taken(part("wall"), 2.0)
    assert count == 1
    assert 2.0 <= seconds < 4.0


@pytest.mark.parametrize(("clock", "answer"), [("log", "submitted"), ("wall", "withheld")])
async def test_captures_of_the_past_and_what_was_not_submitted_are_not(
    clock: str, answer: str
) -> None:
    assert await taken(part(clock, answer), 2.0) == (0, 0)


class Fixed:
    """The end of a topic that nobody writes to."""

    async def of(self, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 9)


async def test_a_delivery_that_hangs_is_ended() -> None:
    told: list[BaseException] = []
    forever = asyncio.Event()

    async def hang(_partition: int, _offset: int, _value: bytes) -> None:
        await forever.wait()

    flight = InFlight(4, hang, told.append)
    await flight.put((0, 5), b"", b"", int)

    async def progress(partition: int) -> int:
        return flight.position(partition)

    watchdog = Watchdog(
        owned=lambda: {0},
        progress=progress,
        ends=Fixed(),  # type: ignore[arg-type]
        stall_seconds=0.2,
        fail=told.append,
        lag=metrics.offers_lag,
    )
    watching = asyncio.create_task(watchdog.run())
    await eventually(lambda: bool(told))
    watching.cancel()
    await flight.cancel()
    assert isinstance(told[0], StalledError)
    assert metrics.offers_lag.labels(0)._value.get() == 4
