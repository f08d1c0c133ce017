"""A made load for the measurements: people, their events and the two seed campaigns. Pure.

The mix is that of a city's A-interface: location updates, calls and short messages. A tenth of the
events find their subscriber somewhere else; four in ten cells belong to the campaign's city.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from hashlib import blake2b
from importlib.resources import files

import yaml

from decoders import events
from decoders.events import Destination, Event, Frame, OtherParty
from decoders.messages import Cell
from decoders.times import SECOND
from rules import profile as profiles
from rules.engine import RuleSet
from rules.profile import Profile
from stream.batcher import Addressed, Batcher
from stream.log import ProfileChanged, RulesChanged

FIRST_TIME = 1_201_485_600 * SECOND
"""2008-01-28 10:00 in Zhengzhou: by day, and while both campaigns run."""
EVENTS_A_SECOND = 10_000
"""Of capture time."""
_SOURCE = "bench"
_CAMPAIGNS = ("cheap-long-distance.yaml", "two-cities-one-home.yaml")
_LACS = 200
_CITY_LACS = 80
_CELLS = 50
_MOVES = 0.1
_AFTER_STAYING = "10s"
"""As if everybody had been where they are for long: whoever leaves has a timer."""
_MOST_FRAMES = 5
_MIX = (
    *[events.LOCATION_UPDATED] * 9,
    *[events.LOCATION_SEEN] * 3,
    *[events.CALL_ATTEMPTED] * 2,
    events.CALL_ALERTING,
    events.CALL_ANSWERED,
    *[events.CALL_ENDED] * 2,
    events.MESSAGE_SENT,
    events.MESSAGE_RECEIVED,
)
_LONG_DISTANCE = 0.1
_UPDATE = {"kind": "periodic", "outcome": "accepted", "cause": None, "previous": None}


def bundle() -> dict[str, bytes]:
    """Both campaigns of 2008; the budget that all share taken out, since nothing enforces it."""
    found = {}
    for name in _CAMPAIGNS:
        text = (files("rules") / "campaigns" / name).read_text("utf-8")
        campaign = {**yaml.safe_load(text), "status": "live"}
        campaign["limits"].pop("total", None)
        if "left" in campaign["trigger"]:
            campaign["trigger"]["left"]["after_staying"] = _AFTER_STAYING
        found[f"campaigns/{name}"] = yaml.safe_dump(campaign, allow_unicode=True).encode()
    area = {
        "type": "Feature",
        "geometry": None,
        "properties": {"area": "zhengzhou", "lacs": list(range(1, _CITY_LACS + 1))},
    }
    settings = {"zone": "Asia/Shanghai", "control_salt": "bench"}
    found["areas.geojson"] = json.dumps({"type": "FeatureCollection", "features": [area]}).encode()
    found["settings.json"] = json.dumps(settings).encode()
    return found


def subscriber(number: int) -> str:
    """A pseudonym in the form of the real ones, and as evenly spread."""
    return "1-" + blake2b(number.to_bytes(8, "big"), digest_size=12).hexdigest()


def changes(subscribers: int, epoch: str, partitions: int) -> Iterator[Addressed]:
    """The rules, and a profile of every subscriber."""
    batcher = Batcher("control", epoch, partitions)
    content = bundle()
    yield from batcher.change_everywhere(RulesChanged(RuleSet.load(content).hash, content))
    packed = [profiles.encode(_profile(city)) for city in ("郑州", "信阳", "周口")]
    for number in range(subscribers):
        yield from batcher.change(ProfileChanged(subscriber(number), packed[number % 3]))
    yield from batcher.flush()


class Traffic:
    """Events of `subscribers` people, the same ones for a seed."""

    def __init__(self, subscribers: int, seed: int = 7) -> None:
        self._rng = random.Random(seed)  # noqa: S311  a load, not a secret
        self._subscribers = subscribers
        self._number = 0
        self._places: dict[int, int] = {}

    def events(self, count: int) -> Iterator[Event]:
        """The next `count` events, in the order of time."""
        for _ in range(count):
            self._number += 1
            yield self._event(self._rng.randrange(self._subscribers))

    def _event(self, who: int) -> Event:
        rng = self._rng
        kind = rng.choice(_MIX)
        place = self._places.get(who, who)
        if rng.random() < _MOVES:
            place = self._places[who] = rng.randrange(_LACS * _CELLS)
        talks = kind not in {events.LOCATION_UPDATED, events.LOCATION_SEEN}
        return Event(
            id=f"{rng.getrandbits(128):032x}",
            type=kind,
            time=FIRST_TIME + self._number * SECOND // EVENTS_A_SECOND,
            subscriber=subscriber(who),
            identity="imsi",
            dialogue=f"{rng.getrandbits(64):016x}",
            call=f"{rng.getrandbits(64):016x}" if talks else None,
            cell=Cell("460", "00", place % _LACS + 1, place // _LACS),
            direction=events.MOBILE_ORIGINATED if talks else None,
            other_party=self._party() if kind == events.CALL_ATTEMPTED else None,
            detail=dict(_UPDATE) if kind == events.LOCATION_UPDATED else {},
            frames=self._frames(),
        )

    def _frames(self) -> list[Frame]:
        first, count = self._number * 9, self._rng.randint(1, _MOST_FRAMES)
        return [Frame("bench.pcap", first + 2 * number) for number in range(count)]

    def _party(self) -> OtherParty:
        far = self._rng.random() < _LONG_DISTANCE
        where = Destination("fixed", "CN", "010" if far else "0371", "北京" if far else "郑州")
        return OtherParty(1, 1, where, id=f"1-{self._rng.getrandbits(96):024x}")


def batched(
    traffic: Traffic, count: int, batcher: Batcher, together: int | None = None
) -> Iterator[Addressed]:
    """The next `count` events as batches of one log, all flushed after every `together` events."""
    for number, event in enumerate(traffic.events(count), 1):
        yield from batcher.add(event)
        if together and number % together == 0:
            yield from batcher.flush()
    yield from batcher.flush()


def batcher(epoch: str, partitions: int) -> Batcher:
    """Of the load's own source."""
    return Batcher(_SOURCE, epoch, partitions)


def _profile(city: str) -> Profile:
    return Profile(home_city=city, consent=("sms",), time_zone="Asia/Shanghai")
