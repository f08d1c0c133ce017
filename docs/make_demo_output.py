"""Plays the demo and puts its output into the READMEs: ``python docs/make_demo_output.py``.

A test plays it again and finds the READMEs equal but for times and batches, which differ each run.
"""  # noqa: INP001  a script, no package

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READMES = (ROOT / "README.md", ROOT / "README.zh.md")
_BLOCK = re.compile(r"(<!-- demo output: begin -->\n).*(<!-- demo output: end -->)", re.DOTALL)
_VARYING = re.compile(r"[\d.,]+(?= ms| s\b| batches)")


def played() -> str:
    """What `xinling demo` prints into a pipe; raises CalledProcessError where it fails."""
    words = [sys.executable, "-m", "stream.cli", "demo"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  our own command
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def comparable(output: str) -> list[str]:
    """The lines of an output without what differs from run to run."""
    return sorted(_VARYING.sub("N", line).rstrip() for line in output.splitlines())


def shown(readme: Path) -> str:
    """The output that a README shows."""
    found = _BLOCK.search(readme.read_text(encoding="utf-8"))
    assert found is not None, "the README has a place for it"
    return found[0].partition("```text\n")[2].partition("```")[0]


def main() -> None:
    """Plays, and writes both READMEs."""
    block = f"```text\n{played()}```\n"
    for readme in READMES:
        text = readme.read_text(encoding="utf-8")
        readme.write_text(
            _BLOCK.sub(lambda found: found[1] + block + found[2], text), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
