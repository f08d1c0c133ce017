"""What subscribers write back: a no counts at once, an answer is told once, the text is gone."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from one_or_cluster import KINDS, keys
from redis.asyncio import Redis

from decoders.pseudonyms import Pseudonyms
from decoders.times import SECOND
from stream.sms.answers import ANSWER_SECONDS, Answers, Noted, answered
from stream.sms.replies import Reply, reply_of
from stream.sms.smsc import Fault
from tests.stream.delivery.conftest import (
    HOUR,
    NOW,
    OpenRoom,
    Room,
    eventually,
    none_left,
    offer,
    running,
)

NUMBER = "4915550102"
ADDRESS = "10086"
GSM7, LATIN_1, GB18030 = 0, 3, 15
NOES = [
    "TD",
    "td",
    " TD.",
    "TD退订",
    "退订",
    "退订谢谢",
    "T",
    "ＴＤ",
    "【TD】",
    "TD1",
    "stop",
    "0000",
]
ANSWERS = ["1", " 1 ", "１", "1开通", "1。", "开通", "开通吧"]
OTHERS = ["", "?", "12", "谢谢", "thanks", "10", "不错", "ok 1", "table"]


@pytest.fixture(params=KINDS)
def redis_kind(request: pytest.FixtureRequest) -> str:
    """One Redis and a cluster."""
    return str(request.param)


class Event:
    """A deliver_sm as smpp34 gives it."""

    def __init__(self, body: bytes, **fields: Any) -> None:
        self.source_addr = NUMBER
        self.destination_addr = ADDRESS
        self.esm_class = 0
        self.data_coding = 8
        self.short_message = body
        self.tlvs: list[Any] = []
        for name, value in fields.items():
            setattr(self, name, value)


class Tlv:
    def __init__(self, tag: int, value: bytes) -> None:
        self.tag, self.value = tag, value

    def as_int(self) -> int:
        return int.from_bytes(self.value, "big")


def reading(text: str) -> Reply:
    found = reply_of(Event(text.encode("utf-16-be")))  # type: ignore[arg-type]
    assert found is not None
    return found


async def sent(room: Room, name: str = "offer-1") -> None:
    before = len(room.told)
    await room.delivery.deliver(offer(name))
    await eventually(lambda: len(room.told) == before + 2)


async def replied(room: Room, body: str | bytes, coding: int = 8, to: str = ADDRESS) -> None:
    await room.smsc.reply(NUMBER, to, body, coding)


@pytest.mark.parametrize("text", NOES)
def test_p3_a_no_is_understood_however_it_is_written(text: str) -> None:
    assert reading(text).opts_out


@pytest.mark.parametrize("text", ANSWERS)
def test_a_keyword_is_the_first_word_of_the_reply(text: str) -> None:
    reply = reading(text)
    assert reply.is_one_of(("1", "开通"))
    assert not reply.opts_out


@pytest.mark.parametrize("text", OTHERS)
def test_anything_else_is_neither(text: str) -> None:
    reply = reading(text)
    assert not reply.opts_out
    assert not reply.is_one_of(("1", "开通"))


@pytest.mark.parametrize(
    ("body", "coding"), [(b"TD", GSM7), (b"td", LATIN_1), ("退订".encode("gb18030"), GB18030)]
)
def test_a_reply_is_read_in_the_alphabet_that_its_coding_names(body: bytes, coding: int) -> None:
    found = reply_of(Event(body, data_coding=coding))  # type: ignore[arg-type]
    assert found is not None
    assert found.opts_out


def test_of_a_long_message_only_the_first_part_is_looked_at() -> None:
    first = bytes([5, 0, 3, 9, 2, 1]) + "TD".encode("utf-16-be")
    second = bytes([5, 0, 3, 9, 2, 2]) + "TD".encode("utf-16-be")
    assert reply_of(Event(first, esm_class=0x40)).opts_out  # type: ignore[arg-type, union-attr]
    assert reply_of(Event(second, esm_class=0x40)) is None  # type: ignore[arg-type]
    numbered = [Tlv(0x020F, b"\x02")]
    assert reply_of(Event(b"TD", data_coding=0, tlvs=numbered)) is None  # type: ignore[arg-type]


def test_text_in_message_payload_is_read_too() -> None:
    found = reply_of(Event(b"", tlvs=[Tlv(0x0424, "TD".encode("utf-16-be"))]))  # type: ignore[arg-type]
    assert found is not None
    assert found.opts_out


@pytest.mark.parametrize("body", [b"\xd8", b"\xff" * 140, b"", b"\x00", bytes(range(256))])
@pytest.mark.parametrize("coding", [0, 3, 4, 8, 15, 255])
@pytest.mark.parametrize("esm_class", [0, 0x40])
def test_p4_any_bytes_are_a_reply_or_none(body: bytes, coding: int, esm_class: int) -> None:
    reply_of(Event(body, data_coding=coding, esm_class=esm_class))  # type: ignore[arg-type]


async def test_p3_a_no_is_in_force_at_once_and_told_once(room: Room) -> None:
    await sent(room)
    await replied(room, "TD")
    await room.until("submitted", "delivered", "opted out")
    await replied(room, "退订")
    await replied(room, "1")
    await asyncio.sleep(0.1)
    assert room.words() == ["submitted", "delivered", "opted out"]
    assert await room.answers.said_no("1-who")
    entry = await room.ledger.entry("offer-1")
    assert entry is not None
    assert (entry.state, entry.answer, entry.answer_untold) == ("delivered", "opted out", "")
    last = room.told[-1]
    assert (last.offer, last.campaign, last.subscriber) == ("offer-1", "two-cities", "1-who")


async def test_an_answer_is_told_once_and_a_no_may_follow_it(room: Room) -> None:
    await sent(room)
    await replied(room, "1开通")
    await room.until("submitted", "delivered", "replied")
    await replied(room, "1")
    await replied(room, b"TD", GSM7)
    await room.until("submitted", "delivered", "replied", "opted out")


async def test_a_reply_answers_the_latest_offer_from_that_address(room: Room) -> None:
    await sent(room, "offer-1")
    room.wall += SECOND
    await sent(room, "offer-2")
    await replied(room, "1")
    await eventually(lambda: room.words()[-1] == "replied")
    assert room.told[-1].offer == "offer-2"


async def test_p3_a_no_to_an_offer_whose_submit_was_never_answered_counts(rooms: OpenRoom) -> None:
    room = await rooms()
    room.smsc.faults.append(Fault.SILENCE)
    outcome = await room.delivery.deliver(offer())
    assert outcome is not None
    assert outcome.outcome == "unknown"
    await room.client.ready()
    await replied(room, "TD")
    await eventually(lambda: room.words()[-1] == "opted out")


async def test_what_answers_nothing_is_forgotten(room: Room) -> None:
    await replied(room, "TD")
    await sent(room)
    await replied(room, "谢谢")
    await replied(room, "1", to="10010")
    await asyncio.sleep(0.1)
    assert room.words() == ["submitted", "delivered"]
    assert not await room.answers.said_no("1-who")


async def test_a_keyword_long_after_is_no_answer_and_a_no_always_is(room: Room) -> None:
    await sent(room)
    room.wall += (ANSWER_SECONDS + 1) * SECOND
    await replied(room, "1")
    await asyncio.sleep(0.1)
    assert room.words() == ["submitted", "delivered"]
    await replied(room, "TD")
    await eventually(lambda: room.words()[-1] == "opted out")


async def test_p2_an_answer_that_a_killed_process_did_not_tell_is_told(room: Room) -> None:
    await sent(room)
    assert await room.ledger.answer("offer-1", "replied", NOW + HOUR, "killed")
    assert await room.answering.settle_overdue() == 0
    room.wall += 2 * HOUR
    async with running(room.answering.keep_settling()):
        await eventually(lambda: room.words()[-1] == "replied")
        await none_left(lambda: room.ledger.overdue_answers(room.wall))
    assert await room.answering.settle_overdue() == 0


async def test_p6_nothing_of_a_reply_is_kept_or_logged(
    room: Room, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await sent(room)
    secret = "1 我的密码是8848"
    await replied(room, secret)
    await eventually(lambda: room.words()[-1] == "replied")
    assert "8848" not in caplog.text
    assert NUMBER not in caplog.text
    assert repr(reading(secret)) == "Reply(…)"
    everything = repr([await redis.dump(key) for key in await keys(redis)])
    names = repr(await keys(redis))
    assert "8848" not in everything
    assert NUMBER not in everything + names


@pytest.mark.parametrize("written", ["+8613900010002", "13900010002", "8613900010002"])
async def test_a_number_is_known_with_and_without_its_country_code(
    redis: Redis, written: str
) -> None:
    answers = Answers(redis, Pseudonyms(b"k" * 32))
    await answers.note("8613900010002", Noted("o", ADDRESS, NOW))
    assert await answers.of(written) == [Noted("o", ADDRESS, NOW)]


async def test_only_the_last_offers_of_a_number_are_kept(redis: Redis) -> None:
    answers = Answers(redis, Pseudonyms(b"k" * 32))
    for count in range(40):
        await answers.note(NUMBER, Noted(f"o{count}", ADDRESS, NOW + count))
    kept = await answers.of(NUMBER)
    assert [each.offer for each in kept] == [f"o{count}" for count in range(39, 23, -1)]


def test_p3_a_no_to_another_of_our_addresses_is_a_no() -> None:
    noted = [Noted("new", "10010", NOW), Noted("old", ADDRESS, NOW - HOUR)]
    assert answered(noted, ADDRESS, NOW, opts_out=True)[0].offer == "old"
    assert answered(noted, "95555", NOW, opts_out=True)[0].offer == "new"
    assert answered(noted, "95555", NOW, opts_out=False) == []
