"""Reads docker-compose.yml as the tests need it: merged, with its variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / "deploy" / "example.env"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")

Compose = dict[str, Any]


def load() -> Compose:
    """The file with its anchors merged and its variables as they stand."""
    loaded: Compose = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """The services by name."""
    found: dict[str, dict[str, Any]] = load()["services"]
    return found


def variables() -> dict[str, str]:
    """Each variable of the file with ``?`` (must be given), ``-`` (has a default) or nothing."""
    text = FILE.read_text(encoding="utf-8")
    return {found["name"]: found["kind"] or "" for found in _VARIABLE.finditer(text)}


def example() -> dict[str, str]:
    """The variables of deploy/example.env."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def filled(text: str, environment: Mapping[str, str]) -> str:
    """`text` with the variables put in as Compose does it."""

    def value(found: re.Match[str]) -> str:
        default = found["rest"] if found["kind"] == "-" else ""
        return environment.get(found["name"]) or default

    return _VARIABLE.sub(value, text)


def mounts(service: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """(file or folder of this repository, path in the container) of a service's bind mounts."""
    pairs = (filled(entry, {}).split(":") for entry in service.get("volumes", []))
    return [(ROOT / pair[0], pair[1]) for pair in pairs if pair[0].startswith(".")]
