"""The real thing, with each fault that the killer may put it through."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import smsc_process
from broker import START_SECONDS, Broker, free_port, listens
from chaos_schedule import (
    ADD,
    CHANGE,
    CUT,
    DELIVERY,
    FILL,
    INGEST,
    KAFKA,
    KILL,
    OPT_OUT,
    REDIS,
    REMOVE,
    SILENCE,
    SMSC,
    STOP,
    WORKER,
    Planned,
)
from chaos_world import World
from redis_nodes import RedisNodes
from system import ROOT, Kept, System, wait_until

from stream import topics

MOST_WORKERS = 3
DISK_OCTETS = 3_000
DISK_SECONDS = 10.0
_ASKED = {SILENCE: signal.SIGUSR1, CUT: signal.SIGUSR2, OPT_OUT: signal.SIGHUP}


class SmscServer:
    """The SMSC's process."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.file = home / "taken.jsonl"
        self._log = home / "smsc.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it listens: a signal that comes before it knows of signals would end it."""
        script = Path(smsc_process.__file__)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(script), str(self.port), str(self.file)],
                cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
                env={"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
        wait_until(lambda: listens(self.port), START_SECONDS, "the SMSC listens")

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, number: int = signal.SIGKILL) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(20)

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)


class OneNode:
    """One node of a cluster, another one after each fault, with what a fault asks of a server."""

    def __init__(self, nodes: RedisNodes) -> None:
        self._nodes = nodes
        self._turn = 0

    def start(self) -> None:
        """The node that had the last fault is there again; the next one is another node's."""
        self._nodes.start_node(self._port)
        self._turn += 1

    def stop(self, number: int = signal.SIGKILL) -> None:
        assert number == signal.SIGKILL
        self._nodes.kill(self._port)

    def signal(self, number: int) -> None:
        node = self._nodes.node(self._port)
        if node is not None:
            node.send_signal(number)

    def running(self) -> bool:
        node = self._nodes.node(self._port)
        return node is not None and node.poll() is None

    def fill_disk(self, octets: int) -> None:
        node = self._nodes.node(self._port)
        assert node is not None
        files = self._nodes.folder(self._port).glob("**/*.aof")
        limit = max(file.stat().st_size for file in files) + octets
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    @property
    def _port(self) -> int:
        return self._nodes.ports[self._turn % len(self._nodes.ports)]


class ChaosSystem(System):
    """Everything, and the faults that it may be put through."""

    def __init__(
        self, home: Path, broker: Broker, most_copies: int, nodes: RedisNodes | None = None
    ) -> None:
        """`nodes`: a cluster in place of one Redis."""
        super().__init__(home, broker, nodes)
        self._node = OneNode(nodes) if nodes else self.redis
        self.world = World(home)
        self.server = SmscServer(home)
        self.roles: dict[str, list[Kept]] = {}
        self._most_copies = most_copies
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        self.redis.start()
        self.server.start()
        self.world.write(self._most_copies)
        self.config.write_text(self._toml(), encoding="utf-8")
        await topics.prepare(self.kafka_config(), 30)
        self.roles = {role: [Kept(self, role)] for role in (INGEST, WORKER, DELIVERY)}
        self.roles[WORKER].append(Kept(self, WORKER))

    async def stop(self) -> None:
        for role in self.all_kept():
            role.signal(signal.SIGCONT)
            role.give_up()
        for process in self.processes:
            process.kill()
        self.server.stop()
        self.redis.stop()

    def all_kept(self) -> list[Kept]:
        return [role for several in self.roles.values() for role in several]

    async def suffer(self, fault: Planned) -> None:
        """One fault, from its beginning to its end; faults of one target wait for each other."""
        async with self._busy[fault.target]:
            if fault.kind == FILL:
                await self._fill(self._servers()[fault.target])
            elif fault.kind == CHANGE:
                self.world.change(fault.pick)
            elif fault.target in self.roles:
                await self._suffer_role(fault)
            else:
                await self._suffer_server(fault)

    async def end(self, role: str) -> None:
        """A role leaves as it should, and is not started again."""
        for kept in self.roles[role]:
            await kept.stop(15)

    async def heal(self) -> None:
        """Everything is there again."""
        for server in self._servers().values():
            server.signal(signal.SIGCONT)
        for server in self._servers().values():
            if not server.running():
                await self._again(server)

    def _servers(self) -> dict[str, Any]:
        return {REDIS: self._node, KAFKA: self.broker, SMSC: self.server}

    async def _suffer_role(self, fault: Planned) -> None:
        several = self.roles[fault.target]
        role = several[fault.pick % len(several)]
        if fault.kind == KILL:
            role.signal(signal.SIGKILL)
        elif fault.kind == STOP:
            role.signal(signal.SIGSTOP)
            await asyncio.sleep(fault.seconds)
            role.signal(signal.SIGCONT)
        elif fault.kind == ADD and len(several) < MOST_WORKERS:
            several.append(Kept(self, fault.target))
        elif fault.kind == REMOVE and len(several) > 1:
            several.remove(role)
            await role.stop(15)

    async def _suffer_server(self, fault: Planned) -> None:
        server = self._servers()[fault.target]
        if fault.kind == STOP:
            server.signal(signal.SIGSTOP)
            await asyncio.sleep(fault.seconds)
            server.signal(signal.SIGCONT)
        elif fault.kind == KILL:
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            await asyncio.sleep(fault.seconds)
            await self._again(server)
        else:
            server.signal(_ASKED[fault.kind])

    async def _fill(self, server: Any) -> None:
        """A server finds no room for what it must write before it answers, and gives up."""
        server.fill_disk(DISK_OCTETS)
        deadline = time.monotonic() + DISK_SECONDS
        while server.running() and time.monotonic() < deadline:  # noqa: ASYNC110  a process
            await asyncio.sleep(0.05)
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        await self._again(server)

    async def _again(self, server: Any) -> None:
        await asyncio.to_thread(server.start)

    def _toml(self) -> str:
        whole = super()._toml().replace(f"port = {self.smsc.port}", f"port = {self.server.port}", 1)
        before, rest = whole.split("[rules]")
        return before + self.world.toml() + "[metrics]" + rest.split("[metrics]")[1]
