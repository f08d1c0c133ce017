"""The measurement of the stream: one load for everybody, and whole lines of JSON."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from decoders.errors import XinlingError
from rules.engine import RuleSet
from stream.bench import load as bench_load
from stream.bench import stream as bench_stream
from stream.bench.load import Traffic
from stream.handler import Handler
from stream.log import Signal
from stream.memory_store import MemoryStore


def test_p1_a_load_of_one_seed_is_one_load() -> None:
    assert list(Traffic(50).events(200)) == list(Traffic(50).events(200))
    assert list(Traffic(50).events(200)) != list(Traffic(50, seed=8).events(200))


def test_the_load_is_in_the_order_of_time_and_of_those_people() -> None:
    found = list(Traffic(50).events(2000))
    assert [event.time for event in found] == sorted(event.time for event in found)
    assert {event.subscriber for event in found} == {bench_load.subscriber(n) for n in range(50)}


def test_both_campaigns_decide_something_about_the_load() -> None:
    store = MemoryStore()
    handler = Handler(store, RuleSet.load)

    async def handled() -> int:
        offset = verdicts = 0
        traffic = Traffic(50)
        batcher = bench_load.batcher("e", 1)
        for addressed in (
            bench_load.changes(50, "e", 1),
            bench_load.batched(traffic, 3000, batcher),
        ):
            for _, batch in addressed:
                verdicts += (await handler.handle(0, offset, batch)).verdicts
                offset += 1
        return verdicts

    assert asyncio.run(handled()) > 50
    assert len(RuleSet.load(bench_load.bundle()).campaigns) == 2


def test_events_are_numbered_without_a_gap() -> None:
    batches = bench_load.batched(Traffic(50), 1000, bench_load.batcher("e", 4))
    seqs = [item.seq for _, one in batches for item in one.items if isinstance(item, Signal)]
    assert sorted(seqs) == list(range(1, 1001))


def test_the_step_is_measured_in_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    bench_stream.stream(bench_stream.Asked(subscribers=200, events=2000), "step")
    machine, step = map(msgspec.json.decode, capsys.readouterr().out.splitlines())
    assert machine["bench"] == "machine"
    assert step["events"] == 2000
    assert 0 < step["redis_octets_per_state"] < 1000
    assert set(step["cpu_seconds_per_million"]) == {"worker", "redis"}


def test_another_part_than_there_is_is_refused() -> None:
    with pytest.raises(XinlingError):
        bench_stream.stream(bench_stream.Asked(subscribers=1, events=1), "delivery")
