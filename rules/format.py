"""The campaign file, key by key: from these types come its check and `campaign.schema.json`.

``docs/make_campaign_schema.py`` makes the JSON Schema beside this file; a test keeps both equal.
Descriptions are for the people who write campaigns.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rules.units import DATE_PATTERN, DURATION_PATTERN, SHARE_PATTERN, TIME_OF_DAY_PATTERN

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        description="Lower case letters, digits and hyphens, at most 64.",
    ),
]
Duration = Annotated[
    str,
    Meta(
        pattern=DURATION_PATTERN,
        description="A number with s, m, h, d or w: 90s, 20m, 12h, 7d, 1h30m.",
        examples=["20m", "12h", "7d"],
    ),
]
Share = Annotated[str, Meta(pattern=SHARE_PATTERN, description="A share of people, as in 10%.")]
TimeOfDay = Annotated[
    str, Meta(pattern=TIME_OF_DAY_PATTERN, description="Local time as HH:MM, 00:00 to 23:59.")
]
Date = Annotated[
    str, Meta(pattern=DATE_PATTERN, description="A date in the operator's zone, YYYY-MM-DD.")
]
Text = Annotated[str, Meta(min_length=1, max_length=1000)]
Word = Annotated[str, Meta(min_length=1, max_length=100)]
Words = Annotated[list[Word], Meta(min_length=1, max_length=1000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Direction = Literal["mobile originated", "mobile terminated"]
NumberClass = Literal["local", "long distance", "international", "service", "emergency", "unknown"]
Cause = Annotated[int, Meta(ge=0, le=127)]
Priority = Annotated[int, Meta(ge=0, le=100)]


class Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A part of a campaign file: keys that it does not know are refused."""


class Place(Part, frozen=True, kw_only=True):
    """Where: a named area, several, or all cells that bear a tag."""

    area: Word | Words | UnsetType = UNSET
    """Names of areas in the areas file."""
    tag: Word | Words | UnsetType = UNSET
    """Tags of cells in the cells file."""


class Move(Place, frozen=True, kw_only=True):
    """`left` or `entered`."""

    after_staying: Duration = "0s"
    """The stay before, from its first sample to its last, was at least as long."""
    confirmed_by: Duration = "0s"
    """No sample spoke against it for so long."""


class Presence(Place, frozen=True, kw_only=True, rename={"for_": "for"}):
    """`stayed` or `absent`."""

    for_: Duration
    """So long, at least."""
    confirmed_by: Duration = "0s"
    """Excursions shorter than this do not interrupt it."""


class CallFilter(Place, frozen=True, kw_only=True):
    """`called` or `answered`: every key that is given must agree."""

    direction: Direction | UnsetType = UNSET
    number_class: NumberClass | list[NumberClass] | UnsetType = UNSET
    prefix: Words | UnsetType = UNSET
    """The carrier or service prefix dialled before the number is one of these."""
    not_prefix: Words | UnsetType = UNSET
    """No prefix was dialled before the number, or none of these."""


class CallEnd(CallFilter, frozen=True, kw_only=True):
    """`call_ended`."""

    answered: bool | UnsetType = UNSET
    at_least: Duration | UnsetType = UNSET
    """Duration of the call."""
    at_most: Duration | UnsetType = UNSET
    cause: Annotated[list[Cause], Meta(min_length=1)] | UnsetType = UNSET
    """Cause values, TS 24.008 table 10.5.123 (or TS 48.008 3.2.2.5 where the radio ended it)."""
    ended_by: Literal["mobile", "network", "radio"] | UnsetType = UNSET


class TextFilter(Place, frozen=True, kw_only=True):
    """`texted`: a short message sent (mobile originated) or received (mobile terminated)."""

    direction: Direction | UnsetType = UNSET


class RequestFilter(Place, frozen=True, kw_only=True):
    """`requested`: a supplementary service or USSD."""

    operation: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    """Operation code, TS 24.080 4.5."""
    code: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    """SS-Code, TS 29.002 17.7.5."""


class UpdateFilter(Place, frozen=True, kw_only=True):
    """`updated`: a location update."""

    kind: Literal["normal", "periodic", "imsi attach"] | UnsetType = UNSET
    outcome: Literal["accepted", "rejected", "unseen"] | UnsetType = UNSET


class Sequence(Part, frozen=True, kw_only=True):
    """Steps in this order."""

    steps: Annotated[list[Trigger], Meta(min_length=2, max_length=10)]
    within: Duration


class Repeated(Part, frozen=True, kw_only=True):
    """So many times; then it is counted anew."""

    of: Trigger
    at_least: Annotated[int, Meta(ge=2, le=100)]
    within: Duration


class NotFollowedBy(Part, frozen=True, kw_only=True):
    """The first came true and the second did not, for so long."""

    first: Trigger
    then: Trigger
    within: Duration


class Trigger(Part, frozen=True, kw_only=True):
    """What must happen: exactly one of these keys."""

    left: Move | UnsetType = UNSET
    entered: Move | UnsetType = UNSET
    stayed: Presence | UnsetType = UNSET
    absent: Presence | UnsetType = UNSET
    called: CallFilter | UnsetType = UNSET
    answered: CallFilter | UnsetType = UNSET
    call_ended: CallEnd | UnsetType = UNSET
    texted: TextFilter | UnsetType = UNSET
    requested: RequestFilter | UnsetType = UNSET
    updated: UpdateFilter | UnsetType = UNSET
    attached: Place | UnsetType = UNSET
    detached: Place | UnsetType = UNSET
    handed_over: Place | UnsetType = UNSET
    any_of: Annotated[list[Trigger], Meta(min_length=2, max_length=10)] | UnsetType = UNSET
    sequence: Sequence | UnsetType = UNSET
    count: Repeated | UnsetType = UNSET
    not_followed_by: NotFollowedBy | UnsetType = UNSET


class Runs(Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The campaign's dates, both included."""

    from_: Date | UnsetType = UNSET
    until: Date | UnsetType = UNSET


class Audience(Part, frozen=True, kw_only=True):
    """Whom it is for."""

    where: Annotated[str, Meta(min_length=1, max_length=10_000)] | UnsetType = UNSET
    """CEL over ``profile``, ``state`` and ``event``; what cannot be answered is a no."""
    segments: Words | UnsetType = UNSET
    """In at least one of these segments."""


class Variant(Part, frozen=True, kw_only=True):
    """One of several texts."""

    name: Name
    share: Share
    text: Text


class Offer(Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What is sent."""

    channel: Literal["sms"] = "sms"
    from_: Annotated[str, Meta(pattern=r"^[0-9A-Za-z+*# ]{1,20}$")]
    """The sender as the subscriber sees it. A number stands in quotes."""
    text: Text | UnsetType = UNSET
    variants: Annotated[list[Variant], Meta(min_length=2, max_length=20)] | UnsetType = UNSET
    """In place of `text`; the shares make 100 %."""
    valid_for: Duration = "24h"
    """After so long, counted from the trigger, it is not sent any more."""
    replies: Words | UnsetType = UNSET
    """First words of a reply that count as an answer; ``1`` where it is absent. A reply of TD, T or
    退订 is an opt-out in any case."""


class Cap(Part, frozen=True, kw_only=True):
    """At most so many times."""

    times: Count
    every: Duration | UnsetType = UNSET
    """In any window of this length; for ever where it is absent."""


class Limits(Part, frozen=True, kw_only=True):
    """How often."""

    per_subscriber: Cap | UnsetType = UNSET
    total: Count | UnsetType = UNSET
    """Sends of the whole campaign."""
    per_minute: Count | UnsetType = UNSET
    """Sends of the whole campaign in a minute."""


class Experiment(Part, frozen=True, kw_only=True):
    """The control group."""

    control: Share = "0%"
    """This share triggers and gets nothing."""
    salt: Word | UnsetType = UNSET
    """Another salt draws another group; the campaign's name where it is absent."""


class Excludes(Part, frozen=True, kw_only=True, rename={"for_": "for"}):
    """Not to whom was sent one of these before."""

    campaigns: list[Name] = []
    tags: list[Name] = []
    for_: Duration


class QuietHours(Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Local hours of the subscriber in which nothing is sent."""

    from_: TimeOfDay
    until: TimeOfDay


class Waves(Part, frozen=True, kw_only=True):
    """Further offers to those who did not answer."""

    times: Annotated[int, Meta(ge=1, le=10)]
    """So many further offers at most."""
    after: Duration
    """So long after the offer before."""


class CampaignFile(Part, frozen=True, kw_only=True):
    """A campaign of Xinling."""

    campaign: Name
    """The campaign's identifier."""
    title: Text
    status: Literal["draft", "shadow", "live", "paused"] = "draft"
    """draft: nothing; shadow: every verdict, nothing submitted; live; paused: nothing goes out."""
    priority: Priority = 50
    """The higher wins where two would meet in one person."""
    purpose: Name | UnsetType = UNSET
    """What consent may be given for, beside the channel."""
    tags: list[Name] = []
    runs: Runs | UnsetType = UNSET
    trigger: Trigger
    audience: Audience | UnsetType = UNSET
    offer: Offer
    limits: Limits | UnsetType = UNSET
    excludes: Excludes | UnsetType = UNSET
    quiet_hours: QuietHours | UnsetType = UNSET
    """Longer quiet hours than the operator's."""
    experiment: Experiment | UnsetType = UNSET
    waves: Waves | UnsetType = UNSET


class Reserve(Part, frozen=True, kw_only=True):
    """Slots of a cap that are kept for campaigns of at least this priority."""

    priority: Priority
    slots: Count = 1


class SharedCap(Cap, frozen=True, kw_only=True):
    """A cap over several campaigns."""

    reserve: Reserve | Priority | UnsetType = UNSET
    """A priority alone keeps one slot."""


class Caps(Part, frozen=True, kw_only=True):
    """Caps over campaigns; each that applies must have room."""

    all: SharedCap | UnsetType = UNSET
    channels: dict[str, SharedCap] = {}
    tags: dict[str, SharedCap] = {}


class SettingsFile(Part, frozen=True, kw_only=True):
    """`settings.json`: what holds for every campaign."""

    zone: str = "Asia/Shanghai"
    """The operator's zone: campaign dates."""
    quiet_hours: QuietHours = QuietHours(from_="20:00", until="08:00")
    """Local hours of the subscriber in which nothing is sent."""
    control_salt: str = ""
    """Secret; what control groups and variants are drawn with."""
    global_control: Share = "0%"
    """This share of everybody is control for every campaign."""
    global_control_draw: str = ""
    """Another text draws another global control group; campaigns' own groups stay."""
    apart: Duration = "0s"
    """Two campaigns meet in a person within this time after one was sent."""
    remember: Duration = "90d"
    """Decisions are kept at least so long, longer where a cap asks for it."""
    number_class_from: Literal["home city", "present city"] = "home city"
    country: str = ""
    """ISO 3166-1 alpha-2 of the operator; empty: international is what the numbering plan says."""
    network: Annotated[str, Meta(pattern=r"^$|^[0-9]{3}-[0-9]{2,3}$")] = ""
    """MCC-MNC that completes a cell whose identifier bears none."""
    caps: Caps = Caps()
    consent_proof: bool = False
    """A consent counts only where the profile says what proves it (``consent_proof``)."""
    stopped: list[str] = []
    """Campaigns that were stopped by hand; ``all`` for every one."""
