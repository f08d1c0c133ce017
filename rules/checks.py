"""The checks in the contracts' one order: each answers, and a no says its reason.

status and dates, identity, audience, consent, opt-out, time zone, trust in the feed, exclusion,
priority, caps, budgets. A person is asked about first (`PERSONAL`); then the campaigns that passed
meet, and `MEETING` is asked of whoever no other stands before. What is missing (a profile, consent,
a zone) means no (P3).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from rules import history
from rules.audience import seen_profile
from rules.campaign import LIVE, PAUSED, SHADOW, Campaign
from rules.case import Case, Scene
from rules.reasons import (
    CAPPED,
    EXCLUDED,
    EXPIRED,
    FEED_NOT_TRUSTED,
    NO_CONSENT,
    NOT_IN_AUDIENCE,
    OPTED_OUT,
    OUT_RANKED,
    OUTSIDE_DATES,
    QUIET_HOURS,
    SOLD_OUT,
    STOPPED,
    UNKNOWN_IDENTITY,
    UNKNOWN_TIME_ZONE,
)
from rules.state import Hold
from rules.zones import date_of, zone

BUDGETS = "budgets"
"""The check that the allocator of shared budgets (`rules.budget`) answers."""


def spender_of(campaign: str, *, shadow: bool) -> str:
    """Whose budget is used up: a campaign's, or that of its rehearsal in the shadow."""
    return f"{campaign}/shadow" if shadow else campaign


def total_used_up(spent: int, total: int) -> str:
    """Words for a shared total of which nothing is left."""
    return f"total: {spent} of {total}"


class Answer(NamedTuple):
    """What a check said, and the reason if it is a no."""

    result: str
    refusal: str | None = None


Check = Callable[[Case, Scene], Answer]

# Answers that are given often; making one costs more than asking.
_KNOWN = Answer("known")
_GIVEN = Answer("given")
_EVERYBODY = Answer("everybody")
_IN = Answer("in")
_NO = Answer("no")
_OK = Answer("ok")
_NONE = Answer("none")
_FIRST = Answer("first")
_ROOM = Answer("room")
_SHARED = Answer("shared: not asked")
_STATUS = {
    LIVE: Answer(LIVE),
    SHADOW: Answer(SHADOW),
    PAUSED: Answer(PAUSED, STOPPED),
}
"""Drafts decide nothing."""


def _status(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    stopped = scene.settings.stopped
    if stopped and (campaign.id in stopped or "all" in stopped):
        return Answer("stopped by hand", STOPPED)
    return _STATUS[campaign.status]


def _dates(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    today = date_of(scene.now, scene.settings.zone)
    if campaign.starts is not None and today < campaign.starts:
        return Answer(f"{today} is before {campaign.starts}", OUTSIDE_DATES)
    if campaign.ends is not None and today > campaign.ends:
        return Answer(f"{today} is after {campaign.ends}", OUTSIDE_DATES)
    return _today(today)


@lru_cache(maxsize=16)
def _today(day: date) -> Answer:
    return Answer(str(day))


def _identity(case: Case, _scene: Scene) -> Answer:
    return _KNOWN if case.known else Answer("unknown", UNKNOWN_IDENTITY)


def _audience(case: Case, scene: Scene) -> Answer:
    campaign, profile = case.campaign, scene.profile
    if campaign.expression is None and not campaign.segments:
        return _EVERYBODY
    if campaign.segments and not (profile and campaign.segments & set(profile.segments)):
        return Answer("in none of the segments", NOT_IN_AUDIENCE)
    if campaign.expression is None or campaign.expression.holds(_variables(case, scene)):
        return _IN
    return Answer("out" if profile else "no profile", NOT_IN_AUDIENCE)


def _variables(case: Case, scene: Scene) -> dict[str, object]:
    """What an expression sees; what is not known is absent."""
    variables: dict[str, object] = {"state": _seen_state(case.campaign, scene)}
    if scene.profile is not None:
        variables["profile"] = seen_profile(scene.profile)
    if case.event is not None:
        variables["event"] = case.event
    return variables


def _seen_state(campaign: Campaign, scene: Scene) -> dict[str, object]:
    counted = [entry for entry in scene.sent if history.counts_for(campaign, entry)]
    ids = (scene.campaigns.get(entry.campaign) for entry in counted)
    return {
        "sent": len(counted),
        "campaigns": sorted({each.id for each in ids if each is not None}),
    }


def _consent(case: Case, scene: Scene) -> Answer:
    if scene.profile is None:
        return Answer("no profile", NO_CONSENT)
    if scene.profile.consents(*case.campaign.purposes):
        return _GIVEN
    return Answer("none", NO_CONSENT)


def _opt_out(_case: Case, scene: Scene) -> Answer:
    if scene.profile is not None and scene.profile.opted_out:
        return Answer("yes", OPTED_OUT)
    return _NO


def _time_zone(_case: Case, scene: Scene) -> Answer:
    return _zone_known(scene.profile.time_zone if scene.profile else "")


@lru_cache(maxsize=1024)
def _zone_known(name: str) -> Answer:
    return Answer(name) if zone(name) is not None else Answer("unknown", UNKNOWN_TIME_ZONE)


def _trust(case: Case, _scene: Scene) -> Answer:
    return Answer("gap", FEED_NOT_TRUSTED) if case.gap else _OK


def _exclusion(case: Case, scene: Scene) -> Answer:
    other = history.excluded_by(case.campaign, scene.sent, scene.campaigns, scene.now)
    return _NONE if other is None else Answer(other, EXCLUDED)


def _priority(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    ahead = scene.ahead
    if ahead is not None and _goes_before(ahead, campaign):
        return Answer(f"after {ahead.id}", OUT_RANKED)
    for hold in scene.holds:
        if _stands_before(hold, campaign):
            return Answer(f"after held {hold.campaign}", OUT_RANKED)
    earlier = scene.sent[: scene.earlier]
    if history.met(campaign, earlier, scene.settings.apart, scene.now):
        return Answer("after one sent", OUT_RANKED)
    return _FIRST


def _goes_before(ahead: Campaign, campaign: Campaign) -> bool:
    """Whether `ahead` wins; live ones are asked in their order, a shadow beside them."""
    if not campaign.shadow or ahead.priority > campaign.priority:
        return True
    return ahead.priority == campaign.priority and ahead.id < campaign.id


def _stands_before(hold: Hold, campaign: Campaign) -> bool:
    """Whether a standing hold is met and wins; a shadow meets live ones and itself."""
    if hold.campaign == campaign.id:
        return True
    return not hold.shadow and hold.priority >= campaign.priority


def _caps(case: Case, scene: Scene) -> Answer:
    full = history.used_up(case.campaign, scene.settings, scene.sent, scene.campaigns, scene.now)
    return _ROOM if full is None else Answer(full, CAPPED)


def _budgets(case: Case, scene: Scene) -> Answer:
    """Whether the log has told that nothing is left; else the allocator will be asked."""
    campaign = case.campaign
    if not campaign.shared_budget:
        return _NONE
    if scene.settings.spent and campaign.total is not None:
        key = spender_of(campaign.id, shadow=campaign.shadow)
        spent = scene.settings.spent.get(key, -1)
        if spent >= campaign.total:
            return Answer(total_used_up(spent, campaign.total), SOLD_OUT)
    return _SHARED


def quiet_hours(case: Case, scene: Scene, until: int | None) -> Answer:
    """What is said of quiet hours that end at `until`, where a hold is no answer."""
    if case.hold is not None and scene.now > case.since + case.campaign.valid_for:
        return Answer("no longer valid", EXPIRED)
    return _NO if until is None else Answer("yes", QUIET_HOURS)


def quiet_until(campaign: Campaign, scene: Scene) -> int | None:
    """Microseconds when the person's quiet hours around `scene.now` end; None outside them."""
    where = zone(scene.profile.time_zone) if scene.profile else None
    assert where is not None
    return campaign.quiet.until(scene.now, where)


PERSONAL: tuple[tuple[str, Check], ...] = (
    ("status", _status),
    ("dates", _dates),
    ("identity", _identity),
    ("audience", _audience),
    ("consent", _consent),
    ("opt-out", _opt_out),
    ("time zone", _time_zone),
    ("trust", _trust),
    ("exclusion", _exclusion),
)

MEETING: tuple[tuple[str, Check], ...] = (
    ("priority", _priority),
    ("caps", _caps),
    (BUDGETS, _budgets),
)
