"""The files of a rules bundle, by name: what `RuleSet.load` takes and the log carries."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from rules import areas as area_file
from rules import campaign as campaign_file
from rules import settings as settings_file
from rules.areas import Area
from rules.campaign import DRAFT, LIVE, SHADOW, Campaign
from rules.cells import CellTable
from rules.errors import CampaignError, CampaignErrors
from rules.settings import Settings
from rules.source import Source
from rules.tree import leaves
from rules.triggers import where

AREAS = "areas.geojson"
CELLS = "cells.csv"
SETTINGS = "settings.json"


class Rules(NamedTuple):
    """A bundle, read and checked."""

    hash: str
    settings: Settings
    areas: dict[str, Area]
    cells: CellTable
    campaigns: tuple[Campaign, ...]
    """In the order of their ids."""
    doubts: tuple[CampaignError, ...]
    """What would be mistakes if it did not stand in drafts."""


def bundle_hash(bundle: dict[str, bytes]) -> str:
    """32 hexadecimal digits made from names and contents."""
    digest = blake2b(digest_size=16, person=b"bundle")
    for name in sorted(bundle):
        for part in (name.encode(), bundle[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def is_campaign(name: str) -> bool:
    """Whether a file of the bundle is a campaign."""
    return name.endswith((".yaml", ".yml"))


def read(bundle: dict[str, bytes], *, running: bool, allocated: bool = False) -> Rules:
    """Reads and checks a bundle; raises `CampaignErrors` with every mistake in it.

    `running` and `allocated` are those of `rules.engine.RuleSet.load`.
    """
    errors: list[CampaignError] = []
    settings = settings_file.load(None, SETTINGS)
    areas: dict[str, Area] = {}
    cells = CellTable({})
    try:
        settings = settings_file.load(bundle.get(SETTINGS), SETTINGS)
    except CampaignError as error:
        errors.append(error)
    try:
        areas = area_file.load(bundle[AREAS], AREAS) if AREAS in bundle else {}
    except CampaignError as error:
        errors.append(error)
    try:
        cells = CellTable.load(bundle[CELLS], CELLS) if CELLS in bundle else cells
    except CampaignError as error:
        errors.append(error)
    broken = bool(errors)
    campaigns, mistakes = _campaigns(bundle, settings)
    errors += mistakes
    drafts = [each for each in campaigns if each.status == DRAFT]
    doubts = _place_errors(bundle, drafts, areas, cells)
    if not broken:
        others = [each for each in campaigns if each.status != DRAFT]
        errors += _place_errors(bundle, others, areas, cells)
    if running:
        errors += _running_errors(bundle, campaigns, settings, allocated=allocated)
    if errors:
        raise CampaignErrors(errors)
    ordered = tuple(sorted(campaigns, key=lambda each: each.id))
    return Rules(bundle_hash(bundle), settings, areas, cells, ordered, tuple(doubts))


def _campaigns(
    bundle: dict[str, bytes], settings: Settings
) -> tuple[list[Campaign], list[CampaignError]]:
    campaigns: dict[str, Campaign] = {}
    keys: dict[int, str] = {}
    errors: list[CampaignError] = []
    for name in sorted(filter(is_campaign, bundle)):
        campaign, mistakes = campaign_file.load(bundle[name], name, settings)
        errors += mistakes
        if campaign is None:
            continue
        if campaign.id in campaigns or campaign.key in keys:
            other = campaigns.get(campaign.id) or campaigns[keys[campaign.key]]
            errors.append(_twice(bundle[name], campaign, other))
        campaigns[campaign.id] = campaign
        keys[campaign.key] = campaign.id
    return list(campaigns.values()), errors


def _twice(data: bytes, campaign: Campaign, other: Campaign) -> CampaignError:
    reason = f"{campaign.id!r} is not told apart from {other.id!r} in {other.file}"
    return Source(data, campaign.file).error("$.campaign", reason, "give it another name")


def _place_errors(
    bundle: dict[str, bytes],
    campaigns: list[Campaign],
    areas: dict[str, Area],
    cells: CellTable,
) -> list[CampaignError]:
    """Triggers about areas and tags that no file holds."""
    errors = []
    for campaign in campaigns:
        source = Source(bundle[campaign.file], campaign.file)
        for path, _, spec in leaves(campaign.spec.trigger):
            place = where(spec)
            for name in place.areas if place else ():
                if name not in areas:
                    remedy = f"{AREAS} has: {', '.join(sorted(areas)) or 'none'}"
                    errors.append(source.error(f"{path}.area", f"no area {name!r}", remedy))
            for name in place.tags if place else ():
                if name not in cells.tags:
                    remedy = f"tag cells in the column tags of {CELLS}"
                    errors.append(
                        source.error(f"{path}.tag", f"no cell is tagged {name!r}", remedy)
                    )
    return errors


def _running_errors(
    bundle: dict[str, bytes], campaigns: list[Campaign], settings: Settings, *, allocated: bool
) -> list[CampaignError]:
    """What may stand in a file that is checked or replayed, and not in one that decides."""
    errors = []
    for campaign in campaigns:
        source = Source(bundle[campaign.file], campaign.file)
        if campaign.status not in {LIVE, SHADOW}:
            continue
        if campaign.shared_budget and not allocated:
            errors.append(
                source.error(
                    "$.limits",
                    "total and per_minute are not enforced here",
                    "use per_subscriber, or run the service, which enforces them",
                )
            )
        if campaign.control > 0 and not settings.salt:
            errors.append(
                source.error(
                    "$.experiment.control",
                    "no salt to draw a control group with",
                    f"set control_salt in {SETTINGS} to a secret of your own",
                )
            )
    return errors
