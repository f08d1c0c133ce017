"""Who decides: every check recorded, the first no is the reason (`rules.checks` has the questions).

A person is asked about first; then the campaigns that passed meet, the highest priority first; the
rest (quiet hours, control group, variant) is asked of whoever no other campaign stands before.
"""

from __future__ import annotations

from collections.abc import Sequence

from rules import asking, draws
from rules.campaign import Campaign, Waves
from rules.case import Case, Scene
from rules.checks import QUIET, quiet_hours, quiet_until
from rules.reasons import OUT_RANKED
from rules.state import Hold, Sent, Wave
from rules.verdicts import CONTROL, HOLD, REFUSE, SEND, Verdict


def decide(scene: Scene, cases: Sequence[Case]) -> list[Verdict]:
    """One verdict for each case, and one for each standing hold that a case out-ranks.

    `scene.sent` and `scene.holds` are brought up to date.
    """
    verdicts = []
    meeting = []
    for case in cases:
        refusal = asking.personal(case, scene)
        if refusal is None:
            meeting.append(case)
        else:
            verdicts.append(_verdict(case, scene, REFUSE, refusal))
    if len(meeting) > 1:
        meeting.sort(key=_rank)
    for case in meeting:
        verdict = _meet(case, scene)
        verdicts.append(verdict)
        if verdict.verdict != REFUSE and not case.campaign.shadow:
            scene.ahead = case.campaign
            verdicts += _out_ranked(case, scene) if scene.holds else ()
    return verdicts


def _rank(case: Case) -> tuple[bool, int, bool, str, str]:
    """Live before shadow; then by priority; at the same, what was held before what is new."""
    campaign = case.campaign
    return (campaign.shadow, -campaign.priority, case.hold is None, campaign.id, case.offer)


def _meet(case: Case, scene: Scene) -> Verdict:
    """The case's verdict after the personal checks."""
    refusal = asking.meeting(case, scene)
    if refusal is not None:
        return _verdict(case, scene, REFUSE, refusal)
    until = quiet_until(case.campaign, scene)
    if until is not None and case.hold is None and until <= case.since + case.campaign.valid_for:
        return _held(case, scene, until)
    said, refusal = quiet_hours(case, scene, until)
    case.checks.append(said)
    if refusal is not None:
        return _verdict(case, scene, REFUSE, refusal)
    return _drawn(case, scene)


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
    case.checks.append(QUIET.said)
    verdict = _verdict(case, scene, HOLD)
    verdict.not_before = until
    return verdict


def _kept_event(case: Case) -> dict[str, object] | None:
    """What the expression will see as ``event`` when it is asked again, if it asks for it."""
    return None if case.event is None else dict(case.event)


_NOT_CONTROL = ("control group", "no")


def _drawn(case: Case, scene: Scene) -> Verdict:
    """A send or a control: both use up the person's caps."""
    campaign = case.campaign
    scene.sent.append(Sent(campaign.key, scene.now, campaign.shadow))
    if campaign.waves is not None and case.wave < campaign.waves.last:
        _plan_wave(case, campaign.waves, scene)
    arm = control_arm(campaign, scene, case.subscriber)
    case.checks.append(_NOT_CONTROL if arm is None else ("control group", arm))
    if arm is not None:
        return _verdict(case, scene, CONTROL)
    verdict = _verdict(case, scene, SEND)
    verdict.text = campaign.text
    if campaign.variants:
        drawn = _draw(scene, "variant", campaign.salt, case.subscriber)
        chosen = draws.variant(campaign.variants, drawn)
        case.checks.append(("variant", chosen.name))
        verdict.variant, verdict.text = chosen.name, chosen.text
    return verdict


def _plan_wave(case: Case, waves: Waves, scene: Scene) -> None:
    """Plans the next wave, for control too, so that both arms use up their caps alike."""
    campaign = case.campaign
    scene.waves[:] = [wave for wave in scene.waves if wave.campaign != campaign.id]
    scene.waves.append(
        Wave(
            campaign=campaign.id,
            wave=case.wave + 1,
            due=scene.now + waves.after,
            trigger=case.trigger,
            gap=case.gap,
            evidence=case.evidence,
            event=_kept_event(case),
        )
    )


def control_arm(campaign: Campaign, scene: Scene, subscriber: str) -> str | None:
    """The control group the person is in: ``global``, ``campaign`` or none."""
    settings, own = scene.settings, campaign.control
    everybody = settings.global_control
    if everybody and _draw(scene, "global", settings.global_control_draw, subscriber) < everybody:
        return "global"
    if own and _draw(scene, "control", campaign.salt, subscriber) < own:
        return "campaign"
    return None


def _draw(scene: Scene, kind: str, scope: str, subscriber: str) -> float:
    person = (scene.profile.seed if scene.profile else "") or subscriber
    return draws.draw(scene.settings.salt, kind, scope, person)


def _out_ranked(case: Case, scene: Scene) -> list[Verdict]:
    """Verdicts of the standing holds that lose to a live `case`, which goes out or is held."""
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
