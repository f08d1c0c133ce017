"""The Dockerfile, read as far as one can without an engine."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
LINES = [
    line.strip()
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
STAGES = [index for index, line in enumerate(LINES) if line.startswith("FROM ")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def copied() -> list[str]:
    """What the image takes from this repository."""
    lines = [line.split() for line in LINES if line.startswith("COPY ")]
    return [name for words in lines if "--from" not in words[1] for name in words[1:-1]]


def reaches_the_builder(name: str) -> bool:
    """Whether .dockerignore lets `name` through; the last rule that matches decides."""
    passed = True
    for rule in (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n"):
        if rule and not rule.startswith("#") and fnmatch.fnmatch(name, rule.lstrip("!")):
            passed = rule.startswith("!")
    return passed


def test_everything_that_is_copied_exists_and_reaches_the_builder() -> None:
    assert copied()
    for name in copied():
        assert (ROOT / name).exists(), name
        assert reaches_the_builder(name), name


def test_every_package_of_the_wheel_is_in_the_image() -> None:
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(copied())


def test_no_capture_secret_or_history_reaches_the_builder() -> None:
    for name in ("fixtures", ".git", ".env", "captures", "tests", "docs"):
        assert not reaches_the_builder(name)


def test_it_installs_nothing_but_what_the_lock_file_names() -> None:
    installs = [line for line in LINES if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes -r requirements-fast.lock" in installs[0]
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_compiled_code_is_kept_where_the_user_may_write_and_compose_keeps_it() -> None:
    assert any("XDG_CACHE_HOME=/var/cache" in line for line in LINES)
    assert any("--owner=10001" in line and line.endswith("/var/cache/xinling") for line in LINES)
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert "kernel-cache:/var/cache/xinling" in composed["services"]["ingest"]["volumes"]
    assert "kernel-cache" in composed["volumes"]


def test_the_base_is_pinned_and_a_python_that_the_project_supports() -> None:
    bases = {LINES[stage].split()[1] for stage in STAGES}
    assert len(bases) == 1
    version = re.match(r"python:(\d+\.\d+)\.\d+-slim-\w+$", bases.pop())
    assert version is not None
    assert PROJECT["project"]["requires-python"] == f">={version[1]}"


def test_it_runs_as_nobody_in_particular() -> None:
    last = LINES[STAGES[-1] :]
    users = [line for line in last if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]
    assert not any(line.startswith(("RUN ", "COPY ")) for line in last[last.index(users[0]) :])


def test_its_entry_point_is_the_command_that_the_package_installs() -> None:
    assert 'ENTRYPOINT ["xinling"]' in LINES
    assert "xinling" in PROJECT["project"]["scripts"]
