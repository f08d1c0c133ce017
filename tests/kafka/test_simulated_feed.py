"""`xinling simulate … -o - | xinling ingest -` decides what a replay of the same decides (P1)."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import expected
import msgspec
import pytest
from system import DEMO, PLAN, ROOT, System, until
from test_kafka_service import UP_SECONDS, decided, up

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from rules import profile as profiles
from rules.engine import RuleSet
from stream import rule_files, sources, topics
from stream.demo.scenes import SPRING_FESTIVAL
from stream.log import ProfileChanged, RulesChanged
from stream.replay import Change, Replay, signals_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

SCENARIO = SPRING_FESTIVAL.files / "scenario.yaml"


async def _replayed() -> list[dict[str, Any]]:
    """The verdicts of the capture that the scenario gives, which is checked in."""
    bundle = SPRING_FESTIVAL.bundle()
    changes: list[Change] = [
        RulesChanged(RuleSet.load(bundle).hash, bundle),
        *(
            ProfileChanged(expected.PSEUDONYMS.subscriber(imsi), profiles.encode(profile))
            for imsi, _, profile in rule_files.profiles(SPRING_FESTIVAL.profiles)
        ),
    ]
    plan = rule_files.plan(SPRING_FESTIVAL.plan)
    correlator = Correlator(CorrelatorConfig(), expected.PSEUDONYMS, plan)
    rows: list[dict[str, Any]] = []
    records = sources.merged([str(SPRING_FESTIVAL.captures[0])], lambda _error: None)
    signals = signals_of(records, Decoder(DecoderConfig()).feed, correlator)
    await Replay(lambda verdict: rows.append(verdict.row())).run(signals, changes)
    return rows


def _comparable(rows: list[dict[str, Any]]) -> list[bytes]:
    """Rows by offer and step; a frame is the same frame whatever the capture is called."""
    text = msgspec.json.encode(rows).decode()
    renamed = re.sub(r'"source":"[^"]*"', '"source":"-"', text)
    return expected.lines(msgspec.json.decode(renamed))


def _configured(system: System) -> None:
    """The service decides by the files of the scenario."""
    text = system.config.read_text("utf-8")
    text = text.replace(str(PLAN), str(SPRING_FESTIVAL.plan))
    text = text.replace(str(DEMO / "campaigns"), str(SPRING_FESTIVAL.campaigns))
    system.config.write_text(text.replace(str(DEMO), str(SPRING_FESTIVAL.files)), "utf-8")


def _piped(system: System, log: Path) -> list[subprocess.Popen[bytes]]:
    """Both commands, the one's output the other's input, as a shell would start them."""
    command = [sys.executable, "-m", "stream.cli"]
    with log.open("wb") as said:
        simulate = subprocess.Popen(
            [*command, "simulate", str(SCENARIO), "-o", "-"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=said,
        )  # fmt: skip
        ingest = subprocess.Popen(
            [*command, "ingest", "-", "--config", str(system.config)],
            cwd=ROOT, stdin=simulate.stdout, stdout=said, stderr=said,
        )  # fmt: skip
    assert simulate.stdout is not None
    simulate.stdout.close()
    return [simulate, ingest]


async def test_p1_a_simulation_piped_into_a_running_service_decides_what_its_replay_decides(
    system: System,
) -> None:
    wanted = _comparable(await _replayed())
    assert len(wanted) > 20
    _configured(system)
    service = system.xinling("run")
    await up(service)
    log = system.home / "pipe.log"
    pipe = _piped(system, log)
    try:
        for process in pipe:
            assert await asyncio.to_thread(process.wait, UP_SECONDS * 2) == 0, log.read_text()
        await decided(system, len(wanted))
    finally:
        for process in pipe:
            process.kill()
    assert _comparable(await system.rows(topics.VERDICTS)) == wanted
    found = [row for row in await system.rows(topics.VERDICTS) if row["verdict"] == "send"]
    await until(lambda: len(system.smsc.submitted) >= len(found), UP_SECONDS, service.said)
