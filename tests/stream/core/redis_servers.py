"""Debian's redis-server for tests, alone and durable."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import redis
from redis_nodes import eventually

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
