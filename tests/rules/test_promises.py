"""P1 and P3 over random lives: whatever happens, no send breaks a rule that protects."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_kit import (
    DAY,
    HOUR,
    INSIDE,
    MINUTE,
    NOON,
    OUTSIDE,
    PERSON,
    WILLING,
    Life,
    call,
    campaign,
    rules,
    seen,
)

from decoders.events import CALL_ANSWERED, SUBSCRIBER_DETACHED, Event, Frame
from rules import packed
from rules.engine import RuleSet
from rules.profile import Profile
from rules.state import Subscriber
from rules.verdicts import CONTROL, HOLD, REFUSE, SEND, Verdict
from rules.zones import local, zone

SETTINGS = {
    "caps": {
        "all": {"times": 3, "every": "7d", "reserve": {"priority": 80}},
        "channels": {"sms": {"times": 2, "every": "1d"}},
        "tags": {"promo": {"times": 1, "every": "2d"}},
    },
    "apart": "1h",
    "global_control": "10%",
}
LIMITED = {
    "calls": (2, 3 * DAY),
    "leavers": (1, 7 * DAY),
    "answers": (1, None),
    "stayers": (3, DAY),
    "again": (2, 3 * DAY),
    "silent": (2, 5 * DAY),
}
RULES = rules(
    campaign(
        "called: {}", name="calls", priority=60, limits="{per_subscriber: {times: 2, every: 3d}}"
    ),
    campaign(
        "left: {area: city, after_staying: 10m, confirmed_by: 20m}",
        name="leavers",
        priority=80,
        tags="[promo]",
        limits="{per_subscriber: {times: 1, every: 7d}}",
        experiment="{control: 30%}",
    ),
    campaign(
        "answered: {}",
        name="answers",
        priority=60,
        tags="[promo]",
        limits="{per_subscriber: {times: 1}}",
        runs="{from: 2008-01-21, until: 2008-02-01}",
        excludes="{campaigns: [calls], for: 1d}",
    ),
    campaign(
        "stayed: {area: city, for: 2h}",
        name="stayers",
        priority=90,
        limits="{per_subscriber: {times: 3, every: 1d}}",
        offer='{from: "1", text: x, valid_for: 10h}',
    ),
    campaign("called: {}", name="shadow", priority=100, status="shadow"),
    campaign(
        "count: {of: {any_of: [{called: {}}, {answered: {}}]}, at_least: 2, within: 1d}",
        name="again",
        priority=85,
        limits="{per_subscriber: {times: 2, every: 3d}}",
        waves="{times: 2, after: 1d}",
    ),
    campaign(
        "not_followed_by: {first: {sequence: {steps: [{called: {}},"
        " {absent: {area: city, for: 2h}}], within: 9h}}, then: {answered: {}}, within: 3h}",
        name="silent",
        priority=95,
        limits="{per_subscriber: {times: 2, every: 5d}}",
        waves="{times: 1, after: 2d}",
    ),
    settings=SETTINGS,
)
PRIORITIES = {each.id: each.priority for each in RULES.campaigns}
PROFILES: list[Profile | None] = [
    WILLING,
    WILLING,
    WILLING,
    msgspec.structs.replace(WILLING, time_zone="America/St_Johns"),
    msgspec.structs.replace(WILLING, time_zone=""),
    msgspec.structs.replace(WILLING, opted_out=True),
    msgspec.structs.replace(WILLING, consent=()),
    None,
]


class Happening(NamedTuple):
    """Something on a day of a life: an event, a look at the clock, another profile."""

    after: int
    what: str
    profile: Profile | None


_lives = st.lists(
    st.builds(
        Happening,
        st.integers(0, 20 * HOUR) | st.integers(0, 40 * MINUTE) | st.just(0),
        st.sampled_from(
            [
                "call",
                "call",
                "inside",
                "inside",
                "outside",
                "answer",
                "detach",
                "unknown",
                "clock",
                "profile",
            ]
        ),
        st.sampled_from(PROFILES),
    ),
    max_size=40,
)


class Told(NamedTuple):
    """A verdict and the profile it was decided by."""

    verdict: Verdict
    profile: Profile | None


def happens(what: str, time: int) -> Event:
    """The event; its id is made from `time`, so that one life can be lived twice."""
    keys = {"id": f"{what}-{time}", "frames": [Frame("a", time)]}
    if what in {"inside", "outside"}:
        return seen(time, INSIDE if what == "inside" else OUTSIDE, **keys)
    if what == "detach":
        return seen(time, None, SUBSCRIBER_DETACHED, **keys)
    if what == "unknown":
        return call(time, identity="unknown", **keys)
    return call(time, kind=CALL_ANSWERED, **keys) if what == "answer" else call(time, **keys)


def lived(
    life: Sequence[Happening], ruleset: RuleSet = RULES, *, ticks: bool = False
) -> list[Told]:
    """Everything that was decided in a life, until all timers have fired."""
    one = Life(ruleset)
    told: list[Told] = []
    now = 0
    for happening in life:
        now += happening.after
        if ticks or happening.what in {"clock", "profile"}:
            told += [Told(verdict, one.profile) for verdict in one.clock(now)]
        if happening.what == "profile":
            one.profile = happening.profile
        elif happening.what != "clock":
            told += [Told(v, one.profile) for v in one.event(happens(happening.what, now))]
    return told + [Told(verdict, one.profile) for verdict in one.clock(now + 9 * DAY)]


def counted(told: Sequence[Told]) -> list[Verdict]:
    """What uses up caps of the live campaigns."""
    live = [each.verdict for each in told if each.verdict.campaign != "shadow"]
    return [verdict for verdict in live if verdict.verdict in {SEND, CONTROL}]


def windows(times: Sequence[int], every: int | None) -> Iterator[int]:
    """How many of `times` lie in the window that ends with each."""
    for end in times:
        yield sum(1 for time in times if time <= end and (every is None or time > end - every))


@given(_lives)
def test_p3_no_send_without_consent_after_an_opt_out_or_without_a_zone(
    life: Sequence[Happening],
) -> None:
    for verdict, profile in lived(life):
        if verdict.verdict in {SEND, CONTROL, HOLD}:
            assert profile is not None
            assert "sms" in profile.consent
            assert not profile.opted_out
            assert zone(profile.time_zone) is not None


@given(_lives)
def test_p3_no_send_in_quiet_hours(life: Sequence[Happening]) -> None:
    for verdict, profile in lived(life):
        if verdict.verdict in {SEND, CONTROL}:
            assert profile is not None
            where = zone(profile.time_zone)
            assert where is not None
            assert 8 <= local(verdict.time, where).hour < 20


@given(_lives)
def test_p3_no_send_over_a_cap(life: Sequence[Happening]) -> None:
    sent = counted(lived(life))
    for name, (times, every) in LIMITED.items():
        own = [verdict.time for verdict in sent if verdict.campaign == name]
        assert all(count <= times for count in windows(own, every))
    promo = [each.time for each in sent if each.campaign in {"leavers", "answers"}]
    assert all(count <= 1 for count in windows(promo, 2 * DAY))
    times = [each.time for each in sent]
    assert all(count <= 2 for count in windows(times, DAY))
    assert all(count <= 3 for count in windows(times, 7 * DAY))
    for verdict, used in zip(sent, windows(times, 7 * DAY), strict=True):
        assert used <= 2 or PRIORITIES[verdict.campaign] >= 80, "the last slot is kept for them"


@given(_lives)
def test_p3_no_two_sends_within_apart_and_none_that_is_excluded_or_outside_its_dates(
    life: Sequence[Happening],
) -> None:
    sent = counted(lived(life))
    for earlier, later in itertools.pairwise(sent):
        assert earlier.campaign == later.campaign or later.time - earlier.time > HOUR
    shanghai = zone("Asia/Shanghai")
    assert shanghai is not None
    for verdict in sent:
        if verdict.campaign == "answers":
            before = [each for each in sent if each.campaign == "calls"]
            assert not any(0 <= verdict.time - each.time < DAY for each in before)
            assert local(verdict.time, shanghai).day >= 21


@given(_lives)
def test_p3_whoever_is_control_for_a_campaign_is_never_sent_it(life: Sequence[Happening]) -> None:
    arms: dict[str, set[str]] = {}
    for verdict, _ in lived(life):
        if verdict.verdict in {SEND, CONTROL}:
            arms.setdefault(verdict.campaign, set()).add(verdict.verdict)
    assert all(len(seen_arms) == 1 for seen_arms in arms.values())


@given(_lives)
def test_a_hold_ends_in_exactly_one_other_verdict_and_offers_are_decided_once(
    life: Sequence[Happening],
) -> None:
    apart = [happening._replace(after=happening.after + 1) for happening in life]
    offers: dict[str, list[Verdict]] = {}
    for verdict, _ in lived(apart):
        offers.setdefault(verdict.offer, []).append(verdict)
    for steps in offers.values():
        assert [step.step for step in steps] == list(range(len(steps)))
        assert [step.verdict for step in steps[:-1]] == [HOLD] * (len(steps) - 1)
        assert len(steps) <= 2
        assert steps[-1].verdict in {SEND, CONTROL, REFUSE}


@given(_lives)
def test_verdicts_come_in_the_order_of_time_and_of_campaigns_within_an_instant(
    life: Sequence[Happening],
) -> None:
    times = [verdict.time for verdict, _ in lived(life)]
    assert times == sorted(times)


@given(_lives)
def test_p1_timers_fire_the_same_by_ticks_and_by_the_next_event(life: Sequence[Happening]) -> None:
    assert [row.verdict.row() for row in lived(life)] == [
        row.verdict.row() for row in lived(life, ticks=True)
    ]


@given(_lives)
def test_p1_packing_a_state_between_any_two_steps_changes_nothing(
    life: Sequence[Happening],
) -> None:
    class Packed(Life):
        def _after(self, state: Subscriber, verdicts: object) -> list[Verdict]:
            found = super()._after(state, verdicts)  # type: ignore[arg-type]
            self.state = packed.decode(packed.encode(self.state))
            return found

    one, other = Life(RULES), Packed(RULES)
    now = 0
    for happening in life:
        now += happening.after
        if happening.what not in {"clock", "profile"}:
            one.event(happens(happening.what, now))
            other.event(happens(happening.what, now))
    one.clock(now + 9 * DAY)
    other.clock(now + 9 * DAY)
    assert [each.row() for each in one.verdicts] == [each.row() for each in other.verdicts]


@given(_lives)
def test_no_timer_due_is_left_after_the_clock(life: Sequence[Happening]) -> None:
    one = Life(RULES)
    now = 0
    for happening in life:
        now += happening.after
        one.event(happens("call" if happening.what == "clock" else happening.what, now))
        one.clock(now)
        due = one.rules.next_due(one.state)
        assert due is None or due > NOON + now


# `left`, held against the sentence of the contracts, worked out over the whole life at once


class Sample(NamedTuple):
    """A sample: when, and inside or not (None: nobody can say)."""

    time: int
    inside: bool | None


def leavings(
    samples: Sequence[Sample], after_staying: int, confirmed_by: int
) -> list[tuple[int, int]]:
    """Times of leaving and of firing, by the definition and not by a state machine."""
    known = [sample for sample in samples if sample.inside is not None]
    inside = [sample.time for sample in known if sample.inside]
    outside = [sample.time for sample in known if not sample.inside]
    found = []
    start = 0
    for index, time in enumerate(inside):
        later = inside[index + 1] if index + 1 < len(inside) else None
        out = next((each for each in outside if each > time), None)
        if out is None or (later is not None and later <= out):
            continue
        if later is not None and later - out < confirmed_by:
            continue
        if time - inside[start] >= after_staying:
            found.append((out, out + confirmed_by))
        start = index + 1
    return found


_walks = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([True, True, False, False, None])), max_size=30
)


@settings(max_examples=300)
@given(_walks, st.integers(0, 60), st.integers(1, 60))
def test_left_is_what_the_contracts_say_for_every_way_through_a_city(
    walk: list[tuple[int, bool | None]], after_staying: int, confirmed_by: int
) -> None:
    trigger = (
        f"left: {{area: city, after_staying: {after_staying}m, confirmed_by: {confirmed_by}m}}"
    )
    free = {"quiet_hours": {"from": "00:00", "until": "00:00"}}
    one = Life(rules(campaign(trigger), settings=free))
    samples = []
    now = 0
    for step, inside in walk:
        now += step * MINUTE
        samples.append(Sample(now, inside))
        one.walk((now, None if inside is None else INSIDE if inside else OUTSIDE))
    one.clock(now + DAY)
    expected = leavings(samples, after_staying * MINUTE, confirmed_by * MINUTE)
    assert [(each.evidence[-1].time - NOON, each.time - NOON) for each in one.verdicts] == expected
    assert all(each.subscriber == PERSON for each in one.verdicts)
