# ruff: noqa: INP001  a script, not part of a package
"""Makes ``docs/dialogues.md``: the pictures of the state machines, drawn from their tables.

python docs/make_dialogues.py > docs/dialogues.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from decoders.call import CALLS
from decoders.dialogue import diagram
from decoders.legs import LEGS

_HEAD = """\
# Dialogues, calls and handovers

Made by `docs/make_dialogues.py` from the tables in `decoders/dialogue.py`, `decoders/call.py` and
`decoders/legs.py`; a test holds it to them. What is not in a table changes nothing.
"""


def _arrow(state: StrEnum, target: StrEnum, label: str) -> str:
    return f"    {state.name.lower()} --> {target.name.lower()}: {label}"


def calls() -> Iterator[str]:
    """A call, TS 24.008 5: message, and the event that it makes."""
    for state, row in CALLS.items():
        for message, (target, event) in row.items():
            yield _arrow(state, target, f"{message} ({event})" if event else message)


def legs() -> Iterator[str]:
    """A connection's part in a handover, TS 48.008 3.1.5."""
    for leg, row in LEGS.items():
        for message, target in row.items():
            yield _arrow(leg, target, message)


def page() -> str:
    """The whole page."""
    pictures = {
        "One SCCP connection": diagram(),
        "One call": "\n".join(["stateDiagram-v2", *calls(), ""]),
        "One leg of a handover between controllers": "\n".join(["stateDiagram-v2", *legs(), ""]),
    }
    parts = [f"\n## {title}\n\n```mermaid\n{text}```\n" for title, text in pictures.items()]
    return _HEAD + "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
