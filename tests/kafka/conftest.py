"""Each test gets a Kafka, a Redis and an SMSC of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from broker import HOW_TO_GET_ONE, ApacheKafka, Broker, find_broker
from system import System


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of its own, started; restarts keep its data (Apache Kafka only)."""
    found = find_broker(tmp_path / "kafka")
    if found is None:
        pytest.skip(HOW_TO_GET_ONE)
    found.start()
    yield found
    found.stop(9)


@pytest.fixture
async def system(tmp_path: Path, broker: Broker) -> AsyncIterator[System]:
    """Kafka, Redis and an SMSC, up; the service's processes are the test's to start."""
    whole = System(tmp_path, broker)
    await whole.start()
    yield whole
    await whole.stop()


@pytest.fixture
def lasting(system: System) -> System:
    """`system` on a broker that keeps its data over a restart."""
    if system.broker.kind != ApacheKafka.kind:
        pytest.skip(f"Tansu keeps nothing over a restart; {HOW_TO_GET_ONE}")
    return system
