"""Live change: files and stops reach the log while it runs; a bad file changes nothing."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from rules.engine import RuleSet
from rules.errors import CampaignErrors
from stream import rule_files
from stream.audit import Change
from stream.rules_watch import Bundle, RulesWatch, changed

DEMO = Path(__file__).parents[3] / "fixtures" / "demo"


class World:
    """Files in a folder, stops in a set, and what came onto the log."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "campaigns"
        shutil.copytree(DEMO / "campaigns", self.folder)
        self.settings = home / "settings.json"
        shutil.copy(DEMO / "settings.json", self.settings)
        self.stopped: set[str] = set()
        self.published: list[Bundle] = []
        self.noted: list[Change] = []
        self.watch = RulesWatch(self.signature, self.read, self.publish, self, self)  # type: ignore[arg-type]

    def signature(self) -> object:
        return rule_files.signature(self.folder, DEMO / "areas.geojson", self.settings)

    def read(self) -> Bundle:
        return rule_files.bundle(self.folder, DEMO / "areas.geojson", None, self.settings)

    async def publish(self, bundle: Bundle) -> bool:
        RuleSet.load(bundle, running=True)
        self.published.append(bundle)
        return True

    async def names(self) -> frozenset[str]:
        return frozenset(self.stopped)

    async def note(self, change: Change) -> None:
        self.noted.append(change)

    async def look(self) -> None:
        """Long enough for what was written to be read."""
        await self.watch.look()
        await self.watch.look()


@pytest.fixture
async def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    await made.watch.begin({})
    return made


def refused() -> float | None:
    return REGISTRY.get_sample_value("xinling_rules_refused")


async def test_nothing_new_publishes_nothing(world: World) -> None:
    await world.look()
    assert len(world.published) == 1


async def test_a_campaign_that_is_written_comes_onto_the_log_with_its_hash(world: World) -> None:
    file = world.folder / "cheap-calls.yaml"
    file.write_text(file.read_text("utf-8").replace("status: live", "status: paused"), "utf-8")
    await world.look()
    campaign = RuleSet.load(world.published[-1]).campaign("cheap-calls")
    assert campaign is not None
    assert campaign.status == "paused"
    assert list(world.noted[-1].files) == ["campaigns/cheap-calls.yaml"]
    assert world.noted[-1].hash == RuleSet.load(world.published[-1]).hash


async def test_a_file_that_is_still_being_written_is_not_read(world: World) -> None:
    file = world.folder / "cheap-calls.yaml"
    whole = file.read_text("utf-8")
    file.write_text(whole[:40], "utf-8")
    await world.watch.look()
    file.write_text(whole.replace("priority: 60", "priority: 61"), "utf-8")
    await world.watch.look()
    assert len(world.published) == 1
    assert world.noted[-1].what == "rules", "nothing was refused"
    await world.watch.look()
    assert len(world.published) == 2


async def test_a_bad_file_changes_nothing_and_raises_an_alarm_until_it_is_mended(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    file = world.folder / "cheap-calls.yaml"
    whole = file.read_text("utf-8")
    file.write_text("campaign: Wrong\n", "utf-8")
    with caplog.at_level(logging.ERROR):
        await world.look()
        await world.look()
    assert len(world.published) == 1
    assert refused() == 1
    assert "cheap-calls.yaml:1: campaign" in caplog.text
    assert [change.what for change in world.noted] == ["rules", "refused"], "told once"
    world.stopped.add("welcome-away")
    await world.look()
    assert RuleSet.load(world.published[-1]).settings.stopped == {"welcome-away"}
    assert refused() == 1, "a stop mends no file"
    file.write_text(whole, "utf-8")
    await world.look()
    assert refused() == 0


async def test_a_start_with_a_bad_file_goes_on_with_what_is_in_force(tmp_path: Path) -> None:
    world = World(tmp_path)
    in_force = world.read()
    file = world.folder / "cheap-calls.yaml"
    whole = file.read_text("utf-8")
    file.write_text("campaign: Wrong\n", "utf-8")
    with pytest.raises(CampaignErrors):
        await world.watch.begin({})
    await world.watch.begin(in_force)
    assert (world.published, refused()) == ([], 1)
    world.stopped.add("all")
    await world.look()
    assert RuleSet.load(world.published[-1]).settings.stopped == {"all"}
    file.write_text(whole, "utf-8")
    await world.look()
    assert refused() == 0


async def test_a_folder_that_is_gone_changes_nothing(world: World) -> None:
    shutil.rmtree(world.folder)
    await world.look()
    assert (len(world.published), refused()) == (1, 1)


async def test_a_stop_and_its_end_come_onto_the_log(world: World) -> None:
    world.stopped.add("all")
    await world.watch.look()
    assert RuleSet.load(world.published[-1]).settings.stopped == {"all"}
    world.stopped.clear()
    await world.watch.look()
    assert world.published[-1] == world.published[0]
    assert len(world.published) == 3


def test_what_changed_is_told_by_file() -> None:
    told = changed({"a": b"1", "b": b"2"}, {"b": b"3", "c": b"4"})
    assert list(told) == ["a", "b", "c"]
    assert told["a"] == ""
    assert len(told["b"]) == 32
