"""P1 and P2 under the killer, for a minute; `make chaos` is the long run."""

from __future__ import annotations

from pathlib import Path

import pytest
from broker import HOW_TO_GET_ONE
from chaos import torment

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

SEED = 5
FAULTS = 12


async def test_p2_nothing_is_lost_and_nothing_repeated_under_a_dozen_faults(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    figures = await torment(tmp_path, SEED, FAULTS, said.append)
    if figures is None:
        pytest.skip(f"the killer needs a broker that keeps its data; {HOW_TO_GET_ONE}")
    assert figures["kept"], f"{figures} after {said}"
    assert figures["once"] > figures["unknown_at_most"] // 2, "most offers must have gone out"
