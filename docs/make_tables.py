"""Writes the tables of these pages that the code knows best: ``python docs/make_tables.py``.

A table stands between ``<!-- made: NAME -->`` and ``<!-- end -->``, and is replaced.
``--check`` writes nothing and exits 1 where a page differs; a test does the same.
"""  # noqa: INP001  a script, no package

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from attributes import attribute_texts

from stream.config import PREFIX, Config

FOLDER = Path(__file__).parent
_BLOCK = re.compile(r"(<!-- made: (?P<name>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _default(value: Any) -> str:
    if value in ("", ()):
        return ""
    if isinstance(value, tuple):
        return "`[" + ", ".join(map(str, value)) + "]`"
    return f"`{value}`"


def _keys(section: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    texts = attribute_texts(kind)
    for field in msgspec.structs.fields(kind):
        name = f"`{section}.{field.name}`"
        variable = f"`{PREFIX}{section}_{field.name}`".upper()
        text = texts.get(field.name, "").replace("``", "`")
        yield f"| {name} | {variable} | {_default(field.default)} | {text} |"


def configuration() -> str:
    """Every key of the service's configuration, its variable, its default, its meaning."""
    lines = ["| key | variable | default | |", "| --- | --- | --- | --- |"]
    for section in msgspec.structs.fields(Config):
        lines += _keys(section.name, section.type)
    return "\n".join(lines)


TABLES: dict[str, Callable[[], str]] = {"configuration": configuration}
PAGES = ("operations.md",)


def page(text: str) -> str:
    """A page's text with its tables made anew; raises KeyError for a table that nobody makes."""
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found['name']]()}\n{found[3]}", text)


def main(words: list[str]) -> int:
    """Writes the pages, or with ``--check`` names those that differ."""
    differing = 0
    for name in PAGES:
        file = FOLDER / name
        text = file.read_text(encoding="utf-8")
        if page(text) == text:
            continue
        differing += 1
        if "--check" in words:
            sys.stderr.write(f"docs/{name} is not what docs/make_tables.py makes\n")
        else:
            file.write_text(page(text), encoding="utf-8")
    return 1 if differing and "--check" in words else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
