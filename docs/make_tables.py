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

from decoders import bssmap, cc, mm, rr, sccp, sms, ss
from decoders.names import ElementRow, MessageTable
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


FAMILIES = (bssmap.TABLE, mm.TABLE, cc.TABLE, sms.TABLE, ss.TABLE, rr.TABLE)


def sccp_messages() -> str:
    """Every SCCP message with its section of Q.713."""
    lines = ["| type | | name | Q.713 |", "| --- | --- | --- | --- |"]
    lines += [
        f"| 0x{code:02x} | `{row.short}` | {row.name} | {row.section} |"
        for code, row in sccp.TYPES.items()
    ]
    return "\n".join(lines)


def messages() -> str:
    """Every message type that has a name, with its section, family by family."""
    lines = ["| | type | message | section |", "| --- | --- | --- | --- |"]
    for table in FAMILIES:
        lines += [
            f"| {table.protocol} | 0x{code:02x} | {row.name} | {row.section} |"
            for code, row in sorted(table.messages.items())
        ]
    return "\n".join(lines)


def _elements(table: MessageTable) -> Iterator[ElementRow]:
    yield from (part.element for part in table.shared.values())
    for row in table.messages.values():
        yield from (part.element for part in (*row.ordered, *row.tagged.values()))


def _treatment(element: ElementRow) -> str:
    if element.nested is not None:
        return "taken apart"
    if element.decode is not None:
        return "decoded"
    return "name and length; never its text" if element.text else "name, length, bytes"


def elements() -> str:
    """Every information element and how far it is decoded."""
    found: dict[tuple[str, str], str] = {}
    for table in FAMILIES:
        for element in _elements(table):
            found[element.section, element.name] = _treatment(element)
    lines = ["| element | section | |", "| --- | --- | --- |"]
    lines += [
        f"| {name} | {section} | {found[section, name]} |"
        for section, name in sorted(found, key=lambda key: (key[1], key[0]))
    ]
    return "\n".join(lines)


def differences() -> str:
    """Where tshark and the decoder differ, and what the specification says."""
    sys.path.insert(0, str(FOLDER.parent / "tests" / "conformance"))
    import conformance  # noqa: PLC0415  a script of the tests

    lines = ["| what | section | who is right |", "| --- | --- | --- |"]
    lines += [f"| {row.key} | {row.section} | {row.why} |" for row in conformance.REASONS]
    return "\n".join(lines)


TABLES: dict[str, Callable[[], str]] = {
    "configuration": configuration,
    "sccp messages": sccp_messages,
    "messages": messages,
    "elements": elements,
    "differences": differences,
}
PAGES = ("operations.md", "protocols.md")


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
