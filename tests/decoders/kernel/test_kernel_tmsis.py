"""The compiled table of TMSIs is `TmsiTable` in everything that it answers."""

from __future__ import annotations

import random

import pytest

from decoders.kernel import COMPILED
from decoders.tmsi_table import TmsiTable

if not COMPILED:
    pytest.skip("needs numba (the extra `fast`)", allow_module_level=True)

from decoders.identity import Bindings
from decoders.kernel.events.bindings import KernelBindings
from decoders.kernel.events.layout import SERVED, VLR
from decoders.kernel.events.store import Store
from decoders.kernel.events.tmsis import Tmsis


@pytest.mark.parametrize("limit", [2, 16, 200_000])
def test_random_bindings_are_found_dropped_and_evicted_alike(limit: int) -> None:
    memory = Store({VLR: 16, SERVED: 16})
    ours, theirs = KernelBindings(memory, limit, {}, lambda _: 0), Bindings(limit)
    chance = random.Random(limit)
    for _ in range(8_000):
        tmsi, imsi = f"{chance.randrange(3 * limit):08x}", f"00101{chance.randrange(limit):09d}"
        vlr = str(chance.randrange(3))
        for table in (ours, theirs):
            table.bind(vlr, tmsi, imsi)
        assert len(ours) == len(theirs)
    assert +ours.counts == +theirs.counts


def test_a_dump_of_either_is_taken_up_by_either() -> None:
    theirs = TmsiTable(1000)
    chance = random.Random(5)
    for key in range(900):
        value = 10**15 + chance.randrange(500)
        if len(theirs.of(value)) < 2:
            theirs.put(key, value)
    ours = Tmsis(1000)
    ours.restore(theirs.dump())
    again = TmsiTable(1000)
    again.restore(ours.dump())
    assert len(ours) == len(theirs) == len(again)
    values = {theirs.get(key) for key in range(900)} - {None}
    assert all(theirs.of(value) == again.of(value) for value in values if value)
