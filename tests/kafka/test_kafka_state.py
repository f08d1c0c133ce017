"""Operating the states of a service on Kafka: out, in, from the log again, in other partitions."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import expected
import pytest
import system as systems
from broker import ApacheKafka, Broker
from one_or_cluster import KINDS
from redis_nodes import RedisNodes
from system import CAPTURES, KEY, System, Xinling, until
from test_kafka_service import STOP_SECONDS, UP_SECONDS, decided, up

from stream import config, state_file, topics
from stream.redis_client import redis_client
from stream.redis_store import RedisStore
from stream.state_file import Head, Person
from stream.watchdog import Ends

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(params=KINDS)
async def system(
    tmp_path: Path, broker: Broker, request: pytest.FixtureRequest
) -> AsyncIterator[System]:
    """On one Redis, and on a cluster of three nodes."""
    nodes = RedisNodes(tmp_path / "redis") if request.param == "cluster" else None
    whole = System(tmp_path, broker, nodes)
    await whole.start()
    yield whole
    await whole.stop()


async def run(system: System, *arguments: str, code: int = 0) -> str:
    command = system.xinling(*arguments)
    assert await asyncio.to_thread(command.wait, UP_SECONDS) == code, command.said()
    return command.said()


async def fed(system: System, *captures: str) -> None:
    await run(system, "ingest", *captures)


async def stopped(service: Xinling) -> None:
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS + 5) == 0, service.said()


async def handled(system: System, *, submits: int = 0) -> None:
    """Workers have handled the log to its end, and so many messages went out."""
    await until(lambda: len(system.smsc.submitted) >= submits, UP_SECONDS, system.said)
    ends = Ends(system.kafka_config(), topics.EVENTS)
    store = RedisStore(redis_client(config.load(str(system.config), {})))
    every = range(systems.PARTITIONS)

    async def at_the_end() -> bool:
        await asyncio.sleep(1)
        found = [(await store.progress(partition)).offset for partition in every]
        return found == [end for _, end in sorted((await ends.of(every)).items())]

    try:
        await until(at_the_end, UP_SECONDS, system.said)
        await asyncio.sleep(2)  # outcomes come after their submits
        await until(at_the_end, UP_SECONDS, system.said)
    finally:
        await ends.close()
        await store.close()


def kept(folder: Path) -> dict[str, Person]:
    """What the files of a folder hold of each subscriber."""
    people: dict[str, Person] = {}
    for file in sorted(folder.glob("*.xlstate")):
        for piece in state_file.read(file, bytes.fromhex(KEY)):
            if not isinstance(piece, Head):
                people |= {person.name: person for person in piece}
    return people


async def test_p1_set_back_or_begun_anew_the_log_gives_the_same_states_byte_for_byte(
    system: System, tmp_path: Path
) -> None:
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    service = system.xinling("run")
    await up(service)
    await fed(system, CAPTURES[0])
    await handled(system)
    await stopped(service)
    await run(system, "state", "export", str(tmp_path / "half"))

    service = system.xinling("run")
    await up(service)
    assert "at work" in await run(system, "state", "export", str(tmp_path / "no"), code=1)
    await fed(system, *CAPTURES[1:])
    await decided(system, len(verdicts))
    await handled(system, submits=wanted.total())
    await stopped(service)
    await run(system, "state", "export", str(tmp_path / "whole"))
    whole = kept(tmp_path / "whole")
    assert whole

    files = sorted(str(file) for file in (tmp_path / "half").glob("*.xlstate"))
    for name, back in (("again", ["import", *files]), ("anew", ["reset"])):
        await run(system, "state", *back)
        workers = system.xinling("run", "--only", "subscribers")
        await up(workers)
        await handled(system)
        await stopped(workers)
        await run(system, "state", "export", str(tmp_path / name))
        assert kept(tmp_path / name) == whole, name
    service = system.xinling("run")
    await up(service)
    await asyncio.sleep(4)
    assert expected.submitted(list(system.smsc.submitted)) == wanted, "nothing is sent again"
    assert expected.lines(await system.rows(topics.VERDICTS)) == expected.lines(
        [verdict.row() for verdict in verdicts]
    )
    await stopped(service)


async def test_p1_other_numbers_of_partitions_in_the_middle_change_no_verdict(
    lasting: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = lasting
    assert system.broker.kind == ApacheKafka.kind
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    before = systems.PARTITIONS
    for number, capture in zip((4, 6, 3), CAPTURES, strict=True):
        if number != before:
            said = await run(
                system, "state", "repartition", "--to", str(number), "--via", str(tmp_path / "via")
            )
            assert f"set kafka.partitions to {number}" in said
            text = system.config.read_text("utf-8")
            text = text.replace(f"partitions = {before}", f"partitions = {number}")
            system.config.write_text(text, "utf-8")
            monkeypatch.setattr(systems, "PARTITIONS", number)
            before = number
        service = system.xinling("run")
        await up(service)
        await fed(system, capture)
        await handled(system)
        if number == 3:
            await until(
                lambda: len(system.smsc.submitted) >= wanted.total(), UP_SECONDS, system.said
            )
            await fed(system, *CAPTURES[:2])  # what other partitions have seen is not seen anew
            await handled(system)
        await stopped(service)
    assert expected.submitted(list(system.smsc.submitted)) == wanted
    monkeypatch.setattr(systems, "PARTITIONS", 6)  # those of the rows are not taken away
    system.config.write_text(
        system.config.read_text("utf-8").replace("partitions = 3", "partitions = 6"), "utf-8"
    )
