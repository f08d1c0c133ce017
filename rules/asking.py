"""Asking the checks one after another up to the first no, and those who are alike only once.

Most answers depend on little: the campaign, the day, the kinds of consent, the zone. What they
depend on is a key, and under it the answers are remembered: asking anew costs four times as much.
"""

from __future__ import annotations

from collections.abc import Sequence

from rules.case import Answered, AnswerKey, Case, Scene
from rules.checks import MEETING, PERSONAL, Check
from rules.zones import day_of

MOST_ANSWERED = 4096
"""Rows of answers that are remembered; then they are worked out anew."""


def personal(case: Case, scene: Scene) -> str | None:
    """Asks about the person; gives the first no."""
    return _ask(PERSONAL, case, scene, _alike(case, scene))


def meeting(case: Case, scene: Scene) -> str | None:
    """Asks about other campaigns and caps; gives the first no."""
    return _ask(MEETING, case, scene, _alone(case, scene))


def _ask(checks: Sequence[Check], case: Case, scene: Scene, key: AnswerKey | None) -> str | None:
    """The first no, if there is one; what each check said stands in the case's `checks`."""
    answered = None if key is None else scene.answered.get(key)
    if answered is None:
        answered = _answers(checks, case, scene)
        if key is not None:
            if len(scene.answered) >= MOST_ANSWERED:
                scene.answered.clear()
            scene.answered[key] = answered
    case.checks += answered.said
    return answered.refusal


def _answers(checks: Sequence[Check], case: Case, scene: Scene) -> Answered:
    asked = []
    refusal = None
    for check in checks:
        said, refusal = check(case, scene)
        asked.append(said)
        if refusal is not None:
            break
    return Answered(tuple(asked), refusal)


def _alike(case: Case, scene: Scene) -> AnswerKey | None:
    """All that the personal checks depend on; None where that is too much to be worth it."""
    campaign, profile = case.campaign, scene.profile
    if profile is None or profile.terms is not None or campaign.chooses:
        return None
    if scene.sent and campaign.exclusion is not None:
        return None
    day = day_of(scene.now, scene.settings.zone)
    person = profile.consent, profile.opted_out, profile.time_zone
    return campaign.key, day, case.known, case.gap, person


def _alone(case: Case, scene: Scene) -> AnswerKey | None:
    """The same of those whom nothing was ever sent to: such a campaign meets none."""
    if scene.sent or scene.holds or scene.ahead is not None or case.campaign.shared_budget:
        return None
    return (case.campaign.key,)
