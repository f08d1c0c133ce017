"""What was decided for a subscriber before, as far as caps, exclusions and meetings ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rules.campaign import Campaign
from rules.settings import Cap, Settings
from rules.state import Sent

MOST_SENT = 512
"""Decisions kept of a person; beyond, every further offer is capped rather than a cap forgotten."""


def counts_for(campaign: Campaign, entry: Sent) -> bool:
    """Whether `entry` counts for `campaign`: a shadow is seen by its own campaign only."""
    return not entry.shadow or (campaign.shadow and entry.campaign == campaign.key)


def caps_of(campaign: Campaign, settings: Settings) -> list[tuple[Cap, str | None]]:
    """The caps that a campaign is under, each with the tag it is about (None: any campaign).

    Every campaign's channel is the short message, so that a channel's cap counts all decisions.
    """
    if not (settings.cap_all or settings.cap_channels or settings.cap_tags):
        return []
    shared = [(settings.cap_all, None), (settings.cap_channels.get(campaign.channel), None)]
    tagged = [(settings.cap_tags.get(tag), tag) for tag in sorted(campaign.tags)]
    return [
        (cap.room_for(campaign.priority), tag) for cap, tag in shared + tagged if cap is not None
    ]


def used_up(
    campaign: Campaign,
    settings: Settings,
    sent: Sequence[Sent],
    campaigns: Mapping[int, Campaign],
    now: int,
) -> str | None:
    """The first cap that leaves no room for `campaign` at `now`, in words; None if all do."""
    mine = [entry for entry in sent if counts_for(campaign, entry)]
    if len(mine) >= MOST_SENT:
        return f"history: {len(mine)} of {MOST_SENT} kept"
    if campaign.cap is not None:
        own = [entry for entry in mine if entry.campaign == campaign.key]
        if (words := _full(campaign.cap, own, now)) is not None:
            return words
    for cap, tag in caps_of(campaign, settings):
        counted = [entry for entry in mine if tag is None or _bears(entry, tag, campaigns)]
        if (words := _full(cap, counted, now)) is not None:
            return words
    return None


def _full(cap: Cap, entries: Sequence[Sent], now: int) -> str | None:
    """Words for a cap without room; its window is (now - every, now], and what lies after it."""
    used = sum(1 for entry in entries if cap.every is None or entry.time > now - cap.every)
    return f"{cap.name}: {used} of {cap.text}" if used >= cap.times else None


def _bears(entry: Sent, tag: str, campaigns: Mapping[int, Campaign]) -> bool:
    """Whether the campaign bears the tag; one that is gone is taken to bear it (P3)."""
    campaign = campaigns.get(entry.campaign)
    return campaign is None or tag in campaign.tags


def excluded_by(
    campaign: Campaign, sent: Sequence[Sent], campaigns: Mapping[int, Campaign], now: int
) -> str | None:
    """The campaign whose send excludes this one at `now`; None if none does."""
    rule = campaign.exclusion
    if rule is None:
        return None
    for entry in sent:
        other = campaigns.get(entry.campaign)
        if other is None or entry.time <= now - rule.window or not counts_for(campaign, entry):
            continue
        if other.id in rule.campaigns or other.tags & rule.tags:
            return other.id
    return None


def met(campaign: Campaign, sent: Sequence[Sent], apart: int, now: int) -> bool:
    """Whether another campaign was sent within `apart` before `now`, or at `now` itself."""
    return any(
        entry.campaign != campaign.key and entry.time >= now - apart and counts_for(campaign, entry)
        for entry in sent
    )


class Retention(NamedTuple):
    """What decisions must be kept for."""

    window: int
    """Microseconds: of any campaign."""
    forever: frozenset[int]
    """Keys of campaigns under a cap of their own for ever."""
    everything: bool
    """A cap over campaigns holds for ever."""

    def kept(self, sent: Sequence[Sent], now: int) -> tuple[Sent, ...]:
        """`sent` without what no cap, exclusion or meeting can ask for any more."""
        if self.everything:
            return tuple(sent)
        return tuple(
            entry
            for entry in sent
            if entry.time > now - self.window or entry.campaign in self.forever
        )


def retention(campaigns: Sequence[Campaign], settings: Settings) -> Retention:
    """What every cap, exclusion and meeting asks for."""
    own = [campaign.cap for campaign in campaigns if campaign.cap is not None]
    given = [settings.cap_all, *settings.cap_channels.values(), *settings.cap_tags.values()]
    shared = [each.cap for each in given if each is not None]
    windows = [cap.every for cap in own + shared if cap.every is not None]
    windows += [each.exclusion.window for each in campaigns if each.exclusion is not None]
    return Retention(
        max([settings.remember, settings.apart, *windows]),
        frozenset(
            campaign.key
            for campaign in campaigns
            if campaign.cap is not None and campaign.cap.every is None
        ),
        any(cap.every is None for cap in shared),
    )
