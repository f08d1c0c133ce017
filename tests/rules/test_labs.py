"""Who left the area of controller 1 in the three laboratories: five phones and nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from rules_kit import WILLING, campaign

from decoders.capture import CaptureParser
from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from decoders.events import Event
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import SECOND
from rules.engine import RuleSet
from rules.state import Subscriber

LACS = ["001-01-1001", "901-70-40001", "901-70-40002", "262-98-21301", "262-98-21302"]
LEFT = {
    "lab-a/A_msc": ["001010000001037", "001010000001270"],
    "lab-b/B_msc": None,
    "lab-c/C_msc": None,
}
HOW_MANY = {"lab-a/A_msc": 2, "lab-b/B_msc": 1, "lab-c/C_msc": 2}


def events(path: Path) -> list[Event]:
    parser = CaptureParser(path.name)
    decoder = Decoder(DecoderConfig())
    correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), None, clear=True)
    found = [
        event
        for record in parser.feed(path.read_bytes())
        for message in decoder.feed(record)
        for event in correlator.feed(message)
    ]
    return found + correlator.finish()


@pytest.mark.parametrize("name", sorted(LEFT))
def test_exactly_the_phones_that_left_are_told(pcap: Path, name: str) -> None:
    area = {"properties": {"area": "one", "lacs": LACS}, "geometry": None}
    ruleset = RuleSet.load(
        {
            "one.yaml": campaign(
                "left: {area: one, after_staying: 15s, confirmed_by: 60s}"
            ).encode(),
            "areas.geojson": json.dumps({"features": [area]}).encode(),
        }
    )
    awake = msgspec.structs.replace(WILLING, time_zone="Pacific/Auckland")
    people: dict[str, Subscriber] = {}
    identities: dict[str, str | None] = {}
    told = []
    last = 0
    for event in events(pcap / f"{name}.pcap"):
        state = people.get(event.subscriber) or Subscriber(event.subscriber)
        step = ruleset.on_event(state, awake, event)
        people[event.subscriber] = step.state
        identities[event.subscriber] = event.imsi or identities.get(event.subscriber)
        told += step.verdicts
        last = event.time
    for state in people.values():
        told += ruleset.on_clock(state, awake, last + 60 * SECOND).verdicts
    assert {verdict.verdict for verdict in told} == {"send"}
    assert len(told) == HOW_MANY[name]
    expected = LEFT[name]
    assert expected is None or sorted(str(identities[v.subscriber]) for v in told) == expected
