"""A Redis, an SMSC and a delivery of its own for each test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from one_or_cluster import opened
from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from rules.verdicts import SEND, Verdict
from stream.cancelling import cancelled
from stream.embedded import RedisServer
from stream.sms.answering import Answering
from stream.sms.answers import Answers
from stream.sms.delivery import Answer, Clocks, Delivery
from stream.sms.ledger import Ledger
from stream.sms.outcomes import Outcome
from stream.sms.replies import Reply
from stream.sms.smpp import SmppClient, SmppConfig
from stream.sms.smsc import Smsc
from stream.sms.vault import Identity, Vault

NOW = 1_795_296_600_000_000
HOUR = 3_600_000_000
KEY = b"k" * 32


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


@pytest.fixture
async def redis(
    request: pytest.FixtureRequest, redis_kind: str, redis_url: str
) -> AsyncIterator[Redis]:
    async with opened(request, redis_kind, redis_url) as client:
        yield client


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    server = Smsc(password="right")
    await server.start()
    yield server
    await server.stop()


def smpp_config(smsc: Smsc, **changes: object) -> SmppConfig:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": smsc.port,
        "system_id": "xinling",
        "password": "right",
        "response_seconds": 0.4,
        "backoff_seconds": 0.02,
        "backoff_limit_seconds": 0.1,
        "throttle_seconds": 0.02,
        "throttle_attempts": 3,
    }
    return SmppConfig(**{**values, **changes})  # type: ignore[arg-type]


class StandingGate:
    """Answers what the test wrote on it."""

    def __init__(self) -> None:
        self.outcome: str | None = None
        self.reason: str | None = None
        self.asked: list[str] = []

    async def ask(self, verdict: Verdict, now: int) -> Answer:
        self.asked.append(verdict.offer)
        return Answer(self.outcome, self.reason, "10086", now + HOUR)


class Room:
    """A delivery with all that stands around it."""

    def __init__(self, redis: Redis, smsc: Smsc, **changes: object) -> None:
        self.smsc = smsc
        self.gate = StandingGate()
        self.vault = Vault(redis, KEY)
        self.ledger = Ledger(redis, "test")
        self.told: list[Outcome] = []
        self.wall = NOW
        self.answers = Answers(redis, Pseudonyms(KEY))
        self.client = SmppClient(smpp_config(smsc, **changes), self._receipt, self._reply)
        self.delivery = Delivery(
            gate=self.gate,
            vault=self.vault,
            ledger=self.ledger,
            smsc=self.client,
            clocks=Clocks(offers=lambda: NOW, wall=lambda: self.wall),
            tell=self._tell,
            note=self.answers.note,
            claim_seconds=60,
        )
        self.answering = Answering(
            self.answers, self.ledger, self._keywords, self.delivery._clocks, self._tell
        )

    async def _receipt(self, receipt: object) -> None:
        await self.delivery.on_receipt(receipt)  # type: ignore[arg-type]

    async def _reply(self, reply: Reply) -> None:
        await self.answering.take(reply)

    async def _keywords(self, subscriber: str, campaign: str) -> tuple[str, ...]:
        assert (subscriber, campaign) == ("1-who", "two-cities")
        return ("1", "开通")

    async def _tell(self, outcome: Outcome) -> None:
        self.told.append(outcome)

    def words(self) -> list[str]:
        return [outcome.outcome for outcome in self.told]

    async def until(self, *words: str) -> None:
        await eventually(lambda: self.words() == list(words))

    async def know(self, subscriber: str = "1-who", msisdn: str = "4915550102") -> None:
        await self.vault.put({subscriber: Identity("001010000001037", msisdn)})


OpenRoom = Callable[..., Awaitable[Room]]


@pytest.fixture
async def rooms(redis: Redis, smsc: Smsc) -> AsyncIterator[OpenRoom]:
    opened: list[Room] = []

    async def open_room(**changes: object) -> Room:
        room = Room(redis, smsc, **changes)
        opened.append(room)
        await room.know()
        await room.client.start()
        return room

    yield open_room
    for room in opened:
        await room.client.stop()


@pytest.fixture
async def room(rooms: OpenRoom) -> Room:
    return await rooms()


async def eventually(true: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)


async def none_left(ask: Callable[[], Awaitable[list[str]]], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while left := await ask():
        assert time.monotonic() < end, left
        await asyncio.sleep(0.005)


def offer(name: str = "offer-1", text: str = "您已离开郑州") -> Verdict:
    return Verdict(
        offer=name,
        step=0,
        campaign="two-cities",
        campaign_hash="h",
        wave=0,
        subscriber="1-who",
        time=NOW,
        trigger="t",
        verdict=SEND,
        text=text,
    )


@asynccontextmanager
async def running(work: Awaitable[object]) -> AsyncIterator[asyncio.Task[object]]:
    task = asyncio.ensure_future(work)
    yield task  # type: ignore[misc]
    await cancelled([task])
    if not task.cancelled():
        task.result()
