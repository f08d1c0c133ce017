"""Compiled code is kept in a folder for the sources as they are, as `xinling` itself does."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream import kernel_cache

kernel_cache.choose()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first compiles: half a minute, more on a machine that is busy."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))
