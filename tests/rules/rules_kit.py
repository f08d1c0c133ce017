"""People, cells and campaigns that never were, for the tests of the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from decoders.events import CALL_ATTEMPTED, LOCATION_SEEN, Destination, Event, Frame, OtherParty
from decoders.messages import Cell
from decoders.times import SECOND, from_text
from rules.engine import RuleSet
from rules.feed import NO_FEEDS, Feeds
from rules.profile import Profile
from rules.state import Subscriber
from rules.verdicts import Verdict

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = from_text("2008-01-20T04:00:00Z")
"""Noon in China."""
SHANGHAI = "Asia/Shanghai"
PERSON = "1-" + "ab" * 12
WILLING = Profile(home_city="洛阳", consent=("sms",), time_zone=SHANGHAI)

INSIDE = Cell("460", "00", 100, 1)
ALSO_INSIDE = Cell("460", "00", 100, 2)
OUTSIDE = Cell("460", "00", 200, 1)
ALSO_OUTSIDE = Cell("460", "00", 300, 1)
NOWHERE = None

AREAS = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"area": "city", "lacs": [100]}, "geometry": None},
        {"type": "Feature", "properties": {"area": "suburb", "lacs": [300]}, "geometry": None},
    ],
}
LEFT = "left: {area: city, after_staying: 10m, confirmed_by: 20m}"


def campaign(trigger: str = LEFT, *, name: str = "one", more: str = "", **keys: Any) -> str:
    """The text of a campaign file; `more` are further lines, `keys` replace top-level values."""
    values = {
        "campaign": name,
        "title": "a title",
        "status": "live",
        "trigger": "{" + trigger + "}",
        "offer": '{from: "10086", text: 优惠, valid_for: 24h}',
        **keys,
    }
    return "\n".join(f"{key}: {value}" for key, value in values.items()) + "\n" + more


def bundle(
    *campaigns: str, settings: Mapping[str, Any] | None = None, cells: str = "", **areas: Any
) -> dict[str, bytes]:
    """A bundle of campaigns; `areas` are LACs of further areas by name."""
    features = list(AREAS["features"])
    for name, lacs in areas.items():
        features.append({"properties": {"area": name, "lacs": lacs}, "geometry": None})
    files = {f"campaigns/{index}.yaml": text.encode() for index, text in enumerate(campaigns)}
    files["areas.geojson"] = json.dumps({"features": features}).encode()
    files["settings.json"] = json.dumps({"control_salt": "salt", **(settings or {})}).encode()
    if cells:
        files["cells.csv"] = cells.encode()
    return files


def rules(*campaigns: str, **more: Any) -> RuleSet:
    """The rules of `bundle`."""
    return RuleSet.load(bundle(*campaigns, **more))


_numbers = iter(range(1, 10**9))


def seen(time: int, cell: Cell | None, kind: str = LOCATION_SEEN, **keys: Any) -> Event:
    """An event of a person in a cell; `time` counts from `NOON`."""
    number = next(_numbers)
    values = {
        "id": f"{number:024x}",
        "subscriber": PERSON,
        "identity": "imsi",
        "dialogue": f"d{number}",
        "frames": [Frame("a.pcap", number)],
        **keys,
    }
    return Event(type=kind, time=NOON + time, cell=cell, **values)


def call(time: int, city: str = "北京", **keys: Any) -> Event:
    """A call to a number of a city."""
    party = OtherParty(
        ton=0,
        npi=1,
        destination=Destination("fixed", "CN", "010", city),
        selected=keys.pop("selected", None),
    )
    values = {"direction": "mobile originated", "other_party": party, **keys}
    return seen(time, values.pop("cell", INSIDE), values.pop("kind", CALL_ATTEMPTED), **values)


class Life:
    """One person's way through a set of rules; collects verdicts."""

    def __init__(self, ruleset: RuleSet, profile: Profile | None = WILLING) -> None:
        self.rules = ruleset
        self.profile = profile
        self.state = Subscriber(PERSON)
        self.verdicts: list[Verdict] = []

    def event(self, event: Event) -> list[Verdict]:
        """Takes an event; gives its verdicts."""
        step = self.rules.on_event(self.state, self.profile, event)
        return self._after(step.state, step.verdicts)

    def walk(self, *samples: tuple[int, Cell | None]) -> list[Verdict]:
        """Is seen at these times in these cells."""
        return [verdict for time, cell in samples for verdict in self.event(seen(time, cell))]

    def clock(self, time: int, feeds: Feeds = NO_FEEDS) -> list[Verdict]:
        """Lets the clock reach `time`, counted from `NOON`."""
        step = self.rules.on_clock(self.state, self.profile, NOON + time, feeds)
        return self._after(step.state, step.verdicts)

    def _after(self, state: Subscriber, verdicts: Iterable[Verdict]) -> list[Verdict]:
        self.state = state
        found = list(verdicts)
        self.verdicts += found
        return found


def told(verdicts: Iterable[Verdict]) -> list[tuple[str, str, str | None]]:
    """Campaign, verdict and reason of each."""
    return [(each.campaign, each.verdict, each.reason) for each in verdicts]
