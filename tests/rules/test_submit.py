"""The question asked again at the submit (P3)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import DAY, HOUR, MINUTE, NOON, WILLING, Life, call, campaign, rules

from rules.profile import Profile
from rules.quiet import Quiet
from rules.submit import StillGood, still_good
from rules.verdicts import Verdict
from rules.zones import zone

CALLED = "called: {}"


def asked(
    at: int,
    profile: Profile | None = WILLING,
    *,
    gone: bool = False,
    settings: dict[str, Any] | None = None,
    **keys: Any,
) -> StillGood:
    """The answer to an offer of noon at `at`, counted from noon, under rules changed since."""
    life = Life(rules(campaign(CALLED)))
    (verdict,) = life.event(call(0))
    now = rules(campaign(CALLED, **keys), settings=settings)
    found = None if gone else now.campaign("one")
    return still_good(verdict, found, now.settings, profile, NOON + at)


def test_an_offer_is_good_until_it_expires_or_quiet_hours_begin() -> None:
    assert asked(0) == StillGood(None, NOON + 8 * HOUR)
    short = '{from: "1", text: x, valid_for: 1h}'
    assert asked(0, offer=short) == StillGood(None, NOON + HOUR)
    never = {"quiet_hours": {"from": "00:00", "until": "00:00"}}
    assert asked(0, settings=never) == StillGood(None, NOON + DAY)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (asked(0, gone=True), "stopped"),
        (asked(0, status="paused"), "stopped"),
        (asked(0, status="shadow"), "stopped"),
        (asked(0, settings={"stopped": ["all"]}), "stopped"),
        (asked(DAY), "expired"),
        (asked(0, runs="{until: 2008-01-19}"), "outside campaign dates"),
        (asked(0, runs="{from: 2008-01-21}"), "outside campaign dates"),
        (asked(0, None), "no consent"),
        (asked(0, msgspec.structs.replace(WILLING, consent=())), "no consent"),
        (asked(0, msgspec.structs.replace(WILLING, opted_out=True)), "opted out"),
        (asked(0, msgspec.structs.replace(WILLING, time_zone="x")), "unknown time zone"),
        (asked(8 * HOUR), "quiet hours"),
    ],
)
def test_what_has_changed_since_it_was_decided_withholds_it(answer: StillGood, reason: str) -> None:
    assert answer == StillGood(reason, 0)


def test_an_offer_that_was_held_is_good_from_its_trigger_on() -> None:
    life = Life(rules(campaign(CALLED)))
    life.event(call(9 * HOUR))
    (verdict,) = life.clock(DAY)
    assert isinstance(verdict, Verdict)
    found = life.rules.campaign("one")
    settings = life.rules.settings
    good = still_good(verdict, found, settings, WILLING, NOON + 20 * HOUR)
    assert good == StillGood(None, NOON + 32 * HOUR)  # the next quiet hours come before 33 h


_minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: minute * MINUTE)


@given(
    st.integers(0, 2**51),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"]),
    _minutes,
    _minutes,
)
def test_quiet_hours_next_begin_within_two_days_and_none_lie_before(
    now: int, name: str, start: int, end: int
) -> None:
    where, quiet = zone(name), Quiet(start, end)
    assert where is not None
    begin = quiet.begins(now, where)
    if begin is None:
        assert start == end
        return
    assert now <= begin <= now + 2 * DAY
    assert begin == now or not quiet.at(now, where)
    if name == "Asia/Shanghai" and now > 700_000_000_000_000:  # no summer time since 1991
        assert quiet.at(begin, where)
        assert begin == now or not quiet.at(begin - 1, where)
