"""The demonstration: exactly those who left, and nothing left behind."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from decoders.errors import XinlingError
from stream.demo.play import Demo, main
from stream.demo.scenes import LABS
from stream.demo.view import View
from stream.embedded import RedisServer

ROOT = Path(__file__).resolve().parents[3]
LEFT = "您已离开一号控制区"
WHO_LEFT = {"4915550102", "4915550108", "7002", "01520009901", "015200010005"}
"""By `fixtures/pcap`: lab-a 2 and 8, lab-b 2, lab-c 1 and 9."""


def plain() -> Console:
    return Console(file=io.StringIO(), highlight=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_the_five_phones_that_left_and_nobody_else_get_the_first_offer() -> None:
    with RedisServer() as server:
        played = Demo(server.url, View(plain()))
        async with played:
            await played.play(paced=False)
    got = [sms.destination for sms in played.smsc.submitted if LEFT in sms.body.decode("utf-16-be")]
    assert sorted(got) == sorted(WHO_LEFT)


async def test_the_second_campaign_shows_audience_consent_opt_out_cap_and_control_group() -> None:
    console = plain()
    assert await main(console, paced=False) == 0
    calls = [line for line in printed(console).splitlines() if " cheap-calls " in line]
    for said in ("not in audience", "no consent", "opted out", "capped", "control ", "send "):
        assert any(said in line for line in calls), said


async def test_p1_speed_changes_no_decision() -> None:
    slow, fast = plain(), plain()
    await main(slow, LABS._replace(speed=2000.0))
    await main(fast, paced=False)
    assert decided(slow) == decided(fast)
    assert len(decided(fast)) == 15


def decided(console: Console) -> list[str]:
    lines = [line for line in printed(console).splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    return sorted(re.sub(r"after \d+ ms", "", line) for line in lines)


async def test_p6_no_clear_number_is_printed() -> None:
    console = plain()
    await main(console, paced=False)
    assert not any(number in printed(console) for number in WHO_LEFT)


async def test_into_a_pipe_there_are_plain_lines_and_every_fact() -> None:
    console = plain()
    await main(console, paced=False)
    assert "\x1b" not in printed(console)
    for fact in ("frames: ", "messages: ", "events: ", "triggers ", "from frame to submit: "):
        assert f"\n{fact}" in printed(console)


async def test_files_that_are_not_there_are_said_with_a_remedy() -> None:
    with pytest.raises(XinlingError) as error:
        await main(plain(), LABS._replace(plan=Path("/nowhere/plan.csv")))
    assert error.value.file == "/nowhere/plan.csv"
    assert error.value.remedy


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_after_an_interruption_nothing_runs_and_nothing_is_left(
    ending: signal.Signals, tmp_path: Path
) -> None:
    process = begun(tmp_path)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children, "the embedded Redis is a process of its own"
    process.send_signal(ending)
    try:
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped" in out
    assert not err
    assert not any(child.is_running() for child in children)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_after_a_kill_no_process_goes_on(tmp_path: Path) -> None:
    process = begun(tmp_path)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=20)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


def _heed_ctrl_c() -> None:
    """A shell's background job, which this test run may be, ignores SIGINT and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begun(folder: Path) -> subprocess.Popen[str]:
    """`xinling demo` in a process, playing; what it leaves behind would be in `folder`."""
    code = "import sys; from stream.demo.play import run; sys.exit(run())"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509  one call; no other thread is running yet
    )
    assert process.stdout is not None
    while "Playing" not in process.stdout.readline():
        assert process.poll() is None, process.stderr and process.stderr.read()
    time.sleep(0.3)
    return process


async def test_what_is_published_while_more_is_flushed_is_shown_once() -> None:
    for _ in range(3):
        console = plain()
        await main(console, paced=False)
        lines = decided(console)
        assert len(set(lines)) == len(lines)
