"""A subscriber's rows are found where they were written, also under partitions of before."""

from __future__ import annotations

from typing import Any

from stream.ask.homes import homes, moved_out, moved_within
from stream.log import partition_of


class Books(dict[str, bytes]):
    async def hset(self, _name: str, key: str, value: str) -> None:
        self[key] = value.encode()

    async def hkeys(self, _name: str) -> list[bytes]:
        return [key.encode() for key in self]

    async def hvals(self, _name: str) -> list[bytes]:
        return [*self.values()]


async def test_the_present_home_comes_first_and_those_before_after_it() -> None:
    redis: Any = Books()
    assert await homes(redis, "1-a", 6) == [partition_of("1-a", 6)]
    await moved_out(redis, 4, "e")
    await moved_out(redis, 1, "d")
    found = await homes(redis, "1-a", 6)
    assert found[0] == partition_of("1-a", 6)
    assert set(found) == {partition_of("1-a", number) for number in (6, 4, 1)}


async def test_a_log_of_several_numbers_is_known() -> None:
    redis: Any = Books()
    assert not await moved_within(redis, "e")
    await moved_out(redis, 4, "e")
    assert await moved_within(redis, "e")
    assert not await moved_within(redis, "f")
