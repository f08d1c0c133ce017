"""Damaged captures: an event may be missing, but never says anything false."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random

import pytest
from correlation_labs import LABS, MSC, correlate, decode, events_of, records

from decoders.events import CALL_ENDED, LOCATION_HANDOVER, LOCATION_SEEN, Event
from decoders.messages import Cell, Record
from decoders.ordering import in_order

FIFTY_MILLISECONDS = 50_000
JITTER_SECONDS = 0.1
Damage = Callable[[tuple[Record, ...], Random], list[Record]]


def cut(taken: tuple[Record, ...], chance: Random) -> list[Record]:
    return list(taken[chance.randrange(len(taken)) :])


def cut_short(taken: tuple[Record, ...], chance: Random) -> list[Record]:
    return list(taken[: chance.randrange(len(taken))])


def dropped(taken: tuple[Record, ...], chance: Random) -> list[Record]:
    return [record for record in taken if chance.random() > 0.05]


def doubled(taken: tuple[Record, ...], chance: Random) -> list[Record]:
    return [one for record in taken for one in [record] * (1 + (chance.random() < 0.05))]


def shuffled(taken: tuple[Record, ...], chance: Random) -> list[Record]:
    """Out of order, with the times at which they were seen."""
    return sorted(taken, key=lambda one: one.time + chance.randrange(FIFTY_MILLISECONDS))


def jittered(taken: tuple[Record, ...], chance: Random) -> list[Record]:
    """Out of order, with times that say otherwise."""
    late = [one._replace(time=one.time + chance.randrange(FIFTY_MILLISECONDS)) for one in taken]
    return sorted(late, key=lambda one: one.time)


def within(part: Cell | None, whole: Cell | None) -> bool:
    if part is None:
        return True
    if whole is None:
        return False
    pairs = zip(
        (part.mcc, part.mnc, part.lac, part.ci),
        (whole.mcc, whole.mnc, whole.lac, whole.ci),
        strict=True,
    )
    return all(mine in {None, true} for mine, true in pairs)


class Truth:
    """The events of the undamaged capture, by the records that they rest on."""

    def __init__(self, name: str) -> None:
        self._by_frame: dict[int, list[Event]] = defaultdict(list)
        for event in events_of(name):
            for frame in event.frames:
                self._by_frame[frame.frame].append(event)

    def falsehood(self, event: Event) -> str | None:
        """What `event` says that the undamaged capture does not."""
        if event.identity == "unknown":
            return None
        met = [one for frame in event.frames for one in self._by_frame[frame.frame]]
        mine = [one for one in met if one.imsi == event.imsi]
        if not mine:
            return "subscriber"
        if not any(within(event.cell, one.cell) for one in mine):
            return "cell"
        if event.other_party and event.other_party.digits not in {
            one.other_party.digits for one in mine if one.other_party
        }:
            return "number"
        if event.type == LOCATION_SEEN or event.detail.get("outcome") == "unseen":
            return None
        return self._false_type(event, [one for one in mine if one.type == event.type])

    @staticmethod
    def _false_type(event: Event, same: list[Event]) -> str | None:
        outcomes = {one.detail.get("outcome") for one in same}
        if event.detail.get("outcome") not in outcomes:
            return "type"
        if event.type == LOCATION_HANDOVER and event.detail["to"]:
            return None if event.detail["to"] in [one.detail["to"] for one in same] else "target"
        if event.type == CALL_ENDED and not any(_agrees(event, one) for one in same):
            return "how it ended"
        return None


def _agrees(event: Event, whole: Event) -> bool:
    """Whether a call was answered and for how long, as far as the event says so."""
    answered, lasted = (event.detail[key] for key in ("answered", "duration_seconds"))
    truly = whole.detail["duration_seconds"]
    if lasted is not None and (truly is None or abs(lasted - truly) > JITTER_SECONDS):
        return False
    return answered in {None, whole.detail["answered"]}


def twice(events: list[Event]) -> list[object]:
    told = Counter(
        (event.imsi, event.type, event.call, event.frames[-1].frame if event.frames else None)
        for event in events
    )
    calls = Counter((event.call, event.type) for event in events if event.call)
    return [what for what, times in (told + calls).items() if times > 1]


CARRIERS = ("", "_re_mtp3", "_re_m3ua", "_re_mtp2")


@pytest.mark.parametrize("damage", [cut, cut_short, dropped, doubled, shuffled, jittered])
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("lab", LABS)
def test_no_event_of_a_damaged_capture_is_false_or_told_twice(
    lab: str, carrier: str, damage: Damage
) -> None:
    truth = Truth(LABS[lab] + carrier)
    taken = records(LABS[lab] + carrier)
    for seed in range(1 if carrier in {"_re_m3ua", "_re_mtp2"} else 3):
        events = correlate(decode(damage(taken, Random(seed))))
        said = [(truth.falsehood(event), event) for event in events]
        assert [one for one in said if one[0]] == []
        assert twice(events) == []


@pytest.mark.parametrize("to_msc", [True, False])
@pytest.mark.parametrize("lab", LABS)
def test_with_one_direction_missing_no_event_is_false(lab: str, to_msc: bool) -> None:  # noqa: FBT001
    name = LABS[lab] + "_re_mtp3"
    messages = decode(records(name))
    one_way = [message for message in messages if (message.opc != MSC[lab]) == to_msc]
    truth = Truth(name)
    events = correlate(one_way)
    assert events
    assert [event for event in events if truth.falsehood(event)] == []


@pytest.mark.parametrize("lab", LABS)
def test_doubled_frames_change_no_event(lab: str) -> None:
    name = LABS[lab] + "_re_mtp3"
    events = correlate(decode(doubled(records(name), Random(1))))
    assert [event.id for event in events] == [event.id for event in events_of(name)]


@pytest.mark.parametrize("lab", LABS)
def test_held_and_put_in_order_a_shuffled_capture_gives_the_same_events(lab: str) -> None:
    for name in (LABS[lab], LABS[lab] + "_re_mtp3"):
        for seed in range(3):
            events = correlate(decode(in_order(shuffled(records(name), Random(seed)))))
            assert [event.id for event in events] == [event.id for event in events_of(name)]


@pytest.mark.parametrize("lab", LABS)
def test_where_a_gap_is_visible_what_rests_on_an_absence_is_null(lab: str) -> None:
    for seed in range(4):
        events = correlate(decode(dropped(records(LABS[lab]), Random(seed))))
        touched = [event for event in events if event.trust == "gap"]
        assert touched
        for event in touched:
            if event.type == CALL_ENDED:
                assert event.detail["answered"] is not False
                assert event.detail["ended_by"] is None
                assert event.detail["duration_seconds"] is None
