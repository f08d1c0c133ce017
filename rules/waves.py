"""Further offers to those who did not answer: which are left, and what ends them."""

from __future__ import annotations

import msgspec

from rules.campaign import DRAFT, Campaign, campaign_key
from rules.state import Hold, Subscriber, Wave

ENDING = frozenset({"replied", "converted", "opted out", "unknown"})
"""Outcomes after which no further wave goes out: answers, and what is never sent again (P2)."""


def goes_on(campaign: Campaign, wave: Wave) -> bool:
    """Whether `campaign`, as it is now, makes that wave."""
    if campaign.status == DRAFT or campaign.waves is None:
        return False
    return wave.wave <= campaign.waves.last


def given_back(state: Subscriber, campaign: str, time: int) -> Subscriber:
    """The state as if `campaign` had not decided at `time`: its shared budget was sold out."""
    key = campaign_key(campaign)
    return msgspec.structs.replace(
        state,
        sent=tuple(each for each in state.sent if (each.campaign, each.time) != (key, time)),
        waves=tuple(wave for wave in state.waves if wave.campaign != campaign),
    )


def ended(state: Subscriber, campaign: str) -> tuple[Subscriber, list[Hold]]:
    """The state without further waves of a campaign, and those that were held."""
    held = [hold for hold in state.holds if hold.campaign == campaign and hold.wave > 1]
    left = tuple(wave for wave in state.waves if wave.campaign != campaign)
    if not held and len(left) == len(state.waves):
        return state, []
    holds = tuple(hold for hold in state.holds if hold not in held)
    return msgspec.structs.replace(state, holds=holds, waves=left), held
