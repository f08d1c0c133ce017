"""The response model: fixed beforehand, asked offer by offer, the same answer every time."""

from __future__ import annotations

import math

import pytest

from simulator.response import ANYWAY, ELSEWHERE, FATIGUE, HALF_LIFE, OPTS_OUT, REACHED, Model

_PEOPLE = [f"46000{number:010d}" for number in range(20_000)]
_CAMPAIGN = "two-cities-one-home"


def _share(delay: float, earlier: int = 0) -> float:
    model = Model(1)
    return sum(model.respond(imsi, _CAMPAIGN, delay, earlier).buys for imsi in _PEOPLE) / len(
        _PEOPLE
    )


def test_reached_at_once_as_many_buy_as_the_model_says() -> None:
    assert _share(0) == pytest.approx(REACHED, rel=0.1)


def test_half_as_many_after_the_half_life_and_fewer_when_asked_again() -> None:
    assert _share(HALF_LIFE) == pytest.approx((REACHED + ELSEWHERE) / 2, rel=0.15)
    assert _share(0, earlier=1) == pytest.approx(REACHED * FATIGUE, rel=0.15)


def test_an_offer_at_no_moment_works_a_sixth_as_well_and_none_a_twelfth() -> None:
    model = Model(1)
    anyway = sum(model.buys_anyway(imsi, _CAMPAIGN) is not None for imsi in _PEOPLE)
    assert _share(math.inf) == pytest.approx(REACHED / 6, rel=0.25)
    assert anyway / len(_PEOPLE) == pytest.approx(ANYWAY, rel=0.3)


def test_two_days_divide_the_odds_as_the_experiment_found() -> None:
    model = Model(1)
    assert model.true_uplift(0) / model.true_uplift(2 * 86_400) == pytest.approx(1.76)


def test_the_same_person_asked_the_same_answers_the_same() -> None:
    one, two = Model(1), Model(1)
    asked = [one.respond(imsi, _CAMPAIGN, 600) for imsi in _PEOPLE[:200]]
    assert asked == [two.respond(imsi, _CAMPAIGN, 600) for imsi in _PEOPLE[:200]]


def test_who_buys_late_would_have_bought_at_once() -> None:
    model = Model(3)
    late = {imsi for imsi in _PEOPLE if model.respond(imsi, _CAMPAIGN, 3 * HALF_LIFE).buys}
    assert late
    assert all(model.respond(imsi, _CAMPAIGN, 0).buys for imsi in late)


def test_repetition_makes_people_opt_out() -> None:
    model = Model(4)
    often = [sum(model.respond(i, _CAMPAIGN, 0, n).opts_out for i in _PEOPLE) for n in (0, 3)]
    assert often[0] == pytest.approx(OPTS_OUT * len(_PEOPLE), rel=0.3)
    assert often[1] > 4 * often[0]


def test_the_true_uplift_is_the_share_that_the_offer_moves() -> None:
    assert Model(5).true_uplift(HALF_LIFE) == pytest.approx((REACHED + ELSEWHERE) / 2)
