"""What a measurement starts, it takes along when it ends; workers get the share they are given."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from stream.bench import servers

MEASURING = """
import sys, time
from pathlib import Path
from stream.bench import servers
servers.end_by_signal()
with servers.redis(Path(sys.argv[1])) as (redis, _):
    print(redis.id, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_redis_ends_with_the_measurement_that_started_it(tmp_path: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURING, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    redis = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(60) != 0
    deadline = time.monotonic() + 60
    while alive(redis):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.02)


def alive(process: int) -> bool:
    """Whether it runs; one that nobody has waited for yet does not."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("cpu.max", {"cpu.max": "3000 10000"}),
        ("cpu.cfs_quota_us", {"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "3000"}),
    ],
)
def test_a_share_of_a_core_is_a_quota_of_a_control_group(
    tmp_path: Path, there: str, wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "xinling-bench-7"

    def made(self: Path, *_: object, **__: object) -> None:
        os.mkdir(self)  # noqa: PTH102  `Path.mkdir` is this
        (self / there).touch()

    monkeypatch.setattr(Path, "mkdir", made)
    monkeypatch.setattr(servers, "_parent_group", lambda: tmp_path)
    server = SimpleNamespace(id=7, stop=lambda: None)
    with servers.held([server], 0.3):  # type: ignore[list-item]
        found = {file.name: file.read_text() for file in group.iterdir()}
    assert found == {**wanted, "cgroup.procs": "7"}
