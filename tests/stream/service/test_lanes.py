"""Records of one partition in their order, those of others beside them."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from stream.lanes import AT_ONCE, WAITING, Lanes


class Taking:
    """Takes records when it is let."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.done: list[tuple[int, int]] = []
        self.together: list[int] = []
        self.failures: list[BaseException] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.refuses: tuple[int, int] | None = None
        self.lanes = Lanes(self.take, self.failures.append)

    async def take(self, partition: int, records: list[tuple[int, bytes]]) -> None:
        self.together.append(len(records))
        self.begun += [(partition, offset) for offset, _ in records]
        if (gate := self.gates.get(partition)) is not None:
            await gate.wait()
        for offset, value in records:
            if (partition, offset) == self.refuses:
                raise ValueError(value)
            self.done.append((partition, offset))


@pytest.fixture
async def taking() -> Taking:
    return Taking()


async def _turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_p1_a_partition_keeps_its_order_and_waits_for_no_other(taking: Taking) -> None:
    taking.gates[1] = asyncio.Event()
    await taking.lanes.put(1, 5, b"")
    await _turns()
    for offset in range(4):
        await taking.lanes.put(0, offset, b"")
        await taking.lanes.put(2, offset, b"")
    await taking.lanes.put(1, 6, b"")
    await _turns()
    assert [offset for partition, offset in taking.done if partition == 0] == [0, 1, 2, 3]
    assert [offset for partition, offset in taking.done if partition == 2] == [0, 1, 2, 3]
    assert [entry for entry in taking.begun if entry[0] == 1] == [(1, 5)]
    taking.gates[1].set()
    await _turns()
    assert taking.done[-2:] == [(1, 5), (1, 6)]
    await taking.lanes.cancel()


async def test_what_waits_behind_a_record_in_hand_is_taken_together(taking: Taking) -> None:
    taking.gates[1] = asyncio.Event()
    for offset in range(4):
        await taking.lanes.put(1, offset, b"")
        await _turns()
    taking.gates[1].set()
    await _turns()
    assert taking.done == [(1, 0), (1, 1), (1, 2), (1, 3)]
    assert taking.together == [1, 3]
    await taking.lanes.cancel()


def waiting() -> float:
    return REGISTRY.get_sample_value("xinling_queue_waiting", {"queue": "partitions"}) or 0.0


async def test_a_lane_that_is_full_makes_the_agent_wait(taking: Taking) -> None:
    before = waiting()
    taking.gates[1] = asyncio.Event()
    for offset in range(WAITING + 1):
        await taking.lanes.put(1, offset, b"")
        await _turns()
    assert waiting() - before == WAITING, "it is counted"
    one_more = asyncio.create_task(taking.lanes.put(1, 9, b""))
    await _turns()
    assert not one_more.done()
    taking.gates[1].set()
    await one_more
    await _turns()
    assert waiting() == before
    assert taking.done == [*((1, offset) for offset in range(WAITING + 1)), (1, 9)]
    await taking.lanes.cancel()


async def test_no_more_than_some_are_in_hand_at_one_time(taking: Taking) -> None:
    for partition in range(AT_ONCE + 3):
        taking.gates[partition] = asyncio.Event()
        await taking.lanes.put(partition, 0, b"")
    await _turns()
    assert len(taking.begun) == AT_ONCE
    taking.gates[0].set()
    await _turns()
    assert len(taking.begun) == AT_ONCE + 1
    await taking.lanes.cancel()


async def test_p2_after_a_failure_nothing_more_of_that_partition_is_begun(taking: Taking) -> None:
    taking.refuses = (1, 1)
    for offset in range(3):
        await taking.lanes.put(1, offset, b"why")
        await _turns()
    assert taking.begun == [(1, 0), (1, 1)]
    assert [str(failure) for failure in taking.failures] == ["b'why'"]
    await taking.lanes.cancel()


async def test_a_stop_waits_for_what_is_in_hand_and_begins_nothing_more(taking: Taking) -> None:
    taking.gates[1] = asyncio.Event()
    for offset in range(3):
        await taking.lanes.put(1, offset, b"")
        await _turns()
    settled = asyncio.create_task(taking.lanes.settled())
    await _turns()
    assert not settled.done()
    taking.gates[1].set()
    await settled
    await _turns()
    assert taking.done == [(1, 0)]
    await taking.lanes.cancel()
