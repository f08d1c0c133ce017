"""`run --check` says what is wrong and starts nothing; a process told to stop is gone in time."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from decoders.errors import XinlingError
from rules.errors import CampaignErrors
from stream import config as configuration
from stream import service
from stream.config import Config, ConfigError
from stream.roles import Part
from stream.rule_files import FileError

DEMO = Path(__file__).parents[3] / "fixtures" / "demo"
PLAN = Path(__file__).parents[3] / "fixtures" / "plans" / "labs.csv"
KEY = "ab" * 32


def configured(tmp_path: Path, **rules: str) -> Path:
    chosen = {
        "campaigns": str(DEMO / "campaigns"),
        "areas": str(DEMO / "areas.geojson"),
        "cells": str(DEMO / "cells.csv"),
        "settings": str(DEMO / "settings.json"),
        "plan": str(PLAN),
        **rules,
    }
    lines = "".join(f'{key} = "{value}"\n' for key, value in chosen.items())
    file = tmp_path / "xinling.toml"
    file.write_text(
        f'[privacy]\nkey = "{KEY}"\n[rules]\n{lines}[metrics]\nport = 0\n', encoding="utf-8"
    )
    return file


def test_a_good_configuration_checks_without_a_broker(tmp_path: Path) -> None:
    service.run(configured(tmp_path), None, check=True)


def test_p6_without_a_key_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "xinling.toml").write_text("")
    for start in (
        lambda: service.run(tmp_path / "xinling.toml", None),
        lambda: service.ingest(tmp_path / "xinling.toml", ["-"], "max"),
    ):
        with pytest.raises(ConfigError) as caught:
            start()
        assert caught.value.key == "privacy.key"


@pytest.mark.parametrize("key", ["campaigns", "areas", "cells", "settings", "plan", "profiles"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, key: str) -> None:
    missing = str(tmp_path / "none")
    with pytest.raises((FileError, ConfigError)) as caught:
        service.run(configured(tmp_path, **{key: missing}), None, check=True)
    assert caught.value.file == missing


def test_a_campaign_with_a_mistake_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("campaign: Wrong\n")
    with pytest.raises(CampaignErrors):
        service.run(configured(tmp_path, campaigns=str(tmp_path / "wrong.yaml")), None, check=True)


def test_a_speed_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        service.ingest(configured(tmp_path), ["-"], "fast")


class Working(Part):
    """A part that works until it is stopped, or fails, or ends."""

    def __init__(self, failure: BaseException | None = None, *, ends: bool = False) -> None:
        self.failure = failure
        self.ends = ends
        self.stopped = False

    async def run(self) -> None:
        if self.failure is not None:
            raise self.failure
        if not self.ends:
            await asyncio.Event().wait()

    async def stop(self, patience: float) -> None:
        assert patience > 0
        self.stopped = True

    async def close(self) -> None:
        assert self.stopped


async def worked(*parts: Part, ends: bool = False, signalled: bool = False) -> BaseException | None:
    config: Config = configuration.load(None, {"XINLING_METRICS_PORT": "0"})
    process = service._Process(config, ends=ends)

    async def build(_: object) -> list[Part]:
        if signalled:
            asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
        return list(parts)

    return await process.work(build)


@pytest.fixture(autouse=True)
def no_last_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The timer that leaves a process that hangs would leave the tests."""
    monkeypatch.setattr(service, "_leave", lambda _code: None)


async def test_a_signal_stops_every_part() -> None:
    parts = [Working(), Working()]
    assert await worked(*parts, signalled=True) is None
    assert all(part.stopped for part in parts)


async def test_a_part_that_cannot_go_on_stops_the_others_and_is_told() -> None:
    parts = [Working(XinlingError("Redis stayed away")), Working()]
    error = await worked(*parts)
    assert isinstance(error, XinlingError)
    assert error.reason == "Redis stayed away"
    assert parts[1].stopped


async def test_a_fault_of_ours_is_told_without_what_it_was_about() -> None:
    error = await worked(Working(ValueError("460001234567890")))
    assert isinstance(error, XinlingError)
    assert "46000" not in str(error)


async def test_an_ingest_ends_with_its_sources_and_the_service_does_not() -> None:
    assert await worked(Working(ends=True), ends=True) is None
    done, waiting = Working(ends=True), Working()
    assert await worked(done, waiting, signalled=True) is None
    assert waiting.stopped
