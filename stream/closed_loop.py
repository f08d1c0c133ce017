"""A replay whose offers meet the people of a simulation: they answer, and their answers come back.

What they would do is `simulator.response`'s, so what an offer changes is known. Sign-ups change
profiles and end waves as they would in service; everybody who was in a campaign, sent or control,
has outcome rows, which `xinling report` evaluates.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from decoders.errors import XinlingError
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules import profile as profile_codec
from rules.profile import Profile
from rules.verdicts import CONTROL, Verdict
from simulator import departures, response
from stream import rule_files
from stream.log import OfSubscriber, OutcomeRecorded, ProfileChanged
from stream.publishing import is_offer
from stream.sms import outcomes
from stream.sms.outcomes import Outcome

REPLIED, CONVERTED, OPTED_OUT = "replied", "converted", "opted out"
ANYWAY, OFFER = "anyway", "offer"
"""Why somebody signs up; the first is the reason in the row of a sign-up that no offer caused."""
PRODUCTS = {response.TWO_CITIES: "two-cities", response.LONG_DISTANCE: "12593"}
SECOND = 1_000_000
_WEEK = 7 * 86_400 * SECOND


class Told(msgspec.Struct, forbid_unknown_fields=False):
    """``truth/model.json`` of a simulation; times in microseconds."""

    seed: int
    begin: int
    end: int


class Person(NamedTuple):
    """One of the simulation."""

    imsi: str
    profile: Profile


class _Reached(NamedTuple):
    """Somebody in a campaign, sent or control."""

    offer: str
    wave: int
    time: int
    delay: float
    """Seconds between the moment that the trigger saw and the verdict."""
    earlier: int
    sent: bool


class Effect(NamedTuple):
    """What a campaign really changed, of those it reached and kept as control."""

    sent: int
    control: int
    uplift: float
    """Of all of them: how many more would have signed up sent than not sent, as a share."""


class Market:
    """The people of the simulation in a folder; `write` takes every outcome, in their order."""

    def __init__(
        self, folder: Path, write: Callable[[Outcome], None], seed: int | None = None
    ) -> None:
        """`seed` draws other answers than the simulation's own.

        Raises XinlingError for a folder that `xinling simulate` did not write.
        """
        told = read(folder)
        self._end = told.end
        self._model = response.Model(told.seed if seed is None else seed)
        self._write = write
        self._people = _people(folder)
        left = first_left(folder)
        names = {person.imsi: name for name, person in self._people.items()}
        anyway = response.sign_ups_anyway(self._model, sorted(names), left, told.begin, told.end)
        signed_up = [
            Outcome(offer="", campaign=campaign, wave=1, subscriber=names[imsi], time=time,
                    outcome=CONVERTED, reason=ANYWAY)
            for time, imsi, campaign in anyway
        ]  # fmt: skip
        self._queue = [(one.time, number, one) for number, one in enumerate(signed_up)]
        heapq.heapify(self._queue)
        self._number = len(self._queue)
        self._anyway = {(one.subscriber, one.campaign) for one in signed_up}
        self._reached: dict[tuple[str, str], _Reached] = {}
        self._offers: dict[str, list[int]] = {}
        self._bought: set[tuple[str, str]] = set()
        self.sign_ups: Counter[tuple[str, str]] = Counter()
        """(campaign, why) → sign-ups."""

    def take(self, verdict: Verdict) -> None:
        """A verdict; who is sent an offer may answer it."""
        person = self._people.get(verdict.subscriber)
        sent = is_offer(verdict)
        if person is None or not (sent or verdict.verdict == CONTROL):
            return
        before = self._offers.setdefault(verdict.subscriber, [])
        moment = verdict.evidence[-1].time if verdict.evidence else verdict.time
        reached = _Reached(
            verdict.offer,
            verdict.wave,
            verdict.time,
            (verdict.time - moment) / SECOND,
            sum(verdict.time - time < _WEEK for time in before),
            sent,
        )
        self._reached.setdefault((verdict.subscriber, verdict.campaign), reached)
        if sent:
            before.append(verdict.time)
            self._answer(verdict, person, reached)

    def reached(self, minute: int) -> list[OfSubscriber]:
        """What people did up to `minute` (microseconds), as records for the log."""
        changes: list[OfSubscriber] = []
        while self._queue and self._queue[0][0] <= min(minute, self._end):
            changes += self._done(heapq.heappop(self._queue)[2])
        return changes

    def close(self) -> None:
        """The clock has stopped: what people still do until the simulation's end."""
        self.reached(self._end)

    def effect(self, campaign: str) -> Effect:
        """What `campaign` really changed."""
        those = {key[0]: one for key, one in self._reached.items() if key[1] == campaign}
        moved = sum(self._moved(name, campaign, one) for name, one in those.items())
        sent = sum(one.sent for one in those.values())
        return Effect(sent, len(those) - sent, moved / len(those) if those else 0.0)

    def _moved(self, name: str, campaign: str, one: _Reached) -> bool:
        """Whether an offer makes this person sign up who would not otherwise."""
        if (name, campaign) in self._anyway:
            return False
        answer = self._model.respond(self._people[name].imsi, campaign, one.delay, one.earlier)
        return answer.buys and one.time + answer.replies_after * SECOND <= self._end

    def _answer(self, verdict: Verdict, person: Person, reached: _Reached) -> None:
        for outcome in (outcomes.SUBMITTED, outcomes.DELIVERED):
            self._write(_outcome(verdict, verdict.time, outcome))
        answer = self._model.respond(person.imsi, verdict.campaign, reached.delay, reached.earlier)
        time = verdict.time + int(answer.replies_after * SECOND)
        if answer.buys:
            self._push(_outcome(verdict, time, REPLIED))
            self._push(_outcome(verdict, time, CONVERTED))
        elif answer.opts_out:
            self._push(_outcome(verdict, time, OPTED_OUT))

    def _push(self, outcome: Outcome) -> None:
        heapq.heappush(self._queue, (outcome.time, self._number, outcome))
        self._number += 1

    def _done(self, one: Outcome) -> Iterator[OfSubscriber]:
        key = one.subscriber, one.campaign
        if one.outcome == CONVERTED:
            if key in self._bought:
                return
            self._bought.add(key)
            self.sign_ups[one.campaign, one.reason or OFFER] += 1
        known = self._reached.get(key)
        if not one.offer and known is not None:
            one = msgspec.structs.replace(one, offer=known.offer, wave=known.wave)
        self._write(one)
        if one.offer:
            yield OutcomeRecorded(*key, one.offer, one.outcome, one.time)
        if one.outcome == CONVERTED:
            yield self._owns(one.subscriber, PRODUCTS[one.campaign])

    def _owns(self, name: str, product: str) -> ProfileChanged:
        imsi, profile = self._people[name]
        profile = msgspec.structs.replace(profile, products=(*profile.products, product))
        self._people[name] = Person(imsi, profile)
        return ProfileChanged(name, profile_codec.encode(profile))


def _outcome(verdict: Verdict, time: int, outcome: str) -> Outcome:
    return Outcome(
        offer=verdict.offer,
        campaign=verdict.campaign,
        wave=verdict.wave,
        subscriber=verdict.subscriber,
        time=time,
        outcome=outcome,
    )


def read(folder: Path) -> Told:
    """What the answers of a simulation's people depend on; raises XinlingError."""
    path = folder / "truth" / "model.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Told)
    except (OSError, msgspec.DecodeError) as error:
        raise XinlingError(
            "this is no folder of a simulation whose people answer",
            file=str(path),
            remedy="name the folder that `xinling simulate` wrote",
        ) from error


def _people(folder: Path) -> dict[str, Person]:
    pseudonyms = Pseudonyms(TEST_KEY)
    rows = rule_files.profiles(folder / "profiles.csv")
    return {pseudonyms.subscriber(imsi): Person(imsi, profile) for imsi, _, profile in rows}


def first_left(folder: Path) -> dict[str, int]:
    """When each left the city first, by IMSI; microseconds."""
    left: dict[str, int] = {}
    for one in departures.read(folder / "truth" / "departures.csv").departures:
        left[one.imsi] = min(one.left, left.get(one.imsi, one.left))
    return left
