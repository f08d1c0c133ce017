"""The whole service and its commands on a Redis Cluster of three nodes, two of them killed (P2).

A cluster without replicas stands still while a node is away; nothing is lost, for the node has each
write on its disk before it answers.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import expected
import pytest
from broker import Broker
from redis_nodes import RedisNodes
from system import CAPTURES, DEMO, Kept, System, until
from test_kafka_service import (
    STOP_SECONDS,
    UP_SECONDS,
    as_replayed,
    decided,
    fed,
    in_flight,
    sent_once,
    up,
)
from test_operations import STOPPED, told
from test_rotate_key import NEXT, rotate, write

from stream import rule_files, topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

ROLES = ("ingest", "subscribers", "delivery")


@pytest.fixture
async def system(tmp_path: Path, broker: Broker) -> AsyncIterator[System]:
    whole = System(tmp_path, broker, RedisNodes(tmp_path / "redis"))
    await whole.start()
    yield whole
    await whole.stop()


async def test_p2_on_a_cluster_all_is_decided_and_sent_once_and_every_command_works(
    system: System, tmp_path: Path
) -> None:
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    roles = {role: Kept(system, role) for role in ROLES}
    await up(*roles.values())
    feed = system.xinling("ingest", *CAPTURES, "--speed", "30")
    await decided(system, 1)
    for key in ("{p0}", "xl:ledger:open"):
        await killed_and_back(system, key)
    await until(lambda: not feed.running(), UP_SECONDS, feed.said)
    assert feed.wait(1) == 0, feed.said()
    await as_replayed(system, verdicts)
    await sent_once(system, wanted)
    await until(lambda: not in_flight(system), UP_SECONDS, system.said)

    await asked(system)
    for role in roles.values():
        assert await role.stop(STOP_SECONDS) == 0, role.said()
    await moved(system, tmp_path)

    service = system.xinling("run")
    await up(service)
    await fed(system)  # read again from the first record, under another key
    await asyncio.sleep(3)
    assert expected.submitted(list(system.smsc.submitted)) == wanted
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, STOP_SECONDS) == 0, service.said()


async def killed_and_back(system: System, key: str) -> None:
    port = await asyncio.to_thread(system.redis.primary_of, key)
    system.redis.kill(port)
    await asyncio.sleep(1)
    await asyncio.to_thread(system.redis.start_node, port)
    await asyncio.to_thread(system.redis.wait)


async def asked(system: System) -> None:
    """What the operators ask a running service."""
    people = system.home / "people.csv"
    people.write_text("imsi,msisdn,home_city\n460001234567890,13803710001,郑州\n", "utf-8")
    await told(system, "profiles", "load", str(people))

    async def loaded() -> bool:
        return "profile: home_city" in await told(system, "subject", stdin="460001234567890")

    await until(loaded, UP_SECONDS, system.said)
    row = next(row for row in await system.rows(topics.VERDICTS) if row["verdict"] == "send")
    (imsi,) = (
        imsi
        for imsi, _, _ in rule_files.profiles(DEMO / "profiles.csv")
        if expected.PSEUDONYMS.subscriber(imsi) == row["subscriber"]
    )
    kept = await told(system, "subject", stdin=imsi)
    assert f"offer {row['offer']}" in kept
    assert "profile: home_city" in kept
    assert "submitted" in await told(system, "explain", row["offer"])
    assert "is stopped" in await told(system, "stop", STOPPED)
    assert "goes on" in await told(system, "resume", STOPPED)
    history = await told(system, "campaigns", "history")
    assert "resume" in history
    assert STOPPED in await told(system, "campaigns", "outlook")
    assert "an opt-out" in await told(system, "erase", stdin=imsi)

    async def gone() -> bool:
        return "profile: none" in await told(system, "subject", stdin=imsi)

    await until(gone, UP_SECONDS, system.said)


async def moved(system: System, folder: Path) -> None:
    """The commands for which all roles are stopped; there is another key in the end."""
    (old,) = (one for one in system.config.read_text("utf-8").splitlines() if "key = " in one)
    await told(system, "state", "export", str(folder / "out"))
    files = sorted(str(file) for file in (folder / "out").glob("*.xlstate"))
    said = await told(system, "state", "import", *files)
    assert said.count("goes on from record") == len(files)
    write(system, old, f'next_key = "{NEXT}"')
    done = await rotate(system)
    assert done.returncode == 0, done.stderr
    assert "people in the vault: " in done.stdout
    text = system.config.read_text("utf-8").replace(f'next_key = "{NEXT}"', "")
    system.config.write_text(text.replace(old, f'key = "{NEXT}"\nkey_version = 2'), "utf-8")
