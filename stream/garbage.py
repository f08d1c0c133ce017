"""Python's garbage collector, told that what a long-lived process is made of is no garbage.

Events, states and verdicts hold no cycles, and are freed as soon as nobody holds them. What is left
to the collector are a few of asyncio's and the libraries' cycles; looking for them as often as it
does by default took a tenth of a worker's time, and each full look a twentieth of a second.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 20


def settle() -> None:
    """Call it once all modules are loaded: what is there now is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
