"""Debian's redis-server for tests: alone and durable, or three as a Redis Cluster."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

_ON_DISK = "appendonlydir"


class RedisServer:
    """On a socket, safe on disk before it answers; may be killed and started again."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._socket = Path(directory) / "redis.sock"
        self.url = f"unix://{self._socket}"
        self.start()

    def start(self) -> None:
        options = ["--port", "0", "--unixsocket", str(self._socket), "--dir", self._directory]
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen(
            ["redis-server", *options, *durable], stdout=subprocess.DEVNULL
        )
        client = redis.Redis(unix_socket_path=str(self._socket))
        eventually(client.ping)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def keep(self, folder: Path) -> None:
        """Copies what is on its disk now into `folder`."""
        shutil.copytree(Path(self._directory) / _ON_DISK, folder)

    def put_back(self, folder: Path) -> None:
        """Its disk is what it was when it was copied to `folder`; it must not be running."""
        shutil.rmtree(Path(self._directory) / _ON_DISK)
        shutil.copytree(folder, Path(self._directory) / _ON_DISK)


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here; on Debian: apt-get install redis-server")


@contextmanager
def cluster(directory: str) -> Iterator[int]:
    """A port of a Redis Cluster of three nodes; each has a second one, ten thousand higher."""
    ports = [_free_port() for _ in range(3)]
    nodes = [_start_node(port, directory) for port in ports]
    try:
        _join(ports)
        yield ports[0]
    finally:
        for node in nodes:
            node.kill()
            node.wait(10)


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            return port


def _start_node(port: int, directory: str) -> subprocess.Popen[bytes]:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--cluster-enabled", "yes"]
    files = ["--dir", directory, "--cluster-config-file", f"{port}.conf"]
    return subprocess.Popen(["redis-server", *options, *files], stdout=subprocess.DEVNULL)


def _join(ports: list[int]) -> None:
    """Makes a cluster of the nodes and waits until each answers for its slots."""
    addresses = [f"127.0.0.1:{port}" for port in ports]
    create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
    eventually(lambda: subprocess.run(create, capture_output=True, check=True))
    client = redis.RedisCluster(host="127.0.0.1", port=ports[0])
    for partition in range(32):
        eventually(lambda key=f"{{p{partition}}}": client.get(key))
    client.close()


def eventually(attempt: Callable[[], object]) -> None:
    """Tries until it works, for ten seconds."""
    for _ in range(100):
        try:
            attempt()
        except (redis.RedisError, subprocess.CalledProcessError):
            time.sleep(0.1)
        else:
            return
    pytest.fail("Redis did not start within ten seconds")
