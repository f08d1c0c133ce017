"""Where compiled code is kept: decided before numba is imported, by the shell.

A folder for each state of the kernel's sources, because numba itself watches only the file of the
function that is called. An installation that cannot be written to keeps it in the user's cache, and
where there is none, in the folder for temporary files.
"""

from __future__ import annotations

import ast
import hashlib
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_UNSEEN: Final = frozenset(
    {
        *("__init__.py", "kernel.py", "ordered.py", "plain.py", "rows.py", "store.py"),
        *("batch.py", "bindings.py", "remembered.py"),
    }
)
"""Files of the kernel of which compiled code sees nothing."""
READY_OCTETS: Final = 4_000_000
"""Of captures, from which on compiled code that is there is loaded sooner than they are read."""
MAKING_OCTETS: Final = 100_000_000
"""From which on it is even made sooner."""


def pays_for(octets: int, *, events: bool = False) -> bool:
    """Whether so many octets of captures are read sooner by compiled code; makes it be kept.

    With `events` also whether what follows dialogues is.
    """
    if octets < READY_OCTETS or not there():
        return False
    return ready(events=events) or octets >= MAKING_OCTETS


def there() -> bool:
    """Whether compiled code can be made at all: numba is the extra `fast`."""
    return find_spec("numba") is not None


def ready(*, events: bool = False) -> bool:
    """Whether it was made before; makes it be kept."""
    needed = ("carriers", "follow") if events else ("carriers",)
    return all(next(choose().rglob(f"{name}.run-*.nbi"), None) for name in needed)


def choose() -> Path:
    """Sets ``NUMBA_CACHE_DIR``, unless the user has, and gives it."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ["NUMBA_CACHE_DIR"] = str(_folder())
    return Path(os.environ["NUMBA_CACHE_DIR"])


def _folder() -> Path:
    checked = "-checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in {"", "0"} else ""
    name = f"kernel-{_digest()}{checked}"
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    for base in (Path(home) / "xinling", Path(tempfile.gettempdir()) / f"xinling-{os.getuid()}"):
        folder = base / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid():
            return folder
    return Path(tempfile.mkdtemp(prefix="xinling-"))


def _digest() -> str:
    """Of the sources that machine code is made from: the kernel, and whose constants it takes.

    And of where they are: numba keeps what each checkout made apart, so that only that is `ready`.
    """
    decoders = Path(__file__).resolve().parent.parent / "decoders"
    made = hashlib.blake2b(str(decoders).encode(), digest_size=8)
    for file in sorted((decoders / "kernel").rglob("*.py")):
        if file.name in _UNSEEN:
            continue
        source = file.read_bytes()
        made.update(source)
        for name in _taken_from(ast.parse(source)):
            path = decoders / f"{name}.py"
            made.update(path.read_bytes() if path.exists() else b"")
    return made.hexdigest()


def _taken_from(source: ast.Module) -> list[str]:
    """Files of `decoders` that a file of the kernel imports from."""
    found: set[str] = set()
    for node in source.body:
        if isinstance(node, ast.ImportFrom) and node.module == "decoders":
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("decoders."):
            found.add((node.module or "").split(".")[1])
    return sorted(found)
