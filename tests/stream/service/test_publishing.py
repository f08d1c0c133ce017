"""Rows of the topics: what goes out, to which, and back again into what it was."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest
from aiokafka.errors import RequestTimedOutError

from decoders.messages import Cell
from rules.verdicts import CONTROL, HOLD, REFUSE, SEND, Sample, Verdict
from stream import topics
from stream.config import Kafka
from stream.log import partition_of
from stream.publisher import Publisher
from stream.publishing import Publishing, is_offer, verdict_of
from stream.state import OutboxEntry

SECOND = 1_000_000


def verdict(said: str, checks: list[tuple[str, str]] | None = None) -> Verdict:
    return Verdict(
        offer="0f" * 16,
        step=1,
        campaign="two-cities",
        campaign_hash="ab" * 8,
        wave=1,
        subscriber="1-00ff",
        time=1_201_511_553 * SECOND + 123_456,
        trigger="left:1",
        evidence=[Sample("e1", 1_201_511_000 * SECOND, Cell(mcc="460", mnc="00", lac=17104, ci=1))],
        checks=checks or [("status", "live")],
        verdict=said,
        not_before=1_201_600_000 * SECOND if said == HOLD else None,
        text="【河南移动】您已离开郑州" if said == SEND else None,
    )


class Kept:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int, bytes | None, bytes]] = []

    async def send_all(
        self, topic: str, partition: int, records: list[tuple[bytes | None, bytes]]
    ) -> int:
        self.sent += [(topic, partition, key, value) for key, value in records]
        return 0


async def test_every_verdict_goes_to_verdicts_and_only_sends_to_offers() -> None:
    kept = Kept()
    entries = [OutboxEntry(0, verdict(said)) for said in (SEND, CONTROL, HOLD, REFUSE)]
    await Publishing(kept, 8).verdicts(3, entries)  # type: ignore[arg-type]
    assert [topic for topic, *_ in kept.sent] == [topics.VERDICTS] * 4 + [topics.OFFERS]
    assert {key for _, _, key, _ in kept.sent} == {b"1-00ff"}
    assert {partition for _, partition, _, _ in kept.sent} == {partition_of("1-00ff", 8)}


class Producer:
    """An aiokafka producer that fails at the records it is told of."""

    def __init__(self, log: list[bytes], fails_at: int | None) -> None:
        self._log = log
        self._fails_at = fails_at

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        return

    async def send(self, _topic: str, value: bytes, **_: object) -> asyncio.Future[object]:
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self._fails_at == 0:
            answer.set_exception(RequestTimedOutError())
        else:
            self._log.append(value)
            answer.set_result(SimpleNamespace(offset=len(self._log) - 1))
        self._fails_at = None if self._fails_at is None else self._fails_at - 1
        return answer


async def test_p2_rows_that_were_not_safe_are_sent_again_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[bytes] = []
    producers = [Producer(log, 2), Producer(log, None)]
    publisher = Publisher(Kafka(), 5)
    monkeypatch.setattr(publisher, "_new", lambda: producers.pop(0))
    records = [(None, b"%d" % number) for number in range(5)]
    assert await publisher.send_all("verdicts", 0, records) == 8
    assert log == [b"0", b"1", b"3", b"4", b"0", b"1", b"2", b"3", b"4"]
    await publisher.close()


def test_a_row_becomes_the_verdict_again() -> None:
    for said in (SEND, CONTROL, HOLD, REFUSE):
        before = verdict(said)
        assert verdict_of(msgspec.json.encode(before.row())) == before


def test_a_campaign_in_the_shadow_offers_nothing() -> None:
    assert is_offer(verdict(SEND))
    assert not is_offer(verdict(SEND, [("status", "shadow")]))
    assert not is_offer(verdict(CONTROL))
