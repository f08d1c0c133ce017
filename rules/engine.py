"""The step: a subscriber's state and an event or the clock in, the state after and verdicts out.

`RuleSet` is everything that decides, read from a bundle of files. It is pure: the same bundle,
states, profiles and events give the same verdicts, and no state is changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from decoders import events
from decoders.events import Event
from rules import bundle as files
from rules import combinations, governance, history, waves
from rules import state as states
from rules.areas import Membership, Places
from rules.bundle import Rules
from rules.campaign import DRAFT, FIRST_WAVE, Campaign
from rules.combinations import Circuit
from rules.feed import NO_FEEDS, Feeds, fallen
from rules.firing import Firing
from rules.governance import Case, Scene
from rules.index import Index
from rules.movements import Seen
from rules.number_class import LOCAL, LONG_DISTANCE, UNKNOWN, number_class
from rules.profile import Profile
from rules.state import Hold, Mark, Stay, Subscriber, Wave, network_of
from rules.triggers import Wiring
from rules.verdicts import Verdict
from rules.zones import local

UNKNOWN_IDENTITY = "unknown"
ABSENCES = frozenset({"left", "absent"})
"""Triggers that rest on nothing having been seen: a feed that fell silent makes them come true."""
_OPEN_CLASSES = frozenset({None, UNKNOWN, LOCAL, LONG_DISTANCE})


class Step(NamedTuple):
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
        self._places = Places(rules.areas, rules.cells, rules.settings.network)
        self._by_key = {campaign.key: campaign for campaign in rules.campaigns}
        self._by_id = {campaign.id: campaign for campaign in rules.campaigns}
        self._served: dict[int, list[Campaign]] = {}
        wiring = Wiring(self._places.number)
        for campaign in rules.campaigns:
            if campaign.status != DRAFT:
                key = wiring.add(campaign.kind, campaign.trigger)
                self._served.setdefault(key, []).append(campaign)
        self._index = Index(wiring.leaves.values())
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

    def campaign(self, name: str) -> Campaign | None:
        """The campaign of that id, whatever its status."""
        return self._by_id.get(name)

    @staticmethod
    def next_due(state: Subscriber) -> int | None:
        """Microseconds at which the state's earliest timer fires; None without timers."""
        return states.next_due(state)

    def on_event(
        self,
        state: Subscriber,
        profile: Profile | None,
        event: Event,
        feeds: Feeds = NO_FEEDS,
    ) -> Step:
        """Fires the state's own timers due at or before the event, then takes the event."""
        verdicts: list[Verdict] = []
        if state.stays or state.holds or state.progress or state.waves:
            state, verdicts = self.on_clock(state, profile, event.time, feeds)
        known = event.identity != UNKNOWN_IDENTITY
        if known and event.trust is not None and state.progress:
            state = msgspec.structs.replace(state, progress=combinations.distrusted(state.progress))
        membership = self._membership(event)
        firings = self._completed(event, profile, membership)
        if known and membership is not None:
            state = self._sampled(state, event, membership)
        if known and event.type == events.SUBSCRIBER_DETACHED and state.stays:
            state = self._detached(state)
        if not firings and not self._due(state, event.time):
            return Step(state, verdicts)
        state, decided = self._instant(state, profile, event.time, firings, feeds, known=known)
        return Step(state, verdicts + decided)

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
        while (due := states.next_due(state)) is not None and due <= now:
            state, decided = self._instant(state, profile, due, [], feeds, known=True)
            verdicts += decided
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
        if outcome == governance.SOLD_OUT:
            return Step(waves.given_back(state, campaign, time), [])
        if outcome not in waves.ENDING:
            return Step(state, [])
        left, held = waves.ended(state, campaign)
        scene = self._scene(state, None, time)
        checks = [("wave", outcome)]
        verdicts = [
            governance.refused_hold(
                hold, state.subscriber, scene, checks, governance.NOT_IN_AUDIENCE
            )
            for hold in held
        ]
        return Step(left, verdicts)

    def city(self, event: Event) -> str | None:
        """The city of the event's cell by the cell table; None if it is not known."""
        membership = self._membership(event)
        return membership.city if membership else None

    def number_class(self, event: Event, profile: Profile | None) -> str | None:
        """The event's number class, completed from where the subscriber lives or is."""
        return self._class(event, profile, self._membership(event))

    # From events to triggers

    def _membership(self, event: Event) -> Membership | None:
        cell = event.cell
        if cell is None or cell.lac is None:
            return None
        return self._places.at(network_of(cell), cell.lac, cell.ci)

    def _placed(self, mark: Mark) -> Membership:
        return self._places.at(mark.network, mark.lac, mark.ci)

    def _class(
        self, event: Event, profile: Profile | None, membership: Membership | None
    ) -> str | None:
        if event.other_party is None or event.number_class not in _OPEN_CLASSES:
            return event.number_class
        home = (profile.home_city if profile else "") or None
        here = membership.city if membership else None
        city = (home or here) if self.settings.from_home else (here or home)
        return number_class(event.other_party.destination, city, self.settings.country)

    def _completed(
        self, event: Event, profile: Profile | None, membership: Membership | None
    ) -> list[Firing]:
        """Triggers that this event alone completes."""
        if not self._index.asks(event.type):
            return []
        known_class = event.number_class
        if self._index.classes:
            known_class = self._class(event, profile, membership)
        found = self._index.moments(event, known_class, membership)
        return [trigger.fired(event) for trigger in found if trigger.matches(event)]

    def _sampled(self, state: Subscriber, event: Event, membership: Membership) -> Subscriber:
        """The state after a sample; one older than the last changes nothing.

        Of whoever makes no progress nothing is kept, unless somebody asks for arrivals.
        """
        if not state.stays and not (self._index.watches and self._index.begins(membership)):
            return state if state.last is None else msgspec.structs.replace(state, last=None)
        before = state.last
        if before is not None and event.time < before.time:
            return state
        seen = Seen(
            Mark.of(event),
            membership,
            before,
            self._placed(before) if before else None,
            event.trust is not None,
        )
        stays = {key: stay for key, stay in state.stays.items() if key in self._index.places}
        for key, trigger in self._index.concerned(membership, stays).items():
            stay = trigger.advance(stays.get(key), seen)
            if stay is None:
                stays.pop(key, None)
            else:
                stays[key] = stay
        last = seen.mark if stays or self._index.arrivals else None
        return msgspec.structs.replace(state, last=last, stays=stays)

    def _detached(self, state: Subscriber) -> Subscriber:
        stays: dict[int, Stay] = {}
        for key, stay in state.stays.items():
            trigger = self._index.places.get(key)
            after = trigger.after_detach(stay) if trigger else None
            if after is not None:
                stays[key] = after
        return msgspec.structs.replace(state, stays=stays)

    # From triggers to verdicts

    @staticmethod
    def _due(state: Subscriber, now: int) -> bool:
        due = states.next_due(state)
        return due is not None and due <= now

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
        timed, stays = self._fired(state, now, feeds)
        doubted = combinations.doubted(state.progress, now, feeds) if feeds else state.progress
        progress, came = self._circuit.run(doubted, (*timed, *firings), now)
        due = [hold for hold in state.holds if hold.not_before <= now]
        scene = self._scene(state, profile, now)
        cases = [
            case
            for firing in came
            for case in self._cases(firing, state.subscriber, scene, known=known)
        ]
        cases += self._further(state, now)
        verdicts = self._ended(due, state.subscriber, scene, cases)
        verdicts += governance.decide(scene, cases)
        verdicts.sort(key=lambda verdict: (verdict.campaign, verdict.offer, verdict.step))
        sent = self._retention.kept(scene.sent, now)
        after = Subscriber(
            state.subscriber,
            state.last,
            stays,
            tuple(scene.holds),
            sent,
            progress,
            tuple(scene.waves),
        )
        return Step(after if known else state, verdicts)

    def _scene(self, state: Subscriber, profile: Profile | None, now: int) -> Scene:
        return Scene(
            now=now,
            profile=profile,
            settings=self.settings,
            campaigns=self._by_key,
            sent=list(state.sent),
            holds=[hold for hold in state.holds if hold.not_before > now],
            waves=[wave for wave in state.waves if wave.due > now],
        )

    def _further(self, state: Subscriber, now: int) -> Iterator[Case]:
        """A case for each further wave that is due, if its campaign still has one."""
        for wave in state.waves:
            campaign = self._by_id.get(wave.campaign)
            if wave.due <= now and campaign is not None and waves.goes_on(campaign, wave):
                yield _case_of_wave(wave, campaign, state.subscriber)

    def _fired(
        self, state: Subscriber, now: int, feeds: Feeds
    ) -> tuple[list[Firing], dict[int, Stay]]:
        """Triggers whose timers are due, and the progress that is left."""
        firings = []
        stays = dict(state.stays)
        for key, stay in state.stays.items():
            if stay.due is None or stay.due > now:
                continue
            del stays[key]
            trigger = self._index.places.get(key)
            if trigger is None or not trigger.still_true(stay, self._placed):
                continue
            firing = trigger.fired(stay)
            if trigger.kind in ABSENCES and self._fallen(trigger.place, stay, now, feeds):
                firing = firing._replace(gap=True)
            firings.append(firing)
            if (after := trigger.after_firing(stay)) is not None:
                stays[key] = after
        return firings, stays

    def _fallen(self, place: int, stay: Stay, now: int, feeds: Feeds) -> bool:
        """Whether the feed of a place could not be trusted at some moment since the last sample."""
        for name in fallen(feeds, stay.last.time, now) if feeds else ():
            network, _, lac = name.rpartition("-")
            membership = self._places.at(network, int(lac), None)
            if place in membership.inside or place in membership.unknown:
                return True
        return False

    def _cases(
        self, firing: Firing, subscriber: str, scene: Scene, *, known: bool
    ) -> Iterable[Case]:
        """A case for each campaign that the trigger serves."""
        for campaign in self._served.get(firing.key, ()):
            yield Case(
                campaign=campaign,
                subscriber=subscriber,
                wave=FIRST_WAVE,
                offer=governance.offer_id(campaign.id, FIRST_WAVE, subscriber, firing.id),
                step=0,
                trigger=firing.id,
                since=scene.now,
                evidence=firing.evidence,
                gap=firing.gap,
                known=known,
                event=self._view(firing, campaign, scene),
            )

    def _view(self, firing: Firing, campaign: Campaign, scene: Scene) -> dict[str, object] | None:
        """What the campaign's expression sees as ``event``, if it asks."""
        if campaign.expression is None or "event" not in campaign.expression.names:
            return None
        mark = firing.evidence[-1]
        view: dict[str, object] = {"type": campaign.kind, "time": mark.time}
        if firing.event is not None:
            view = msgspec.to_builtins(firing.event)
            view["number_class"] = self.number_class(firing.event, scene.profile)
        view["city"] = self._placed(mark).city if mark.lac is not None else None
        when = local(mark.time, self.settings.zone)
        view |= {"date": str(when.date()), "hour": when.hour, "weekday": when.isoweekday()}
        return view

    def _ended(
        self, due: Sequence[Hold], subscriber: str, scene: Scene, cases: list[Case]
    ) -> list[Verdict]:
        """Adds a case for each hold that ends; refuses those whose campaign is gone or a draft."""
        verdicts = []
        for hold in due:
            campaign = self._by_id.get(hold.campaign)
            if campaign is None or campaign.status == DRAFT:
                checks = [("status", "gone" if campaign is None else DRAFT)]
                verdicts.append(
                    governance.refused_hold(hold, subscriber, scene, checks, governance.STOPPED)
                )
            else:
                cases.append(_case_of(hold, campaign, subscriber))
        return verdicts


def _case_of(hold: Hold, campaign: Campaign, subscriber: str) -> Case:
    return Case(
        campaign=campaign,
        subscriber=subscriber,
        wave=hold.wave,
        offer=hold.offer,
        step=hold.step + 1,
        trigger=hold.trigger,
        since=hold.since,
        evidence=hold.evidence,
        gap=hold.gap,
        known=True,
        event=hold.event,
        hold=hold,
    )


def _case_of_wave(wave: Wave, campaign: Campaign, subscriber: str) -> Case:
    return Case(
        campaign=campaign,
        subscriber=subscriber,
        wave=wave.wave,
        offer=governance.offer_id(campaign.id, wave.wave, subscriber, wave.trigger),
        step=0,
        trigger=wave.trigger,
        since=wave.due,
        evidence=wave.evidence,
        gap=wave.gap,
        known=True,
        event=wave.event,
    )
