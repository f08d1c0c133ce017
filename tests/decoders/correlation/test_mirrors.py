"""The same messages from several taps are told once."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from correlation_labs import LABS, correlate, decode, events_of, merged

from decoders.events import Event


def told(events: list[Event] | tuple[Event, ...]) -> list[Any]:
    """What events say, without where and when they were seen, to the millisecond."""
    said = []
    for event in events:
        row = msgspec.to_builtins(event)
        for key in ("id", "time", "dialogue", "call", "frames"):
            row.pop(key, None)
        row["detail"] = {
            key: None if isinstance(value, float) else value for key, value in event.detail.items()
        }
        said.append(msgspec.json.encode(row, order="sorted"))
    return sorted(said)


@pytest.mark.parametrize(
    ("lab", "taps"),
    [
        ("a", ("lab-a/A_bsc1", "lab-a/A_bsc2", "lab-a/A_msc")),
        ("b", ("lab-b/B_bsc1_m3ua", "lab-b/B_bsc2_ipa", "lab-b/B_msc")),
        ("c", ("lab-c/C_bsc1", "lab-c/C_bsc2", "lab-c/C_msc")),
    ],
)
def test_controllers_and_msc_side_together_give_the_events_of_the_msc_side_alone(
    lab: str, taps: tuple[str, ...]
) -> None:
    assert told(correlate(decode(merged(*taps)))) == told(events_of(LABS[lab]))


@pytest.mark.parametrize(
    ("lab", "taps"),
    [
        ("b", ("lab-b/B_bsc1_m3ua", "lab-b/B_bsc2_ipa")),
        ("c", ("lab-c/C_bsc1", "lab-c/C_bsc2")),
    ],
)
def test_the_controllers_side_alone_gives_the_events_of_the_msc_side(
    lab: str, taps: tuple[str, ...]
) -> None:
    assert told(correlate(decode(merged(*taps)))) == told(events_of(LABS[lab]))


@pytest.mark.parametrize("seed", range(8))
def test_mirrors_that_each_lose_frames_tell_no_event_twice(seed: int) -> None:
    chance = Random(seed)
    taps = merged("lab-b/B_bsc1_m3ua", "lab-b/B_bsc2_ipa", "lab-b/B_msc")
    lossy = [record for record in taps if chance.random() > 0.05]
    events = correlate(decode(lossy))
    once = [(event.type, event.imsi, event.call) for event in events if event.call]
    assert len(once) == len(set(once))
    whole = events_of(LABS["b"])
    assert len(events) <= len(whole)


def test_three_networks_merged_by_time_keep_apart() -> None:
    together = correlate(decode(merged(*LABS.values())))
    apart = [event for name in LABS.values() for event in events_of(name)]
    assert sorted(event.id for event in together) == sorted(event.id for event in apart)
