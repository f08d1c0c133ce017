"""`xinling demo --scenario spring-festival`: who leaves, held against the truth."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
import yaml
from rich.console import Console

from decoders.errors import XinlingError
from rules import campaign, settings
from stream.demo.play import main
from stream.demo.scenes import SPRING_FESTIVAL, named

_ROOT = Path(__file__).parents[2]
_SEEDS = ("two-cities-one-home.yaml", "cheap-long-distance.yaml")


async def test_all_who_left_are_found_and_nobody_else() -> None:
    console = Console(file=io.StringIO(), highlight=False)
    assert await main(console, SPRING_FESTIVAL, paced=False) == 0
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert said.count("left zhengzhou: LAC 17010, now 17024") == 8
    assert "\nreally left: 12, 12 of them found\n" in said
    assert "\ntriggers of somebody who had not left: 0\n" in said
    assert "\n  two-cities-one-home: 11 send\n" in said
    assert "\n  two-cities-one-home: 1 refuse (opted out)\n" in said
    assert "\n  cheap-long-distance: 12 send\n" in said


@pytest.mark.parametrize("name", _SEEDS)
def test_its_campaigns_are_those_that_ship_but_live_and_without_a_total(name: str) -> None:
    shipped, own = (
        yaml.safe_load((folder / name).read_text("utf-8"))
        for folder in (_ROOT / "rules" / "campaigns", SPRING_FESTIVAL.campaigns)
    )
    shipped["status"] = "live"
    shipped["limits"].pop("total", None)
    assert own == shipped
    text = msgspec.json.encode(own)
    assert campaign.load(text, name, settings.load(None, ""))[1] == []


def test_every_line_of_its_numbering_plan_is_of_the_plan_that_the_scenario_writes(
    again: Path,
) -> None:
    written = set((again / "plan.csv").read_text("utf-8").splitlines())
    own = SPRING_FESTIVAL.plan.read_text("utf-8").splitlines()
    assert {line for line in own if line[0] != "#"} <= written


def test_another_scenario_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(XinlingError) as error:
        named("autumn-festival")
    assert error.value.remedy == "one of labs, spring-festival"
