"""Waves: a further offer to those who did not answer."""

from __future__ import annotations

import pytest
from rules_kit import (
    DAY,
    HOUR,
    NOON,
    PERSON,
    WILLING,
    Life,
    bundle,
    call,
    campaign,
    rules,
    told,
)

from rules import packed
from rules.case import offer_id
from rules.engine import RuleSet
from rules.submit import StillGood, still_good
from rules.verdicts import Verdict
from rules.waves import ENDING

CALLED = "called: {}"
SECOND = "{times: 1, after: 3d}"
SENT = [("one", "send", None)]


def living(trigger: str = CALLED, waves: str = SECOND, **keys: str) -> Life:
    return Life(rules(campaign(trigger, waves=waves, **keys)))


def outcome(life: Life, what: str, time: int = HOUR, name: str = "one") -> list[Verdict]:
    step = life.rules.on_outcome(life.state, name, what, NOON + time)
    return life._after(step.state, step.verdicts)


def test_who_does_not_answer_is_asked_again_so_long_after() -> None:
    life = living()
    event = call(0)
    life.event(event)
    assert life.rules.next_due(life.state) == NOON + 3 * DAY
    (verdict,) = life.clock(4 * DAY)
    assert told([verdict]) == SENT
    assert (verdict.wave, verdict.step, verdict.time) == (2, 0, NOON + 3 * DAY)
    assert verdict.offer == offer_id("one", 2, PERSON, event.id)
    assert verdict.trigger == event.id
    assert [sample.event for sample in verdict.evidence] == [event.id]


def test_waves_are_bounded() -> None:
    life = living(waves="{times: 2, after: 1d}")
    life.event(call(0))
    assert [verdict.wave for verdict in life.clock(30 * DAY)] == [2, 3]
    assert life.rules.next_due(life.state) is None


@pytest.mark.parametrize("what", sorted(ENDING))
def test_whoever_answered_gets_no_further_wave(what: str) -> None:
    life = living()
    life.event(call(0))
    assert outcome(life, what) == []
    assert life.clock(30 * DAY) == []


@pytest.mark.parametrize("what", ["submitted", "delivered", "failed", "withheld", "expired"])
def test_what_is_no_answer_ends_nothing(what: str) -> None:
    life = living()
    life.event(call(0))
    before = life.state
    assert outcome(life, what) == []
    assert life.state is before


def test_an_answer_to_another_campaign_ends_nothing() -> None:
    life = living()
    life.event(call(0))
    before = life.state
    outcome(life, "replied", name="another")
    assert life.state is before


def test_an_answer_while_a_wave_is_held_refuses_it() -> None:
    life = living(waves="{times: 1, after: 9h}")
    life.event(call(0))
    (held,) = life.clock(9 * HOUR)
    assert (held.verdict, held.wave) == ("hold", 2)
    (refused,) = outcome(life, "replied", 10 * HOUR)
    assert told([refused]) == [("one", "refuse", "not in audience")]
    assert (refused.offer, refused.step) == (held.offer, 1)
    assert refused.checks == [("wave", "replied")]
    assert life.clock(3 * DAY) == []


def test_a_held_first_offer_stays_held_whatever_became_of_an_earlier_one() -> None:
    life = living()
    life.event(call(9 * HOUR))
    assert outcome(life, "replied") == []
    assert told(life.clock(DAY)) == SENT


def test_a_held_wave_is_good_from_its_own_time_on() -> None:
    life = living(waves="{times: 1, after: 9h}")
    life.event(call(0))
    _, sent = life.clock(DAY)
    assert (sent.wave, sent.step, sent.since) == (2, 1, NOON + 9 * HOUR)
    good = still_good(sent, life.rules.campaign("one"), life.rules.settings, WILLING, sent.time)
    assert good == StillGood(None, NOON + 32 * HOUR)
    assert sent.row()["since"] == "2008-01-20T13:00:00.000000Z"


def test_p3_a_wave_is_under_every_rule_that_the_first_was() -> None:
    life = living(limits="{per_subscriber: {times: 1, every: 7d}}")
    life.event(call(0))
    assert told(life.clock(4 * DAY)) == [("one", "refuse", "capped")]
    assert life.clock(30 * DAY) == []


def test_control_has_the_same_waves_so_that_both_arms_use_up_caps_alike() -> None:
    life = living(experiment="{control: 100%}")
    life.event(call(0))
    assert told(life.clock(4 * DAY)) == [("one", "control", None)]


def test_a_later_offer_of_the_campaign_takes_the_wave_of_an_earlier_one() -> None:
    life = living()
    life.event(call(0))
    life.event(call(DAY))
    assert [verdict.time for verdict in life.clock(30 * DAY)] == [NOON + 4 * DAY]


def test_waves_of_two_campaigns_do_not_touch_each_other() -> None:
    life = Life(
        rules(
            campaign(CALLED, waves=SECOND),
            campaign(CALLED, name="two", priority="60", status="shadow", waves=SECOND),
        )
    )
    life.event(call(0))
    outcome(life, "replied")
    assert told(life.clock(4 * DAY)) == [("two", "send", None)]


def test_the_audience_is_asked_with_the_event_of_the_first() -> None:
    life = living(audience="{where: event.city == ''  || event.type == 'call.attempted'}")
    life.event(call(0))
    assert told(life.clock(4 * DAY)) == SENT


@pytest.mark.parametrize(
    "after",
    [
        (campaign("texted: {}", name="another"),),
        (campaign(CALLED),),
        (campaign(CALLED, waves=SECOND, status="draft"),),
    ],
)
def test_a_campaign_without_that_wave_makes_none(after: tuple[str, ...]) -> None:
    life = living()
    life.event(call(0))
    life.rules = RuleSet.load(bundle(*after))
    life.state = packed.decode(packed.encode(life.state))
    assert life.clock(30 * DAY) == []
    assert not life.state.waves


def test_fewer_waves_after_a_reload_end_the_further_ones() -> None:
    life = living(waves="{times: 2, after: 1d}")
    life.event(call(0))
    life.clock(DAY)
    life.rules = RuleSet.load(bundle(campaign(CALLED, waves="{times: 1, after: 1d}")))
    assert life.clock(30 * DAY) == []
