"""The seed list: test numbers get every text before the first subscriber does, once, as a test."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from decoders.errors import XinlingError
from decoders.pseudonyms import Pseudonyms
from rules.engine import RuleSet
from stream import metrics, switch
from stream.ask.evaluation import Evaluation
from stream.config import Config, Kafka
from stream.redis_store import RedisStore
from stream.rule_files import FileError
from stream.sms import seeds
from stream.sms.delivery import Delivery
from stream.sms.seeding import OpenGate, Seeding
from stream.sms.seeds import SEED, SeedList
from stream.sms.smsc import Fault
from stream.sms.vault import Vault
from stream.state import Commit, Progress
from stream.stops import Stop, Stops
from tests.stream.delivery.conftest import KEY, OpenRoom, Room, eventually, offer

TESTERS = ["13900000001", "13900000002"]
CAMPAIGN = """
campaign: two-cities
title: 两个城市一个家
status: {status}
trigger: {{updated: {{}}}}
offer: {{from: "10086", {text}, valid_for: 4h}}
"""
ONE = "text: 您已离开郑州"
TWO = "variants: [{name: a, share: 50%, text: 甲}, {name: b, share: 50%, text: 乙}]"


class Test:
    """A room with test numbers and rules."""

    __test__ = False

    def __init__(self, room: Room, redis: Redis, wait: float = 0.3) -> None:
        self.room = room
        self.list = SeedList(redis)
        self.stops = Stops(redis)
        self.vault = Vault(redis, KEY)
        self.rules: RuleSet | None = None
        self.seeding = self.process(wait)

    def process(self, wait: float = 0.3) -> Seeding:
        gate = OpenGate()
        room = self.room
        delivery = Delivery(
            gate=gate,
            vault=self.vault,
            ledger=room.ledger,
            smsc=room.client,
            clocks=room.delivery._clocks,
            tell=room._tell,
        )
        return Seeding(
            seeds=self.list,
            stops=self.stops,
            rules=self._rules,
            delivery=delivery,
            gate=gate,
            ledger=room.ledger,
            wait_seconds=wait,
        )

    async def know(self, numbers: list[str] = TESTERS) -> None:
        await self.list.put(numbers, self.vault, Pseudonyms(KEY))

    def campaign(self, text: str = ONE, status: str = "live") -> None:
        bundle = {"campaigns/c.yaml": CAMPAIGN.format(status=status, text=text).encode()}
        self.rules = RuleSet.load(bundle)

    async def _rules(self) -> RuleSet | None:
        return self.rules

    def taken(self) -> list[tuple[str, str]]:
        return [(one.destination, one.body.decode("utf-16-be")) for one in self.room.smsc.submitted]

    async def offered(self) -> None:
        verdict = offer()
        await self.seeding.first(verdict)
        await self.room.delivery.deliver(verdict)


@pytest.fixture
async def test(room: Room, redis: Redis) -> Test:
    made = Test(room, redis)
    await made.know()
    made.campaign()
    return made


def both(text: str) -> list[tuple[str, str]]:
    return [(number, text) for number in TESTERS]


async def test_test_numbers_get_the_text_before_the_first_subscriber(test: Test) -> None:
    await test.offered()
    assert test.taken() == [*both("您已离开郑州"), ("4915550102", "您已离开郑州")]


async def test_whatever_goes_live_goes_to_them_before_anybody_triggers_it(test: Test) -> None:
    await test.seeding.look()
    assert test.taken() == both("您已离开郑州")
    await test.seeding.look()
    assert len(test.taken()) == 2
    test.campaign(TWO)
    await test.seeding.look()
    texts = [(number, text) for text in "甲乙" for number in TESTERS]
    assert test.taken()[2:] == texts


@pytest.mark.parametrize("status", ["draft", "shadow", "paused"])
async def test_what_is_not_live_goes_to_them_only_when_asked_for(test: Test, status: str) -> None:
    test.campaign(status=status)
    await test.seeding.look()
    assert test.taken() == []
    await test.list.ask("two-cities")
    await test.seeding.look()
    assert test.taken() == both("您已离开郑州")
    assert await test.list.asked() == frozenset()
    test.campaign(status="live")
    await test.offered()
    assert len(test.taken()) == 3, "the same text is not sent to them again"


async def test_what_is_stopped_goes_to_nobody(test: Test) -> None:
    await test.stops.stop("all", Stop(0, "test"))
    await test.seeding.look()
    assert test.taken() == []


async def test_p2_two_processes_send_it_once(test: Test) -> None:
    other = test.process()
    await asyncio.gather(
        test.seeding.look(), other.look(), test.seeding.first(offer()), other.first(offer("2"))
    )
    assert sorted(test.taken()) == both("您已离开郑州")


async def test_a_text_that_changed_while_an_offer_was_under_way_goes_to_them_too(
    test: Test,
) -> None:
    test.campaign("text: 新的")
    await test.offered()
    assert set(test.taken()[:4]) == {*both("新的"), *both("您已离开郑州")}
    assert test.taken()[4] == ("4915550102", "您已离开郑州")


async def test_where_one_fails_an_alarm_is_raised_and_offers_wait_and_go_on(test: Test) -> None:
    test.room.smsc.faults.append(Fault.REJECT)
    failed = metrics.seeds_failed.labels("two-cities")
    began = time.monotonic()
    offering = asyncio.create_task(test.offered())
    await eventually(lambda: failed._value.get() == 1)
    assert test.seeding.waiting == 1
    await offering
    assert time.monotonic() - began >= 0.3
    assert test.taken()[-1] == ("4915550102", "您已离开郑州")
    assert test.seeding.waiting == 0


async def test_an_alarm_ends_with_the_text_the_number_or_the_campaign(test: Test) -> None:
    failed = metrics.seeds_failed.labels("two-cities")._value
    test.room.smsc.faults.append(Fault.REJECT)
    await test.seeding.look()
    await test.seeding.look()
    assert failed.get() == 1
    test.campaign("text: 新的")
    await test.seeding.look()
    assert failed.get() == 0
    test.campaign()
    await test.seeding.look()
    assert failed.get() == 1, "what failed is not sent again"
    await test.know(TESTERS[1:])
    await test.seeding.look()
    assert failed.get() == 0
    await test.know()
    await test.seeding.look()
    assert failed.get() == 1
    test.campaign(status="paused")
    await test.seeding.look()
    assert failed.get() == 0


async def test_where_nothing_fails_no_alarm_stands(test: Test) -> None:
    await test.seeding.look()
    assert metrics.seeds_failed.labels("two-cities")._value.get() == 0


async def test_without_test_numbers_nothing_waits(rooms: OpenRoom, redis: Redis) -> None:
    test = Test(await rooms(), redis, wait=30)
    test.campaign()
    await test.offered()
    assert len(test.taken()) == 1


async def test_their_outcomes_are_tests_and_count_nowhere(test: Test) -> None:
    before = metrics.outcomes.labels("two-cities", "submitted")._value.get()
    await test.seeding.look()
    told = test.room.told
    await eventually(lambda: [one.outcome for one in told].count("delivered") == 2)
    assert all(one.test and one.wave == 0 for one in told)
    assert all(one.row()["test"] is True for one in told)
    assert metrics.outcomes.labels("two-cities", "submitted")._value.get() == before
    report = Evaluation("two-cities")
    for one in told:
        report.outcome(one)
    assert report.outcomes == []


async def test_p6_their_numbers_stand_in_the_vault_alone(
    test: Test, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await test.seeding.look()
    names = await test.list.names()
    assert all(name.startswith(SEED) for name in names)
    kept = repr([await redis.dump(key) for key in await redis.keys("*")])
    assert not any(number in kept + caplog.text + repr(names) for number in TESTERS)


async def test_a_number_taken_off_the_list_is_forgotten(test: Test) -> None:
    before = await test.list.names()
    await test.know(TESTERS[:1])
    assert await test.list.names() == before[:1]
    assert await test.vault.get(before[1]) is None
    await test.know([])
    assert await test.list.names() == []


def test_a_file_of_test_numbers_has_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "seeds.csv"
    file.write_text("msisdn\n13900000001,办公室\n\n# 夜班\n+8613900000002 # 王\n13900000001\n")
    assert seeds.numbers(str(file)) == ["13900000001", "8613900000002"]


@pytest.mark.parametrize("line", ["not a number", "13,5", "１３９", "1" * 21])
def test_p6_a_line_that_is_no_number_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    file = tmp_path / "seeds.csv"
    file.write_text(f"13900000001\n{line}\n", "utf-8")
    with pytest.raises(FileError) as raised:
        seeds.numbers(str(file))
    assert raised.value.line == 2
    told = str(raised.value).replace(str(file), "")
    assert line.partition(",")[0] not in told.replace("not a number", "", 1)


def test_a_list_of_test_numbers_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "seeds.csv"
    file.write_text("\n".join(str(13900000000 + count) for count in range(101)))
    with pytest.raises(FileError, match="101 test numbers"):
        seeds.numbers(str(file))


async def test_asking_for_a_campaign_that_is_none_or_without_test_numbers_is_refused(
    redis: Redis,
) -> None:
    bundle = {"campaigns/c.yaml": CAMPAIGN.format(status="draft", text=ONE).encode()}
    commit = Commit(progress=Progress(offset=1), rules=bundle)
    assert await RedisStore(redis).commit(0, b"", commit)
    config = msgspec.structs.replace(Config(), kafka=Kafka(partitions=1))
    with pytest.raises(XinlingError, match="no campaign 'gone' is in force"):
        await switch._seed(redis, config, "gone")
    with pytest.raises(XinlingError, match="there are no test numbers"):
        await switch._seed(redis, config, "two-cities")
    await SeedList(redis).put(TESTERS, Vault(redis, KEY), Pseudonyms(KEY))
    (line,) = await switch._seed(redis, config, "two-cities")
    assert "2 test numbers" in line
    assert await SeedList(redis).asked() == {"two-cities"}
