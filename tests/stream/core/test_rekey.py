"""P6: under another key caps, opt-outs, holds, offer ids and control arms are what they were."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec
import pytest
from labs import LEFT_IMSIS, MSC, imsis, messages, rules
from one_or_cluster import KINDS, keys, opened
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from decoders import remembered
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.events import Event
from decoders.messages import Lai
from decoders.times import SECOND
from rules import profile as profiles
from rules.case import offer_id
from rules.engine import RuleSet
from rules.profile import Profile
from rules.verdicts import Verdict
from stream import rule_files
from stream.batcher import Addressed, Batcher, second_before
from stream.budgets.budget_store import BudgetStore, record_of
from stream.checkpoint import PREFIX, VERSION, Kept, packed, pieces_of
from stream.config import Config, Privacy
from stream.config import Kafka as KafkaConfig
from stream.config import Redis as RedisConfig
from stream.embedded import RedisServer
from stream.handler import Handler
from stream.keys import rotate_key, standstill
from stream.keys.key_guard import held
from stream.keys.past_keys import PastKeys
from stream.keys.rekey import Key, Rekey
from stream.log import Erased, OptedOut, OutcomeRecorded, ProfileChanged, partition_of
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.relay import Relay
from stream.sms.answers import Answers, Noted
from stream.sms.ledger import Entry, Ledger
from stream.sms.seeds import SeedList
from stream.sms.vault import Identity, Vault
from stream.state import PUBLICATION, Commit, OutboxEntry

FIRST, SECOND_KEY = Key(b"1" * 32, 1), Key(b"2" * 32, 2)
PARTITIONS = 8
LATER = 16 * 3600 * SECOND
"""After the last event: the morning has come for everybody."""
OLD = re.compile(rb"\b1-[0-9a-f]{24}\b")
NO = LEFT_IMSIS[3]
"""Says no in the middle of the captures."""
NUMBER_HOLDER = Identity("001010000001037", "8613800000001")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


@pytest.fixture
async def redis(request: pytest.FixtureRequest, redis_kind: str, url: str) -> AsyncIterator[Redis]:
    async with opened(request, redis_kind, url) as client:
        yield client


@cache
def events(key: Key) -> tuple[Event, ...]:
    """Of the three MSCs, with clear identities beside the names that `key` makes."""
    plan = rule_files.plan(MSC[0].split("pcap")[0] + "plans/labs.csv")
    tell = Correlator(CorrelatorConfig(), key.pseudonyms(), plan, clear=True)
    told = [event for message in messages(MSC) for event in tell.feed(message)]
    return (*told, *tell.finish())


class World:
    """A service without Kafka: what is published is handled at once."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.store = RedisStore(redis)
        self.rows: list[Verdict] = []
        self._handler = Handler(self.store, RuleSet.load)
        self._relay = Relay(self.store, self._publish, range(PARTITIONS))
        self._offsets = [0] * PARTITIONS

    async def publish(self, name: str, items: Iterable[Any]) -> None:
        """Rules, profiles and the like, as a publication of its own."""
        batcher = Batcher(PUBLICATION + name, "log", PARTITIONS)
        for item in items:
            if isinstance(item, ProfileChanged | OptedOut | Erased):
                await self._handle(batcher.change(item))
            else:
                await self._handle(batcher.change_everywhere(item))
        await self._handle(batcher.flush())

    async def profiles(self, key: Key, name: str) -> None:
        """Loads the profiles file as the service does, whatever the key."""
        names = key.pseudonyms()
        people = {names.subscriber(imsi): Identity(imsi, "86" + imsi[-11:]) for imsi in imsis()}
        await Vault(self.redis, key.secret).put(people)
        changes = [
            ProfileChanged(who, profiles.encode(_profile(one.imsi))) for who, one in people.items()
        ]
        await self.publish(name, changes)

    async def signal(self, key: Key, until: int, clock: int | None = None) -> None:
        """All events up to the one numbered `until`, read again from the first."""
        batcher = Batcher("captures", "log", PARTITIONS, max_items=40)
        for event in events(key)[:until]:
            await self._handle(batcher.add(event))
        if clock is not None:
            batcher.tick(clock)
        await self._handle(batcher.flush())

    async def _handle(self, filled: list[Addressed]) -> None:
        for partition, batch in filled:
            handled = await self._handler.handle(partition, self._offsets[partition], batch)
            assert not handled.faults
            self._offsets[partition] += 1
            await self._relay.flush(partition)

    async def _publish(self, _partition: int, entries: list[OutboxEntry]) -> None:
        self.rows += [entry.verdict for entry in entries]


def _profile(imsi: str) -> Profile:
    number = imsis().index(imsi)
    night = number % 5 == 0 and imsi not in LEFT_IMSIS
    return Profile(
        home_city="东湾" if number % 2 else "西岭",
        consent=("sms",),
        time_zone="Asia/Shanghai" if night else "America/New_York",
    )


async def begun(world: World, cut: int) -> None:
    """The first part of the captures, under the first key."""
    names = FIRST.pseudonyms()
    await world.publish("rules", [rules()])
    await world.profiles(FIRST, "profiles")
    await world.signal(FIRST, cut // 2)
    no = OptedOut(names.subscriber(NO), events(FIRST)[cut // 2].time)
    await world.publish("no", [no])
    await world.signal(FIRST, cut)


def plain(rows: list[Verdict]) -> list[dict[str, Any]]:
    """Rows of either key as if they were of the first one."""
    first, second = events(FIRST), events(SECOND_KEY)
    ids = {new.id: old.id for old, new in zip(first, second, strict=True)}
    people = {new.subscriber: old.subscriber for old, new in zip(first, second, strict=True)}

    def old_id(trigger: str) -> str:
        kind, colon, event = trigger.rpartition(":")
        return kind + colon + ids.get(event, event)

    done = []
    for verdict in rows:
        row = verdict.row()
        row["subscriber"] = people.get(verdict.subscriber, verdict.subscriber)
        row["trigger"] = old_id(verdict.trigger)
        for sample in row["evidence"]:
            sample["event"] = old_id(sample["event"])
        made = [verdict.campaign, verdict.wave, verdict.subscriber, verdict.trigger]
        if verdict.offer == offer_id(*made):
            row["offer"] = offer_id(*made[:2], row["subscriber"], row["trigger"])
        done.append(row)
    return sorted(done, key=lambda row: (row["time"], row["offer"], row["step"]))


def change(world: World) -> Rekey:
    return Rekey(RedisStore(world.redis), world.redis, PARTITIONS, FIRST, SECOND_KEY)


@pytest.mark.parametrize("part", [0.2, 0.45, 0.7, 0.9])
async def test_p6_verdicts_are_those_of_a_run_whose_key_did_not_change(
    redis: Redis, part: float
) -> None:
    number = len(events(FIRST))
    cut, end = int(number * part), second_before(events(FIRST)[-1].time + LATER)
    unchanged = World(redis)
    await begun(unchanged, cut)
    await unchanged.signal(FIRST, number, end)
    await redis.flushall()
    changed = World(redis)
    await begun(changed, cut)
    decided = len(changed.rows)
    await change(changed).run()
    await changed.profiles(SECOND_KEY, "profiles again")
    await changed.signal(SECOND_KEY, number, end)
    assert plain(changed.rows) == plain(unchanged.rows)
    assert len(changed.rows) > decided > 0
    after = changed.rows[decided:]
    assert all(row.subscriber.startswith("2-") for row in after)
    reasons = {row.reason or row.verdict for row in unchanged.rows}
    assert {"send", "control", "hold", "capped"} <= reasons


@pytest.mark.parametrize("redis_kind", KINDS)
async def test_p3_the_no_of_somebody_whom_nobody_can_name_stays_and_is_found_again(
    redis: Redis,
) -> None:
    world = World(redis)
    await begun(world, len(events(FIRST)) // 2)
    who = FIRST.pseudonyms().subscriber(NO)
    await Vault(redis, FIRST.secret).forget(who)
    await world.publish("erasure", [Erased(who)])
    await change(world).run()
    past = PastKeys(redis, SECOND_KEY.secret)
    assert await past.opted_out([NO, NUMBER_HOLDER.imsi]) == [True, False]
    assert await past.keys() == {1: FIRST.secret}
    third = Key(b"3" * 32, 3)
    await Rekey(RedisStore(redis), redis, PARTITIONS, SECOND_KEY, third).run()
    past = PastKeys(redis, third.secret)
    assert await past.opted_out([NO, NUMBER_HOLDER.imsi]) == [True, False]
    assert sorted(await past.keys()) == [1, 2]


@pytest.mark.parametrize("redis_kind", KINDS)
async def test_p6_offers_keep_their_ids_and_tell_of_the_new_name(redis: Redis) -> None:
    world = World(redis)
    await world.profiles(FIRST, "profiles")
    ledger = Ledger(redis, "smsc")
    old = FIRST.pseudonyms().subscriber(NUMBER_HOLDER.imsi)
    entry = Entry(offer="0ff3", campaign="calling", wave=1, subscriber=old, state="claimed")
    await ledger.claim(entry, 1, "one")
    await ledger.submitted("0ff3", ["m1"])
    await change(world).run()
    kept = await ledger.entry("0ff3")
    assert kept is not None
    assert kept.subscriber == SECOND_KEY.pseudonyms().subscriber(NUMBER_HOLDER.imsi)
    assert not await ledger.claim(entry, 1, "another")
    assert 0 < await redis.ttl("xl:ledger:{0ff3}") < 156 * 86_400


@pytest.mark.parametrize("redis_kind", KINDS)
async def test_p6_nothing_is_left_under_the_old_key(redis: Redis) -> None:
    world = World(redis)
    await full(world)
    await change(world).run()
    vault = Vault(redis, SECOND_KEY.secret)
    for imsi in imsis():
        identity = await vault.get(SECOND_KEY.pseudonyms().subscriber(imsi))
        assert identity is not None
        assert identity.imsi == imsi
    for place in await keys(redis):
        assert not OLD.search(place)
        for value in await content(redis, place):
            # a profile's seed is the old name, and so is who said no and cannot be named
            kept = b":profile:" in place or place == b"xl:key:past:no"
            assert kept or not OLD.search(value)
    for partition in range(PARTITIONS):
        page: int | None = 0
        while page is not None:
            names, page = await world.store.names(partition, page)
            assert all(name.startswith("2-") for name in names)


@pytest.mark.parametrize("redis_kind", KINDS)
async def test_p6_what_waits_at_the_allocator_and_in_the_replies_moves_too(redis: Redis) -> None:
    world = World(redis)
    await full(world)
    await change(world).run()
    names = SECOND_KEY.pseudonyms()
    who, said_no = (names.subscriber(imsi) for imsi in imsis()[5:7])
    books = BudgetStore(redis)
    (candidate,) = (await books.look(9)).candidates
    assert (candidate.second, candidate.verdict.subscriber) == (SECOND, who)
    records = [record_of(each.data) for each in await books.records(9)]
    assert [one.subscriber for one in records if isinstance(one, OutcomeRecorded)] == [who, who]
    answers = Answers(redis, names)
    assert await answers.of("86" + imsis()[5][-11:]) == [Noted("0005", "10086", 5)]
    assert await answers.said_no(said_no)
    (seed,) = await SeedList(redis).names()
    assert seed.startswith("seed/2-")
    assert await Vault(redis, SECOND_KEY.secret).get(seed) == Identity("", "8613900000001")
    past = PastKeys(redis, SECOND_KEY.secret)
    assert await past.opted_out([imsis()[6], "001019999999999"]) == [False, True]


@pytest.mark.parametrize("redis_kind", KINDS)
async def test_p2_events_that_are_read_again_under_the_new_key_are_recognised(redis: Redis) -> None:
    world = World(redis)
    await begun(world, len(events(FIRST)))
    await change(world).run()
    before = [await world.store.progress(number) for number in range(PARTITIONS)]
    await world.signal(SECOND_KEY, len(events(FIRST)))
    after = [await world.store.progress(number) for number in range(PARTITIONS)]
    assert [one.sequences for one in after] == [one.sequences for one in before]


async def test_a_state_that_cannot_be_read_is_set_aside_under_its_new_name(redis: Redis) -> None:
    world = World(redis)
    await begun(world, len(events(FIRST)) // 2)
    old, new = (key.pseudonyms().subscriber(LEFT_IMSIS[0]) for key in (FIRST, SECOND_KEY))
    there = partition_of(old, PARTITIONS)
    loaded = await world.store.load(there, [old], None, 0)
    damaged = Commit(loaded.progress, states={old: b"damaged"})
    assert await world.store.commit(there, loaded.token, damaged)
    rekey = change(world)
    await rekey.run()
    here = partition_of(new, PARTITIONS)
    assert (await world.store.load(here, [new], None, 0)).states[new] == b"damaged"
    assert new in await world.store.aside(here)
    assert rekey.done["states that cannot be read"] == 1


# cut off


def killed_by(left: int, *, after: bool) -> None:
    """This process gets SIGKILL when it has sent so many commands: before the last, or after it."""
    send = AbstractConnection.send_packed_command

    async def sent(self: AbstractConnection, *args: Any, **options: Any) -> None:
        nonlocal left
        left -= 1
        if left > 0 or after:
            await send(self, *args, **options)
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    AbstractConnection.send_packed_command = sent  # type: ignore[method-assign]


async def full(world: World) -> None:
    """Something of everything that a change of the key rewrites."""
    await begun(world, len(events(FIRST)) * 2 // 3)
    names = FIRST.pseudonyms()
    ledger = Ledger(world.redis, "smsc")
    for number, imsi in enumerate(imsis()[:5]):
        entry = Entry(
            offer=f"{number:04x}", campaign="calling", wave=1, subscriber=names.subscriber(imsi),
            state="claimed",
        )  # fmt: skip
        await ledger.claim(entry, 1, "one")
    who, said_no, nobody = (names.subscriber(imsi) for imsi in (*imsis()[5:7], "001019999999999"))
    answers = Answers(world.redis, names)
    await answers.note("86" + imsis()[5][-11:], Noted("0005", "10086", 5))
    await answers.say_no(said_no)
    await answers.say_no(nobody)
    books = BudgetStore(world.redis)
    candidate = Verdict(
        offer="b0", step=0, campaign="calling", campaign_hash="h", wave=1, subscriber=who,
        time=5, trigger="t", verdict="send",
    )  # fmt: skip
    await books.put([OutboxEntry(SECOND, candidate)])
    records = [OutcomeRecorded(who, "calling", f"b{number}", "sold out", 5) for number in (1, 2)]
    look = await books.look(1)
    assert await books.commit(look.token, look.kept, records=records)
    ingest = Correlator(CorrelatorConfig(), names, None)
    ingest.bindings.serve(Lai("001", "01", 1), "185")
    ingest.bindings.bind("185", "0000000a", imsis()[0])
    ingest.bindings.bind("185", "0000000b", "001010000009999")
    kept = Kept(VERSION, "source", "settings", 1, 5, 5, {}, packed(remembered.dump(ingest)))
    pieces = pieces_of(world.redis, FIRST.secret, PREFIX + "probe")
    await pieces.put(msgspec.msgpack.encode(kept), 5)
    await SeedList(world.redis).put(["8613900000001"], Vault(world.redis, FIRST.secret), names)


async def content(redis: Redis, place: bytes) -> list[bytes]:
    """Everything in a key, as bytes, in order."""
    match await redis.type(place):
        case b"string":
            return [await redis.get(place) or b""]
        case b"hash":
            return [part for pair in sorted((await redis.hgetall(place)).items()) for part in pair]
        case b"set":
            return sorted(await redis.smembers(place))
        case b"zset":
            found = await redis.zrange(place, 0, -1, withscores=True)
            return [b"%s %d" % (name, int(score)) for name, score in found]
        case _:
            found = await redis.xrange(place)
            return [part for id_, fields in found for part in (id_, *fields.values())]


async def told(redis: Redis) -> dict[bytes, Any]:
    """What lies in Redis, opened where it is sealed, without what each writing draws anew."""
    found: dict[bytes, Any] = {}
    for place in sorted(await keys(redis)):
        if place.startswith(b"xl:vault:"):
            found[place] = await Vault(redis, SECOND_KEY.secret).get(place.decode()[9:])
        elif place.startswith(PREFIX.encode()):
            name = PREFIX + "probe"
            found[name.encode()] = await pieces_of(redis, SECOND_KEY.secret, name).get()
        elif place == b"xl:key:past":
            found[place] = await PastKeys(redis, SECOND_KEY.secret).keys()
        elif not place.endswith(b":progress"):
            found[place] = await content(redis, place)
    store = RedisStore(redis)
    for partition in range(PARTITIONS):
        progress = await store.progress(partition)
        found[b"%d" % partition] = (progress.offset, progress.clock, progress.sequences)
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("redis_kind", "each"), [("one", 11), ("cluster", 53)])
def test_p6_a_change_that_is_killed_anywhere_goes_on(
    request: pytest.FixtureRequest, url: str, redis_kind: str, each: int
) -> None:
    cluster = redis_kind == "cluster"
    if cluster:
        url = f"redis://127.0.0.1:{request.getfixturevalue('redis_cluster_port')}"
    config = Config(
        redis=RedisConfig(url=url, cluster=cluster),
        kafka=KafkaConfig(partitions=PARTITIONS),
        privacy=Privacy(key=FIRST.secret.hex(), next_key=SECOND_KEY.secret.hex()),
    )
    before = asyncio.run(prepared(config))
    wanted = asyncio.run(changed(config))
    cuts = 0
    for left in range(1, 1000, each):
        asyncio.run(put_back(config, before))
        if not _killed(config, left):
            break
        cuts += 1
        assert asyncio.run(changed(config)) == wanted, left
    assert cuts > 100 // each + 1


def _killed(config: Config, left: int) -> bool:
    """Whether a process that changes the key was killed after so many commands."""
    child = os.fork()
    if not child:
        killed_by(left, after=bool(left % 2))
        with suppress(BaseException):
            asyncio.run(changed(config))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


async def prepared(config: Config) -> dict[bytes, bytes | None]:
    """Everything, under the first key, as `put_back` takes it."""
    redis = redis_client(config)
    await redis.flushall()
    await held(redis, config)
    await full(World(redis))
    found = {place: await redis.dump(place) for place in await keys(redis)}
    await redis.aclose()
    return found


async def put_back(config: Config, before: dict[bytes, bytes | None]) -> None:
    redis = redis_client(config)
    await redis.flushall()
    for place, dump in before.items():
        await redis.restore(place, 0, dump or b"")
    await redis.aclose()


async def changed(config: Config) -> dict[bytes, Any]:
    """Changes the key, as the command does where all stands still; what there is then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standstill, "in_the_way", nothing_in_the_way)
        await rotate_key._change(config, *rotate_key.keys(config))
    redis = redis_client(config)
    found = await told(redis)
    await redis.aclose()
    assert found.pop(b"xl:audit"), "who did it is written down"
    assert found[b"xl:key"] == [SECOND_KEY.fingerprint.encode()]
    return found


async def nothing_in_the_way(*_: object) -> list[str]:
    return []
