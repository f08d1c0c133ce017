"""The question asked again at the submit: may this offer, decided earlier, still go out now (P3)?

The same checks as at the decision, as far as time may have changed their answer: the campaign's
status and dates, consent, opt-out, time zone, quiet hours, and how long the offer is good for.
"""

from __future__ import annotations

from typing import NamedTuple

from rules import consent, reasons
from rules.campaign import LIVE, Campaign
from rules.profile import Profile
from rules.settings import Settings
from rules.verdicts import Verdict
from rules.zones import local, zone


class StillGood(NamedTuple):
    """The answer."""

    refusal: str | None
    """None, or the contracts' reason why not."""
    until: int
    """Microseconds: from then on it may not reach the phone; 0 with a refusal."""


def still_good(
    verdict: Verdict,
    campaign: Campaign | None,
    settings: Settings,
    profile: Profile | None,
    now: int,
) -> StillGood:
    """Whether `verdict`, a send, may be submitted at `now`, microseconds.

    `campaign` is the verdict's in the rules in force now, None if they have it no more.
    """
    if campaign is None or not _running(campaign, settings):
        return StillGood(reasons.STOPPED, 0)
    came_true = verdict.time if verdict.since is None else verdict.since
    valid_until = came_true + campaign.valid_for
    if now >= valid_until:
        return StillGood(reasons.EXPIRED, 0)
    if not _within_dates(campaign, settings, now):
        return StillGood(reasons.OUTSIDE_DATES, 0)
    if profile is None or not _consents(profile, campaign, settings, now):
        return StillGood(reasons.NO_CONSENT, 0)
    if profile.opted_out:
        return StillGood(reasons.OPTED_OUT, 0)
    where = zone(profile.time_zone)
    if where is None:
        return StillGood(reasons.UNKNOWN_TIME_ZONE, 0)
    quiet_from = campaign.quiet.begins(now, where)
    if quiet_from is not None and quiet_from <= now:
        return StillGood(reasons.QUIET_HOURS, 0)
    return StillGood(None, valid_until if quiet_from is None else min(valid_until, quiet_from))


def _running(campaign: Campaign, settings: Settings) -> bool:
    return campaign.status == LIVE and not settings.stopped & {campaign.id, "all"}


def _consents(profile: Profile, campaign: Campaign, settings: Settings, now: int) -> bool:
    """Whether the consent still holds; how often it may be used was asked at the decision."""
    terms = profile.terms or consent.NO_TERMS
    today = local(now, settings.zone).date()
    ended = consent.ended(terms, today, proof_needed=settings.proof_needed)
    return ended is None and profile.consents(*campaign.purposes)


def _within_dates(campaign: Campaign, settings: Settings, now: int) -> bool:
    today = local(now, settings.zone).date()
    begun = campaign.starts is None or campaign.starts <= today
    return begun and (campaign.ends is None or today <= campaign.ends)
