"""P2: each record counts once, whatever is repeated, interrupted or contended."""

from __future__ import annotations

import msgspec
import pytest
from fake_rules import FakeRules, event, hash_of

from decoders.errors import XinlingError
from rules import profile as profiles
from rules.packed import encode
from rules.profile import Profile
from rules.state import Subscriber
from stream.handler import Handler, Limits, RulesMismatchError
from stream.log import (
    Batch,
    Erased,
    Item,
    OptedOut,
    ProfileChanged,
    RulesChanged,
    Signal,
    Tick,
)
from stream.state import (
    Commit,
    ContendedError,
    OffsetGapError,
    OutboxFullError,
    Progress,
    StateStore,
    StoredDataError,
    decode_entry,
)

SECOND = 1_000_000
BUNDLE = {"a": b"1"}
CONSENT = profiles.encode(Profile(consent=("sms",)))


def rules(bundle: dict[str, bytes] | None = None) -> RulesChanged:
    bundle = BUNDLE if bundle is None else bundle
    return RulesChanged(hash_of(bundle), bundle)


def batch(*items: Item, epoch: str = "e", source: str = "s") -> Batch:
    return Batch(1, epoch, source, 0, list(items))


async def decided(store: StateStore) -> list[tuple[str, int, str]]:
    """(subscriber, time, verdict) of the outbox of partition 0."""
    entries = [decode_entry(item.data).verdict for item in await store.outbox(0, 100_000)]
    return [(entry.subscriber, entry.time, entry.verdict) for entry in entries]


async def hashes(store: StateStore) -> list[str]:
    return [decode_entry(item.data).verdict.campaign_hash for item in await store.outbox(0, 100)]


async def test_without_rules_nothing_is_decided_and_the_clock_runs(store: StateStore) -> None:
    handled = await Handler(store, FakeRules).handle(
        0, 0, batch(Signal(1, event("a", 3)), Tick(SECOND))
    )
    assert handled.progress == Progress(epoch="e", offset=1, clock=SECOND, sequences={"s": 1})
    assert handled.events == 0
    assert await decided(store) == []


async def test_p2_a_redelivered_record_changes_nothing(store: StateStore) -> None:
    handler = Handler(store, FakeRules)
    record = batch(rules(), Signal(1, event("a", 3)), Signal(2, event("a", 6)), Tick(9 * SECOND))
    first = await handler.handle(0, 0, record)
    again = await handler.handle(0, 0, record)
    assert (first.skipped, first.events, first.fired) == (False, 2, 1)
    assert (again.skipped, again.events, again.verdicts) == (True, 0, 0)
    assert await decided(store) == [
        ("a", 3, "refuse"),
        ("a", 6, "refuse"),
        ("a", 2_500_006, "refuse"),
    ]


async def test_p2_a_resent_event_is_recognised_under_another_offset(store: StateStore) -> None:
    handler = Handler(store, FakeRules)
    record = batch(rules(), Signal(1, event("a", 3)), Signal(4, event("a", 6)))
    await handler.handle(0, 0, record)
    handled = await handler.handle(0, 1, record)
    assert (handled.skipped, handled.events, handled.repeated) == (False, 0, 2)
    other = await handler.handle(0, 2, batch(Signal(1, event("b", 9)), source="other"))
    assert (other.events, other.repeated) == (1, 0)


async def test_p2_a_recreated_topic_starts_its_offsets_anew_and_repeats_no_event(
    store: StateStore,
) -> None:
    handler = Handler(store, FakeRules)
    await handler.handle(0, 0, batch(rules()))
    await handler.handle(0, 1, batch(Signal(1, event("a", 3))))
    handled = await handler.handle(
        0, 0, batch(Signal(1, event("a", 3)), Signal(2, event("a", 9)), epoch="f")
    )
    assert (handled.events, handled.repeated, handled.progress.offset) == (1, 1, 1)
    late = await handler.handle(0, 2, batch(Signal(7, event("a", 12))))
    assert late.skipped
    assert await decided(store) == [("a", 3, "refuse"), ("a", 9, "refuse")]


async def test_p2_a_gap_in_the_offsets_is_never_passed_over_in_silence(store: StateStore) -> None:
    handler = Handler(store, FakeRules)
    await handler.handle(0, 0, batch(rules(), epoch="e"))
    with pytest.raises(OffsetGapError) as raised:
        await handler.handle(0, 7, batch(Tick(SECOND)))
    assert (raised.value.expected, raised.value.found) == (1, 7)
    handled = await handler.handle(0, 7, batch(Tick(SECOND)), accept_gap=True)
    assert handled.progress.offset == 8


async def test_p2_a_store_that_has_forgotten_everything_is_not_gone_on_with(
    store: StateStore,
) -> None:
    with pytest.raises(OffsetGapError) as raised:
        await Handler(store, FakeRules).handle(0, 7, batch(Tick(SECOND)))
    assert (raised.value.expected, raised.value.found) == (0, 7)


async def test_p2_a_store_that_went_back_to_an_older_log_is_not_gone_on_with(
    store: StateStore,
) -> None:
    handler = Handler(store, FakeRules)
    await handler.handle(0, 0, batch(rules(), epoch="older"))
    with pytest.raises(OffsetGapError) as raised:
        await handler.handle(0, 7, batch(Tick(SECOND), epoch="e"))
    assert (raised.value.expected, raised.value.found) == (0, 7)
    handled = await handler.handle(0, 0, batch(Tick(SECOND), epoch="e"))
    assert handled.progress.offset == 1


async def test_p2_of_two_workers_with_one_partition_the_later_commit_is_refused(
    store: StateStore,
) -> None:
    record = batch(rules(), Signal(1, event("a", 3)), Signal(2, event("a", 6)))
    other = Handler(store, FakeRules)
    commit = store.commit

    async def overtaken(partition: int, token: bytes, written: Commit) -> bool:
        store.commit = commit  # type: ignore[method-assign]
        await other.handle(0, 0, record)
        return await commit(partition, token, written)

    store.commit = overtaken  # type: ignore[method-assign]
    handled = await Handler(store, FakeRules).handle(0, 0, record)
    assert handled.skipped
    assert await decided(store) == [("a", 3, "refuse"), ("a", 6, "refuse")]


async def test_p2_a_partition_that_another_worker_holds_is_given_up(store: StateStore) -> None:
    async def refused(*_: object) -> bool:
        return False

    store.commit = refused  # type: ignore[method-assign]
    with pytest.raises(ContendedError):
        await Handler(store, FakeRules).handle(0, 0, batch(Tick(SECOND)))


async def test_p2_a_record_interrupted_between_its_commits_goes_on_where_it_stopped(
    store: StateStore,
) -> None:
    signals = [Signal(n, event("a", 3 * n)) for n in range(1, 8)]
    record = batch(rules(), *signals)
    commit = store.commit
    commits = 0

    async def fails(partition: int, token: bytes, written: Commit) -> bool:
        nonlocal commits
        commits += 1
        if commits > 2:
            raise ConnectionResetError
        return await commit(partition, token, written)

    store.commit = fails  # type: ignore[method-assign]
    handler = Handler(store, FakeRules, Limits(items=3))
    with pytest.raises(ConnectionResetError):
        await handler.handle(0, 0, record)
    assert (await store.progress(0)).position == 6
    store.commit = commit  # type: ignore[method-assign]
    handled = await handler.handle(0, 0, record)
    assert (handled.events, handled.repeated) == (2, 0)
    assert await decided(store) == [("a", 3 * n, "refuse") for n in range(1, 8)]


async def test_thousands_of_timers_due_at_one_tick_fire_in_bounded_steps_and_in_order(
    store: StateStore,
) -> None:
    names = [f"s{number:04}" for number in range(2500)]
    seq = iter(range(1, 10_000))
    handler = Handler(store, FakeRules)
    for offset, part in enumerate([names[:1300], names[1300:]]):
        signals = [Signal(next(seq), event(name, time)) for name in part for time in (1, 4)]
        await handler.handle(0, offset, batch(rules(), *signals))
    loads = 0
    load = store.load

    async def counted(*arguments: object) -> object:
        nonlocal loads
        loads += 1
        return await load(*arguments)  # type: ignore[arg-type]

    store.load = counted  # type: ignore[method-assign,assignment]
    handled = await handler.handle(0, 2, batch(Tick(SECOND), Tick(9 * SECOND)))
    assert (handled.fired, loads) == (2500, 3)
    assert [row[0] for row in await decided(store)] == names
    assert await store.pending(0) == 0


async def test_whoever_relays_hears_of_every_commit_that_decided_something(
    store: StateStore,
) -> None:
    heard: list[int] = []

    async def relay(partition: int) -> None:
        heard.append(partition)
        await store.acknowledge(0, [item.id for item in await store.outbox(0, 10)])

    handler = Handler(store, FakeRules, Limits(items=2, outbox=2), when_decided=relay)
    signals = [Signal(n, event("a", 3 * n)) for n in range(1, 8)]
    handled = await handler.handle(0, 0, batch(rules(), *signals))
    assert (handled.verdicts, heard) == (7, [0] * 4)


async def test_p1_a_timer_fires_by_its_own_subscribers_event_or_by_a_tick_with_one_result(
    store: StateStore,
) -> None:
    handler = Handler(store, FakeRules)
    both = [Signal(1, event("a", 1)), Signal(2, event("a", 4)), Signal(3, event("b", 1))]
    later = [Signal(4, event("b", 4)), Signal(5, event("a", 4 * SECOND))]
    await handler.handle(0, 0, batch(rules(), *both, *later))
    assert await decided(store) == [("a", 2_500_004, "refuse")]
    await handler.handle(0, 1, batch(Tick(4 * SECOND)))
    assert (await decided(store))[1:] == [("b", 2_500_004, "refuse")]
    entries = [decode_entry(item.data) for item in await store.outbox(0, 10)]
    assert [entry.second for entry in entries] == [2 * SECOND, 2 * SECOND]


async def test_profile_opt_out_and_erasure_take_their_place_in_the_log(store: StateStore) -> None:
    items: list[Item] = [
        rules(),
        Signal(1, event("a", 3)),
        ProfileChanged("a", CONSENT),
        Signal(2, event("a", 6)),
        OptedOut("a", 7),
        Signal(3, event("a", 9)),
        Erased("a"),
        Signal(4, event("a", 12)),
        ProfileChanged("b", CONSENT),
        Erased("b"),
        OptedOut("c", 1),
    ]
    await Handler(store, FakeRules).handle(0, 0, batch(*items))
    verdicts = [verdict for _, _, verdict in await decided(store)]
    assert verdicts == ["refuse", "send", "refuse", "refuse"]
    kept = (await store.load(0, ["a", "b", "c"], None, 0)).profiles
    said_no = profiles.encode(profiles.opted_out(None))
    assert kept == {"a": said_no, "c": said_no}
    assert await store.pending(0) == 0


async def test_new_rules_decide_from_their_place_on_and_another_worker_finds_them(
    store: StateStore,
) -> None:
    other = {"b": "两个城市".encode()}
    first = batch(rules(), Signal(1, event("a", 3)), rules(other), Signal(2, event("a", 6)))
    one = await Handler(store, FakeRules).handle(0, 0, first)
    two = await Handler(store, FakeRules).handle(0, 1, batch(Signal(3, event("a", 9))))
    assert (one.verdicts, two.verdicts) == (2, 1)
    assert await hashes(store) == [hash_of(BUNDLE), hash_of(other), hash_of(other)]


async def test_p2_rules_changed_by_another_worker_since_the_load_are_no_fault_of_the_record(
    store: StateStore,
) -> None:
    other = {"b": b"2"}
    await Handler(store, FakeRules).handle(0, 0, batch(rules()))
    read = store.rules

    async def overtaken(partition: int) -> dict[str, bytes]:
        store.rules = read  # type: ignore[method-assign]
        await Handler(store, FakeRules).handle(0, 1, batch(rules(other)))
        return await read(partition)

    store.rules = overtaken  # type: ignore[method-assign]
    record = batch(Signal(1, event("a", 3)))
    assert (await Handler(store, FakeRules).handle(0, 1, record)).skipped
    assert (await Handler(store, FakeRules).handle(0, 2, record)).events == 1


async def test_stored_rules_that_this_version_cannot_use_stop_the_partition_and_lose_no_record(
    store: StateStore,
) -> None:
    await Handler(store, FakeRules).handle(0, 0, batch(rules()))
    record = batch(Signal(1, event("a", 3)))

    def refuse(_: dict[str, bytes]) -> FakeRules:
        raise XinlingError("a key that this version does not know")

    with pytest.raises(StoredDataError):
        await Handler(store, refuse).handle(0, 1, record)
    assert (await Handler(store, FakeRules).handle(0, 1, record)).events == 1


async def test_unusable_rules_leave_the_old_ones_in_force(store: StateStore) -> None:
    handler = Handler(store, FakeRules)
    wrong = [rules({"broken": b""}), RulesChanged("another hash", {"x": b""})]
    try:
        handled = await handler.handle(0, 0, batch(rules(), *wrong, Signal(1, event("a", 3))))
    except RulesMismatchError:
        pytest.fail("a record must never raise")
    assert handled.faults == {"rules unusable": 2}
    assert await hashes(store) == [hash_of(BUNDLE)]
    assert handled.progress.rules == hash_of(BUNDLE)


async def test_a_state_that_cannot_be_read_is_set_aside_never_guessed(store: StateStore) -> None:
    damaged = {"a": b"\xc1\x00", "b": encode(Subscriber("b")), "d": b"\x91\xcd\x03\xe7"}
    await store.commit(
        0, b"", Commit(progress=Progress(), states=dict(damaged), timers={"d": 5, "gone": 6})
    )
    handler = Handler(store, FakeRules)
    signals = [Signal(1, event("a", 3)), Signal(2, event("b", 3))]
    handled = await handler.handle(0, 0, batch(rules(), *signals, Tick(SECOND)))
    assert handled.faults == {"state unreadable": 2}
    assert await decided(store) == [("b", 3, "refuse")]
    kept = (await store.load(0, ["a", "d"], None, 0)).states
    assert kept == {"a": damaged["a"], "d": damaged["d"]}
    assert set(await store.aside(0)) == {"a", "d"}
    assert await store.pending(0) == 0
    erased = await handler.handle(0, 1, batch(Erased("a"), Signal(3, event("a", 9))))
    assert erased.events == 1
    assert set(await store.aside(0)) == {"d"}


async def test_p3_a_profile_that_cannot_be_read_means_no(store: StateStore) -> None:
    handled = await Handler(store, FakeRules).handle(
        0, 0, batch(rules(), ProfileChanged("a", b"\xc1"), Signal(1, event("a", 3)))
    )
    assert handled.faults == {"profile unreadable": 1}
    assert await decided(store) == [("a", 3, "refuse")]


async def test_p4_rules_that_fail_cost_one_event_and_no_partition(store: StateStore) -> None:
    bundle = {"fails": b"a"}
    signals = [Signal(1, event("a", 3)), Signal(2, event("b", 3))]
    handled = await Handler(store, FakeRules).handle(0, 0, batch(rules(bundle), *signals))
    assert handled.faults == {"rules failed": 1}
    assert await decided(store) == [("b", 3, "refuse")]


@pytest.mark.parametrize("bundle", [{"stuck": b""}, {"fails": b"a"}])
async def test_p4_a_timer_that_cannot_fire_does_not_hold_the_clock_up(
    store: StateStore, bundle: dict[str, bytes]
) -> None:
    handler = Handler(store, FakeRules)
    signals = [Signal(1, event("a", 1)), Signal(2, event("a", 4))]
    await handler.handle(0, 0, batch(rules(), *signals))
    handled = await handler.handle(0, 1, batch(rules(bundle), Tick(9 * SECOND)))
    assert handled.faults == {"rules failed": 1}
    assert handled.progress.clock == 9 * SECOND
    assert await store.pending(0) == 0


async def test_a_full_outbox_stops_deciding_before_memory_grows(store: StateStore) -> None:
    handler = Handler(store, FakeRules, Limits(outbox=1))
    signals = [Signal(1, event("a", 3)), Signal(2, event("a", 6))]
    await handler.handle(0, 0, batch(rules(), *signals))
    with pytest.raises(OutboxFullError):
        await handler.handle(0, 1, batch(Signal(3, event("a", 9))))
    await store.acknowledge(0, [item.id for item in await store.outbox(0, 10)])
    assert (await handler.handle(0, 1, batch(Signal(3, event("a", 9))))).events == 1


async def test_the_sources_longest_silent_are_forgotten_first() -> None:
    progress = Progress()
    for number in range(100):
        progress = msgspec.structs.replace(
            progress, sequences=progress.heard({f"s{number}": 1, "always": number})
        )
    assert len(progress.sequences) == 64
    assert progress.sequences["always"] == 99
    assert "s0" not in progress.sequences


async def test_p3_a_profile_loaded_again_does_not_take_back_an_opt_out(store: StateStore) -> None:
    handler = Handler(store, FakeRules)
    loaded = ProfileChanged("a", CONSENT)
    await handler.handle(0, 0, batch(rules(), loaded, OptedOut("a", 7)))
    await handler.handle(0, 1, batch(loaded))
    kept = (await store.load(0, ["a"], None, 0)).profiles["a"]
    assert profiles.decode(kept) == Profile(consent=("sms",), opted_out=True)
