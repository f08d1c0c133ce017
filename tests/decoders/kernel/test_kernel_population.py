"""P1: compiled and plain correlation agree over a made-up population, and about its phones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from decoders.correlator import CorrelatorConfig
from decoders.kernel import COMPILED
from decoders.messages import Record
from simulator import scenario
from simulator.simulate import Simulation
from tests.decoders.kernel.readings import records

if not COMPILED:
    pytest.skip("needs numba (the extra `fast`)", allow_module_level=True)

from tests.decoders.kernel.event_readings import of_records

_PEOPLE = """
scenario: people
seed: 11
starts: 2008-01-30
people: 80
lasts: 10h
traffic: {calls: 12, texts: 8}
movement: {flappers: 20%, new_phones: 10%}
captures: {per: all}
"""
_IN_DOUBT = """
network: {common_id: false, imei: true}
faults: {lost: 2%, doubled: 1%}
"""


def played(folder: Path, text: str) -> list[Record]:
    """What a probe sees of them."""
    simulation = Simulation(scenario.parse(text.encode(), "people.yaml"))
    simulation.into(folder, lambda _done: None)
    return sorted(records(folder / "all.pcap"), key=lambda one: one.time)


@pytest.fixture(scope="module")
def in_doubt(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Frames are lost, and nothing but TMSIs and phones tells who somebody is."""
    return played(tmp_path_factory.mktemp("people") / "out", _PEOPLE + _IN_DOUBT)


def test_both_writings_tell_the_same_of_a_population(tmp_path: Path) -> None:
    events = of_records(played(tmp_path / "out", _PEOPLE))
    told = Counter(event.type for event in events)
    assert min(told["call.answered"], told["message.sent"], told["location.updated"]) > 10
    assert {event.identity for event in events} == {"imsi"}


def test_a_phone_tells_both_who_it_is_as_long_as_it_is_remembered(in_doubt: list[Record]) -> None:
    unknown = [
        sum(event.identity == "unknown" for event in of_records(in_doubt, config))
        for config in (CorrelatorConfig(), CorrelatorConfig(phones=20), CorrelatorConfig(phones=99))
    ]
    assert unknown == sorted(unknown, reverse=True)
    assert unknown[0] > unknown[-1]
