"""P6: the key of a real service is changed, and nothing is sent twice or forgotten for it."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from typing import Any

import expected
import pytest
from system import ROOT, System, until
from test_kafka_service import UP_SECONDS, decided, fed, up

from stream import topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

NEXT = "5e" * 32
_KEY = re.compile(r'^key = "[0-9a-f]{64}"', re.MULTILINE)


async def rotate(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "stream.cli", "rotate-key", *arguments, "--config", system.config],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def write(system: System, *lines: str) -> None:
    """The configuration with another section of keys."""
    text = system.config.read_text("utf-8")
    system.config.write_text(_KEY.sub("\n".join(lines), text), "utf-8")


def offers(rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
    return {(row["offer"], row["step"]) for row in rows}


async def test_p6_a_service_goes_on_under_another_key(system: System) -> None:
    verdicts = await expected.replayed()
    wanted = expected.submits(verdicts)
    service = system.xinling("run")
    await up(service)
    await fed(system)
    await decided(system, len(verdicts))
    await until(lambda: len(system.smsc.submitted) >= wanted.total(), UP_SECONDS, service.said)
    (old,) = _KEY.findall(system.config.read_text("utf-8"))
    write(system, old, f'next_key = "{NEXT}"')

    async def only_roles_are_in_the_way() -> bool:
        said = (await rotate(system, "--check")).stderr
        return "is at work" in said and "are not" not in said and "wait" not in said

    await until(only_roles_are_in_the_way, UP_SECONDS, service.said)
    refused = await rotate(system)
    assert refused.returncode == 1
    assert "subscribers on" in refused.stderr
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, 20) == 0, service.said()

    done = await rotate(system)
    assert done.returncode == 0, done.stderr
    assert "people in the vault: " in done.stdout
    assert "key 2 is in force" in done.stdout
    assert (await rotate(system)).returncode == 0, "once more changes nothing"
    before = offers(await system.rows(topics.VERDICTS))
    late = system.xinling("run")
    await until(lambda: not late.running(), UP_SECONDS, late.said)
    assert "another key made what this Redis holds" in late.said()

    write(system, f'key = "{NEXT}"', "key_version = 2")
    text = system.config.read_text("utf-8").replace(f'next_key = "{NEXT}"\n', "")
    system.config.write_text(text, "utf-8")
    service = system.xinling("run")
    await up(service)
    await fed(system)  # read again from the first record: all of it is recognised
    await asyncio.sleep(3)
    assert service.running(), service.said()
    assert expected.submitted(list(system.smsc.submitted)) == wanted
    assert offers(await system.rows(topics.VERDICTS)) == before
    service.signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.wait, 20) == 0, service.said()
