"""The three laboratories: their events, and rules and profiles that fit them.

The areas are the first controllers' location areas (each laboratory's page has the table); phones
ending the list of `LEFT` are those that truly left it (``fixtures/pcap/README.md``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.events import Event
from decoders.messages import Message
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profiles
from rules.engine import RuleSet
from rules.profile import Profile
from stream import rule_files, sources
from stream.log import ProfileChanged, RulesChanged

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
MSC = [str(FIXTURES / "pcap" / f"lab-{name.lower()}" / f"{name}_msc.pcap") for name in "ABC"]
PSEUDONYMS = Pseudonyms(TEST_KEY)
LACS = [1001, 40001, 40002, 21301, 21302]

LEFT_IMSIS = (
    "001010000001037",  # lab-a 2
    "001010000001270",  # lab-a 8
    "901700000001040",  # lab-b 2
    "262980000001024",  # lab-c 1
    "262980000001319",  # lab-c 9
)
LEFT = frozenset(PSEUDONYMS.subscriber(imsi) for imsi in LEFT_IMSIS)

GOING = """
campaign: going
title: 两个城市一个家
status: live
priority: 80
trigger:
  left: {area: controller-1, after_staying: 15s, confirmed_by: 60s}
offer: {channel: sms, from: "10086", text: 您已离开。回复TD退订。, valid_for: 24h}
limits: {per_subscriber: {times: 1, every: 7d}}
"""
CALLING = """
campaign: calling
title: 长途
status: live
priority: 60
trigger:
  called: {}
audience:
  where: profile.home_city != ""
offer: {channel: sms, from: "10086", text: 打长途更省钱。回复TD退订。, valid_for: 6h}
limits: {per_subscriber: {times: 1, every: 30s}}
experiment: {control: 30%}
"""


def rules(confirmed_by: str = "60s") -> RulesChanged:
    """Both campaigns; quiet hours as by default."""
    area = {
        "type": "Feature",
        "geometry": None,
        "properties": {"area": "controller-1", "lacs": LACS},
    }
    bundle = {
        "campaigns/going.yaml": GOING.replace("60s", confirmed_by).encode(),
        "campaigns/calling.yaml": CALLING.encode(),
        "areas.geojson": json.dumps({"type": "FeatureCollection", "features": [area]}).encode(),
        "settings.json": json.dumps({"control_salt": "laboratory"}).encode(),
    }
    return RulesChanged(RuleSet.load(bundle).hash, bundle)


@cache
def imsis() -> tuple[str, ...]:
    """Of every phone that the laboratories' MSCs logged."""
    found = set()
    for file in (FIXTURES / "pcap").glob("lab-?/truth/msc_connections.csv"):
        for line in file.read_text("utf-8").splitlines()[1:]:
            if imsi := line.split(",")[4]:
                found.add(imsi)
    return tuple(sorted(found))


def agreed() -> list[ProfileChanged]:
    """Consent of everybody; in the captures it is day for most and night for every fifth."""
    changes = []
    for number, imsi in enumerate(imsis()):
        night = number % 5 == 0 and imsi not in LEFT_IMSIS
        profile = Profile(
            home_city="东湾" if number % 2 else "西岭",
            consent=("sms",),
            time_zone="Asia/Shanghai" if night else "America/New_York",
        )
        changes.append(ProfileChanged(PSEUDONYMS.subscriber(imsi), profiles.encode(profile)))
    return changes


def correlator() -> Correlator:
    plan = rule_files.plan(FIXTURES / "plans" / "labs.csv")
    return Correlator(CorrelatorConfig(), PSEUDONYMS, plan)


def messages(paths: list[str]) -> Iterator[Message]:
    def damaged(error: Exception) -> None:
        raise error

    decoder = Decoder(DecoderConfig())
    for record in sources.merged(paths, damaged):
        yield from decoder.feed(record)


@cache
def events() -> tuple[Event, ...]:
    """Of the three MSCs' captures merged by time."""
    tell = correlator()
    told = [event for message in messages(MSC) for event in tell.feed(message)]
    return (*told, *tell.finish())
