"""What is known to go wrong in Faust cannot hurt us, fault by fault (docs/decisions/0015)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from stream import topics
from stream.app import Role
from stream.config import Config, Service


class Stream:
    """What Faust hands an agent; `acknowledged` are the records whose iteration went on."""

    def __init__(self, values: list[bytes]) -> None:
        self._values = values
        self.acknowledged: list[int] = []

    async def events(self) -> AsyncIterator[Any]:
        for offset, value in enumerate(self._values):
            message = SimpleNamespace(partition=0, offset=offset, value=value)
            try:
                yield SimpleNamespace(message=message)
            finally:
                self.acknowledged.append(offset)


async def unused(_partition: int, _offset: int, _value: bytes) -> None:
    return


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return msgspec.structs.replace(Config(), service=Service(data_dir=str(tmp_path / "faust")))


def role(config: Config, take: Any = unused, failed: list[BaseException] | None = None) -> Role:
    told: list[BaseException] = [] if failed is None else failed
    return Role(config, topics.EVENTS, take, told.append)


async def test_p2_an_exception_ends_the_process_and_acknowledges_nothing(config: Config) -> None:
    """faust-streaming 315 and 527: the record of an agent that raises is skipped for good."""
    failed: list[BaseException] = []

    async def take(_partition: int, offset: int, _value: bytes) -> None:
        if offset == 1:
            raise ZeroDivisionError

    stream = Stream([b"a", b"b", b"c"])
    agent = asyncio.create_task(role(config, take, failed)._agent(stream))
    await asyncio.sleep(0.05)
    assert [type(error) for error in failed] == [ZeroDivisionError]
    assert stream.acknowledged == [0]
    assert not agent.done()
    agent.cancel()


async def test_p2_a_role_that_stops_takes_no_further_record(config: Config) -> None:
    """What a stopping worker buffers belongs to whoever comes next."""
    taken: list[int] = []
    stopping = role(config)

    async def take(_partition: int, offset: int, _value: bytes) -> None:
        taken.append(offset)
        stopping._stopping = True

    stopping._take = take
    stream = Stream([b"a", b"b"])
    agent = asyncio.create_task(stopping._agent(stream))
    await asyncio.sleep(0.05)
    assert taken == [0]
    assert stream.acknowledged == [0]
    agent.cancel()


async def test_p2_one_record_at_a_time_in_the_order_of_offsets(config: Config) -> None:
    """faust-streaming 606 and 312: with concurrency the committed offset passes over gaps."""
    agents = list(role(config).app.agents.values())
    assert [agent.concurrency for agent in agents] == [1]


async def test_p2_faust_is_asked_for_no_transactions_and_no_tables(config: Config) -> None:
    """323, 517, 136, 177: fenced producers; 497, 597, 651: tables that lose or stick."""
    app = role(config).app
    assert app.conf.processing_guarantee.value == "at_least_once"
    assert not app.tables
    assert app.conf.topic_allow_declare is False


async def test_a_worker_holds_a_bounded_number_of_records(config: Config) -> None:
    """88: messages dropped at a full buffer; memory over what is fetched ahead."""
    conf = role(config).app.conf
    assert conf.stream_buffer_maxsize == conf.broker_max_poll_records == 32


def test_the_versions_are_those_in_which_rebalances_work() -> None:
    """786 to 788: rebalances failed up to 0.14.1; 672, 674: aiokafka 0.13 changed its interface."""
    assert tuple(map(int, version("faust-streaming").split(".")[:3])) >= (0, 15, 3)
    assert version("aiokafka").startswith("0.14.")
