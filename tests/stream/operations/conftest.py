"""The command line on the demonstration's files and the first laboratory's capture."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from stream.cli import main

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "fixtures" / "demo"
LAB_A = str(ROOT / "fixtures" / "pcap" / "lab-a" / "A_msc.pcap")
FILES = [
    *("--areas", str(DEMO / "areas.geojson"), "--cells", str(DEMO / "cells.csv")),
    *("--settings", str(DEMO / "settings.json"), "--profiles", str(DEMO / "profiles.csv")),
    *("--plan", str(ROOT / "fixtures" / "plans" / "labs.csv")),
]
RULES = ["--campaigns", str(DEMO / "campaigns"), *FILES]


class Said(NamedTuple):
    code: int
    out: str
    err: str


Xinling = Callable[..., Said]


@pytest.fixture
def xinling(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Xinling:
    """`xinling ARGUMENTS` with `stdin` as its standard input."""

    def run(*arguments: str | Path, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.argv", ["xinling", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def arguments() -> dict[str, list[str]]:
    """Of the commands: the capture with `replay`'s files, with and without campaigns."""
    return {"capture": [LAB_A], "rules": RULES, "files": FILES}


@pytest.fixture
def verdicts(xinling: Xinling, tmp_path: Path) -> Path:
    """The rows of a replay of the first laboratory."""
    file = tmp_path / "verdicts.jsonl"
    assert xinling("replay", LAB_A, *RULES, "--offers", file).code == 0
    return file
