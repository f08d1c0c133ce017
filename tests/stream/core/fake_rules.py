"""A rule set small enough to know by heart, with the interface of the real one.

Each event after a subscriber's first sets a timer two and a half seconds later; a timer and every
third event give a verdict. A bundle's file ``fails`` names subscribers for whom it raises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from decoders.errors import XinlingError
from decoders.events import LOCATION_SEEN, Event
from rules.budget import Budget
from rules.feed import NO_FEEDS, Feeds, fallen
from rules.profile import Profile
from rules.state import Mark, Stay, Subscriber
from rules.verdicts import REFUSE, SEND, Verdict

DELAY = 2_500_000
KEY = 1


class Step(NamedTuple):
    state: Subscriber
    verdicts: list[Verdict]


class FakeRules:
    def __init__(self, bundle: dict[str, bytes]) -> None:
        if "broken" in bundle:
            raise XinlingError("this bundle is broken")
        self.hash = hash_of(bundle)
        self._fails = bundle.get("fails", b"").decode().split()
        self._stuck = "stuck" in bundle

    def on_event(
        self, state: Subscriber, profile: Profile | None, event: Event, feeds: Feeds = NO_FEEDS
    ) -> Step:
        if event.subscriber in self._fails:
            raise ZeroDivisionError
        state, verdicts = self.on_clock(state, profile, event.time, feeds)
        mark = Mark.of(event)
        stay = state.stays.get(KEY)
        first = mark if stay is None else stay.first
        due = None if stay is None else event.time + DELAY
        stays = {KEY: Stay(first, mark, due=due)}
        if event.time % 3 == 0:
            verdicts = [*verdicts, self._verdict(state, profile, event.time, event.id)]
        return Step(msgspec.structs.replace(state, stays=stays), verdicts)

    def on_clock(
        self, state: Subscriber, profile: Profile | None, now: int, feeds: Feeds = NO_FEEDS
    ) -> Step:
        stay = state.stays.get(KEY)
        if stay is None or stay.due is None or stay.due > now or self._stuck:
            return Step(state, [])
        if state.subscriber in self._fails:
            raise ZeroDivisionError
        verdict = self._verdict(state, profile, stay.due, "timer")
        verdict.checks = [("trust", " ".join(fallen(feeds, stay.due, stay.due)))]
        stays = {KEY: msgspec.structs.replace(stay, due=None)}
        return Step(msgspec.structs.replace(state, stays=stays), [verdict])

    def spent(self, totals: Mapping[str, int]) -> FakeRules:
        del totals
        return self

    def budget(self, verdict: Verdict) -> Budget | None:
        del verdict
        return None

    def on_outcome(self, state: Subscriber, campaign: str, outcome: str, time: int) -> Step:
        return Step(state, [self._verdict(state, None, time, f"{outcome} of {campaign}")])

    def _verdict(
        self, state: Subscriber, profile: Profile | None, time: int, trigger: str
    ) -> Verdict:
        agreed = profile is not None and profile.consents("sms") and not profile.opted_out
        return Verdict(
            offer=hashlib.blake2b(f"{state.subscriber} {time} {trigger}".encode()).hexdigest()[:16],
            step=0,
            campaign="fake",
            campaign_hash=self.hash,
            wave=0,
            subscriber=state.subscriber,
            time=time,
            trigger=trigger,
            verdict=SEND if agreed else REFUSE,
            reason=None if agreed else "no consent",
        )


def hash_of(bundle: dict[str, bytes]) -> str:
    return hashlib.blake2b(repr(sorted(bundle.items())).encode()).hexdigest()[:16]


def event(subscriber: str, time: int) -> Event:
    """An event at `time`, microseconds."""
    return Event(
        id=f"{subscriber}-{time}",
        type=LOCATION_SEEN,
        time=time,
        subscriber=subscriber,
        identity="imsi",
        dialogue="d",
    )
