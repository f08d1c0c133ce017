"""One step of one partition, in memory: loaded states and items of the log in, a commit out.

Pure: no store, no queue, no clock but the log's; what the rules are stands behind a small port.

Timers fire by a tick, in the order (due, subscriber), or before a later event of their own
subscriber, and by nothing else: their results are the same for any number of partitions (P1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from decoders.errors import XinlingError
from decoders.events import Event
from rules import profile as profiles
from rules.budget import Budget
from rules.checks import spender_of
from rules.feed import Feed, Feeds
from rules.profile import Profile
from rules.state import Subscriber, next_due
from rules.verdicts import Verdict
from stream.batcher import second_before
from stream.clocks import Clocks
from stream.log import (
    BudgetSpent,
    Erased,
    FeedLeft,
    FeedScored,
    Item,
    OfSubscriber,
    OptedOut,
    OutcomeRecorded,
    ProfileChanged,
    RulesChanged,
    Signal,
    Tick,
)
from stream.people import People, Person
from stream.state import Commit, Loaded, OutboxEntry, Progress, encode_entry

UNUSABLE_RULES = "rules unusable"
RULES_FAILED = "rules failed"

OPTED_OUT = "opted out"
"""The outcome."""


class Decision(Protocol):
    """What the rules give back; `rules.engine.Step` is one."""

    @property
    def state(self) -> Subscriber:
        """The state from here on."""

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """What was decided, in order."""


class Rules(Protocol):
    """A set of rules; `rules.engine.RuleSet` is one."""

    @property
    def hash(self) -> str:
        """Of the whole bundle."""

    def on_event(
        self, state: Subscriber, profile: Profile | None, event: Event, feeds: Feeds
    ) -> Decision:
        """Fires the state's own timers due at or before the event, then takes the event."""

    def on_clock(
        self, state: Subscriber, profile: Profile | None, now: int, feeds: Feeds
    ) -> Decision:
        """Fires the state's timers due at or before `now`; none of these is left afterwards."""

    def on_outcome(self, state: Subscriber, campaign: str, outcome: str, time: int) -> Decision:
        """Takes what became of an offer of a campaign."""

    def spent(self, totals: Mapping[str, int]) -> Rules:
        """These rules where so much of shared totals is used up."""

    def budget(self, verdict: Verdict) -> Budget | None:
        """The shared budget that a verdict must be granted from, if it is to be sent."""


Change = RulesChanged | BudgetSpent | OfSubscriber
LoadRules = Callable[[str, dict[str, bytes]], Rules]
"""Hash and bundle in, rules out; raises `XinlingError` for a bundle that cannot be used."""


class Fault(NamedTuple):
    """Something in the log or the store that could not be used; the partition goes on."""

    reason: str
    """One of the few texts above, fit for a metric's label."""
    position: int
    """Of the item in its batch."""
    explanation: str


class StepRun:
    """Runs items over what was loaded; `commit` gives what to write.

    Attributes:
        faults: what could not be used.
        repeated: events that had been seen before.
        late: events whose time the clock had passed already; they count all the same.
        events: events that the rules saw.
        fired: timers that a tick fired.
        decided: in order; what a shared budget must grant is a candidate yet.
        rules: in force at the end.
    """

    def __init__(self, loaded: Loaded, limit: int, rules: Rules | None, load: LoadRules) -> None:
        """`limit` is the one that `loaded` was loaded with."""
        self.faults: list[Fault] = []
        self.repeated = 0
        self.late = 0
        self.events = 0
        self.fired = 0
        self.decided: list[OutboxEntry] = []
        self._spent = loaded.progress.spent
        self.rules = rules.spent(self._spent) if rules and self._spent else rules
        self._load = load
        self._loaded = loaded
        self._clock = loaded.progress.clock
        self._clocks = Clocks.of(loaded.progress)
        self._sequences: dict[str, int] = {}
        self._feeds: Feeds = loaded.progress.feeds
        self._scored: dict[str, Feed] = {}
        self._position = 0
        self._people = People(loaded, limit, self._fault)
        self._bundle: dict[str, bytes] | None = None

    def run(self, source: str, items: Iterable[Item], position: int) -> int:
        """Handles `items`, the first of which stands at `position`; gives the position reached.

        That is the place of a tick, short of the end, where more timers are due than were loaded.
        """
        self._position = position
        for item in items:
            if isinstance(item, Signal):
                if self._is_new(source, item.seq):
                    self._signal(item.event)
            elif not self._other(source, item):
                return self._position
            self._position += 1
        return self._position

    def commit(self, *, epoch: str, offset: int, position: int) -> Commit:
        """What to write; `epoch`, `offset` and `position` say where in the log to go on."""
        before = self._loaded.progress
        stands = (epoch, offset, position) == (before.epoch, before.offset, before.position)
        progress = Progress(
            epoch=epoch,
            offset=offset,
            position=position,
            clock=self._clock,
            rules=before.rules if self.rules is None else self.rules.hash,
            sequences=before.heard(self._sequences),
            past_epochs=before.begun(epoch).past_epochs,
            feeds=before.scored(self._scored),
            turns=before.turns + 1 if stands else 0,
            clocks=before.ticked(self._clocks.clocks),
            left=self._clocks.left,
            spent=self._spent,
        )
        commit = Commit(
            progress=progress,
            outbox=[encode_entry(entry) for entry in self.decided],
            rules=self._bundle,
        )
        self._people.collect(commit)
        return commit

    # one item

    def _other(self, source: str, item: Change | Tick | FeedLeft | FeedScored) -> bool:
        """Takes what is no event; gives False where more is due than was loaded."""
        if isinstance(item, Tick | FeedLeft):
            return self._run_on(self._clocks.heard(item))
        if isinstance(item, FeedScored):
            self._score(source, item)
        elif not item.seq or self._is_new(source, item.seq):
            self._change(item)
        return True

    def _is_new(self, source: str, seq: int) -> bool:
        """Whether it was not seen before: what has come since must not be undone by a copy."""
        seen = self._sequences.get(source)
        if seen is None:
            seen = self._loaded.progress.sequences.get(source, -1)
        if seq <= seen:
            self.repeated += 1
            return False
        self._sequences[source] = seq
        return True

    def _signal(self, event: Event) -> None:
        rules, person = self.rules, self._people.of(event.subscriber)
        if rules is None or person.aside is not None:
            return
        self.events += 1
        if event.time <= self._clock:
            self.late += 1
        try:
            decision = rules.on_event(person.state, person.profile, event, self._feeds)
        except Exception as error:  # noqa: BLE001  one event must not stop a partition (P4)
            self._fault(RULES_FAILED, type(error).__name__)
        else:
            self._take(rules, person, decision)

    def _change(self, item: Change) -> None:
        if isinstance(item, RulesChanged):
            self._change_rules(item)
        elif isinstance(item, BudgetSpent):
            self._spend(item)
        elif isinstance(item, OutcomeRecorded):
            self._outcome(item)
        else:
            self._change_profile(item)

    def _run_on(self, time: int) -> bool:
        """The clock up to `time`, and what is due by then; False: more than was loaded."""
        if time <= self._clock:
            return True
        if self.rules is not None and not self._fire(self.rules, time):
            return False
        self._clock = time
        return True

    def _fire(self, rules: Rules, time: int) -> bool:
        while timer := self._people.next_timer(time):
            self._fire_one(rules, *timer)
        return self._people.all_fired(time)

    def _fire_one(self, rules: Rules, person: Person, due: int) -> None:
        self.fired += 1
        person.due = None  # whatever the rules say: a timer that fired is not left behind
        try:
            decision = rules.on_clock(person.state, person.profile, due, self._feeds)
        except Exception as error:  # noqa: BLE001  one timer must not stop a partition (P4)
            self._fault(RULES_FAILED, type(error).__name__)
            return
        self._take(rules, person, decision)
        left = next_due(person.state)
        if left is not None and left <= due:
            self._fault(RULES_FAILED, "a timer that fired was still due afterwards")
            person.due = None

    def _score(self, source: str, item: FeedScored) -> None:
        feed = self._feeds.get(source, Feed()).after(item.time, item.areas)
        self._scored[source] = feed
        self._feeds = {**self._feeds, source: feed}

    def _change_rules(self, item: RulesChanged) -> None:
        try:
            self.rules = self._load(item.hash, item.bundle)
        except XinlingError as error:
            self._fault(UNUSABLE_RULES, str(error))
        else:
            self._bundle = item.bundle
            if self._spent:
                self.rules = self.rules.spent(self._spent)

    def _spend(self, item: BudgetSpent) -> None:
        key = spender_of(item.campaign, shadow=item.shadow)
        self._spent = {**self._spent, key: item.spent}
        if self.rules is not None:
            self.rules = self.rules.spent(self._spent)

    def _outcome(self, item: OutcomeRecorded) -> None:
        rules, person = self.rules, self._people.of(item.subscriber)
        if item.outcome == OPTED_OUT:
            self._opt_out(person)
        if rules is None or person.aside is not None:
            return
        try:
            decision = rules.on_outcome(person.state, item.campaign, item.outcome, item.time)
        except Exception as error:  # noqa: BLE001  one outcome must not stop a partition (P4)
            self._fault(RULES_FAILED, type(error).__name__)
        else:
            self._take(rules, person, decision)

    def _change_profile(self, item: ProfileChanged | OptedOut | Erased) -> None:
        person = self._people.of(item.subscriber)
        if isinstance(item, Erased):
            self._people.erase(person)
        elif isinstance(item, OptedOut):
            self._opt_out(person)
        else:
            self._people.write_profile(person, self._still_no(person, item.profile))

    def _opt_out(self, person: Person) -> None:
        said_no = profiles.encode(profiles.opted_out(person.profile))
        self._people.write_profile(person, said_no)

    def _still_no(self, person: Person, packed: bytes) -> bytes:
        """A profile loaded again does not take back what the subscriber said (P3).

        Nor where their control groups are drawn from, once that is not the pseudonym any more.
        """
        known = person.profile
        if known is None or not (known.opted_out or known.seed):
            return packed
        return profiles.encode(profiles.after(known, self._people.profile(packed)))

    def _take(self, rules: Rules, person: Person, decision: Decision) -> None:
        """Takes over what the rules answered."""
        if decision.state is not person.state:
            self._people.change(person, decision.state)
        for verdict in decision.verdicts:
            second = max(self._clock, second_before(verdict.time))
            self.decided.append(OutboxEntry(second, verdict, rules.budget(verdict)))

    def _fault(self, reason: str, explanation: str) -> None:
        self.faults.append(Fault(reason, self._position, explanation))
