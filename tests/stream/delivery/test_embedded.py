"""The Redis that comes with the package."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis

from stream import embedded
from stream.embedded import EmbeddedError, RedisServer


def test_it_answers_inside_the_context_and_leaves_nothing_behind() -> None:
    with RedisServer() as server:
        socket = Path(server.url.removeprefix("unix://"))
        assert redis.Redis.from_url(server.url).ping()
    assert not socket.parent.exists()


def test_it_listens_on_no_port() -> None:
    with RedisServer() as server:
        info = redis.Redis.from_url(server.url).config_get("port")
        assert info in ({"port": "0"}, {b"port": b"0"})


def test_an_exception_inside_stops_it_too() -> None:
    with pytest.raises(KeyError), RedisServer() as server:
        raise KeyError
    assert not Path(server.url.removeprefix("unix://")).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_ends_with_a_parent_that_was_killed() -> None:
    code = (
        "import os, time; from stream.embedded import RedisServer\n"
        "with RedisServer() as s: print(s._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _gone([child])


def test_a_program_that_is_not_there_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "program", lambda: Path("/nowhere/redis-server"))
    with pytest.raises(EmbeddedError) as error, RedisServer():
        pass
    assert error.value.remedy


def test_a_program_that_ends_at_once_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "program", lambda: Path("/bin/false"))
    with pytest.raises(EmbeddedError, match="does not answer"), RedisServer():
        pass


def _gone(processes: list[psutil.Process]) -> None:
    end = time.monotonic() + 5
    while any(process.is_running() and process.status() != "zombie" for process in processes):
        assert time.monotonic() < end, "it still runs"
        time.sleep(0.02)
