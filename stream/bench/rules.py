"""``xinling bench rules``: what an event costs the rules, as JSON lines with the machine.

Two questions. Do 1,000 live campaigns cost little more than 10 for an event that matches none? And
what do the two seed campaigns cost, for an event that matches none and for one that completes a
trigger? Only `RuleSet.on_event` is measured: no decoding, no store, no log.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec

from decoders import events
from decoders.events import Destination, Event, Frame, OtherParty
from decoders.messages import Cell
from decoders.times import SECOND, from_text
from rules.campaign import LIVE
from rules.engine import RuleSet
from rules.profile import Profile
from rules.state import Subscriber
from stream import rule_files
from stream.bench.decode import _machine as machine
from stream.campaign_files import SHIPPED

FEW: Final = 10
SEEDS: Final = ("two-cities-one-home", "cheap-long-distance")
_BEGIN: Final = from_text("2008-01-20T04:00:00Z")
_PEOPLE: Final = 500
_PROFILE: Final = Profile(home_city="洛阳", consent=("sms",), time_zone="Asia/Shanghai")
_SETTINGS: Final = json.dumps({"control_salt": "bench"}).encode()
_SHAPES: Final = (
    "left: {area: a%d, after_staying: 12h, confirmed_by: 20m}",
    "called: {number_class: international, prefix: ['%d']}",
    "stayed: {area: a%d, for: 10m}",
    "count: {of: {call_ended: {cause: [41], area: a%d}}, at_least: 3, within: 7d}",
    "sequence: {steps: [{entered: {area: a%d}}, {called: {prefix: ['%d']}}], within: 2h}",
)
"""Triggers of made-up campaigns; each has areas, prefixes and causes of its own."""


@dataclass(frozen=True)
class Measured:
    """Microseconds of processor an event, the median of several rounds."""

    what: str
    campaigns: int
    microseconds: float
    events: int
    verdicts: int


def rules(campaigns: int, count: int, rounds: int) -> None:
    """Measures and prints.

    Args:
        campaigns: how many live ones are compared with `FEW`.
        count: events of a round.
        rounds: how often each is measured, in turn.
    """
    _print({"bench": "machine", **machine()})
    few, many = _made(FEW), _made(campaigns)
    quiet = _passing(count)
    _compare(few, many, quiet, rounds)
    seeds = _seeds()
    measured = (
        ("matches none", quiet),
        ("matches none, in a watched area", _passing(count, 17104, 10001)),
        ("completes a trigger", _calling(count)),
    )
    for what, given in measured:
        _print(_row("seed campaigns", _measured(what, seeds, given, rounds)))


def _compare(few: RuleSet, many: RuleSet, given: Sequence[Event], rounds: int) -> None:
    """The two in turn, so that what else the machine does falls on both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for ruleset, times in zip((few, many), taken, strict=True):
            times.append(_run(ruleset, given)[0])
    each = [median(times) / len(given) for times in taken]
    for ruleset, cost in zip((few, many), each, strict=True):
        done = Measured("matches none", len(ruleset.campaigns), cost, len(given), 0)
        _print(_row("made-up campaigns", done))
    _print({"bench": "rules", "what": "many to few", "ratio": round(each[1] / each[0], 3)})


def _measured(what: str, ruleset: RuleSet, given: Sequence[Event], rounds: int) -> Measured:
    runs = [_run(ruleset, given) for _ in range(rounds)]
    cost = median(taken for taken, _ in runs) / len(given)
    return Measured(what, len(ruleset.campaigns), cost, len(given), runs[0][1])


def _run(ruleset: RuleSet, given: Sequence[Event]) -> tuple[float, int]:
    """Microseconds of processor for all events, and the verdicts they gave."""
    states: dict[str, Subscriber] = {}
    verdicts = 0
    take: Callable[..., Any] = ruleset.on_event
    for person in {event.subscriber for event in given}:
        states[person] = Subscriber(person)
    gc.collect()
    began = time.process_time_ns()
    for event in given:
        step = take(states[event.subscriber], _PROFILE, event)
        states[event.subscriber] = step.state
        verdicts += len(step.verdicts)
    return (time.process_time_ns() - began) / 1000, verdicts


# What is measured


def _made(count: int) -> RuleSet:
    """Live campaigns of all shapes, each about a place of its own."""
    files = {"settings.json": _SETTINGS}
    features = [
        {"properties": {"area": f"a{number}", "lacs": [20_000 + number]}, "geometry": None}
        for number in range(count)
    ]
    files["areas.geojson"] = json.dumps({"features": features}).encode()
    for number in range(count):
        shape = _SHAPES[number % len(_SHAPES)]
        trigger = shape.replace("%d", str(number))
        text = (
            f"campaign: c{number}\ntitle: c{number}\nstatus: {LIVE}\ntrigger: {{{trigger}}}\n"
            f"priority: {number % 100}\n"
            'offer: {from: "10086", text: 【】}\nlimits: {per_subscriber: {times: 1, every: 7d}}\n'
        )
        files[f"campaigns/c{number}.yaml"] = text.encode()
    return RuleSet.load(files)


def _seeds() -> RuleSet:
    """The seed campaigns as they ship, but live."""
    bundle = rule_files.bundle(SHIPPED, SHIPPED / "areas.geojson", SHIPPED / "cells.csv")
    bundle["settings.json"] = _SETTINGS
    found = RuleSet.load(bundle)
    files = {name: data for name, data in bundle.items() if not name.endswith(".yaml")}
    for name in SEEDS:
        campaign = found.campaign(name)
        assert campaign is not None
        live = msgspec.structs.replace(campaign.spec, status=LIVE)
        files[campaign.file] = msgspec.json.encode(live)
    return RuleSet.load(files)


def _passing(count: int, lac: int = 17301, ci: int = 30001) -> list[Event]:
    """People who are seen and call a local number, in a cell that no campaign asks about."""
    made = []
    for number in range(count):
        kind = (events.LOCATION_SEEN, events.CALL_ATTEMPTED, events.CALL_ENDED)[number % 3]
        made.append(_event(number, number % _PEOPLE, kind, "洛阳", Cell("460", "00", lac, ci)))
    return made


def _calling(count: int) -> list[Event]:
    """Each somebody else's first long-distance call."""
    cell = Cell("460", "00", 17301, 30001)
    return [_event(number, number, events.CALL_ATTEMPTED, "北京", cell) for number in range(count)]


def _event(number: int, person: int, kind: str, city: str, cell: Cell) -> Event:
    call = kind != events.LOCATION_SEEN
    party = OtherParty(ton=0, npi=1, destination=Destination("fixed", "CN", "010", city))
    return Event(
        id=f"{number:024x}",
        type=kind,
        time=_BEGIN + number * SECOND // 100,
        subscriber=f"1-{person:024x}",
        identity="imsi",
        dialogue=f"{number:024x}",
        cell=cell,
        direction="mobile originated" if call else None,
        other_party=party if call else None,
        frames=[Frame("capture.pcap", number)],
    )


def _row(what: str, done: Measured) -> dict[str, object]:
    return {
        "bench": "rules",
        "what": what,
        "campaigns": done.campaigns,
        "event": done.what,
        "microseconds": round(done.microseconds, 3),
        "events": done.events,
        "verdicts": done.verdicts,
    }


def _print(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
