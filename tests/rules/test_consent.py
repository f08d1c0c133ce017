"""Consent: its kind, its frequency, its end and its proof (P3: what is missing means no)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import DAY, HOUR, NOON, WILLING, Life, call, campaign, rules, told

from rules import profile as profiles
from rules.consent import Terms, from_row
from rules.profile import Profile
from rules.submit import still_good
from rules.verdicts import CONTROL, SEND

CALLED = "called: {}"
ROW = {"imsi": "001010000001004", "msisdn": "4915550101", "consent": "sms"}


def agreed(**terms: Any) -> Profile:
    """Somebody who consented on terms."""
    return msgspec.structs.replace(WILLING, terms=Terms(**terms))


def said(life: Life) -> list[str]:
    """What the check said at each decision."""
    return [dict(verdict.checks)["consent"] for verdict in life.verdicts]


def test_a_frequency_counts_messages_of_all_campaigns_in_any_window() -> None:
    one, two = campaign(CALLED, name="one"), campaign("answered: {}", name="two")
    life = Life(rules(one, two), agreed(frequency="2/7d"))
    life.event(call(0))
    life.event(call(HOUR, kind="call.answered"))
    life.event(call(7 * DAY - 1))
    life.event(call(7 * DAY))
    assert told(life.verdicts) == [
        ("one", "send", None),
        ("two", "send", None),
        ("one", "refuse", "no consent"),
        ("one", "send", None),
    ]
    assert said(life) == ["given", "given", "agreed: 2 of 2/7d", "given"]


def test_a_frequency_of_none_at_all_is_a_no() -> None:
    life = Life(rules(campaign(CALLED)), agreed(frequency="0/1d"))
    assert told(life.event(call(0))) == [("one", "refuse", "no consent")]


def test_decisions_are_kept_for_as_long_as_a_frequency_asks() -> None:
    life = Life(rules(campaign(CALLED), settings={"remember": "1d"}), agreed(frequency="2/60d"))
    for day in (0, 30, 59):
        life.event(call(day * DAY))
    assert said(life) == ["given", "given", "agreed: 2 of 2/60d"]


def test_what_a_shadow_would_have_sent_uses_up_no_live_campaigns_frequency() -> None:
    shadow = campaign(CALLED, name="shadow", status="shadow")
    life = Life(rules(shadow, campaign("answered: {}", name="live")), agreed(frequency="1/7d"))
    life.event(call(0))
    life.event(call(HOUR, kind="call.answered"))
    assert told(life.verdicts) == [("shadow", "send", None), ("live", "send", None)]


def test_a_consent_ends_with_its_last_day_by_the_operators_zone() -> None:
    ruleset = rules(campaign(CALLED, limits="{per_subscriber: {times: 9}}"))
    life = Life(ruleset, agreed(until="2008-01-20"))
    life.event(call(HOUR))
    life.event(call(DAY))
    assert said(life) == ["given", "ended 2008-01-20"]
    assert life.verdicts[-1].reason == "no consent"


@pytest.mark.parametrize(("proof", "reason"), [("", "no consent"), ("BSS 2008/4711", None)])
def test_where_proof_is_asked_for_a_consent_without_it_is_none(
    proof: str, reason: str | None
) -> None:
    ruleset = rules(campaign(CALLED), settings={"consent_proof": True})
    life = Life(ruleset, agreed(proof=proof))
    assert [each.reason for each in life.event(call(0))] == [reason]
    assert said(life) == ["given" if proof else "no proof"]


def test_without_terms_there_is_no_proof_either() -> None:
    life = Life(rules(campaign(CALLED), settings={"consent_proof": True}))
    assert told(life.event(call(0))) == [("one", "refuse", "no consent")]


def test_terms_do_not_make_a_consent() -> None:
    nobody = msgspec.structs.replace(agreed(frequency="9/1d", proof="x"), consent=())
    life = Life(rules(campaign(CALLED)), nobody)
    assert told(life.event(call(0))) == [("one", "refuse", "no consent")]


def test_p6_no_verdict_repeats_what_proves_a_consent() -> None:
    life = Life(rules(campaign(CALLED)), agreed(proof="call 4915550101"))
    (verdict,) = life.event(call(0))
    assert "4915550101" not in str(verdict.row())


def test_p3_a_consent_that_ended_since_the_decision_withholds_it() -> None:
    ruleset = rules(campaign(CALLED))
    (verdict,) = Life(ruleset, WILLING).event(call(0))
    chosen = ruleset.campaign("one")
    ended = agreed(until="2008-01-19")
    answers = [
        still_good(verdict, chosen, ruleset.settings, profile, NOON + HOUR).refusal
        for profile in (WILLING, agreed(until="2008-01-20"), ended)
    ]
    assert answers == [None, None, "no consent"]


@given(
    st.lists(st.integers(0, 4 * DAY), max_size=25), st.integers(1, 3), st.sampled_from([1, 3, 10])
)
def test_p3_no_window_of_a_frequency_holds_more_than_was_agreed(
    gaps: list[int], times: int, days: int
) -> None:
    parts = [campaign(CALLED, name="a"), campaign("answered: {}", name="b", priority=90)]
    life = Life(
        rules(*parts, settings={"global_control": "30%"}), agreed(frequency=f"{times}/{days}d")
    )
    now = 0
    for number, gap in enumerate(gaps):
        now += gap
        life.event(call(now, **({"kind": "call.answered"} if number % 3 else {})))
    life.clock(now + 2 * DAY)
    sent = [each.time for each in life.verdicts if each.verdict in {SEND, CONTROL}]
    for end in sent:
        assert sum(1 for time in sent if end - days * DAY < time <= end) <= times


def test_the_columns_of_a_profiles_file_say_the_terms() -> None:
    row = {**ROW, "consent_frequency": " 4/30d", "consent_until": "2008-12-31", "tariff": "gold"}
    profile = profiles.from_row({**row, "consent_proof": "BSS 4711"})[2]
    assert profile.terms == Terms("4/30d", "2008-12-31", "BSS 4711")
    assert profile.extra == {"tariff": "gold"}
    assert profiles.from_row(ROW)[2].terms is None
    assert profiles.decode(profiles.encode(profile)) == profile


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("consent_frequency", "often"),
        ("consent_frequency", "4/0d"),
        ("consent_frequency", "7x30d"),
        ("consent_until", "31.12.2008"),
    ],
)
def test_terms_that_nobody_can_understand_make_a_bad_row(column: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{column} column") as caught:
        from_row({column: value})
    assert value not in str(caught.value)


def test_a_profile_from_before_there_were_terms_is_read() -> None:
    old = msgspec.msgpack.encode((1, ["洛阳", [], [], ["sms"], False, "Asia/Shanghai", "", {}]))
    assert profiles.decode(old) == WILLING
