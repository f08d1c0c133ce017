"""What is decided about: an offer to a person (a case), and the person then (a scene)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from rules.campaign import FIRST_WAVE, Campaign
from rules.firing import Firing
from rules.profile import Profile
from rules.settings import Settings
from rules.state import Hold, Mark, Sent, Wave


class Case(msgspec.Struct):
    """One offer to decide about."""

    campaign: Campaign
    subscriber: str
    wave: int
    offer: str
    step: int
    trigger: str
    since: int
    """Microseconds when the trigger came true."""
    evidence: tuple[Mark, ...]
    gap: bool
    known: bool
    """The subscriber's identity is known."""
    event: Mapping[str, object] | None
    """What the audience's expression sees as ``event``."""
    hold: Hold | None = None
    """The hold that is decided now, if it is one."""
    checks: list[tuple[str, str]] = []


class Answered(NamedTuple):
    """What a row of checks said, up to the first no."""

    said: tuple[tuple[str, str], ...]
    refusal: str | None


AnswerKey = tuple[object, ...]
"""All that a row of answers depends on."""


class Scene(msgspec.Struct):
    """A person at an instant: what checks ask about, and what decisions leave behind."""

    now: int
    profile: Profile | None
    settings: Settings
    campaigns: Mapping[int, Campaign]
    """By `campaign_key`, whatever their status."""
    sent: list[Sent]
    holds: list[Hold]
    """Those that are not due now."""
    waves: list[Wave]
    """Those that are not due now."""
    earlier: int = 0
    """How many of `sent` were there before this instant's decisions."""
    answered: dict[AnswerKey, Answered] = {}
    """Answers to those who were alike (`rules.governance`); kept from one scene to the next."""
    ahead: Campaign | None = None
    """The live campaign that goes out, is held or is drawn for control at this instant."""


def offer_id(campaign: str, wave: int, subscriber: str, trigger: str) -> str:
    """The offer's id: the same in every replay."""
    hasher = _begun(campaign, wave).copy()
    hasher.update(f"{subscriber}\0{trigger}".encode())
    return hasher.hexdigest()


@lru_cache(maxsize=4096)
def _begun(campaign: str, wave: int) -> blake2b:
    """The hash of all that stands before the person."""
    return blake2b(f"{campaign}\0{wave}\0".encode(), digest_size=16, person=b"offer")


def of_firing(  # noqa: PLR0913  all that a case needs of it
    firing: Firing,
    campaign: Campaign,
    subscriber: str,
    now: int,
    event: Mapping[str, object] | None,
    *,
    known: bool,
) -> Case:
    """A trigger that came true at `now`, for one of the campaigns that it serves."""
    return Case(
        campaign,
        subscriber,
        FIRST_WAVE,
        offer_id(campaign.id, FIRST_WAVE, subscriber, firing.id),
        0,
        firing.id,
        now,
        firing.evidence,
        firing.gap,
        known,
        event,
    )


def of_hold(hold: Hold, campaign: Campaign, subscriber: str) -> Case:
    """A hold that ends now."""
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


def of_wave(wave: Wave, campaign: Campaign, subscriber: str) -> Case:
    """A further wave whose time has come."""
    return Case(
        campaign=campaign,
        subscriber=subscriber,
        wave=wave.wave,
        offer=offer_id(campaign.id, wave.wave, subscriber, wave.trigger),
        step=0,
        trigger=wave.trigger,
        since=wave.due,
        evidence=wave.evidence,
        gap=wave.gap,
        known=True,
        event=wave.event,
    )
