"""One step of one partition, in memory: loaded states and items of the log in, a commit out.

Pure: no store, no queue, no clock but the log's; what the rules are stands behind a small port.

Timers fire by a tick, in the order (due, subscriber), or before a later event of their own
subscriber, and by nothing else: their results are the same for any number of partitions (P1).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from decoders.errors import XinlingError
from decoders.events import Event
from rules import profile as profiles
from rules import state as states
from rules.budget import Budget
from rules.checks import spender_of
from rules.feed import Feed, Feeds
from rules.packed import decode as state_of
from rules.packed import encode as packed_state
from rules.profile import Profile
from rules.state import Subscriber
from rules.verdicts import Verdict
from stream.batcher import second_before
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
from stream.state import Commit, Loaded, OutboxEntry, Progress, encode_entry

UNREADABLE_STATE = "state unreadable"
UNREADABLE_PROFILE = "profile unreadable"
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


class _Known:
    """One subscriber within a step."""

    __slots__ = (
        "aside",
        "due",
        "erased",
        "name",
        "packed",
        "profile",
        "state",
        "touched",
        "written",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = Subscriber(name)
        self.packed: bytes | None = None
        """The profile as stored."""
        self.profile: Profile | None = None
        self.due: int | None = None
        self.aside: str | None = None
        """Why the stored state cannot be used: the subscriber is passed over, never guessed."""
        self.erased = False
        self.touched = False
        """The state has changed."""
        self.written = False
        """The profile has changed."""


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
        self._clocks = loaded.progress.clocks
        self._left = loaded.progress.left
        self._sequences: dict[str, int] = {}
        self._feeds: Feeds = loaded.progress.feeds
        self._scored: dict[str, Feed] = {}
        self._position = 0
        self._known: dict[str, _Known] = {}
        self._stored_due: dict[str, int | None] = {name: due for due, name in loaded.due}
        self._timers = list(loaded.due)
        self._all_until = loaded.due[-1] if 0 < limit <= len(loaded.due) else None
        self._bundle: dict[str, bytes] | None = None

    def run(self, source: str, items: Iterable[Item], position: int) -> int:
        """Handles `items`, the first of which stands at `position`; gives the position reached.

        That is the place of a tick, short of the end, where more timers are due than were loaded.
        """
        self._position = position
        for item in items:
            if isinstance(item, Signal):
                self._signal(source, item)
            elif isinstance(item, Tick):
                if not self._tick(item):
                    return self._position
            elif isinstance(item, FeedLeft):
                if not self._leave(item.feed):
                    return self._position
            elif isinstance(item, FeedScored):
                self._score(source, item)
            elif not self._applied(source, item.seq):
                self._change(item)
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
            clocks=before.ticked(self._clocks),
            left=self._left,
            spent=self._spent,
        )
        commit = Commit(
            progress=progress,
            outbox=[encode_entry(entry) for entry in self.decided],
            rules=self._bundle,
        )
        for known in self._known.values():
            self._collect(known, commit)
        return commit

    def _collect(self, known: _Known, commit: Commit) -> None:
        name = known.name
        if known.aside is not None or known.erased:
            commit.aside[name] = known.aside
        if known.touched:
            commit.states[name] = (
                None if known.state.empty else packed_state(known.state, keyed=True)
            )
        if known.written:
            commit.profiles[name] = known.packed
        if known.due != self._stored_due.get(name):
            commit.timers[name] = known.due

    # one item

    def _signal(self, source: str, signal: Signal) -> None:
        if signal.seq <= self._last_seen(source):
            self.repeated += 1
            return
        self._sequences[source] = signal.seq
        rules, known = self.rules, self._subscriber(signal.event.subscriber)
        if rules is None or known.aside is not None:
            return
        event = signal.event
        self.events += 1
        self.late += event.time <= self._clock
        feeds = self._feeds
        self._decide(known, lambda: rules.on_event(known.state, known.profile, event, feeds))

    def _applied(self, source: str, seq: int) -> bool:
        """Whether a change was applied before: what has come since must not be undone by a copy."""
        if not seq:
            return False
        if seq <= self._last_seen(source):
            self.repeated += 1
            return True
        self._sequences[source] = seq
        return False

    def _change(self, item: Change) -> None:
        if isinstance(item, RulesChanged):
            self._change_rules(item)
        elif isinstance(item, BudgetSpent):
            self._spend(item)
        elif isinstance(item, OutcomeRecorded):
            self._outcome(item)
        else:
            self._change_profile(item)

    def _last_seen(self, source: str) -> int:
        seen = self._sequences.get(source)
        return self._loaded.progress.sequences.get(source, -1) if seen is None else seen

    def _tick(self, item: Tick) -> bool:
        """Takes one feed's clock; gives False where more is due than was loaded."""
        if not item.feed:  # the only one, as in a replay
            return self._run_on(item.time)
        others = {feed: time for feed, time in self._clocks.items() if feed != item.feed}
        reached = max(item.time, self._clocks.get(item.feed, item.time))
        self._clocks = {**others, item.feed: reached}
        return self._run_on(min(self._clocks.values()))

    def _leave(self, feed: str) -> bool:
        """Waits for a feed no more; gives False where more is due than was loaded."""
        self._left = max(self._left, self._clocks.get(feed, self._left))
        self._clocks = {name: time for name, time in self._clocks.items() if name != feed}
        return self._run_on(min(self._clocks.values(), default=self._left))

    def _run_on(self, time: int) -> bool:
        """The clock up to that of the slowest feed, and what is due by then."""
        if time <= self._clock:
            return True
        if self.rules is not None and not self._fire(self.rules, time):
            return False
        self._clock = time
        return True

    def _fire(self, rules: Rules, time: int) -> bool:
        loaded = self._all_until
        while self._timers and self._timers[0][0] <= time:
            if loaded is not None and self._timers[0] > loaded:
                return False
            due, name = heapq.heappop(self._timers)
            known = self._subscriber(name)
            if known.due == due:
                self._fire_one(rules, known, due)
        return loaded is None or time < loaded[0]

    def _fire_one(self, rules: Rules, known: _Known, due: int) -> None:
        self.fired += 1
        known.due = None  # whatever the rules say: a timer that fired is not left behind
        feeds = self._feeds
        if not self._decide(known, lambda: rules.on_clock(known.state, known.profile, due, feeds)):
            return
        left = states.next_due(known.state)
        if left is not None and left <= due:
            self._fault(RULES_FAILED, "a timer that fired was still due afterwards")
            known.due = None

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
        rules, known = self.rules, self._subscriber(item.subscriber)
        if item.outcome == OPTED_OUT:
            self._write_profile(known, profiles.encode(profiles.opted_out(known.profile)))
        if rules is None or known.aside is not None:
            return
        self._decide(
            known,
            lambda: rules.on_outcome(known.state, item.campaign, item.outcome, item.time),
        )

    def _change_profile(self, item: ProfileChanged | OptedOut | Erased) -> None:
        known = self._subscriber(item.subscriber)
        if isinstance(item, Erased):
            self._erase(known)
        elif isinstance(item, OptedOut):
            self._write_profile(known, profiles.encode(profiles.opted_out(known.profile)))
        else:
            self._write_profile(known, self._still_no(known, item.profile))

    def _still_no(self, known: _Known, packed: bytes) -> bytes:
        """A profile loaded again does not take back what the subscriber said (P3).

        Nor where their control groups are drawn from, once that is not the pseudonym any more.
        """
        if known.profile is None or not (known.profile.opted_out or known.profile.seed):
            return packed
        return profiles.encode(profiles.after(known.profile, self._unpack_profile(packed)))

    def _erase(self, known: _Known) -> None:
        said_no = known.profile is not None and known.profile.opted_out
        known.state = Subscriber(known.name)
        known.touched = known.erased = True
        known.due = known.aside = None
        self._write_profile(known, profiles.encode(profiles.opted_out(None)) if said_no else None)

    def _write_profile(self, known: _Known, packed: bytes | None) -> None:
        known.packed = packed
        known.written = True
        known.profile = self._unpack_profile(packed)

    # one subscriber

    def _subscriber(self, name: str) -> _Known:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = _Known(name)
            known.packed = self._loaded.profiles.get(name)
            known.profile = self._unpack_profile(known.packed)
            self._unpack_state(known)
        return known

    def _unpack_state(self, known: _Known) -> None:
        packed = self._loaded.states.get(known.name)
        if packed is None:
            return
        try:
            known.state = state_of(packed, known.name)
        except Exception as error:  # noqa: BLE001  damaged bytes may fail in any way
            known.aside = f"{type(error).__name__}: {error}"
            self._fault(UNREADABLE_STATE, known.aside)
        else:
            due = states.next_due(known.state)
            known.due = self._stored_due.setdefault(known.name, due)
            self._set_timer(known, due)

    def _unpack_profile(self, packed: bytes | None) -> Profile | None:
        """None where it cannot be read: what is missing means no (P3)."""
        if packed is None:
            return None
        try:
            return profiles.decode(packed)
        except Exception as error:  # noqa: BLE001  damaged bytes may fail in any way
            self._fault(UNREADABLE_PROFILE, f"{type(error).__name__}: {error}")
            return None

    def _decide(self, known: _Known, ask: Callable[[], Decision]) -> bool:
        """Takes over what the rules answer; gives False where they fail."""
        clock, rules = self._clock, self.rules
        try:
            decision = ask()
        except Exception as error:  # noqa: BLE001  one event must not stop a partition (P4)
            self._fault(RULES_FAILED, type(error).__name__)
            return False
        if decision.state is not known.state:
            known.state = decision.state
            known.touched = True
            self._set_timer(known, states.next_due(known.state))
        for verdict in decision.verdicts:
            second = max(clock, second_before(verdict.time))
            budget = rules.budget(verdict) if rules else None
            self.decided.append(OutboxEntry(second, verdict, budget))
        return True

    def _set_timer(self, known: _Known, due: int | None) -> None:
        if known.due != due:
            known.due = due
            if due is not None:
                heapq.heappush(self._timers, (due, known.name))

    def _fault(self, reason: str, explanation: str) -> None:
        self.faults.append(Fault(reason, self._position, explanation))
