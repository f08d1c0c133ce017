"""Whom a step has to do with: unpacked when first asked for, packed again where they changed.

Pure, as the step is. A state is unpacked once a step, however many events the subscriber has in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import lru_cache

from rules import profile as profiles
from rules.packed import decode as state_of
from rules.packed import encode as packed_state
from rules.profile import Profile
from rules.state import Subscriber, next_due
from stream.state import Commit, Loaded

UNREADABLE_STATE = "state unreadable"
UNREADABLE_PROFILE = "profile unreadable"

_PROFILES = 16_384
_profile_of = lru_cache(maxsize=_PROFILES)(profiles.decode)
"""Few profiles differ: a city, some products and segments. It keeps no more than so many."""

TellFault = Callable[[str, str], None]
"""Takes a reason and an explanation."""


class Person:
    """One subscriber within a step."""

    __slots__ = ("aside", "due", "name", "profile", "state")

    def __init__(self, name: str, state: Subscriber, profile: Profile | None) -> None:
        self.name = name
        self.state = state
        self.profile = profile
        self.due: int | None = None
        self.aside: str | None = None
        """Why the stored state cannot be used: the subscriber is passed over, never guessed."""


class People:
    """The subscribers of a step, and their timers."""

    def __init__(self, loaded: Loaded, limit: int, fault: TellFault) -> None:
        """`limit` is the one that `loaded` was loaded with."""
        self._loaded = loaded
        self._fault = fault
        self._known: dict[str, Person] = {}
        self._touched: dict[str, Person] = {}
        self._profiles: dict[str, bytes | None] = {}
        self._aside: dict[str, str | None] = {}
        self._stored_due: dict[str, int | None] = {name: due for due, name in loaded.due}
        self._timers = list(loaded.due)
        self._all_until = loaded.due[-1] if 0 < limit <= len(loaded.due) else None

    def of(self, name: str) -> Person:
        """The subscriber of that name, known or new."""
        person = self._known.get(name)
        if person is not None:
            return person
        loaded = self._loaded
        packed = loaded.profiles.get(name)
        profile = None if packed is None else self.profile(packed)
        stored = loaded.states.get(name)
        if stored is None:
            person = Person(name, Subscriber(name), profile)
        else:
            person = self._unpacked(name, stored, profile)
        self._known[name] = person
        return person

    def profile(self, packed: bytes | None) -> Profile | None:
        """None where it cannot be read: what is missing means no (P3)."""
        if packed is None:
            return None
        try:
            return _profile_of(packed)
        except Exception as error:  # noqa: BLE001  damaged bytes may fail in any way
            self._fault(UNREADABLE_PROFILE, f"{type(error).__name__}: {error}")
            return None

    def change(self, person: Person, state: Subscriber) -> None:
        """The state from here on."""
        person.state = state
        self._touched[person.name] = person
        due = next_due(state)
        if person.due != due:
            self._set_timer(person, due)

    def write_profile(self, person: Person, packed: bytes | None) -> None:
        """The profile from here on."""
        self._profiles[person.name] = packed
        person.profile = self.profile(packed)

    def erase(self, person: Person) -> None:
        """Forgets everything but an opt-out."""
        said_no = person.profile is not None and person.profile.opted_out
        person.state = Subscriber(person.name)
        self._touched[person.name] = person
        self._aside[person.name] = person.aside = person.due = None
        self.write_profile(person, profiles.encode(profiles.opted_out(None)) if said_no else None)

    def next_timer(self, until: int) -> tuple[Person, int] | None:
        """Takes the earliest timer at or before `until`, among those whose order is certain."""
        while self._timers and self._timers[0][0] <= until:
            if self._all_until is not None and self._timers[0] > self._all_until:
                return None
            due, name = heapq.heappop(self._timers)
            person = self.of(name)
            if person.due == due:
                return person, due
        return None

    def all_fired(self, until: int) -> bool:
        """Whether no more timers are due at or before `until` than were loaded."""
        return self._all_until is None or until < self._all_until[0]

    def collect(self, commit: Commit) -> None:
        """Puts what changed into `commit`."""
        commit.aside.update(self._aside)
        commit.profiles.update(self._profiles)
        for name, person in self._touched.items():
            empty = person.state.empty
            commit.states[name] = None if empty else packed_state(person.state, keyed=True)
        stored = self._stored_due
        for name, person in self._known.items():
            if person.due != stored.get(name):
                commit.timers[name] = person.due

    def _unpacked(self, name: str, stored: bytes, profile: Profile | None) -> Person:
        try:
            person = Person(name, state_of(stored, name), profile)
        except Exception as error:  # noqa: BLE001  damaged bytes may fail in any way
            person = Person(name, Subscriber(name), profile)
            self._aside[name] = person.aside = f"{type(error).__name__}: {error}"
            self._fault(UNREADABLE_STATE, person.aside)
            return person
        due = next_due(person.state)
        person.due = self._stored_due.setdefault(name, due)
        if person.due != due:
            self._set_timer(person, due)
        return person

    def _set_timer(self, person: Person, due: int | None) -> None:
        person.due = due
        if due is not None:
            heapq.heappush(self._timers, (due, person.name))
