"""The READMEs say what is true: their commands exist, their options too, in both languages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import make_demo_output
import pytest
import typer.main

from rules import campaign, settings
from stream import cli

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh.md")
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return [found["text"] for found in _FENCE.finditer(text) if found["language"] == language]


def command_lines(name: str, program: str) -> list[list[str]]:
    """The words of every command line of `program` in a page's shell blocks."""
    lines = "\n".join(blocks(name, "sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith(program + " ")]


def options(words: list[str]) -> tuple[set[str], set[str]]:
    """The options on a command line of `xinling`, and those that its command has."""
    command: Any = typer.main.get_command(cli.app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"no such command: {words}"
        command = command.commands[words[0]]
        words = words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    return {word for word in words if word.startswith("-") and word != "-"}, known


@pytest.mark.parametrize("name", READMES)
def test_every_command_of_the_readme_exists_with_its_options(name: str) -> None:
    lines = command_lines(name, "xinling")
    assert lines
    for words in lines:
        used, known = options(words[1:])
        assert used <= known, words


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_of_the_readme_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for words in command_lines(name, "make"):
        assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("name", READMES)
def test_every_campaign_in_the_readme_is_one(name: str) -> None:
    campaigns = blocks(name, "yaml")
    assert campaigns
    for text in campaigns:
        assert campaign.load(text.encode(), name, settings.load(None, ""))[1] == []


def test_both_languages_have_the_same_sections_commands_and_output() -> None:
    one, other = ((ROOT / name).read_text(encoding="utf-8") for name in READMES)
    for program in ("xinling", "make", "docker"):
        assert command_lines(READMES[0], program) == command_lines(READMES[1], program)
    output = re.compile(r"<!-- demo output: begin -->(.*)<!-- demo output: end -->", re.DOTALL)
    ours, theirs = output.search(one), output.search(other)
    assert ours is not None
    assert theirs is not None
    assert ours[1] == theirs[1]


@pytest.mark.slow
def test_the_output_that_the_readmes_show_is_the_demos() -> None:
    played = make_demo_output.comparable(make_demo_output.played())
    for readme in make_demo_output.READMES:
        shown = make_demo_output.comparable(make_demo_output.shown(readme))
        assert shown == played, "run: python docs/make_demo_output.py"
