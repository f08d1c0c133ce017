"""deploy/redis: the script and the settings that the container runs, started here as they stand."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

START = Path(__file__).resolve().parents[2] / "deploy" / "redis" / "start.sh"
PASSWORD = "correct horse"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(client: redis.Redis, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Redis]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server (Debian: apt install redis-server)")
    port = free_port()
    environment = {**os.environ, "REDIS_PASSWORD": PASSWORD, "REDIS_RUN_DIR": str(tmp_path)}
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    process = subprocess.Popen(["sh", str(START), *settings], env=environment)
    client = redis.Redis(port=port, password=PASSWORD)
    try:
        wait_until_it_answers(client)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(10)


def test_p2_what_redis_has_acknowledged_is_on_the_disk(server: redis.Redis) -> None:
    assert server.config_get("appendonly") == {"appendonly": "yes"}
    assert server.config_get("appendfsync") == {"appendfsync": "always"}


def test_a_full_redis_refuses_writes_and_forgets_nobody(server: redis.Redis) -> None:
    assert server.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_nobody_gets_in_without_the_password(server: redis.Redis) -> None:
    port = server.connection_pool.connection_kwargs["port"]
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=port) as stranger:
        stranger.ping()


def test_the_password_is_in_no_process_list_and_no_readable_file(
    server: redis.Redis, tmp_path: Path
) -> None:
    pid = server.info("server")["process_id"]
    assert PASSWORD.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert PASSWORD.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0


def test_it_does_not_start_without_a_password(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "REDIS_RUN_DIR": str(tmp_path)}
    done = subprocess.run(
        ["sh", str(START)], env=environment, capture_output=True, timeout=10, check=False
    )
    assert done.returncode != 0
    assert b"REDIS_PASSWORD" in done.stderr
