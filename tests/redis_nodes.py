"""Debian's redis-server as the nodes of a Redis Cluster; each may be killed and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

_BUS = 10_000
"""A node talks to the others on a port so much higher."""
_SILENT_MS = 3_000


class RedisNodes:
    """A cluster on this machine."""

    def __init__(
        self,
        home: Path,
        *,
        replicas: int = 0,
        durable: bool = True,
        silent_ms: int = _SILENT_MS,
    ) -> None:
        """Three primaries with so many replicas each.

        `durable`: safe on disk before it answers. `silent_ms`: a node that says nothing for so long
        has failed, and a replica takes its place.
        """
        need("redis-server")
        need("redis-cli")
        self.replicas = replicas
        self.ports = free_ports(3 * (1 + replicas))
        self._home = home
        self._durable = durable
        self._silent_ms = silent_ms
        self._nodes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """The address of three nodes, as a configuration has it."""
        return "redis://" + ",".join(f"127.0.0.1:{port}" for port in self.ports[:3])

    @property
    def settings(self) -> str:
        """Further lines of the section `redis` of a configuration."""
        return f"cluster = true\nreplicas = {self.replicas}"

    def client(self) -> redis.RedisCluster:
        return redis.RedisCluster(host="127.0.0.1", port=self._running()[0])

    def start(self) -> None:
        """All nodes, and makes a cluster of them."""
        for port in self.ports:
            self.start_node(port)
        addresses = [f"127.0.0.1:{port}" for port in self.ports]
        more = ["--cluster-replicas", str(self.replicas), "--cluster-yes"]
        create = ["redis-cli", "--cluster", "create", *addresses, *more]
        eventually(lambda: subprocess.run(create, capture_output=True, check=True))
        self.wait()

    def wait(self) -> None:
        """Until every node that runs knows who has each slot, and every primary its replicas."""
        for port in self._running():
            with redis.Redis(port=port) as node:
                eventually(lambda node=node: _is_whole(node, self.replicas))

    def start_node(self, port: int) -> None:
        folder = self.folder(port)
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        whole = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(self._silent_ms)]
        whole += ["--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0"]
        if self._durable:
            whole += ["--appendonly", "yes", "--appendfsync", "always"]
        with (folder / "redis.log").open("ab") as log:
            self._nodes[port] = subprocess.Popen(
                ["redis-server", *options, *whole], stdout=log, stderr=log, start_new_session=True
            )
        with redis.Redis(port=port) as node:
            eventually(node.ping)

    def kill(self, port: int) -> None:
        node = self._nodes.pop(port)
        node.kill()
        node.wait(10)

    def stop(self, number: int = signal.SIGKILL) -> None:
        for node in self._nodes.values():
            node.send_signal(number)
        for node in self._nodes.values():
            node.wait(10)
        self._nodes.clear()

    def folder(self, port: int) -> Path:
        """What is on a node's disk."""
        return self._home / str(port)

    def node(self, port: int) -> subprocess.Popen[bytes] | None:
        """The process that listens there; None after it was killed."""
        return self._nodes.get(port)

    def primary_of(self, key: str) -> int:
        """The port of the node that has a key."""
        with self.client() as client:
            node = client.get_node_from_key(key)
            assert node is not None
            return int(node.port)

    def fail_over(self, key: str) -> None:
        """Kills the primary of a key; a replica takes its place, and it comes back as one."""
        port = self.primary_of(key)
        self.kill(port)

        def moved() -> None:
            if self.primary_of(key) == port:
                raise redis.RedisError("not yet")

        eventually(moved)
        self.start_node(port)
        self.wait()

    def move(self, key: str) -> None:
        """Gives the slot of a key, in which nothing lies, to another primary."""
        with self.client() as client:
            slot, before = client.keyslot(key), client.get_node_from_key(key)
            primaries = client.get_primaries()
            after = next(node for node in primaries if node != before)
            name = client.execute_command("CLUSTER MYID", target_nodes=after)
            for node in (after, *primaries):
                client.execute_command("CLUSTER SETSLOT", slot, "NODE", name, target_nodes=node)

    def _running(self) -> list[int]:
        return [port for port in self.ports if port in self._nodes]


@contextmanager
def cluster(directory: str) -> Iterator[int]:
    """A port of a Redis Cluster of three nodes, which keep nothing."""
    nodes = RedisNodes(Path(directory), durable=False)
    try:
        nodes.start()
        yield nodes.ports[0]
    finally:
        nodes.stop()


@contextmanager
def one(directory: str) -> Iterator[str]:
    """The URL of a server that is no cluster, over TCP."""
    need("redis-server")
    (port,) = free_ports(1)
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as client:
            eventually(client.ping)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(10)


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here; on Debian: apt-get install redis-server")


def eventually(attempt: Callable[[], object]) -> None:
    """Tries until it works, for twenty seconds."""
    for _ in range(400):
        try:
            attempt()
        except (redis.RedisError, subprocess.CalledProcessError):
            time.sleep(0.05)
        else:
            return
    pytest.fail("Redis did not start within twenty seconds")


def _is_whole(node: redis.Redis, replicas: int) -> None:
    """Raises RedisError where a node does not see a whole cluster, or lacks a replica's word."""
    found = node.execute_command("CLUSTER INFO")
    text = found if isinstance(found, dict) else {}
    if text.get("cluster_state") != "ok":
        raise redis.RedisError("not whole")
    about = node.info("replication")
    if about["role"] == "master" and about["connected_slaves"] < replicas:
        raise redis.RedisError("without its replicas")
    if about["role"] == "slave" and about["master_link_status"] != "up":
        raise redis.RedisError("not in step")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, each with the one that a node's bus would have."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port >= 65_536 - _BUS or port in found:
                continue
            try:
                bus.bind(("127.0.0.1", port + _BUS))
            except OSError:
                continue
        found.append(port)
    return found
