"""A campaign, typed and checked; what is wrong with a file is said with line, key and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from rules import format as fmt
from rules import settings as operator
from rules.audience import Expression
from rules.errors import CampaignError
from rules.quiet import Quiet
from rules.settings import Cap, Settings
from rules.source import Source
from rules.tree import branches, given, leaves
from rules.triggers import where
from rules.units import duration, share

DRAFT = "draft"
SHADOW = "shadow"
LIVE = "live"
PAUSED = "paused"

FIRST_WAVE = 1
REPLIES = ("1",)
"""What a subscriber writes back to accept, where the campaign says nothing else."""
MOST_PARTS = 50
"""Triggers without parts in one campaign."""


class Variant(NamedTuple):
    """A text and the share of people who get it."""

    name: str
    share: float
    text: str


class Limit(NamedTuple):
    """A cap that a campaign is under."""

    cap: Cap
    own: bool = False
    """It counts the campaign's own decisions only."""
    tag: str | None = None
    """It counts decisions of campaigns that bear this tag only."""


class Exclusion(NamedTuple):
    """Nobody to whom was sent one of these within `window` microseconds."""

    campaigns: frozenset[str]
    tags: frozenset[str]
    window: int


class Waves(NamedTuple):
    """Further offers to those who did not answer."""

    last: int
    """The number of the last wave; the first offer is wave 1."""
    after: int
    """Microseconds from one offer to the next."""


class Campaign(msgspec.Struct, frozen=True, eq=False):
    """One campaign, in the units of the machine."""

    id: str
    key: int
    """`campaign_key` of the id, for a subscriber's history."""
    file: str
    hash: str
    """Of the content: comments and the order of keys do not matter."""
    spec: fmt.CampaignFile
    title: str
    status: str
    shadow: bool
    """Its verdicts are written, and nothing is submitted."""
    priority: int
    tags: frozenset[str]
    starts: date | None
    ends: date | None
    kind: str
    """The trigger's key in the file, such as ``left``."""
    trigger: Any
    """What stands under that key: a type of `rules.format`, or of `any_of` a list of them."""
    expression: Expression | None
    asks_event: bool
    """Whether it asks about ``event``."""
    segments: frozenset[str]
    chooses: bool
    """It has an expression or segments: not everybody is its audience."""
    channel: str
    purposes: tuple[str, ...]
    """Consent to any of these is consent: the channel, and the purpose if the file has one."""
    sender: str
    text: str
    variants: tuple[Variant, ...]
    valid_for: int
    """Microseconds."""
    replies: tuple[str, ...]
    """First words of a reply that count as an answer."""
    cap: Cap | None
    """Its own."""
    limits: tuple[Limit, ...]
    """Its own cap and those it shares with others, in the order in which they are asked."""
    total: int | None
    """Sends to all subscribers together, as `per_minute`: no partition can decide alone."""
    per_minute: int | None
    shared_budget: bool
    """Whether an allocator must be asked (`rules.budget`)."""
    exclusion: Exclusion | None
    quiet: Quiet
    control: float
    salt: str
    waves: Waves | None


def campaign_key(campaign: str) -> int:
    """32 bits made from a campaign's id."""
    digest = blake2b(campaign.encode(), digest_size=4, person=b"campaign").digest()
    return int.from_bytes(digest, "big")


def load(data: bytes, file: str, settings: Settings) -> tuple[Campaign | None, list[CampaignError]]:
    """The campaign in a file, or every mistake that was found in it."""
    try:
        source = Source(data, file)
    except CampaignError as error:
        return None, [error]
    spec, errors = _typed(source)
    errors += _content_errors(source, spec, settings)
    if errors:
        return None, errors
    return _campaign(spec, file, settings), []


# what stands in for a part that is wrong, so that the parts after it are checked all the same
_STAND_INS: dict[str, object] = {
    "campaign": "x",
    "title": "x",
    "trigger": {"attached": {}},
    "offer": {"from": "x", "text": "x"},
}
_AT = re.compile(r"^(?P<reason>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?P<what>unknown|missing required) field `(?P<name>[^`]*)`")


def _typed(source: Source) -> tuple[fmt.CampaignFile, list[CampaignError]]:
    """The file's content by type; each key is judged alone, and what is wrong is left out."""
    if not isinstance(source.value, dict):
        mistake = source.error("$", "not a mapping", "begin with campaign: NAME")
        return msgspec.convert(_STAND_INS, fmt.CampaignFile), [mistake]
    errors = []
    right = dict(_STAND_INS)
    for key, value in source.value.items():
        try:
            msgspec.convert({**_STAND_INS, key: value}, fmt.CampaignFile)
            right[key] = value
        except msgspec.ValidationError as error:
            errors.append(_mistake(source, str(error)))
    errors += [
        source.error(f"$.{key}", "is missing", "add it")
        for key in _STAND_INS
        if key not in source.value
    ]
    return msgspec.convert(right, fmt.CampaignFile), errors


def _mistake(source: Source, text: str) -> CampaignError:
    """The error that msgspec tells in words."""
    match = _AT.match(text)
    assert match is not None
    path, reason = match["path"] or "$", match["reason"]
    field = _FIELD.search(reason)
    if field is None:
        return source.error(path, reason, _remedy(reason))
    path = f"{path}.{field['name']}"
    if field["what"] == "unknown":
        return source.error(path, "no such key here", _near(path))
    return source.error(path, "is missing", "add it")


def _remedy(reason: str) -> str:
    if reason.startswith("Expected `str`, got"):
        return "put the value in quotes, or write one single text"
    return "docs/campaigns.md and rules/campaign.schema.json say what may stand here"


_KEYS = sorted(
    {
        field.encode_name
        for kind in vars(fmt).values()
        if isinstance(kind, type) and issubclass(kind, fmt.Part)
        for field in msgspec.structs.fields(kind)
    }
)


def _near(path: str) -> str:
    near = get_close_matches(path.rpartition(".")[2], _KEYS, n=1)
    return f"did you mean {near[0]!r}?" if near else "remove it"


def _content_errors(
    source: Source, spec: fmt.CampaignFile, settings: Settings
) -> list[CampaignError]:
    """What types cannot say."""
    return [
        source.error(path, reason, remedy)
        for check in (_trigger_errors, _offer_errors, _date_errors, _audience_errors)
        for path, reason, remedy in check(spec)
    ] + [
        source.error(path, reason, remedy)
        for path, reason, remedy in (*_number_errors(spec), *_quiet_errors(spec, settings))
    ]


Complaint = tuple[str, str, str]
"""Path, reason, remedy."""


def _trigger_errors(spec: fmt.CampaignFile) -> Iterator[Complaint]:
    yield from _one_trigger(spec.trigger, "$.trigger")
    if sum(1 for _ in leaves(spec.trigger)) > MOST_PARTS:
        yield "$.trigger", f"is made of more than {MOST_PARTS}", "make several campaigns of it"
    if spec.waves is not UNSET and duration(spec.waves.after) == 0:
        yield "$.waves.after", "is no time at all", "write one such as 3d"


def _one_trigger(trigger: fmt.Trigger, path: str) -> Iterator[Complaint]:
    kinds = given(trigger)
    if len(kinds) != 1:
        yield path, f"holds {' and '.join(kinds) or 'none'}", "give exactly one trigger"
    for kind in kinds:
        yield from _part_errors(getattr(trigger, kind), f"{path}.{kind}")


def _part_errors(spec: Any, path: str) -> Iterator[Complaint]:
    if isinstance(spec, fmt.Move | fmt.Presence) and where(spec) is None:
        yield path, "names no place", "add area: NAME or tag: NAME"
    within = getattr(spec, "within", None)
    if within is not None and duration(within) == 0:
        yield f"{path}.within", "is no time at all", "write one such as 1h"
    for branch in branches(spec):
        yield from _one_trigger(branch.trigger, path + branch.path)


def _offer_errors(spec: fmt.CampaignFile) -> Iterator[Complaint]:
    offer = spec.offer
    if (offer.text is UNSET) == (offer.variants is UNSET):
        yield "$.offer", "has neither or both of text and variants", "give one of the two"
    if offer.variants is not UNSET:
        total = sum(share(variant.share) for variant in offer.variants)
        if abs(total - 1) > 1e-6:
            yield "$.offer.variants", f"the shares make {total:.2%}", "let them make 100%"
        if len({variant.name for variant in offer.variants}) < len(offer.variants):
            yield "$.offer.variants", "two have one name", "name each differently"


def _date_errors(spec: fmt.CampaignFile) -> Iterator[Complaint]:
    if spec.runs is UNSET:
        return
    dates = []
    for name, text in (("from", spec.runs.from_), ("until", spec.runs.until)):
        try:
            dates.append(None if text is UNSET else date.fromisoformat(text))
        except ValueError:
            yield f"$.runs.{name}", f"{text!r} is no date", "write one such as 2008-01-10"
    if len(dates) == 2 and None not in dates and dates[0] > dates[1]:  # type: ignore[operator]
        yield "$.runs", "ends before it begins", "let from be the earlier"


def _audience_errors(spec: fmt.CampaignFile) -> Iterator[Complaint]:
    if spec.audience is UNSET or spec.audience.where is UNSET:
        return
    try:
        Expression(spec.audience.where)
    except CampaignError as error:
        yield "$.audience.where", error.reason, str(error.remedy)


def _number_errors(spec: fmt.CampaignFile) -> Iterator[Complaint]:
    if spec.limits is not UNSET and spec.limits.per_subscriber is not UNSET:
        every = spec.limits.per_subscriber.every
        if every is not UNSET and duration(every) == 0:
            yield "$.limits.per_subscriber.every", "is no time at all", "write one such as 7d"


def _quiet_errors(spec: fmt.CampaignFile, settings: Settings) -> Iterator[Complaint]:
    if spec.quiet_hours is UNSET:
        return
    if not operator.quiet(spec.quiet_hours).contains(settings.quiet):
        yield (
            "$.quiet_hours",
            "are shorter than the operator's",
            "a campaign may only lengthen them; the operator's stand in settings.json",
        )


def _campaign(spec: fmt.CampaignFile, file: str, settings: Settings) -> Campaign:
    kind = given(spec.trigger)[0]
    return Campaign(
        id=spec.campaign,
        key=campaign_key(spec.campaign),
        file=file,
        hash=content_hash(spec),
        spec=spec,
        title=spec.title,
        status=spec.status,
        shadow=spec.status == SHADOW,
        priority=spec.priority,
        tags=frozenset(spec.tags),
        kind=kind,
        trigger=getattr(spec.trigger, kind),
        **_dates(spec),
        **_audience(spec),
        **_offer(spec),
        **_limits(spec, settings),
        **_experiment(spec),
    )


def content_hash(spec: fmt.CampaignFile) -> str:
    """16 hexadecimal digits made from a campaign's content."""
    content = msgspec.json.encode(spec, order="deterministic")
    return blake2b(content, digest_size=8, person=b"content").hexdigest()


def _dates(spec: fmt.CampaignFile) -> dict[str, Any]:
    runs = fmt.Runs() if spec.runs is UNSET else spec.runs
    return {
        "starts": None if runs.from_ is UNSET else date.fromisoformat(runs.from_),
        "ends": None if runs.until is UNSET else date.fromisoformat(runs.until),
    }


def _audience(spec: fmt.CampaignFile) -> dict[str, Any]:
    wish = fmt.Audience() if spec.audience is UNSET else spec.audience
    expression = None if wish.where is UNSET else Expression(wish.where)
    return {
        "expression": expression,
        "asks_event": expression is not None and "event" in expression.names,
        "segments": frozenset(() if wish.segments is UNSET else wish.segments),
        "chooses": expression is not None or wish.segments is not UNSET,
    }


def _offer(spec: fmt.CampaignFile) -> dict[str, Any]:
    offer = spec.offer
    variants = [] if offer.variants is UNSET else offer.variants
    purpose = () if spec.purpose is UNSET else (spec.purpose,)
    return {
        "channel": offer.channel,
        "purposes": (offer.channel, *purpose),
        "sender": offer.from_,
        "text": "" if offer.text is UNSET else offer.text,
        "variants": tuple(Variant(each.name, share(each.share), each.text) for each in variants),
        "valid_for": duration(offer.valid_for),
        "replies": REPLIES if offer.replies is UNSET else tuple(offer.replies),
    }


def _limits(spec: fmt.CampaignFile, settings: Settings) -> dict[str, Any]:
    limits = fmt.Limits() if spec.limits is UNSET else spec.limits
    cap, excludes = limits.per_subscriber, spec.excludes
    return {
        "cap": None if cap is UNSET else Cap.of("campaign", cap),
        "limits": tuple(_caps(spec, settings)),
        "total": None if limits.total is UNSET else limits.total,
        "per_minute": None if limits.per_minute is UNSET else limits.per_minute,
        "shared_budget": limits.total is not UNSET or limits.per_minute is not UNSET,
        "exclusion": None
        if excludes is UNSET
        else Exclusion(
            frozenset(excludes.campaigns), frozenset(excludes.tags), duration(excludes.for_)
        ),
        "quiet": settings.quiet if spec.quiet_hours is UNSET else operator.quiet(spec.quiet_hours),
    }


def _caps(spec: fmt.CampaignFile, settings: Settings) -> Iterator[Limit]:
    """Every cap, with the room that reserves leave for a campaign of its priority.

    A short message is the only channel, so that a channel's cap counts all decisions.
    """
    limits = fmt.Limits() if spec.limits is UNSET else spec.limits
    if limits.per_subscriber is not UNSET:
        yield Limit(Cap.of("campaign", limits.per_subscriber), own=True)
    shared = [(settings.cap_all, None), (settings.cap_channels.get(spec.offer.channel), None)]
    tagged = [(settings.cap_tags.get(tag), tag) for tag in sorted(set(spec.tags))]
    for cap, tag in shared + tagged:
        if cap is not None:
            yield Limit(cap.room_for(spec.priority), tag=tag)


def _experiment(spec: fmt.CampaignFile) -> dict[str, Any]:
    experiment = fmt.Experiment() if spec.experiment is UNSET else spec.experiment
    return {
        "control": share(experiment.control),
        "salt": spec.campaign if experiment.salt is UNSET else experiment.salt,
        "waves": None
        if spec.waves is UNSET
        else Waves(FIRST_WAVE + spec.waves.times, duration(spec.waves.after)),
    }
