"""What was decided for a subscriber before, as far as caps, exclusions and meetings ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rules.campaign import Campaign, Exclusion, Limit
from rules.settings import Settings
from rules.state import Sent

MOST_SENT = 512
"""Decisions kept of a person; beyond, every further offer is capped rather than a cap forgotten."""


def counts_for(campaign: Campaign, entry: Sent) -> bool:
    """Whether `entry` counts for `campaign`: a shadow is seen by its own campaign only."""
    return not entry.shadow or (campaign.shadow and entry.campaign == campaign.key)


def used_up(
    campaign: Campaign, sent: Sequence[Sent], campaigns: Mapping[int, Campaign], now: int
) -> str | None:
    """The first cap that leaves no room for `campaign` at `now`, in words; None if all do."""
    mine = [entry for entry in sent if counts_for(campaign, entry)] if sent else sent
    if len(mine) >= MOST_SENT:
        return f"history: {len(mine)} of {MOST_SENT} kept"
    for limit in campaign.limits:
        if not mine and limit.cap.times:
            continue
        if (words := full(limit, campaign, mine, campaigns, now)) is not None:
            return words
    return None


def full(
    limit: Limit,
    campaign: Campaign,
    sent: Sequence[Sent],
    campaigns: Mapping[int, Campaign],
    now: int,
) -> str | None:
    """Words for a limit without room; its window is (now - every, now], and what lies after it."""
    used = 0
    every = limit.cap.every
    for entry in sent:
        if every is not None and entry.time <= now - every:
            continue
        if (limit.own and entry.campaign != campaign.key) or not counts_for(campaign, entry):
            continue
        if limit.tag is None or _bears(entry, limit.tag, campaigns):
            used += 1
    return f"{limit.cap.name}: {used} of {limit.cap.text}" if used >= limit.cap.times else None


def _bears(entry: Sent, tag: str, campaigns: Mapping[int, Campaign]) -> bool:
    """Whether the campaign bears the tag; one that is gone is taken to bear it (P3)."""
    campaign = campaigns.get(entry.campaign)
    return campaign is None or tag in campaign.tags


def excluded_by(
    rule: Exclusion,
    campaign: Campaign,
    sent: Sequence[Sent],
    campaigns: Mapping[int, Campaign],
    now: int,
) -> str | None:
    """The campaign whose send excludes `campaign` at `now` by its rule; None if none does."""
    for entry in sent:
        other = campaigns.get(entry.campaign)
        if other is None or entry.time <= now - rule.window or not counts_for(campaign, entry):
            continue
        if other.id in rule.campaigns or other.tags & rule.tags:
            return other.id
    return None


def met(campaign: Campaign, sent: Sequence[Sent], apart: int, now: int) -> bool:
    """Whether another campaign was sent within `apart` before `now`, or at `now` itself."""
    since = now - apart
    for entry in sent:
        if entry.time >= since and entry.campaign != campaign.key and counts_for(campaign, entry):
            return True
    return False


class Retention(NamedTuple):
    """What decisions must be kept for."""

    window: int
    """Microseconds: of any campaign."""
    forever: frozenset[int]
    """Keys of campaigns under a cap of their own for ever."""
    everything: bool
    """A cap over campaigns holds for ever."""

    def kept(self, sent: Sequence[Sent], now: int, agreed: int = 0) -> tuple[Sent, ...]:
        """`sent` without what no cap, exclusion or meeting can ask for any more.

        `agreed` is the window of a frequency that the person agreed to, microseconds.
        """
        if self.everything:
            return tuple(sent)
        since, forever = now - max(self.window, agreed), self.forever
        return tuple([each for each in sent if each.time > since or each.campaign in forever])


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
