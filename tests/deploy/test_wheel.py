"""The wheel that the image installs holds everything that the package reads at run time."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("decoders", "rules", "simulator", "stream")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the wheel, built as the Dockerfile builds it."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("no hatchling (make test installs it from requirements-test.lock)")
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*words, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=100)
    return set(zipfile.ZipFile(next(folder.glob("*.whl"))).namelist())


def test_every_file_of_the_packages_is_in_the_wheel(wheel: set[str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert listed
    assert {name for name in listed if (ROOT / name).exists()} <= wheel


def test_nothing_else_is_in_the_wheel(wheel: set[str]) -> None:
    rooms = {name.partition("/")[0] for name in wheel if ".dist-info/" not in name}
    assert rooms == set(PACKAGES)
