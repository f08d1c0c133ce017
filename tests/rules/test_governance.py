"""The checks, in the contracts' order, each recorded; P3: what is missing means no."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rules_kit import (
    DAY,
    HOUR,
    INSIDE,
    NOON,
    OUTSIDE,
    PERSON,
    WILLING,
    Life,
    call,
    campaign,
    rules,
    told,
)

from rules import asking
from rules.case import offer_id
from rules.engine import RuleSet
from rules.governance import is_shadow
from rules.profile import Profile
from rules.reasons import REASONS

CALLED = "called: {}"
ORDER = [
    "status",
    "dates",
    "identity",
    "audience",
    "consent",
    "opt-out",
    "time zone",
    "trust",
    "exclusion",
    "priority",
    "caps",
    "budgets",
    "quiet hours",
    "control group",
    "variant",
]
EVENING = 8 * HOUR
"""20:00 in Shanghai, counted from noon: quiet hours begin."""
MORNING = 20 * HOUR
"""08:00 of the next day."""


def changed(**keys: Any) -> Profile:
    return msgspec.structs.replace(WILLING, **keys)


def once(*campaigns: str, profile: Profile | None = WILLING, at: int = 0, **more: Any) -> Life:
    life = Life(rules(*campaigns, **more), profile)
    life.event(call(at))
    return life


def test_all_checks_are_asked_and_recorded_in_the_contracts_order() -> None:
    variants = (
        '{from: "1", variants: [{name: a, share: 40%, text: A}, {name: b, share: 60%, text: B}]}'
    )
    life = once(campaign(CALLED, offer=variants))
    assert [name for name, _ in life.verdicts[0].checks] == ORDER


@pytest.mark.parametrize(
    ("last", "reason", "keys", "profile"),
    [
        ("status", "stopped", {"status": "paused"}, None),
        ("dates", "outside campaign dates", {"runs": "{from: 2008-01-21}"}, None),
        ("dates", "outside campaign dates", {"runs": "{until: 2008-01-19}"}, None),
        ("audience", "not in audience", {"audience": "{segments: [gold]}"}, None),
        ("consent", "no consent", {}, None),
        ("consent", "no consent", {}, Profile()),
        ("consent", "no consent", {}, changed(consent=("email",), opted_out=True)),
        ("opt-out", "opted out", {}, changed(opted_out=True, time_zone="")),
        ("time zone", "unknown time zone", {}, changed(time_zone="")),
        ("time zone", "unknown time zone", {}, changed(time_zone="../etc/localtime")),
    ],
)
def test_the_first_no_is_the_reason_and_the_last_check(
    last: str, reason: str, keys: dict[str, Any], profile: Profile | None
) -> None:
    life = once(campaign(CALLED, **keys), profile=profile)
    (verdict,) = life.verdicts
    assert (verdict.verdict, verdict.reason) == ("refuse", reason)
    assert [name for name, _ in verdict.checks] == ORDER[: ORDER.index(last) + 1]
    assert verdict.reason in REASONS
    assert verdict.text is None
    assert life.state.sent == ()


def test_both_dates_are_included_by_the_operators_zone() -> None:
    runs = "{from: 2008-01-20, until: 2008-01-20}"
    settings = {"quiet_hours": {"from": "00:00", "until": "00:00"}}
    life = Life(rules(campaign(CALLED, runs=runs), settings=settings))
    for hours in (-12, 11):
        life.event(call(hours * HOUR))
    life.event(call(12 * HOUR))
    assert [each.verdict for each in life.verdicts] == ["send", "send", "refuse"]


def test_an_unknown_identity_never_gets_anything_and_leaves_no_state() -> None:
    life = Life(rules(campaign(CALLED)))
    life.event(call(0, identity="unknown"))
    assert told(life.verdicts) == [("one", "refuse", "unknown identity")]
    assert life.state.empty
    life.event(call(0, identity="learned"))
    assert told(life.verdicts[1:]) == [("one", "send", None)]


def test_a_draft_says_nothing() -> None:
    assert once(campaign(CALLED, status="draft")).verdicts == []


@pytest.mark.parametrize("stopped", ["one", "all"])
def test_what_was_stopped_by_hand_sends_nothing(stopped: str) -> None:
    life = once(campaign(CALLED), settings={"stopped": [stopped]})
    assert told(life.verdicts) == [("one", "refuse", "stopped")]


@pytest.mark.parametrize("consent", [("*",), ("sms",), ("email", "roaming-offers")])
def test_consent_is_for_everything_the_channel_or_the_purpose(consent: tuple[str, ...]) -> None:
    life = once(campaign(CALLED, purpose="roaming-offers"), profile=changed(consent=consent))
    assert told(life.verdicts) == [("one", "send", None)]


def test_the_audience_is_asked_by_segment_and_expression() -> None:
    where = (
        '{segments: [gold], where: profile.home_city == "洛阳"'
        ' && event.number_class == "long distance"}'
    )
    text = campaign(CALLED, audience=where)
    assert told(once(text, profile=changed(segments=("gold",))).verdicts)[0][1] == "send"
    profile = changed(segments=("gold",), home_city="北京")
    (verdict,) = once(text, profile=profile).verdicts
    assert verdict.checks[-1] == ("audience", "out")


def test_an_audience_by_profile_excludes_whoever_has_none() -> None:
    text = campaign(CALLED, audience='{where: profile.home_city != "郑州"}')
    (verdict,) = once(text, profile=None).verdicts
    assert verdict.reason == "not in audience"
    assert verdict.checks[-1] == ("audience", "no profile")
    assert told(once(text, profile=changed(home_city="")).verdicts)[0][2] == "not in audience"


def test_an_audience_may_ask_what_was_sent_before() -> None:
    life = Life(rules(campaign(CALLED, audience='{where: "state.sent == 0"}')))
    life.event(call(0))
    life.event(call(1))
    assert [each.verdict for each in life.verdicts] == ["send", "refuse"]
    by_name = campaign(CALLED, name="two", audience="{where: \"!('one' in state.campaigns)\"}")
    life.rules = rules(campaign(CALLED, priority=1), by_name)
    assert told(life.event(call(2)))[1] == ("two", "refuse", "not in audience")


def test_a_timers_trigger_shows_its_last_sample_to_the_audience() -> None:
    cells = "radio,mcc,net,area,cell,unit,lon,lat,range,city\nGSM,460,0,200,1,,1,1,1,北京\n"
    where = '{where: \'event.type == "left" && event.city == "北京"\'}'
    life = Life(rules(campaign("left: {area: city}", audience=where), cells=cells))
    life.walk((0, INSIDE), (1, OUTSIDE))
    assert told(life.verdicts) == [("one", "send", None)]


# caps


LIMITED = "{per_subscriber: {times: 2, every: 7d}}"


def test_a_cap_holds_in_every_sliding_window() -> None:
    life = Life(rules(campaign(CALLED, limits=LIMITED)))
    for day in (0, 3, 6, 7, 8, 10):
        life.event(call(day * DAY))
    assert [each.verdict for each in life.verdicts] == [
        "send",
        "send",
        "refuse",
        "send",
        "refuse",
        "send",
    ]
    assert life.verdicts[2].reason == "capped"
    assert life.verdicts[2].checks[-1] == ("caps", "campaign: 2 of 2 in 7d")


def test_a_cap_without_a_window_holds_for_ever() -> None:
    life = Life(rules(campaign(CALLED, limits="{per_subscriber: {times: 1}}")))
    for day in (0, 500, 1000):
        life.event(call(day * DAY))
    assert [each.verdict for each in life.verdicts] == ["send", "refuse", "refuse"]


def test_caps_over_all_channels_and_tags_count_other_campaigns() -> None:
    for name, caps in (
        ("all", {"all": {"times": 1, "every": "7d"}}),
        ("channel sms", {"channels": {"sms": {"times": 1, "every": "7d"}}}),
        ("tag promo", {"tags": {"promo": {"times": 1}}}),
    ):
        two = campaign("answered: {}", name="two", tags="[promo]")
        life = Life(rules(campaign(CALLED, tags="[promo]"), two, settings={"caps": caps}))
        life.event(call(0))
        life.event(call(HOUR, kind="call.answered"))
        assert told(life.verdicts) == [("one", "send", None), ("two", "refuse", "capped")]
        assert life.verdicts[1].checks[-1][1].startswith(name)


def test_a_tags_cap_counts_only_campaigns_that_bear_it_or_are_gone() -> None:
    settings = {"caps": {"tags": {"promo": {"times": 1}}}}
    two = campaign("answered: {}", name="two", tags="[promo]")
    life = Life(rules(campaign(CALLED), two, settings=settings))
    life.event(call(0))
    assert told(life.event(call(HOUR, kind="call.answered"))) == [("two", "send", None)]
    gone = Life(rules(campaign(CALLED), settings=settings))
    gone.event(call(0))
    gone.rules = rules(two, settings=settings)
    assert told(gone.event(call(HOUR, kind="call.answered"))) == [("two", "refuse", "capped")]


@pytest.mark.parametrize("reserve", [80, {"priority": 80}, {"priority": 80, "slots": 1}])
def test_a_reserve_keeps_slots_for_campaigns_of_at_least_its_priority(reserve: object) -> None:
    caps = {"all": {"times": 2, "every": "7d", "reserve": reserve}}
    low = campaign(CALLED, priority=50)
    high = campaign("answered: {}", name="two", priority=80)
    life = Life(rules(low, high, settings={"caps": caps}))
    life.event(call(0))
    life.event(call(HOUR))
    life.event(call(2 * HOUR, kind="call.answered"))
    assert [each.verdict for each in life.verdicts] == ["send", "refuse", "send"]


def test_whose_history_is_full_is_capped_rather_than_a_cap_forgotten() -> None:
    life = Life(rules(campaign(CALLED)))
    for count in range(513):
        life.event(call(count))
    assert [each.verdict for each in life.verdicts].count("send") == 512
    assert life.verdicts[-1].checks[-1] == ("caps", "history: 512 of 512 kept")


def test_history_that_nothing_asks_for_any_more_is_dropped() -> None:
    life = Life(rules(campaign(CALLED)))
    life.event(call(0))
    life.event(call(90 * DAY))
    assert len(life.state.sent) == 1
    kept = Life(rules(campaign(CALLED), settings={"caps": {"all": {"times": 9}}}))
    kept.event(call(0))
    kept.event(call(900 * DAY))
    assert len(kept.state.sent) == 2


def test_exclusion_is_by_campaign_or_tag_within_a_window() -> None:
    for excludes in ("{campaigns: [one], for: 30d}", "{tags: [roaming], for: 30d}"):
        two = campaign("answered: {}", name="two", excludes=excludes)
        other = campaign("updated: {}", name="other")
        life = Life(rules(campaign(CALLED, tags="[roaming]"), two, other))
        life.event(call(0))
        life.event(call(DAY, kind="location.updated"))
        life.event(call(2 * DAY, kind="call.answered"))
        life.event(call(30 * DAY, kind="call.answered"))
        assert told(life.verdicts)[2:] == [("two", "refuse", "excluded"), ("two", "send", None)]


# meeting


def test_of_two_that_are_due_at_one_instant_the_higher_priority_wins() -> None:
    life = once(campaign(CALLED, priority=60), campaign(CALLED, name="two", priority=61))
    assert told(life.verdicts) == [("one", "refuse", "out-ranked"), ("two", "send", None)]
    assert life.verdicts[0].checks[-1] == ("priority", "after two")


def test_of_equal_priority_the_first_name_wins() -> None:
    life = once(campaign(CALLED, name="b"), campaign(CALLED, name="a"))
    assert told(life.verdicts) == [("a", "send", None), ("b", "refuse", "out-ranked")]


def test_a_campaign_that_is_refused_stands_before_nobody() -> None:
    limits = "{per_subscriber: {times: 1}}"
    high = campaign(CALLED, name="high", priority=90, limits=limits)
    life = Life(rules(high, campaign(CALLED, name="low", priority=10)))
    life.event(call(0))
    life.event(call(HOUR))
    assert told(life.verdicts)[2:] == [("high", "refuse", "capped"), ("low", "send", None)]


def test_being_drawn_for_control_out_ranks_and_uses_up_caps_as_a_send_does() -> None:
    experiment = {"experiment": "{control: 100%}", "limits": "{per_subscriber: {times: 1}}"}
    high = campaign(CALLED, name="high", priority=90, **experiment)
    life = once(high, campaign(CALLED, name="low"))
    assert told(life.verdicts) == [("high", "control", None), ("low", "refuse", "out-ranked")]
    life.event(call(HOUR))
    assert told(life.verdicts)[2:] == [("high", "refuse", "capped"), ("low", "send", None)]


def test_within_apart_after_one_was_sent_the_earlier_stands() -> None:
    two = campaign("answered: {}", name="two", priority=100)
    life = Life(rules(campaign(CALLED), two, settings={"apart": "2h"}))
    life.event(call(0))
    life.event(call(2 * HOUR, kind="call.answered"))
    life.event(call(2 * HOUR + 1, kind="call.answered"))
    assert told(life.verdicts)[1:] == [("two", "refuse", "out-ranked"), ("two", "send", None)]


def test_what_was_sent_at_the_very_instant_stands() -> None:
    two = campaign("answered: {}", name="two", priority=100)
    life = Life(rules(campaign(CALLED), two))
    life.event(call(0))
    assert told(life.event(call(0, kind="call.answered"))) == [("two", "refuse", "out-ranked")]


# quiet hours


def test_in_quiet_hours_an_offer_is_held_until_they_end() -> None:
    life = once(campaign(CALLED), at=EVENING)
    (held,) = life.verdicts
    assert (held.verdict, held.reason, held.not_before) == ("hold", None, NOON + MORNING)
    assert held.checks[-1] == ("quiet hours", "yes")
    assert held.row()["not_before"] == "2008-01-21T00:00:00.000000Z"
    assert life.rules.next_due(life.state) == NOON + MORNING
    assert life.clock(MORNING - 1) == []
    (sent,) = life.clock(2 * DAY)
    assert (sent.verdict, sent.step, sent.offer) == ("send", 1, held.offer)
    assert sent.time == NOON + MORNING
    assert sent.evidence == held.evidence
    assert life.rules.next_due(life.state) is None


@pytest.mark.parametrize(
    ("at", "quiet"),
    [(EVENING - 1, False), (EVENING, True), (MORNING - 1, True), (MORNING, False)],
)
def test_quiet_hours_are_from_20_to_8_unless_configured_otherwise(at: int, *, quiet: bool) -> None:
    assert (once(campaign(CALLED), at=at).verdicts[0].verdict == "hold") is quiet


def test_quiet_hours_are_the_subscribers_own() -> None:
    urumqi_has_no_zone_of_its_own = changed(time_zone="Europe/Berlin")
    life = once(campaign(CALLED), at=EVENING, profile=urumqi_has_no_zone_of_its_own)
    assert told(life.verdicts) == [("one", "send", None)]


def test_an_offer_that_would_not_be_valid_any_more_is_refused_at_once() -> None:
    offer = '{from: "1", text: x, valid_for: 12h}'
    assert once(campaign(CALLED, offer=offer), at=EVENING).verdicts[0].verdict == "hold"
    (verdict,) = once(
        campaign(CALLED, offer=offer),
        at=EVENING,
        settings={"quiet_hours": {"from": "19:00", "until": "08:01"}},
    ).verdicts
    assert (verdict.verdict, verdict.reason) == ("refuse", "quiet hours")
    assert verdict.checks[-1] == ("quiet hours", "yes")


def test_a_campaign_may_lengthen_quiet_hours() -> None:
    life = once(campaign(CALLED, quiet_hours='{from: "18:00", until: "09:00"}'), at=6 * HOUR)
    assert life.verdicts[0].not_before == NOON + 21 * HOUR


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (None, "no consent"),
        (changed(consent=()), "no consent"),
        (changed(opted_out=True), "opted out"),
        (changed(time_zone=""), "unknown time zone"),
    ],
)
def test_everything_is_asked_again_when_the_hold_ends(profile: Profile | None, reason: str) -> None:
    life = once(campaign(CALLED), at=EVENING)
    life.profile = profile
    assert told(life.clock(DAY)) == [("one", "refuse", reason)]
    assert life.verdicts[1].step == 1
    assert life.state.holds == ()


def test_a_hold_whose_validity_was_shortened_expires() -> None:
    life = once(campaign(CALLED), at=EVENING)
    life.rules = rules(campaign(CALLED, offer='{from: "1", text: x, valid_for: 1h}'))
    assert told(life.clock(DAY)) == [("one", "refuse", "expired")]


def test_a_hold_that_ends_in_new_quiet_hours_is_refused_since_it_may_not_be_held_again() -> None:
    life = once(campaign(CALLED), at=EVENING)
    life.rules = rules(
        campaign(CALLED), settings={"quiet_hours": {"from": "20:00", "until": "10:00"}}
    )
    assert told(life.clock(DAY)) == [("one", "refuse", "quiet hours")]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (rules(campaign(CALLED, name="another")), "gone"),
        (rules(campaign(CALLED, status="draft")), "draft"),
        (rules(campaign(CALLED, status="paused")), "paused"),
    ],
)
def test_a_hold_of_a_campaign_that_does_not_run_any_more_ends_stopped(
    after: RuleSet, said: str
) -> None:
    life = once(campaign(CALLED), at=EVENING)
    life.rules = after
    assert told(life.clock(DAY)) == [("one", "refuse", "stopped")]
    assert life.verdicts[1].checks == [("status", said)]


def test_of_one_held_and_one_due_the_higher_priority_wins() -> None:
    low = campaign(CALLED, name="low", priority=10)
    high = campaign("answered: {}", name="high", priority=90)
    life = Life(rules(low, high))
    life.event(call(EVENING))
    life.event(call(EVENING + HOUR, kind="call.answered"))
    assert told(life.verdicts) == [
        ("low", "hold", None),
        ("high", "hold", None),
        ("low", "refuse", "out-ranked"),
    ]
    assert (life.verdicts[2].offer, life.verdicts[2].step) == (life.verdicts[0].offer, 1)
    assert told(life.clock(DAY)) == [("high", "send", None)]


def test_a_lower_one_that_comes_due_while_a_higher_is_held_loses() -> None:
    low = campaign("answered: {}", name="low", priority=10)
    life = Life(rules(campaign(CALLED, priority=90), low))
    life.event(call(EVENING))
    life.event(call(EVENING + HOUR, kind="call.answered"))
    assert told(life.verdicts)[1:] == [("low", "refuse", "out-ranked")]
    assert life.verdicts[1].checks[-1] == ("priority", "after held one")


def test_a_campaign_is_held_once_a_person() -> None:
    life = once(campaign(CALLED), at=EVENING)
    assert told(life.event(call(EVENING + HOUR))) == [("one", "refuse", "out-ranked")]
    assert told(life.clock(DAY)) == [("one", "send", None)]


def test_at_one_instant_what_was_held_stands_before_an_equal_that_is_new() -> None:
    new = campaign("left: {area: city, confirmed_by: 8h}", name="a")
    life = Life(rules(campaign(CALLED, name="b"), new))
    life.walk((EVENING, INSIDE), (12 * HOUR, OUTSIDE))
    life.event(call(13 * HOUR, cell=None))
    assert told(life.clock(DAY)) == [("a", "refuse", "out-ranked"), ("b", "send", None)]
    assert {each.time for each in life.verdicts[1:]} == {NOON + MORNING}


def test_an_audience_that_asks_about_the_event_is_asked_again_with_that_event() -> None:
    text = campaign(CALLED, audience='{where: event.other_party.destination.city == "北京"}')
    life = once(text, at=EVENING)
    assert told(life.clock(DAY)) == [("one", "send", None)]


# control groups and variants


def test_the_global_control_group_holds_for_every_campaign() -> None:
    life = once(campaign(CALLED), settings={"global_control": "100%"})
    assert told(life.verdicts) == [("one", "control", None)]
    assert life.verdicts[0].checks[-1] == ("control group", "global")


def test_the_global_control_group_rotates_by_configuration_and_campaigns_own_stay() -> None:
    text = campaign(CALLED, experiment="{control: 50%}")

    def arms(draw: str) -> list[tuple[str, str]]:
        found = []
        for name in range(40):
            life = Life(
                rules(text, settings={"global_control": "50%", "global_control_draw": draw})
            )
            life.state = msgspec.structs.replace(life.state, subscriber=f"1-{name:024x}")
            life.event(call(0))
            found.append(life.verdicts[0].checks[-1])
        return found

    first, second = arms("2008-1"), arms("2008-2")
    assert first != second
    assert arms("2008-1") == first
    own = [pair for pair in zip(first, second, strict=True) if "global" not in str(pair)]
    assert own
    assert all(one == other for one, other in own)


def test_arms_stay_when_the_privacy_key_changes_for_whoever_has_a_seed() -> None:
    text = campaign(CALLED, experiment="{control: 50%}")
    ruleset = rules(text)
    seeded = changed(seed="kept")
    arms = set()
    for name in range(20):
        life = Life(ruleset, seeded)
        life.state = msgspec.structs.replace(life.state, subscriber=f"1-{name:024x}")
        life.event(call(0))
        arms.add(life.verdicts[0].verdict)
    assert len(arms) == 1


def test_a_variant_brings_its_text() -> None:
    offer = (
        '{from: "1", variants: [{name: a, share: 0%, text: A}, {name: b, share: 100%, text: B}]}'
    )
    (verdict,) = once(campaign(CALLED, offer=offer)).verdicts
    assert (verdict.variant, verdict.text) == ("b", "B")


# shadow


def test_a_shadow_writes_every_verdict_marked_and_touches_no_live_campaign() -> None:
    shadow = campaign(CALLED, name="shadow", status="shadow", priority=90)
    settings = {"caps": {"all": {"times": 1, "every": "7d"}}}
    life = Life(rules(shadow, campaign(CALLED, name="live", priority=10), settings=settings))
    life.event(call(0))
    assert told(life.verdicts)[0] == ("live", "send", None)
    assert [is_shadow(each) for each in life.verdicts] == [False, True]


def test_a_shadow_alone_would_have_been_sent_and_is_capped_by_its_own_history() -> None:
    shadow = campaign(CALLED, name="shadow", status="shadow", limits="{per_subscriber: {times: 1}}")
    life = Life(rules(shadow, campaign("answered: {}", name="live")))
    life.event(call(0))
    life.event(call(1))
    life.event(call(2, kind="call.answered"))
    assert told(life.verdicts) == [
        ("shadow", "send", None),
        ("shadow", "refuse", "capped"),
        ("live", "send", None),
    ]


def test_a_shadow_beside_live_ones_is_ranked_as_if_it_were_live() -> None:
    for priority, verdict in ((90, "send"), (50, "refuse"), (10, "refuse")):
        shadow = campaign(CALLED, name="shadow", status="shadow", priority=priority)
        life = once(shadow, campaign(CALLED, name="live"))
        assert told(life.verdicts)[1][:2] == ("shadow", verdict)


def test_of_equals_a_shadow_with_the_first_name_would_have_won() -> None:
    life = once(campaign(CALLED, name="a", status="shadow"), campaign(CALLED, name="b"))
    assert told(life.verdicts) == [("a", "send", None), ("b", "send", None)]


def test_a_held_shadow_stands_in_no_live_campaigns_way() -> None:
    shadow = campaign(CALLED, name="shadow", status="shadow", priority=90)
    live = campaign("answered: {}", name="live", priority=10)
    life = Life(rules(shadow, live))
    life.event(call(EVENING))
    life.event(call(EVENING + 1, kind="call.answered"))
    assert told(life.verdicts) == [("shadow", "hold", None), ("live", "hold", None)]
    assert min(told(life.clock(DAY))) == ("live", "send", None)


# ids


def test_an_offers_id_is_made_from_campaign_wave_subscriber_and_trigger() -> None:
    (verdict,) = once(campaign(CALLED)).verdicts
    assert verdict.offer == offer_id("one", 1, PERSON, verdict.trigger)
    ids = {
        offer_id("one", 1, PERSON, "a"),
        offer_id("two", 1, PERSON, "a"),
        offer_id("one", 2, PERSON, "a"),
        offer_id("one", 1, PERSON + "0", "a"),
        offer_id("one", 1, PERSON, "b"),
    }
    assert len(ids) == 5


def test_no_verdict_bears_a_clear_identity() -> None:
    (verdict,) = once(campaign(CALLED)).verdicts
    assert verdict.imsi is None
    assert verdict.subscriber == PERSON


def test_those_who_are_alike_are_asked_once_and_what_is_remembered_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "MOST_ANSWERED", 4)
    ruleset = rules(campaign(CALLED), campaign("answered: {}", name="two"))
    zones = ["Asia/Shanghai", "UTC", "Europe/Berlin", "", "Asia/Shanghai"]
    lives = [Life(ruleset, msgspec.structs.replace(WILLING, time_zone=each)) for each in zones]
    for life in lives:
        life.event(call(0))
        life.event(call(HOUR, kind="call.answered"))
    assert len(ruleset._answered) <= 4
    first = [told(life.verdicts)[0][1] for life in lives]
    assert first == ["send", "hold", "hold", "refuse", "send"]
    assert lives[0].verdicts[0].checks == lives[-1].verdicts[0].checks
    assert lives[0].verdicts[0].checks is not lives[-1].verdicts[0].checks
