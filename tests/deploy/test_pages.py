"""docs: tables that the code knows best are made from it, and links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import make_tables
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", make_tables.PAGES)
def test_the_tables_of_a_page_are_what_the_code_makes(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert make_tables.page(text) == text, "run: python docs/make_tables.py"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_leads_to_one(name: str) -> None:
    text = _FENCE.sub("", (ROOT / name).read_text(encoding="utf-8"))
    for found in _LINK.finditer(text):
        target = found["target"]
        if not re.match(r"[a-z]+:", target):
            assert ((ROOT / name).parent / target).exists(), f"{name} links to {target}"


def test_every_decision_is_on_the_list_and_fits_a_screen() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        assert f"({page.name})" in listed
        assert len(text.splitlines()) <= 50, page.name
        assert "**Decided.**" in text
        assert "**Why.**" in text


@pytest.mark.parametrize("number", range(1, 7))
def test_every_promise_has_tests_that_name_it(number: int) -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    assert f"**P{number}**" in page
    files = (ROOT / "tests").rglob("test_*.py")
    named = re.compile(rf"def test_(?:\w+_)?p{number}_")
    assert any(named.search(file.read_text(encoding="utf-8")) for file in files)


@pytest.mark.parametrize("name", [one for one in PAGES if one.endswith("-tests.md")])
def test_every_test_that_a_page_of_tests_names_is_there(name: str) -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    there = {
        one for file in files for one in re.findall(r"def (test_\w+)", file.read_text("utf-8"))
    }
    rows = [line for line in (ROOT / name).read_text("utf-8").splitlines() if line[:2] == "| "]
    sentences = [line for line in rows if not re.match(r"\| (promise|---)", line)]
    assert sentences
    for sentence in sentences:
        named = re.findall(r"`(test_\w+)`", sentence)
        assert named or "](" in sentence or "`make " in sentence, f"nothing holds {sentence}"
        assert set(named) <= there, set(named) - there
