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

    def __init__(self, name: str, packed: bytes | None) -> None:
        self.name = name
        self.state = Subscriber(name)
        self.packed = packed
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


class People:
    """The subscribers of a step, and their timers."""

    def __init__(self, loaded: Loaded, limit: int, fault: TellFault) -> None:
        """`limit` is the one that `loaded` was loaded with."""
        self._loaded = loaded
        self._fault = fault
        self._known: dict[str, Person] = {}
        self._stored_due: dict[str, int | None] = {name: due for due, name in loaded.due}
        self._timers = list(loaded.due)
        self._all_until = loaded.due[-1] if 0 < limit <= len(loaded.due) else None

    def of(self, name: str) -> Person:
        """The subscriber of that name, known or new."""
        person = self._known.get(name)
        if person is not None:
            return person
        packed = self._loaded.profiles.get(name)
        person = self._known[name] = Person(name, packed)
        if packed is not None:
            person.profile = self.profile(packed)
        state = self._loaded.states.get(name)
        if state is not None:
            self._unpack(person, state)
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
        person.touched = True
        self._set_timer(person, next_due(state))

    def write_profile(self, person: Person, packed: bytes | None) -> None:
        """The profile from here on."""
        person.packed = packed
        person.written = True
        person.profile = self.profile(packed)

    def erase(self, person: Person) -> None:
        """Forgets everything but an opt-out."""
        said_no = person.profile is not None and person.profile.opted_out
        person.state = Subscriber(person.name)
        person.touched = person.erased = True
        person.due = person.aside = None
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
        for name, person in self._known.items():
            if person.aside is not None or person.erased:
                commit.aside[name] = person.aside
            if person.touched:
                empty = person.state.empty
                commit.states[name] = None if empty else packed_state(person.state, keyed=True)
            if person.written:
                commit.profiles[name] = person.packed
            if person.due != self._stored_due.get(name):
                commit.timers[name] = person.due

    def _unpack(self, person: Person, packed: bytes) -> None:
        try:
            person.state = state_of(packed, person.name)
        except Exception as error:  # noqa: BLE001  damaged bytes may fail in any way
            person.aside = f"{type(error).__name__}: {error}"
            self._fault(UNREADABLE_STATE, person.aside)
            return
        due = next_due(person.state)
        person.due = self._stored_due.setdefault(person.name, due)
        self._set_timer(person, due)

    def _set_timer(self, person: Person, due: int | None) -> None:
        if person.due != due:
            person.due = due
            if due is not None:
                heapq.heappush(self._timers, (due, person.name))
