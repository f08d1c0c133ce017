"""Shared budgets: granted in the order of capture second and offer id, whoever decided them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import HOUR, INSIDE, MINUTE, NOON, OUTSIDE, Life, bundle, call, campaign, rules, told

from decoders.times import SECOND
from rules.budget import Budget, Budgets
from rules.engine import RuleSet
from rules.state import Subscriber
from rules.verdicts import Verdict

CALLED = "called: {}"


def ruleset(limits: str, **keys: str) -> RuleSet:
    return rules(campaign(CALLED, limits=limits, **keys))


def offers(found: RuleSet, count: int) -> list[Verdict]:
    """Verdicts about as many people, in the order of their offers."""
    verdicts = []
    for number in range(count):
        life = Life(found)
        life.state = Subscriber(f"1-{number:024x}")
        verdicts += life.event(call(0))
    return sorted(verdicts, key=lambda verdict: verdict.offer)


def budgets(found: RuleSet) -> Budgets:
    made = Budgets()
    made.learn(found.campaigns)
    return made


def test_a_total_is_granted_exactly() -> None:
    found = ruleset("{total: 3}")
    asked, one = offers(found, 5), budgets(found)
    first = one.decide(0, asked[:2])
    second = one.decide(SECOND, asked[2:])
    assert [each.verdict for each in first + second] == ["send"] * 3 + ["refuse"] * 2
    assert [each.reason for each in second] == [None, "sold out", "sold out"]


def test_a_row_says_what_was_left_and_ends_with_the_budget() -> None:
    found = ruleset("{total: 1}")
    sent, refused = budgets(found).decide(0, offers(found, 2))
    assert ("budgets", "granted: 1 of 1") in sent.checks
    assert refused.checks[-1] == ("budgets", "total: 1 of 1")
    assert (refused.text, refused.variant) == (None, None)
    assert sent.text == "优惠"


def test_a_minute_is_any_sixty_seconds() -> None:
    found = ruleset("{per_minute: 2}")
    asked, one = offers(found, 7), budgets(found)
    seconds = [0, 0, 0, 59, 60, 61, 119]
    decided = [one.decide(at * SECOND, [each])[0] for at, each in zip(seconds, asked, strict=True)]
    assert [each.verdict == "send" for each in decided] == [
        True, True, False, False, True, True, False,
    ]  # fmt: skip
    assert decided[2].checks[-1] == ("budgets", "per minute: 2 of 2")
    assert ("budgets", "granted: 1 of any number") in decided[0].checks


def test_control_and_other_verdicts_use_up_nothing() -> None:
    found = rules(
        campaign(CALLED, limits="{total: 1}", experiment="{control: 100%}"),
        campaign("texted: {}", name="free"),
    )
    asked = offers(found, 3)
    assert {each.verdict for each in asked} == {"control"}
    assert budgets(found).decide(0, asked) == asked


def test_a_campaign_without_one_is_not_asked() -> None:
    found = ruleset("{per_subscriber: {times: 1}}")
    one, asked = budgets(found), offers(found, 2)
    assert not one
    assert one.decide(0, asked) == asked


def test_a_hold_is_asked_when_it_is_sent() -> None:
    found = ruleset("{total: 1}")
    one, life = budgets(found), Life(found)
    life.event(call(9 * HOUR))
    life.clock(24 * HOUR)
    decided = one.decide(0, life.verdicts)
    assert told(decided) == [("one", "hold", None), ("one", "send", None)]
    assert [each.verdict for each in one.decide(SECOND, offers(found, 1))] == ["refuse"]


def test_what_was_spent_stays_spent_over_a_reload() -> None:
    before, after = ruleset("{total: 2}"), ruleset("{total: 3}")
    one = budgets(before)
    one.decide(0, offers(before, 2))
    one.learn(after.campaigns)
    decided = one.decide(SECOND, offers(after, 2))
    assert [each.verdict for each in decided] == ["send", "refuse"]


def test_a_shadow_rehearses_on_a_budget_of_its_own() -> None:
    shadow, live = ruleset("{total: 1}", status="shadow"), ruleset("{total: 1}")
    one = budgets(shadow)
    one.learn(live.campaigns)
    decided = one.decide(0, offers(shadow, 2)) + one.decide(0, offers(live, 2))
    assert [each.verdict for each in decided] == ["send", "refuse"] * 2


@given(st.permutations(range(12)), st.integers(1, 12), st.integers(1, 12))
def test_p1_grants_do_not_depend_on_the_order_in_which_candidates_are_given(
    order: Sequence[int], total: int, per_minute: int
) -> None:
    found = ruleset(f"{{total: {total}, per_minute: {per_minute}}}")
    asked = offers(found, 12)
    expected = budgets(found).decide(0, asked)
    given_so = budgets(found).decide(0, [asked[place] for place in order])
    assert given_so == [expected[place] for place in order]
    assert sum(each.verdict == "send" for each in expected) == min(total, per_minute)


@pytest.mark.parametrize("waves", ["", "waves: {times: 1, after: 1d}"])
def test_what_was_sold_out_gives_back_what_it_used_up(waves: str) -> None:
    capped = campaign(CALLED, limits="{total: 1, per_subscriber: {times: 1}}", more=waves)
    life = Life(RuleSet.load(bundle(capped, campaign("left: {area: city}", name="two"))))
    life.walk((0, INSIDE), (1, OUTSIDE))
    (verdict,) = [each for each in life.event(call(MINUTE)) if each.campaign == "one"]
    kept = [each for each in life.state.sent if each.time != verdict.time]
    step = life.rules.on_outcome(life.state, "one", "sold out", verdict.time)
    assert step.verdicts == []
    assert list(step.state.sent) == kept
    assert not step.state.waves
    life.state = step.state
    assert told(life.event(call(2 * MINUTE))) == [("one", "send", None)]
    assert verdict.time == NOON + MINUTE


def test_what_was_granted_goes_on_over_a_restart() -> None:
    found = ruleset("{total: 4, per_minute: 2}")
    asked, one = offers(found, 5), budgets(found)
    one.decide(0, asked[:2])
    again = Budgets(one.granted())
    again.learn(found.campaigns)
    later = [again.decide(at * SECOND, [asked[2]])[0].verdict for at in (30, 60)]
    assert later == ["refuse", "send"]
    assert again.granted()["one"].total == 3


def test_a_total_that_is_used_up_is_told() -> None:
    found = ruleset("{total: 1}")
    (asked,), one = offers(found, 1), budgets(found)
    assert one.used_up(asked) is None
    one.decide(0, [asked])
    assert one.used_up(asked) == 1
    assert budgets(ruleset("{per_minute: 1}")).used_up(asked) is None


@pytest.mark.parametrize(
    ("status", "spent", "refused"),
    [
        ("live", {"one": 2}, True),
        ("live", {"one": 1}, False),
        ("live", {"one/shadow": 2}, False),
        ("shadow", {"one/shadow": 2}, True),
        ("live", {}, False),
    ],
)
def test_rules_that_were_told_what_is_used_up_refuse_at_once(
    status: str, spent: dict[str, int], *, refused: bool
) -> None:
    found = ruleset("{total: 2}", status=status)
    told_so = found.spent(spent)
    (verdict,) = offers(told_so, 1)
    assert told_so.hash == found.hash
    assert (verdict.reason == "sold out") is refused
    assert (verdict.checks[-1] == ("budgets", "total: 2 of 2")) is refused


def test_a_campaign_without_a_total_is_never_told_to_be_used_up() -> None:
    (verdict,) = offers(ruleset("{per_minute: 2}").spent({"one": 9}), 1)
    assert verdict.verdict == "send"


def test_rules_say_which_verdicts_need_a_grant() -> None:
    found = ruleset("{total: 2}")
    (sent,) = offers(found, 1)
    assert found.budget(sent) == Budget(2, None)
    assert found.budget(msgspec.structs.replace(sent, verdict="refuse")) is None
    assert ruleset("{per_subscriber: {times: 1}}").budget(sent) is None
