"""A scenario file that cannot be is refused with file, line and remedy, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import command, scenario
from simulator.scenario import ScenarioError

_HEAD = "scenario: x\nseed: 1\npeople: 5\nstarts: 2008-01-01\nlasts: 1d\n"


@pytest.mark.parametrize("name", scenario.shipped())
def test_every_scenario_that_ships_loads(name: str) -> None:
    assert scenario.load(name).scenario == name


def test_the_issues_scenarios_ship() -> None:
    wanted = {"spring-festival", "ordinary-week", "concert", "campus-opening", "busy-hour"}
    assert wanted <= set(scenario.shipped())


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (_HEAD + "weather: rain\n", 6, "no such key"),
        (_HEAD + "network:\n  tmsi: often\n", 7, "often"),
        (_HEAD.replace("1d", "1w"), 5, "12h"),
        (_HEAD.replace("people: 5", "people: 2000000"), 3, "1000000"),
        (_HEAD.replace("lasts: 1d", "lasts: 90d"), 5, "31d"),
        (_HEAD + "faults:\n\n  lost: 120%\n", 8, "100%"),
        (
            _HEAD + "gatherings:\n- {at: moon, since: 2008-01-01, until: 2008-01-02, share: 1%}\n",
            7,
            "stadium",
        ),
        (
            _HEAD + "movement:\n  leave: {since: 2008-01-02, until: 2008-01-01, share: 1%}\n",
            7,
            "ends before it begins",
        ),
        (_HEAD + "from_cities: {北京: 10%}\n", 6, "周口"),
        (_HEAD + "captures: {rotate: 20m}\n", 6, "whole hours"),
        (
            _HEAD + "faults:\n  dead: [{bsc: 40, since: 2008-01-01, until: 2008-01-02}]\n",
            7,
            "no controller 40",
        ),
        (_HEAD + "captures: {link: mtp2, carrier: sccplite}\n", 6, "needs IP"),
        ("scenario: [\n", 2, "not YAML"),
    ],
)
def test_a_mistake_is_named_with_line_and_remedy(text: str, line: int, word: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.parse(text.encode(), "mine.yaml")
    assert (caught.value.file, caught.value.line) == ("mine.yaml", line)
    assert word in str(caught.value)


def test_nothing_is_written_for_a_bad_scenario(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(_HEAD + "weather: rain\n", encoding="utf-8")
    with pytest.raises(ScenarioError):
        command.run(str(file), str(tmp_path / "out"), people=None, days=None, seed=None)
    assert not (tmp_path / "out").exists()


def test_an_unknown_name_lists_those_that_ship() -> None:
    with pytest.raises(ScenarioError, match="spring-festival"):
        scenario.load("christmas")


def test_the_command_line_changes_people_days_and_seed_within_bounds(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="--days"):
        command.run("concert", str(tmp_path / "out"), people=5, days=400, seed=None)
