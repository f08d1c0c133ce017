"""A running service under its operators' hands: stopped, reloaded, asked why."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import expected
import pytest
from system import CAPTURES, DEMO, ROOT, System, until
from test_kafka_service import UP_SECONDS, fed, up

from stream import log, rule_files, topics
from stream.log import RulesChanged

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

STOPPED = "cheap-calls"


async def told(system: System, *arguments: str, stdin: str = "") -> str:
    """What a command of the operators says on standard output."""
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "stream.cli", *arguments, "--config", str(system.config)],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


async def rules_on_the_log(system: System) -> list[str]:
    """The hashes of the rules that were published, each once, in order."""
    found: dict[str, None] = {}
    for value in await system.values(topics.EVENTS):
        for item in log.decode(value).items:
            if isinstance(item, RulesChanged):
                found[item.hash] = None
    return list(found)


async def rows_of(system: System, campaign: str) -> list[dict[str, Any]]:
    return [row for row in await system.rows(topics.VERDICTS) if row["campaign"] == campaign]


async def explained(system: System, sent: dict[str, Any]) -> None:
    captures = [part for path in CAPTURES for part in ("--captures", path)]
    why = await told(system, "explain", sent["offer"], *captures)
    assert "decided: send; became: " in why
    assert "submitted" in why
    lines = why.splitlines()
    for sample in sent["evidence"]:
        (at,) = (n for n, line in enumerate(lines) if f"event {sample['event']}" in line)
        assert lines[at + 1].startswith(f"        {sample['time']}   "), "the event, off the log"
    assert "LOCATION UPDATING ACCEPT" in why
    assert f"sent: welcome-away at {sent['time']}" in why, "the subscriber now"


async def changes_are_written_down(system: System) -> None:
    history = (await told(system, "campaigns", "history")).splitlines()
    assert f"campaigns/{STOPPED}.yaml is gone" in history[1]
    changes = [line.split("  ")[2] for line in history if not line.startswith(" ")]
    assert changes[:5] == ["rules", "refused", "refused", "rules", "resume"]
    assert changes[5:] == ["profiles", "rules", "stop", "rules"]


async def test_a_campaign_is_stopped_in_a_second_and_an_offer_explained(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns = tmp_path / "campaigns"
    shutil.copytree(DEMO / "campaigns", campaigns)
    monkeypatch.setenv("XINLING_RULES_CAMPAIGNS", str(campaigns))
    service = system.xinling("run")
    await up(service)
    await until(lambda: "profiles published" in service.said(), UP_SECONDS, service.said)

    async def published(number: int) -> bool:
        return len(await rules_on_the_log(system)) >= number

    assert "is stopped" in await told(system, "stop", STOPPED)
    await until(lambda: published(2), UP_SECONDS, service.said)

    follower = system.xinling("tail", "--campaign", "welcome-away")
    people = tmp_path / "people.csv"
    people.write_text("imsi,msisdn,consent\n460001234567890,13803710001,sms\n46000,1,\n")
    loaded = system.xinling("profiles", "load", str(people))
    assert await asyncio.to_thread(loaded.wait, 30) == 1
    assert f"{people}:3: the imsi column holds no IMSI" in loaded.said()
    assert "1 profiles loaded" in loaded.said()
    await fed(system)

    async def both() -> bool:
        return bool(await rows_of(system, STOPPED) and await rows_of(system, "welcome-away"))

    await until(both, UP_SECONDS, service.said)
    await until(lambda: len(system.smsc.submitted) >= 5, UP_SECONDS, service.said)
    assert {row.get("reason") for row in await rows_of(system, STOPPED)} == {"stopped"}

    sent = (await rows_of(system, "welcome-away"))[0]
    await explained(system, sent)
    await until(lambda: "  delivered  offer " in follower.said(), UP_SECONDS, follower.said)
    assert f"welcome-away  send  offer {sent['offer']}" in follower.said()
    assert STOPPED not in follower.said()
    follower.signal(signal.SIGINT)
    assert await asyncio.to_thread(follower.wait, 10) == 0

    table = [line.split() for line in (await told(system, "campaigns", "outlook")).splitlines()]
    decided = len(await rows_of(system, STOPPED))
    assert [STOPPED, "live", str(decided), "0", "0", "0", str(decided), "0"] in table
    assert [STOPPED, "stopped", str(decided)] in table

    assert "goes on" in await told(system, "resume", STOPPED)
    file = campaigns / f"{STOPPED}.yaml"
    file.write_text("campaign: Wrong\n", "utf-8")
    await until(lambda: "rules not loaded" in service.said(), UP_SECONDS, service.said)
    service.signal(signal.SIGKILL)
    service = system.xinling("run")  # it starts in spite of the file, on the rules in force
    await until(lambda: "rules not loaded" in service.said(), UP_SECONDS, service.said)
    file.unlink()
    await until(lambda: published(3), UP_SECONDS, service.said)
    await changes_are_written_down(system)


async def test_a_person_is_shown_what_is_kept_and_why_and_erased(system: System) -> None:
    service = system.xinling("run")
    await up(service)
    await fed(system)

    async def delivered() -> list[dict[str, Any]]:
        rows = await system.rows(topics.OUTCOMES)
        return [row for row in rows if row["outcome"] == "delivered"]

    await until(delivered, UP_SECONDS, service.said)
    row = (await delivered())[0]
    imsis = {
        expected.PSEUDONYMS.subscriber(imsi): (imsi, msisdn)
        for imsi, msisdn, _ in rule_files.profiles(DEMO / "profiles.csv")
    }
    imsi, msisdn = imsis[row["subscriber"]]

    kept = await told(system, "subject", stdin=imsi + "\n")
    assert f"offer {row['offer']}" in kept
    assert "   delivered" in kept
    assert "profile: home_city" in kept
    assert f"sent: {row['campaign']} at " in kept
    assert imsi not in kept
    assert msisdn not in kept
    assert msisdn in await told(system, "subject", "--clear", stdin=imsi)

    said = await told(system, "erase", stdin=imsi)
    assert "an opt-out, so that nobody writes to this person again" in said

    async def gone() -> bool:
        after = await told(system, "subject", stdin=imsi)
        return "profile: none" in after and "    nothing is kept" in after

    await until(gone, UP_SECONDS, service.said)
    after = await told(system, "subject", stdin=imsi)
    assert "vault: no number" in after
    assert f"offer {row['offer']}" in after, "decisions stay under the pseudonym"
    assert imsi not in service.said()
