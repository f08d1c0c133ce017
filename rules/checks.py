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

from rules import consent, history
from rules.audience import seen_profile
from rules.campaign import LIVE, PAUSED, SHADOW, Campaign, Limit
from rules.case import Case, Scene
from rules.consent import Terms
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
from rules.zones import date_of, date_of_day, day_of, zone

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

    said: tuple[str, str]
    """The check's name and its result, as verdict rows have them."""
    refusal: str | None = None


Check = Callable[[Case, Scene], Answer]


def _answer(name: str, result: str, refusal: str | None = None) -> Answer:
    return Answer((name, result), refusal)


# Answers that are given often are made once: making one costs more than asking.
_STATUS = {
    LIVE: _answer("status", LIVE),
    SHADOW: _answer("status", SHADOW),
    PAUSED: _answer("status", PAUSED, STOPPED),
}
"""Drafts decide nothing."""
_STOPPED = _answer("status", "stopped by hand", STOPPED)


def _status(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    stopped = scene.settings.stopped
    if stopped and (campaign.id in stopped or "all" in stopped):
        return _STOPPED
    return _STATUS[campaign.status]


def _dates(case: Case, scene: Scene) -> Answer:
    day = day_of(scene.now, scene.settings.zone)
    return _on_day(day, case.campaign.starts, case.campaign.ends)


@lru_cache(maxsize=1024)
def _on_day(day: int, starts: date | None, ends: date | None) -> Answer:
    today = date_of_day(day)
    if starts is not None and today < starts:
        return _answer("dates", f"{today} is before {starts}", OUTSIDE_DATES)
    if ends is not None and today > ends:
        return _answer("dates", f"{today} is after {ends}", OUTSIDE_DATES)
    return _answer("dates", str(today))


_KNOWN = _answer("identity", "known")
_UNKNOWN = _answer("identity", "unknown", UNKNOWN_IDENTITY)


def _identity(case: Case, _scene: Scene) -> Answer:
    return _KNOWN if case.known else _UNKNOWN


_EVERYBODY = _answer("audience", "everybody")
_IN = _answer("audience", "in")
_OUT = _answer("audience", "out", NOT_IN_AUDIENCE)
_NO_PROFILE = _answer("audience", "no profile", NOT_IN_AUDIENCE)
_NO_SEGMENT = _answer("audience", "in none of the segments", NOT_IN_AUDIENCE)


def _audience(case: Case, scene: Scene) -> Answer:
    campaign, profile = case.campaign, scene.profile
    if campaign.expression is None and not campaign.segments:
        return _EVERYBODY
    if campaign.segments and not (profile and campaign.segments & set(profile.segments)):
        return _NO_SEGMENT
    if campaign.expression is None or campaign.expression.holds(_variables(case, scene)):
        return _IN
    return _OUT if profile else _NO_PROFILE


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


_GIVEN = _answer("consent", "given")
_NOT_GIVEN = _answer("consent", "none", NO_CONSENT)
_NOBODY_KNOWS = _answer("consent", "no profile", NO_CONSENT)


def _consent(case: Case, scene: Scene) -> Answer:
    profile = scene.profile
    if profile is None:
        return _NOBODY_KNOWS
    if not profile.consents(*case.campaign.purposes):
        return _NOT_GIVEN
    if profile.terms is None and not scene.settings.proof_needed:
        return _GIVEN
    against = _against(profile.terms or consent.NO_TERMS, case.campaign, scene)
    return _GIVEN if against is None else _answer("consent", against, NO_CONSENT)


def _against(terms: Terms, campaign: Campaign, scene: Scene) -> str | None:
    """What the terms of a consent say against one more message now."""
    settings = scene.settings
    today = date_of(scene.now, settings.zone)
    ended = consent.ended(terms, today, proof_needed=settings.proof_needed)
    if ended is not None:
        return ended
    agreed = consent.cap(terms)
    if agreed is None:
        return None
    return history.full(Limit(agreed), campaign, scene.sent, scene.campaigns, scene.now)


_MAY_BE_ASKED = _answer("opt-out", "no")
_SAID_NO = _answer("opt-out", "yes", OPTED_OUT)


def _opt_out(_case: Case, scene: Scene) -> Answer:
    profile = scene.profile
    return _SAID_NO if profile is not None and profile.opted_out else _MAY_BE_ASKED


def _time_zone(_case: Case, scene: Scene) -> Answer:
    return _zone_known(scene.profile.time_zone if scene.profile else "")


@lru_cache(maxsize=1024)
def _zone_known(name: str) -> Answer:
    known = zone(name) is not None
    return _answer("time zone", name) if known else _NO_ZONE


_NO_ZONE = _answer("time zone", "unknown", UNKNOWN_TIME_ZONE)
_TRUSTED = _answer("trust", "ok")
_GAP = _answer("trust", "gap", FEED_NOT_TRUSTED)


def _trust(case: Case, _scene: Scene) -> Answer:
    return _GAP if case.gap else _TRUSTED


_NOT_EXCLUDED = _answer("exclusion", "none")


def _exclusion(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    rule = campaign.exclusion
    if rule is None or not scene.sent:
        return _NOT_EXCLUDED
    other = history.excluded_by(rule, campaign, scene.sent, scene.campaigns, scene.now)
    return _NOT_EXCLUDED if other is None else _answer("exclusion", other, EXCLUDED)


_FIRST = _answer("priority", "first")


def _priority(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    ahead = scene.ahead
    if ahead is not None and _goes_before(ahead, campaign):
        return _answer("priority", f"after {ahead.id}", OUT_RANKED)
    for hold in scene.holds:
        if _stands_before(hold, campaign):
            return _answer("priority", f"after held {hold.campaign}", OUT_RANKED)
    if scene.earlier:
        earlier = scene.sent[: scene.earlier]
        if history.met(campaign, earlier, scene.settings.apart, scene.now):
            return _answer("priority", "after one sent", OUT_RANKED)
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


_ROOM = _answer("caps", "room")


def _caps(case: Case, scene: Scene) -> Answer:
    full = history.used_up(case.campaign, scene.sent, scene.campaigns, scene.now)
    return _ROOM if full is None else _answer("caps", full, CAPPED)


_NONE_SHARED = _answer(BUDGETS, "none")
_SHARED = _answer(BUDGETS, "shared: not asked")


def _budgets(case: Case, scene: Scene) -> Answer:
    """Whether the log has told that nothing is left; else the allocator will be asked."""
    campaign = case.campaign
    if not campaign.shared_budget:
        return _NONE_SHARED
    if scene.settings.spent and campaign.total is not None:
        key = spender_of(campaign.id, shadow=campaign.shadow)
        spent = scene.settings.spent.get(key, -1)
        if spent >= campaign.total:
            return _answer(BUDGETS, total_used_up(spent, campaign.total), SOLD_OUT)
    return _SHARED


_AWAKE = _answer("quiet hours", "no")
_EXPIRED = _answer("quiet hours", "no longer valid", EXPIRED)
QUIET = _answer("quiet hours", "yes", QUIET_HOURS)


def quiet_hours(case: Case, scene: Scene, until: int | None) -> Answer:
    """What is said of quiet hours that end at `until`, where a hold is no answer."""
    if case.hold is not None and scene.now > case.since + case.campaign.valid_for:
        return _EXPIRED
    return _AWAKE if until is None else QUIET


def quiet_until(campaign: Campaign, scene: Scene) -> int | None:
    """Microseconds when the person's quiet hours around `scene.now` end; None outside them."""
    where = zone(scene.profile.time_zone) if scene.profile else None
    assert where is not None
    return campaign.quiet.until(scene.now, where)


PERSONAL: tuple[Check, ...] = (
    _status,
    _dates,
    _identity,
    _audience,
    _consent,
    _opt_out,
    _time_zone,
    _trust,
    _exclusion,
)

MEETING: tuple[Check, ...] = (_priority, _caps, _budgets)
