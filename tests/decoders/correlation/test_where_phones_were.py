"""The samples that decide who left: every dialogue that proves a cell, with its subscriber."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from correlation_labs import FIRST_CONTROLLER, LABS, events_of, phones

from decoders.events import Event
from decoders.times import SECOND

LEFT = {"a": {"2", "8"}, "b": {"2"}, "c": {"1", "9"}}
"""From the captures' own page: these phones left controller 1's area, and nobody else."""
STAY, CONFIRMED = 15 * SECOND, 60 * SECOND


def leaves(samples: Iterable[tuple[int, bool]], end: int) -> bool:
    """Whether a stay of `STAY` was followed by `CONFIRMED` outside, as the contracts mean it."""
    arrived = last = outside = None
    for time, inside in [*samples, (end, False)]:
        if outside is not None and time - outside >= CONFIRMED and arrived is not None:
            assert last is not None
            if last - arrived >= STAY:
                return True
            arrived = outside = None
        if inside:
            arrived, last, outside = arrived or time, time, None
        elif arrived is not None:
            outside = outside or time
    return False


def samples(events: Iterable[Event], imsi: str, areas: set[int]) -> list[tuple[int, bool]]:
    return [
        (event.time, event.cell.lac in areas)
        for event in events
        if event.imsi == imsi and event.cell is not None
    ]


@pytest.mark.parametrize("lab", LABS)
def test_exactly_the_phones_that_left_the_area_show_it_in_their_events(lab: str) -> None:
    events = events_of(LABS[lab])
    end = events[-1].time + 3600 * SECOND
    left = {
        phone
        for phone, imsi in phones(lab).items()
        if leaves(samples(events, imsi, FIRST_CONTROLLER[lab]), end)
    }
    assert left == LEFT[lab]


def test_a_completed_handover_between_controllers_carries_dialogue_and_call_to_the_new_cell() -> (
    None
):
    events = events_of(LABS["c"])
    moves = [one for one in events if one.type == "location.handover"]
    between = [one for one in moves if one.detail["from"]["lac"] != one.detail["to"]["lac"]]
    assert [one.imsi for one in between] == [
        "262980000001319",
        "262980000001024",
        "262980000001212",
    ]
    for move in between:
        mine = [one for one in events if one.dialogue == move.dialogue and one.call]
        assert len({one.call for one in mine}) == 1
        ends = [one for one in mine if one.type == "call.ended"]
        assert [(one.detail["answered"], one.cell) for one in ends] == [(True, move.cell)]
        assert ends[0].time > move.time


def test_a_rejected_handover_moves_nobody() -> None:
    moves = [one for one in events_of(LABS["a"]) if one.type == "location.handover"]
    assert all(one.detail["from"] == one.detail["to"] for one in moves)


@pytest.mark.parametrize("lab", LABS)
def test_events_come_in_the_order_of_their_times_and_each_has_frames(lab: str) -> None:
    events = events_of(LABS[lab])
    times = [event.time for event in events]
    assert times == sorted(times)
    assert all(event.frames for event in events)
    assert len({event.id for event in events}) == len(events)


@pytest.mark.parametrize("carrier", ["_re_m3ua", "_re_mtp3", "_re_mtp2"])
@pytest.mark.parametrize("lab", LABS)
def test_the_same_messages_on_another_carrier_give_the_same_events(lab: str, carrier: str) -> None:
    ids = [event.id for event in events_of(LABS[lab])]
    assert [event.id for event in events_of(LABS[lab] + carrier)] == ids
