"""A made-up log in which everything happens that can change a verdict."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from fake_rules import event, hash_of

from decoders.events import Event
from decoders.times import SECOND
from rules import profile as profiles
from rules.profile import Profile
from stream.log import Erased, FeedScored, OptedOut, ProfileChanged, RulesChanged

if TYPE_CHECKING:
    from stream.replay import Change

BUNDLE = {"a": b"1"}
OTHER = {"a": b"2", "fails": b"s7"}
FIRST: list[Change] = [RulesChanged(hash_of(BUNDLE), BUNDLE)]


def stream(seed: int = 7, count: int = 3000) -> list[Event | Change]:
    """Forty subscribers, some of their events late; in the middle all that can change a verdict."""
    rng = random.Random(seed)
    items: list[Event | Change] = []
    time = 0
    for _ in range(count):
        time += rng.choice([0, 1, 400, 50_000, 900_000, 4_000_000])
        late = rng.choice([0, 0, 0, 0, 3_000_000])
        items.append(event(f"s{rng.randrange(40)}", max(time - late, 0)))
    agreed = profiles.encode(Profile(consent=("sms",)))
    changes: list[Change] = [
        *(ProfileChanged(f"s{number}", agreed) for number in range(20)),
        RulesChanged(hash_of(OTHER), OTHER),
        *(OptedOut(f"s{number}", time) for number in range(5)),
        *(Erased(f"s{number}") for number in range(5, 9)),
    ]
    for place, change in zip(range(200, count, 60), changes, strict=False):
        items.insert(place, change)
    return [one for item in items for one in (item, *_scores(item))]


def _scores(item: Event | Change) -> list[FeedScored]:
    """Here and there, at a whole second, what is to be thought of an area changes."""
    if not isinstance(item, Event) or item.time % 7:
        return []
    second = item.time // SECOND * SECOND
    return [FeedScored(second, {"46000-1": 10} if item.time % 2 else {})]
