"""Runs that several tests look at."""

from __future__ import annotations

import sys
from pathlib import Path

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
