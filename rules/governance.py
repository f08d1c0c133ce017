"""Who decides: the checks in the contracts' one order, each recorded, the first no is the reason.

status and dates, identity, audience, consent, opt-out, time zone, trust in the feed, exclusion,
priority, caps, budgets, quiet hours, control group, variant. A person is asked about first
(`PERSONAL`); then the campaigns that passed meet, the highest priority first; the rest is asked of
whoever no other campaign stands before. What is missing (a profile, consent, a zone) means no (P3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from rules import draws, history
from rules.audience import seen_profile
from rules.campaign import PAUSED, Campaign
from rules.profile import Profile
from rules.settings import Settings
from rules.state import Hold, Mark, Sent, Wave
from rules.verdicts import CONTROL, HOLD, REFUSE, SEND, Verdict
from rules.zones import date_of, zone

NO_CONSENT = "no consent"
OPTED_OUT = "opted out"
NOT_IN_AUDIENCE = "not in audience"
OUTSIDE_DATES = "outside campaign dates"
UNKNOWN_IDENTITY = "unknown identity"
UNKNOWN_TIME_ZONE = "unknown time zone"
EXCLUDED = "excluded"
OUT_RANKED = "out-ranked"
CAPPED = "capped"
SOLD_OUT = "sold out"
QUIET_HOURS = "quiet hours"
EXPIRED = "expired"
FEED_NOT_TRUSTED = "feed not trusted"
STOPPED = "stopped"

BUDGETS = "budgets"
"""The check that the allocator of shared budgets (`rules.budget`) answers."""

REASONS = (
    NO_CONSENT,
    OPTED_OUT,
    NOT_IN_AUDIENCE,
    OUTSIDE_DATES,
    UNKNOWN_IDENTITY,
    UNKNOWN_TIME_ZONE,
    EXCLUDED,
    OUT_RANKED,
    CAPPED,
    SOLD_OUT,
    QUIET_HOURS,
    EXPIRED,
    FEED_NOT_TRUSTED,
    STOPPED,
)


class Answer(NamedTuple):
    """What a check said, and the reason if it is a no."""

    result: str
    refusal: str | None = None


@dataclass(slots=True)
class Case:
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
    checks: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Scene:
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
    ahead: Campaign | None = None
    """The live campaign that goes out, is held or is drawn for control at this instant."""


def offer_id(campaign: str, wave: int, subscriber: str, trigger: str) -> str:
    """The offer's id: the same in every replay."""
    content = "\0".join((campaign, str(wave), subscriber, trigger)).encode()
    return blake2b(content, digest_size=16, person=b"offer").hexdigest()


def decide(scene: Scene, cases: Sequence[Case]) -> list[Verdict]:
    """One verdict for each case, and one for each standing hold that a case out-ranks.

    `scene.sent` and `scene.holds` are brought up to date. The verdicts are in the order of
    campaigns.
    """
    scene.earlier = len(scene.sent)
    verdicts = []
    meeting = []
    for case in cases:
        refusal = _ask(PERSONAL, case, scene)
        if refusal is None:
            meeting.append(case)
        else:
            verdicts.append(_verdict(case, scene, REFUSE, refusal))
    for case in sorted(meeting, key=_rank):
        verdicts += _meet(case, scene)
    return sorted(verdicts, key=lambda verdict: (verdict.campaign, verdict.offer, verdict.step))


def _rank(case: Case) -> tuple[bool, int, bool, str, str]:
    """Live before shadow; then by priority; at the same, what was held before what is new."""
    campaign = case.campaign
    return (campaign.shadow, -campaign.priority, case.hold is None, campaign.id, case.offer)


# Answers that are given often; making one costs more than asking.
_KNOWN = Answer("known")
_GIVEN = Answer("given")
_EVERYBODY = Answer("everybody")
_IN = Answer("in")
_NO = Answer("no")
_OK = Answer("ok")
_NONE = Answer("none")
_FIRST = Answer("first")
_ROOM = Answer("room")


def _ask(checks: Sequence[tuple[str, Check]], case: Case, scene: Scene) -> str | None:
    for name, check in checks:
        result, refusal = check(case, scene)
        case.checks.append((name, result))
        if refusal is not None:
            return refusal
    return None


def _meet(case: Case, scene: Scene) -> list[Verdict]:
    """The case's verdict after the personal checks, and those of the holds it out-ranks."""
    refusal = _ask(MEETING, case, scene)
    if refusal is not None:
        return [_verdict(case, scene, REFUSE, refusal)]
    until = quiet_until(case.campaign, scene)
    if until is not None and case.hold is None and until <= case.since + case.campaign.valid_for:
        return [_held(case, scene, until), *_out_rank(case, scene)]
    result, refusal = _quiet_hours(case, scene, until)
    case.checks.append(("quiet hours", result))
    if refusal is not None:
        return [_verdict(case, scene, REFUSE, refusal)]
    return [_drawn(case, scene), *_out_rank(case, scene)]


def _verdict(case: Case, scene: Scene, verdict: str, reason: str | None = None) -> Verdict:
    return Verdict(
        offer=case.offer,
        step=case.step,
        campaign=case.campaign.id,
        campaign_hash=case.campaign.hash,
        wave=case.wave,
        subscriber=case.subscriber,
        time=scene.now,
        since=None if case.hold is None else case.since,
        trigger=case.trigger,
        evidence=[mark.sample() for mark in case.evidence],
        checks=case.checks,
        verdict=verdict,
        reason=reason,
    )


# The checks.


def _status(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    stopped = scene.settings.stopped
    if stopped and (campaign.id in stopped or "all" in stopped):
        return Answer("stopped by hand", STOPPED)
    return Answer(campaign.status, STOPPED if campaign.status == PAUSED else None)


def _dates(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    today = date_of(scene.now, scene.settings.zone)
    if campaign.starts is not None and today < campaign.starts:
        return Answer(f"{today} is before {campaign.starts}", OUTSIDE_DATES)
    if campaign.ends is not None and today > campaign.ends:
        return Answer(f"{today} is after {campaign.ends}", OUTSIDE_DATES)
    return Answer(str(today))


def _identity(case: Case, _scene: Scene) -> Answer:
    return _KNOWN if case.known else Answer("unknown", UNKNOWN_IDENTITY)


def _audience(case: Case, scene: Scene) -> Answer:
    campaign, profile = case.campaign, scene.profile
    if campaign.expression is None and not campaign.segments:
        return _EVERYBODY
    if campaign.segments and not (profile and campaign.segments & set(profile.segments)):
        return Answer("in none of the segments", NOT_IN_AUDIENCE)
    if campaign.expression is None or campaign.expression.holds(_variables(case, scene)):
        return _IN
    return Answer("out" if profile else "no profile", NOT_IN_AUDIENCE)


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


def _consent(case: Case, scene: Scene) -> Answer:
    if scene.profile is None:
        return Answer("no profile", NO_CONSENT)
    if scene.profile.consents(*case.campaign.purposes):
        return _GIVEN
    return Answer("none", NO_CONSENT)


def _opt_out(_case: Case, scene: Scene) -> Answer:
    if scene.profile is not None and scene.profile.opted_out:
        return Answer("yes", OPTED_OUT)
    return _NO


def _time_zone(_case: Case, scene: Scene) -> Answer:
    name = scene.profile.time_zone if scene.profile else ""
    return Answer(name) if zone(name) is not None else Answer("unknown", UNKNOWN_TIME_ZONE)


def _trust(case: Case, _scene: Scene) -> Answer:
    return Answer("gap", FEED_NOT_TRUSTED) if case.gap else _OK


def _exclusion(case: Case, scene: Scene) -> Answer:
    other = history.excluded_by(case.campaign, scene.sent, scene.campaigns, scene.now)
    return _NONE if other is None else Answer(other, EXCLUDED)


def _priority(case: Case, scene: Scene) -> Answer:
    campaign = case.campaign
    ahead = scene.ahead
    if ahead is not None and _goes_before(ahead, campaign):
        return Answer(f"after {ahead.id}", OUT_RANKED)
    for hold in scene.holds:
        if _stands_before(hold, campaign):
            return Answer(f"after held {hold.campaign}", OUT_RANKED)
    earlier = scene.sent[: scene.earlier]
    if history.met(campaign, earlier, scene.settings.apart, scene.now):
        return Answer("after one sent", OUT_RANKED)
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


def _caps(case: Case, scene: Scene) -> Answer:
    full = history.used_up(case.campaign, scene.settings, scene.sent, scene.campaigns, scene.now)
    return _ROOM if full is None else Answer(full, CAPPED)


def _budgets(case: Case, _scene: Scene) -> Answer:
    return Answer("shared: not asked" if case.campaign.shared_budget else "none")


def _quiet_hours(case: Case, scene: Scene, until: int | None) -> Answer:
    if case.hold is not None and scene.now > case.since + case.campaign.valid_for:
        return Answer("no longer valid", EXPIRED)
    return _NO if until is None else Answer("yes", QUIET_HOURS)


def quiet_until(campaign: Campaign, scene: Scene) -> int | None:
    """Microseconds when the person's quiet hours around `scene.now` end; None outside them."""
    where = zone(scene.profile.time_zone) if scene.profile else None
    assert where is not None
    return campaign.quiet.until(scene.now, where)


Check = Callable[[Case, Scene], Answer]

PERSONAL: tuple[tuple[str, Check], ...] = (
    ("status", _status),
    ("dates", _dates),
    ("identity", _identity),
    ("audience", _audience),
    ("consent", _consent),
    ("opt-out", _opt_out),
    ("time zone", _time_zone),
    ("trust", _trust),
    ("exclusion", _exclusion),
)

MEETING: tuple[tuple[str, Check], ...] = (
    ("priority", _priority),
    ("caps", _caps),
    (BUDGETS, _budgets),
)


def _held(case: Case, scene: Scene, until: int) -> Verdict:
    """A hold: it is quiet now, and the offer will still be valid at `until`."""
    campaign = case.campaign
    scene.holds.append(
        Hold(
            campaign=campaign.id,
            wave=case.wave,
            offer=case.offer,
            step=case.step,
            trigger=case.trigger,
            since=case.since,
            not_before=until,
            priority=campaign.priority,
            shadow=campaign.shadow,
            gap=case.gap,
            evidence=case.evidence,
            event=_kept_event(case),
        )
    )
    case.checks.append(("quiet hours", "yes"))
    verdict = _verdict(case, scene, HOLD)
    verdict.not_before = until
    return verdict


def _kept_event(case: Case) -> dict[str, object] | None:
    """What the expression will see as ``event`` when it is asked again, if it asks for it."""
    return None if case.event is None else dict(case.event)


def _drawn(case: Case, scene: Scene) -> Verdict:
    """A send or a control: both use up the person's caps."""
    campaign = case.campaign
    scene.sent.append(Sent(campaign.key, scene.now, campaign.shadow))
    _plan_wave(case, scene)
    arm = control_arm(campaign, scene, case.subscriber)
    case.checks.append(("control group", arm or "no"))
    if arm is not None:
        return _verdict(case, scene, CONTROL)
    verdict = _verdict(case, scene, SEND)
    verdict.text = campaign.text
    if campaign.variants:
        drawn = draws.draw(*_drawing(scene, "variant", campaign.salt, case.subscriber))
        chosen = draws.variant(campaign.variants, drawn)
        case.checks.append(("variant", chosen.name))
        verdict.variant, verdict.text = chosen.name, chosen.text
    return verdict


def _plan_wave(case: Case, scene: Scene) -> None:
    """Plans the next wave, for control too, so that both arms use up their caps alike."""
    campaign = case.campaign
    if campaign.waves is None or case.wave >= campaign.waves.last:
        return
    scene.waves[:] = [wave for wave in scene.waves if wave.campaign != campaign.id]
    scene.waves.append(
        Wave(
            campaign=campaign.id,
            wave=case.wave + 1,
            due=scene.now + campaign.waves.after,
            trigger=case.trigger,
            gap=case.gap,
            evidence=case.evidence,
            event=_kept_event(case),
        )
    )


def control_arm(campaign: Campaign, scene: Scene, subscriber: str) -> str | None:
    """The control group the person is in: ``global``, ``campaign`` or none."""
    everybody = scene.settings.global_control
    if everybody and _global_draw(scene, subscriber) < everybody:
        return "global"
    own = campaign.control
    if own and draws.draw(*_drawing(scene, "control", campaign.salt, subscriber)) < own:
        return "campaign"
    return None


def _global_draw(scene: Scene, subscriber: str) -> float:
    scope = scene.settings.global_control_draw
    return draws.draw(*_drawing(scene, "global", scope, subscriber))


def _drawing(scene: Scene, kind: str, scope: str, subscriber: str) -> tuple[bytes, str, str, str]:
    person = (scene.profile.seed if scene.profile else "") or subscriber
    return scene.settings.salt, kind, scope, person


def _out_rank(case: Case, scene: Scene) -> list[Verdict]:
    """Verdicts of the standing holds that lose to `case`; a shadow out-ranks nobody."""
    if case.campaign.shadow:
        return []
    scene.ahead = case.campaign
    losers = [hold for hold in scene.holds if not hold.shadow and hold.campaign != case.campaign.id]
    scene.holds[:] = [hold for hold in scene.holds if hold not in losers]
    return [_lost(hold, case, scene) for hold in losers]


def _lost(hold: Hold, case: Case, scene: Scene) -> Verdict:
    checks = [("priority", f"after {case.campaign.id}")]
    return refused_hold(hold, case.subscriber, scene, checks, OUT_RANKED)


def refused_hold(
    hold: Hold, subscriber: str, scene: Scene, checks: list[tuple[str, str]], reason: str
) -> Verdict:
    """The end of a hold whose campaign is not asked any more."""
    campaign = next((each for each in scene.campaigns.values() if each.id == hold.campaign), None)
    return Verdict(
        offer=hold.offer,
        step=hold.step + 1,
        campaign=hold.campaign,
        campaign_hash=campaign.hash if campaign else "",
        wave=hold.wave,
        subscriber=subscriber,
        time=scene.now,
        since=hold.since,
        trigger=hold.trigger,
        evidence=[mark.sample() for mark in hold.evidence],
        checks=checks,
        verdict=REFUSE,
        reason=reason,
    )


def is_shadow(verdict: Verdict) -> bool:
    """Whether a verdict is a shadow campaign's: written, and never submitted."""
    return ("status", "shadow") in [tuple(check) for check in verdict.checks]
