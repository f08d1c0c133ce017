"""`xinling campaigns conflicts`: which campaigns could meet in one subscriber, and who goes first.

What files can say: dates, triggers, exclusions, priorities. Whether anybody is in both audiences is
a question to a replay (`xinling replay --summary` shows whom campaigns share).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations, product
from typing import NamedTuple

from msgspec import UNSET

from rules.campaign import PAUSED, Campaign
from rules.moments import TYPES
from rules.tree import leaves
from rules.triggers import keys

SAME_EVENT = "at one event"
SAME_MOMENT = "at one moment"
LATER = "while one is held"


class Event(NamedTuple):
    """What a trigger wants of an event; None is any."""

    type: str
    direction: str | None
    number_class: str | None


class Conflict(NamedTuple):
    """Two campaigns that could meet."""

    first: Campaign
    """The one that goes out where both are due or held."""
    second: Campaign
    how: str
    """One of the three texts above: what is said first happens most."""
    tie: bool
    """Both have one priority: their names decide."""
    excludes: bool
    """One is kept from whoever was sent the other, which settles it for good."""


def conflicts(campaigns: Sequence[Campaign]) -> Iterator[Conflict]:
    """Every pair of campaigns that are not paused, run on a common day and could meet."""
    asked = [campaign for campaign in campaigns if campaign.status != PAUSED]
    for one, other in combinations(asked, 2):
        if not _same_days(one, other):
            continue
        first, second = sorted((one, other), key=_rank)
        yield Conflict(
            first,
            second,
            _how(one, other),
            tie=one.priority == other.priority,
            excludes=_excludes(one, other) or _excludes(other, one),
        )


_DRAWN: dict[str, str] = {SAME_EVENT: "●", SAME_MOMENT: "◆", LATER: "·"}
MOST_DRAWN = 40
"""Campaigns that a picture has room for."""


def picture(found: Sequence[Conflict]) -> Iterator[str]:
    """A square of campaigns, the first to go out on top; nothing for more than `MOST_DRAWN`."""
    by_id = {one.id: one for each in found for one in (each.first, each.second)}
    order = sorted(by_id.values(), key=_rank)
    if len(order) > MOST_DRAWN:
        return
    signs = {(each.first.id, each.second.id): _DRAWN[each.how] for each in found}
    width = max((len(one.id) for one in order), default=0)
    yield ""
    yield " " * (width + 4) + " ".join(f"{number:>2}" for number in range(1, len(order) + 1))
    for number, row in enumerate(order, 1):
        cells = (_drawn(signs, row, column) for column in order)
        yield f"{row.id:<{width}} {number:>2} " + " ".join(f"{cell:>2}" for cell in cells)
    yield "  ".join(f"{sign} {how}" for how, sign in _DRAWN.items())


def _drawn(signs: Mapping[tuple[str, str], str], row: Campaign, column: Campaign) -> str:
    if row is column:
        return "╲"
    return signs.get((row.id, column.id)) or signs.get((column.id, row.id)) or ""


def _rank(campaign: Campaign) -> tuple[bool, int, str]:
    """As `rules.governance` ranks cases."""
    return (campaign.shadow, -campaign.priority, campaign.id)


def _same_days(one: Campaign, other: Campaign) -> bool:
    begins = max(one.starts or date.min, other.starts or date.min)
    return begins <= min(one.ends or date.max, other.ends or date.max)


def _how(one: Campaign, other: Campaign) -> str:
    if _share_timer(one, other):
        return SAME_MOMENT
    mine, theirs = _events(one), _events(other)
    if any(_agree(key, their) for key in mine for their in theirs):
        return SAME_EVENT
    return LATER


def _share_timer(one: Campaign, other: Campaign) -> bool:
    """Whether a trigger, or a part of one, is the same in both."""
    return bool(set(keys(one.kind, one.trigger)) & set(keys(other.kind, other.trigger)))


def _events(campaign: Campaign) -> set[Event]:
    """Which events make a part of its trigger come true."""
    return {
        Event(*found)
        for leaf in leaves(campaign.spec.trigger)
        for found in product(
            TYPES.get(leaf.kind, ()),
            _given(getattr(leaf.spec, "direction", UNSET)),
            _given(getattr(leaf.spec, "number_class", UNSET)),
        )
    }


def _given(value: object) -> list[str | None]:
    if value is UNSET:
        return [None]
    return [*value] if isinstance(value, list) else [str(value)]


def _agree(one: Event, other: Event) -> bool:
    """Whether one event could be both; None is any."""
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _excludes(one: Campaign, other: Campaign) -> bool:
    rule = one.exclusion
    return rule is not None and (other.id in rule.campaigns or bool(other.tags & rule.tags))
