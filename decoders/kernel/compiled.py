"""The one place that knows numba: a decorator that compiles, or does nothing without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

try:
    from numba import njit

    COMPILED = True
except ImportError:
    COMPILED = False
"""Whether functions here are compiled; without, the kernel hands every frame to the decoder."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Machine code of ``function``, made at its first call and kept on disk where that is possible.

    Indexes are checked against their arrays (``boundscheck``): lengths are tested before they are
    used, so that this never fires, but it costs less than what it guards against. The interpreter's
    lock is released, so that several kernels run on several cores.
    Nothing here makes an array, so that no references need be counted (``_nrt``): faster
    by a factor of seven.
    """
    if not COMPILED:
        return function
    options: dict[str, Any] = {"boundscheck": True, "nogil": True, "_nrt": False}
    try:
        made = njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to keep it: a read-only installation without a home
        made = njit(**options)(function)
    return cast("Function", made)
