"""What the killer's service runs on: campaigns, people, and what must come of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import copies
from checker import Message
from copies import Person
from expected import PSEUDONYMS, numbers_of
from system import DEMO, PLAN

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.decoder import Decoder, DecoderConfig
from rules.engine import RuleSet
from rules.verdicts import SEND
from rules.verdicts import Verdict as Decided
from stream import log, rule_files, sources
from stream.handler import Handler
from stream.memory_store import MemoryStore
from stream.state import decode_entry

_CAMPAIGN = """
campaign: {name}
title: {name}
status: live
priority: 50
trigger:
  {trigger}
offer: {{channel: sms, from: "10086", text: "{text}回复TD退订。", valid_for: 24h}}
limits: {{per_subscriber: {{times: 1, every: 7d}}}}
"""
_TRIGGERS = {
    "going": ("left: {area: controller-1, after_staying: 15s, confirmed_by: 60s}", "您已离开。"),
    "calling": ("called: {}", "您在打电话。"),
    "texting": ("texted: {}", "您在发短信。"),
    "updating": ("updated: {}", "您在这里。"),
}
_SETTINGS = {
    "zone": "Asia/Shanghai",
    "quiet_hours": {"from": "23:00", "until": "05:00"},
    "control_salt": "chaos",
}
_OUTBOX = 10_000
_EVERY_DENIED = 7
"""Every so manieth has not consented, the one after has opted out."""


class World:
    """The files of a run, in a folder."""

    def __init__(self, home: Path) -> None:
        self.ring = home / "ring"
        self.campaigns = home / "campaigns"
        self.settings = home / "settings.json"
        self.profiles = home / "profiles.csv"
        self.areas = DEMO / "areas.geojson"
        self.cells = DEMO / "cells.csv"

    def write(self, most: int) -> None:
        """The rules, and profiles of everybody in the first `most` copies."""
        self.ring.mkdir(parents=True)
        self.campaigns.mkdir()
        for name, (trigger, text) in _TRIGGERS.items():
            body = _CAMPAIGN.format(name=name, trigger=trigger, text=text)
            (self.campaigns / f"{name}.yaml").write_text(body, "utf-8")
        self.settings.write_text(json.dumps(_SETTINGS), "utf-8")
        with self.profiles.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["imsi", "msisdn", "home_city", "consent", "opted_out", "time_zone"])
            everybody = [person for number in range(most) for person in copies.people(number)]
            rows.writerows(_row(person, place) for place, person in enumerate(everybody))

    def toml(self) -> str:
        """The sections of the configuration that name these files."""
        return f"""
[rules]
campaigns = "{self.campaigns}"
areas = "{self.areas}"
cells = "{self.cells}"
settings = "{self.settings}"
profiles = "{self.profiles}"
plan = "{PLAN}"
[ingest]
sources = ["{self.ring}"]
"""

    def change(self, number: int) -> None:
        """One campaign's text is another from now on; written in one instant, as an editor does."""
        name = sorted(_TRIGGERS)[number % len(_TRIGGERS)]
        trigger, text = _TRIGGERS[name]
        body = _CAMPAIGN.format(name=name, trigger=trigger, text=f"{number % 90 + 10}：{text}")
        hidden = self.campaigns.with_name(f".{name}")
        hidden.write_text(body, "utf-8")
        hidden.rename(self.campaigns / f"{name}.yaml")

    def events(self) -> tuple[set[str], set[str]]:
        """Ids of the events that the captures in the ring surely hold, and of all they may.

        The ring does not end: what is still open at its end is an event only for a silent feed.
        """
        files = [str(file) for file in sorted(self.ring.glob("ring_*"))]
        correlator = Correlator(CorrelatorConfig(), PSEUDONYMS, rule_files.plan(PLAN))
        decoder = Decoder(DecoderConfig())
        surely: set[str] = set()
        for record in sources.merged(files, _fail):
            for message in decoder.feed(record):
                surely |= {event.id for event in correlator.feed(message)}
            surely |= {event.id for event in correlator.advance(record.time)}
        return surely, surely | {event.id for event in correlator.finish()}

    def must(self, decided: list[Decided]) -> dict[str, Message]:
        """Each offer that must go out, and as what message."""
        numbers = self.numbers()
        return {
            one.offer: Message(numbers[one.subscriber], one.text or "")
            for one in decided
            if one.verdict == SEND
        }

    def numbers(self) -> dict[str, str]:
        """The number behind each pseudonym."""
        return numbers_of(self.profiles)


async def decided_by(partitions: list[list[bytes]]) -> list[Decided]:
    """What the records of the log must come to, in memory and in one go (P1)."""
    store = MemoryStore()
    handler = Handler(store, RuleSet.load)
    decided: list[Decided] = []
    for partition, values in enumerate(partitions):
        for offset, value in enumerate(values):
            await handler.handle(partition, offset, log.decode(value))
            waiting = await store.outbox(partition, _OUTBOX)
            decided += [decode_entry(one.data).verdict for one in waiting]
            await store.acknowledge(partition, [one.id for one in waiting])
    return decided


def events_on(partitions: list[list[bytes]]) -> set[str]:
    """Ids of the events on the log; one number of a source is one event."""
    found: dict[tuple[str, int], str] = {}
    for values in partitions:
        for batch in map(log.decode, values):
            for item in batch.items:
                if isinstance(item, log.Signal):
                    known = found.setdefault((batch.source, item.seq), item.event.id)
                    assert known == item.event.id, "a number was given twice"
    return set(found.values())


def _row(person: Person, place: int) -> list[str]:
    consent = "" if place % _EVERY_DENIED == 0 else "sms"
    opted_out = "yes" if place % _EVERY_DENIED == 1 else ""
    return [person.imsi, person.msisdn, "东湾", consent, opted_out, "Asia/Shanghai"]


def _fail(error: Exception) -> None:
    raise error
