"""Runs that several tests look at."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import held
import pytest

from simulator import command

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / "fixtures" / "pcap" / "spring-festival"
sys.path[:0] = [str(_ROOT / "docs")]


@pytest.fixture(scope="session")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the scenario of the capture that is checked in gives now."""
    folder = tmp_path_factory.mktemp("fixture") / "out"
    command.run(str(_FOLDER / "scenario.yaml"), str(folder), people=None, days=None, seed=None)
    return folder


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> held.Told:
    """Says what a comparison came to, here and at the end of all tests."""

    def tell(name: str, one: held.Held) -> None:
        lines = held.told(name, one)
        sys.stdout.write("\n".join([*lines, ""]))
        record_property("truth", lines[0])

    return tell
