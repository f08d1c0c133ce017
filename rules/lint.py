"""What a campaign file may hold and a careful manager would not send: warnings, not mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from rules.campaign import Campaign
from rules.errors import CampaignError
from rules.source import Source

_SIGNATURE = re.compile(r"^【[^【】]{1,30}】|【[^【】]{1,30}】$")
_WAY_OUT = re.compile(r"退订|(?<![A-Za-z])(TD|STOP|unsubscribe|opt out)(?![A-Za-z])", re.IGNORECASE)


class _Remark(NamedTuple):
    path: str
    reason: str
    remedy: str


def warnings(bundle: Mapping[str, bytes], campaigns: Iterable[Campaign]) -> list[CampaignError]:
    """Remarks on the campaigns of a bundle, each with file, line, key and remedy; not raised."""
    found = []
    for campaign in campaigns:
        source = Source(bundle[campaign.file], campaign.file)
        for look in _LOOKS:
            found += [source.error(*remark) for remark in look(campaign)]
    return found


def _texts(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """Each text with its path in the file."""
    if campaign.text:
        yield "$.offer.text", campaign.text
    for number, variant in enumerate(campaign.variants):
        yield f"$.offer.variants[{number}].text", variant.text


def _signature(campaign: Campaign) -> Iterator[_Remark]:
    for path, text in _texts(campaign):
        if not _SIGNATURE.search(text):
            yield _Remark(path, "bears no signature", "begin it with the sender's name in 【】")


def _way_out(campaign: Campaign) -> Iterator[_Remark]:
    for path, text in _texts(campaign):
        if not _WAY_OUT.search(text):
            yield _Remark(path, "says no way to opt out", "end it with one such as 回复TD退订")


def _waves(campaign: Campaign) -> Iterator[_Remark]:
    """A wave uses up caps as a first offer does."""
    waves, cap = campaign.waves, campaign.cap
    if waves is None or cap is None:
        return
    earlier = waves.last - 1
    if cap.every is not None:
        earlier = min(earlier, (cap.every - 1) // waves.after)
    if earlier >= cap.times:
        yield _Remark(
            "$.waves",
            f"would be refused as capped: {cap.text} a subscriber",
            "raise limits.per_subscriber.times, or let waves come later",
        )


_LOOKS: tuple[Callable[[Campaign], Iterator[_Remark]], ...] = (
    _signature,
    _way_out,
    _waves,
)
