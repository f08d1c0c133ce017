"""With every access held against its ends compiled correlation tells the same, and none fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from decoders.kernel import COMPILED
from stream import kernel_cache

if not COMPILED:
    pytest.skip("needs numba (the extra `fast`)", allow_module_level=True)

from tests.decoders.kernel import checked

ROOT = Path(__file__).parents[3]


def test_no_access_of_compiled_correlation_is_outside_of_its_memory() -> None:
    """Decision 36; made anew where the kernel's sources changed, which takes a minute."""
    checking = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": f"{kernel_cache.choose()}-checked"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.decoders.kernel.checked"],
        env=os.environ | checking,
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.split() == ["True", checked.digest()]
