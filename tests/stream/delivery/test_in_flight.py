"""Several offers in hand at once: in a window, acknowledged in order, one person after another."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict

import pytest

from stream.sms.in_flight import InFlight
from tests.stream.delivery.conftest import eventually


class Desk:
    """Takes records when the test says so."""

    def __init__(self, window: int) -> None:
        self.taken: list[tuple[int, int, bytes]] = []
        self.acknowledged: defaultdict[int, list[int]] = defaultdict(list)
        self.failed: list[BaseException] = []
        self.gates: defaultdict[tuple[int, int], asyncio.Event] = defaultdict(asyncio.Event)
        self.flight = InFlight(window, self._take, self.failed.append)

    async def put(self, partition: int, offset: int, key: bytes = b"") -> None:
        def acknowledge() -> None:
            self.acknowledged[partition].append(offset)

        await self.flight.put((partition, offset), key, b"value", acknowledge)

    def finish(self, partition: int, offset: int) -> None:
        self.gates[partition, offset].set()

    async def _take(self, partition: int, offset: int, value: bytes) -> None:
        self.taken.append((partition, offset, value))
        await self.gates[partition, offset].wait()
        if offset == 13:
            raise OSError("unlucky")


async def test_p2_a_record_is_acknowledged_only_after_all_before_it() -> None:
    desk = Desk(10)
    for offset in range(5, 9):
        await desk.put(0, offset)
    await desk.put(1, 2)
    for offset in (7, 6, 8):
        desk.finish(0, offset)
    desk.finish(1, 2)
    await eventually(lambda: desk.acknowledged[1] == [2])
    assert desk.acknowledged[0] == []
    assert desk.flight.position(0) == 5
    desk.finish(0, 5)
    await eventually(lambda: desk.acknowledged[0] == [5, 6, 7, 8])
    assert (desk.flight.position(0), desk.flight.position(1), desk.flight.position(2)) == (9, 3, 0)


async def test_no_more_than_a_window_is_in_hand() -> None:
    desk = Desk(3)
    for offset in range(3):
        await desk.put(0, offset)
    fourth = asyncio.create_task(desk.put(0, 3))
    await asyncio.sleep(0.02)
    assert len(desk.taken) == 3
    assert not fourth.done()
    desk.finish(0, 1)
    await fourth
    await eventually(lambda: len(desk.taken) == 4)
    for offset in range(4):
        desk.finish(0, offset)
    await desk.flight.settled()
    assert desk.acknowledged[0] == [0, 1, 2, 3]


async def test_records_of_one_key_wait_for_each_other() -> None:
    desk = Desk(10)
    for offset, key in enumerate([b"a", b"a", b"b", b"a"]):
        await desk.put(0, offset, key)
    await eventually(lambda: [one[1] for one in desk.taken] == [0, 2])
    desk.finish(0, 0)
    await eventually(lambda: [one[1] for one in desk.taken] == [0, 2, 1])
    for offset in range(4):
        desk.finish(0, offset)
    await desk.flight.settled()
    assert [one[1] for one in desk.taken] == [0, 2, 1, 3]
    assert not desk.flight._last, "a key that nobody waits for is forgotten"


async def test_p2_what_fails_ends_the_process_and_is_never_acknowledged() -> None:
    desk = Desk(4)
    for offset in (12, 13, 14):
        await desk.put(0, offset)
        desk.finish(0, offset)
    await eventually(lambda: len(desk.failed) == 1)
    await asyncio.sleep(0.02)
    assert desk.acknowledged[0] == [12]
    assert desk.flight.position(0) == 13


async def test_p2_a_partition_that_comes_back_is_acknowledged_in_the_order_of_its_records() -> None:
    desk = Desk(10)
    for offset in (3, 4, 3, 4, 5):  # taken away and given back: two came again
        await desk.put(0, offset)
    desk.finish(0, 5)
    desk.finish(0, 4)
    await asyncio.sleep(0.02)
    assert desk.acknowledged[0] == []
    desk.finish(0, 3)
    await eventually(lambda: desk.acknowledged[0] == [3, 4, 3, 4, 5])
    assert desk.flight.position(0) == 6


async def test_what_is_let_go_is_not_acknowledged() -> None:
    desk = Desk(2)
    await desk.put(0, 1)
    await asyncio.sleep(0)
    await desk.flight.cancel()
    assert desk.acknowledged[0] == []


@pytest.mark.parametrize("seed", range(5))
async def test_p2_in_any_order_of_ends_acknowledgements_keep_theirs(seed: int) -> None:
    rng = random.Random(seed)
    desk = Desk(8)
    records = [(rng.randrange(3), 100 + number) for number in range(60)]
    hidden = list(records)

    async def finish() -> None:
        while hidden:
            await asyncio.sleep(0)
            known = [one for one in hidden if (*one, b"value") in desk.taken]
            if known:
                hidden.remove(chosen := rng.choice(known))
                desk.finish(*chosen)

    finishing = asyncio.create_task(finish())
    for partition, offset in records:
        await desk.put(partition, offset, rng.choice([b"x", b"y", b"z", b""]))
    await finishing
    await desk.flight.settled()
    for partition in range(3):
        assert desk.acknowledged[partition] == [o for p, o in records if p == partition]
