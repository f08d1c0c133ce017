"""The step: a subscriber's state and an event or the clock in, the state after and verdicts out.

`RuleSet` is everything that decides, read from a bundle of files. It is pure: the same bundle,
states, profiles and events give the same verdicts, and no state is changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy

import msgspec

from decoders import events
from decoders.events import Event
from rules import audience, case, combinations, consent, governance, history, waves
from rules import bundle as files
from rules.areas import Membership, Places
from rules.budget import Budget, budget_of
from rules.bundle import Rules
from rules.campaign import DRAFT, Campaign
from rules.case import Answered, AnswerKey, Case, Scene
from rules.combinations import Circuit
from rules.feed import NO_FEEDS, Feeds
from rules.firing import Firing
from rules.index import Index
from rules.profile import Profile
from rules.reasons import NOT_IN_AUDIENCE, SOLD_OUT, STOPPED
from rules.sampling import Sampling
from rules.state import Hold, Subscriber, next_due
from rules.triggers import Wiring
from rules.verdicts import SEND, Verdict
from rules.whereabouts import Whereabouts

UNKNOWN_IDENTITY = "unknown"


class Step(msgspec.Struct, frozen=True):
    """What a step gives."""

    state: Subscriber
    """The very object that was given, if nothing changed."""
    verdicts: list[Verdict]
    """In the order of time, then of campaigns."""


class RuleSet:
    """A set of campaigns with their areas, cells and settings.

    Attributes:
        hash: made from the bundle's names and contents.
        campaigns: in the order of their ids, whatever their status.
        settings: what the operator set for all of them.
        doubts: places that drafts name and no file holds; an error once they are drafts no more.
    """

    def __init__(self, rules: Rules) -> None:
        self.hash = rules.hash
        self.campaigns = rules.campaigns
        self.settings = rules.settings
        self.doubts = rules.doubts
        places = Places(rules.areas, rules.cells, rules.settings.network)
        self._by_key = {campaign.key: campaign for campaign in rules.campaigns}
        self._by_id = {campaign.id: campaign for campaign in rules.campaigns}
        self._served: dict[int, list[Campaign]] = {}
        wiring = Wiring(places.number)
        for campaign in rules.campaigns:
            if campaign.status != DRAFT:
                key = wiring.add(campaign.kind, campaign.trigger)
                self._served.setdefault(key, []).append(campaign)
        self._index = Index(wiring.leaves.values())
        self._whereabouts = Whereabouts(places, rules.settings)
        self._membership = places.of
        self._answered: dict[AnswerKey, Answered] = {}
        self._sampling = Sampling(self._index, self._whereabouts)
        self._circuit = Circuit(wiring.combinations.values())
        self._retention = history.retention(rules.campaigns, rules.settings)

    @classmethod
    def load(
        cls, bundle: dict[str, bytes], *, running: bool = False, allocated: bool = False
    ) -> RuleSet:
        """The rules in a bundle of files.

        Args:
            bundle: contents by name: campaigns (``*.yaml``), and optionally ``areas.geojson``,
                ``cells.csv`` and ``settings.json``.
            running: also refuse what must not decide: shared budgets that nothing enforces, and
                a control group without a salt.
            allocated: shared budgets are enforced, by `rules.budget` over all partitions.

        Raises:
            CampaignErrors: with every mistake found, each with file, line, key and remedy.
        """
        return cls(files.read(bundle, running=running, allocated=allocated))

    def spent(self, totals: Mapping[str, int]) -> RuleSet:
        """These rules where so many sends of shared totals are used up (`rules.checks.spender_of`).

        Its hash is the same: what is used up stands in the log besides the rules.
        """
        rules = copy(self)
        rules.settings = self.settings._replace(spent=dict(totals))
        return rules

    def budget(self, verdict: Verdict) -> Budget | None:
        """The shared budget that `verdict` must be granted from; None if it needs no grant."""
        if verdict.verdict != SEND:
            return None
        campaign = self._by_id[verdict.campaign]
        return budget_of(campaign) if campaign.shared_budget else None

    def campaign(self, name: str) -> Campaign | None:
        """The campaign of that id, whatever its status."""
        return self._by_id.get(name)

    @staticmethod
    def next_due(state: Subscriber) -> int | None:
        """Microseconds at which the state's earliest timer fires; None without timers."""
        return next_due(state)

    def on_event(
        self,
        state: Subscriber,
        profile: Profile | None,
        event: Event,
        feeds: Feeds = NO_FEEDS,
    ) -> Step:
        """Fires the state's own timers due at or before the event, then takes the event."""
        now = event.time
        verdicts: list[Verdict] = []
        due = next_due(state)
        if due is not None and due <= now:
            step = self.on_clock(state, profile, now, feeds)
            state, verdicts = step.state, step.verdicts
        membership = self._membership(event.cell)
        firings: Sequence[Firing] = ()
        if event.type in self._index.types:
            firings = self._completed(event, profile, membership)
        known = event.identity != UNKNOWN_IDENTITY
        before = state
        if known:
            state = self._moved(state, event, membership)
        if not firings and (state is before or not _is_due(state, now)):
            return Step(state, verdicts)
        step = self._instant(state, profile, now, firings, feeds, known=known)
        return Step(step.state, verdicts + step.verdicts) if verdicts else step

    def on_clock(
        self,
        state: Subscriber,
        profile: Profile | None,
        now: int,
        feeds: Feeds = NO_FEEDS,
    ) -> Step:
        """Fires the timers due at or before `now`, in the order (due, campaign).

        Each verdict's time is the timer's due time. No timer due by then is left afterwards.
        """
        verdicts: list[Verdict] = []
        while (due := next_due(state)) is not None and due <= now:
            step = self._instant(state, profile, due, (), feeds, known=True)
            state = step.state
            verdicts += step.verdicts
        return Step(state, verdicts)

    def on_outcome(self, state: Subscriber, campaign: str, outcome: str, time: int) -> Step:
        """What became of an offer of `campaign`: whoever answered gets no further wave of it.

        What its shared budget refused gives back what it used up of the person's caps.

        Args:
            state: the subscriber's.
            campaign: its id.
            outcome: as in the topic ``outcomes``.
            time: microseconds; of what was sold out, those of the decision. Fires nothing.
        """
        if outcome == SOLD_OUT:
            return Step(waves.given_back(state, campaign, time), [])
        if outcome not in waves.ENDING:
            return Step(state, [])
        left, held = waves.ended(state, campaign)
        scene = self._scene(state, None, time)
        checks = [("wave", outcome)]
        verdicts = [
            governance.refused_hold(hold, state.subscriber, scene, checks, NOT_IN_AUDIENCE)
            for hold in held
        ]
        return Step(left, verdicts)

    def city(self, event: Event) -> str | None:
        """The city of the event's cell by the cell table; None if it is not known."""
        return self._whereabouts.city(event)

    def number_class(self, event: Event, profile: Profile | None) -> str | None:
        """The event's number class, completed from where the subscriber lives or is."""
        return self._whereabouts.number_class(event, profile, self._membership(event.cell))

    # From events to triggers

    def _completed(
        self, event: Event, profile: Profile | None, membership: Membership | None
    ) -> list[Firing]:
        """Triggers that this event alone completes."""
        known_class = event.number_class
        if self._index.classes:
            known_class = self._whereabouts.number_class(event, profile, membership)
        fired = []
        for trigger in self._index.moments(event, known_class, membership):
            if trigger.matches(event):
                fired.append(trigger.fired(event))  # noqa: PERF401  a comprehension is one call more
        return fired

    def _moved(self, state: Subscriber, event: Event, membership: Membership | None) -> Subscriber:
        """The state after what an event of a known person does to their progress."""
        if membership is not None:
            state = self._sampling.sampled(state, event, membership)
        if state.stays and event.type == events.SUBSCRIBER_DETACHED:
            state = self._sampling.detached(state)
        return state

    # From triggers to verdicts

    def _instant(  # noqa: PLR0913  all that an instant depends on
        self,
        state: Subscriber,
        profile: Profile | None,
        now: int,
        firings: Sequence[Firing],
        feeds: Feeds,
        *,
        known: bool,
    ) -> Step:
        """Decides all that is due at `now` together, since campaigns meet in an instant."""
        stays, came = state.stays, firings
        if stays:
            timed, stays = self._sampling.fired(state, now, feeds)
            came = (*timed, *firings)
        doubted = combinations.doubted(state.progress, now, feeds) if feeds else state.progress
        progress, came = self._circuit.run(doubted, came, now)
        scene = self._scene(state, profile, now)
        cases = [
            case.of_firing(
                firing,
                campaign,
                state.subscriber,
                now,
                self._seen_event(firing, campaign, profile) if campaign.asks_event else None,
                known=known,
            )
            for firing in came
            for campaign in self._served.get(firing.key, ())
        ]
        verdicts: list[Verdict] = []
        if state.holds or state.waves:
            cases += self._further(state, now)
            verdicts = self._ended(state, scene, cases)
        verdicts += governance.decide(scene, cases)
        if len(verdicts) > 1:
            verdicts.sort(key=lambda verdict: (verdict.campaign, verdict.offer, verdict.step))
        if not known:
            return Step(state, verdicts)
        agreed = 0
        if profile is not None and profile.terms is not None:
            agreed = consent.window(profile.terms)
        sent = self._retention.kept(scene.sent, now, agreed)
        holds, further = tuple(scene.holds), tuple(scene.waves)
        after = Subscriber(state.subscriber, state.last, stays, holds, sent, progress, further)
        return Step(after, verdicts)

    def _scene(self, state: Subscriber, profile: Profile | None, now: int) -> Scene:
        return Scene(
            now,
            profile,
            self.settings,
            self._by_key,
            list(state.sent),
            [hold for hold in state.holds if hold.not_before > now] if state.holds else [],
            [wave for wave in state.waves if wave.due > now] if state.waves else [],
            len(state.sent),
            self._answered,
        )

    def _further(self, state: Subscriber, now: int) -> Iterator[Case]:
        """A case for each further wave that is due, if its campaign still has one."""
        for wave in state.waves:
            campaign = self._by_id.get(wave.campaign)
            if wave.due <= now and campaign is not None and waves.goes_on(campaign, wave):
                yield case.of_wave(wave, campaign, state.subscriber)

    def _ended(self, state: Subscriber, scene: Scene, cases: list[Case]) -> list[Verdict]:
        """Adds a case for each hold that ends; refuses those whose campaign is gone or a draft."""
        verdicts = []
        for hold in state.holds:
            if hold.not_before > scene.now:
                continue
            campaign = self._by_id.get(hold.campaign)
            if campaign is None or campaign.status == DRAFT:
                verdicts.append(_stopped(hold, campaign, state.subscriber, scene))
            else:
                cases.append(case.of_hold(hold, campaign, state.subscriber))
        return verdicts

    def _seen_event(
        self, firing: Firing, campaign: Campaign, profile: Profile | None
    ) -> dict[str, object]:
        """What the campaign's expression sees as ``event``."""
        mark = firing.evidence[-1]
        city = self._whereabouts.placed(mark).city if mark.lac is not None else None
        known_class = None if firing.event is None else self.number_class(firing.event, profile)
        return audience.seen_event(firing, campaign.kind, city, known_class, self.settings.zone)


def _is_due(state: Subscriber, now: int) -> bool:
    due = next_due(state)
    return due is not None and due <= now


def _stopped(hold: Hold, campaign: Campaign | None, subscriber: str, scene: Scene) -> Verdict:
    checks = [("status", "gone" if campaign is None else DRAFT)]
    return governance.refused_hold(hold, subscriber, scene, checks, STOPPED)
