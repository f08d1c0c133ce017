"""Number classes, audiences and draws, each for itself."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoders.events import Destination
from rules.audience import Expression, seen_profile
from rules.campaign import Variant
from rules.draws import draw, variant
from rules.errors import CampaignError
from rules.number_class import CLASSES, number_class
from rules.profile import Profile


@pytest.mark.parametrize(
    ("destination", "city", "country", "wanted"),
    [
        (Destination("fixed", "CN", "0371", "郑州"), "郑州", "CN", "local"),
        (Destination("mobile", "CN", None, "洛阳"), "郑州", None, "long distance"),
        (Destination("fixed", "CN", "0371", "郑州"), None, "CN", "unknown"),
        (Destination("fixed", "CN", "0371", "郑州"), "", "CN", "unknown"),
        (Destination("unknown"), "郑州", "CN", "unknown"),
        (Destination("fixed", "DE", "030", "Berlin"), "郑州", "CN", "international"),
        (Destination("fixed", "DE", "030", "Berlin"), "郑州", None, "long distance"),
        (Destination("service"), "郑州", "CN", "service"),
        (Destination("emergency"), None, None, "emergency"),
    ],
)
def test_a_call_is_classed_from_where_the_number_and_the_subscriber_belong(
    destination: Destination, city: str | None, country: str | None, wanted: str
) -> None:
    assert number_class(destination, city, country) == wanted
    assert wanted in CLASSES


KNOWN = Profile(home_city="洛阳", products=("ring",), extra={"tariff": "gold"})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('profile.home_city != "郑州" && !("two-cities" in profile.products)', True),
        ('"ring" in profile.products', True),
        ('profile.tariff == "gold"', True),
        ('profile.tariff != "silver"', True),
        ('profile.nothing != "silver"', False),
        ("has(profile.nothing)", False),
        ('profile.time_zone != "Asia/Shanghai"', False),
        ("profile.home_city", False),
        ("profile.home_city > 3", False),
        ("event.detail.duration_seconds > 60.0", False),
        ('profile.products.exists(name, name.startsWith("ri"))', True),
        ("size(profile.segments) == 0", True),
    ],
)
def test_an_expression_that_cannot_be_answered_is_a_no(text: str, *, holds: bool) -> None:
    assert Expression(text).holds({"profile": seen_profile(KNOWN)}) is holds


@pytest.mark.parametrize("text", ["profile.", "(", "profile.x = 3", "true", "nobody.knows"])
def test_what_is_no_expression_about_anybody_is_refused(text: str) -> None:
    with pytest.raises(CampaignError) as caught:
        Expression(text)
    assert "\n" not in str(caught.value)


def test_a_draw_is_the_same_for_one_person_and_differs_by_what_is_drawn() -> None:
    one = draw(b"salt", "control", "campaign", "person")
    assert one == draw(b"salt", "control", "campaign", "person")
    others = {
        draw(b"other", "control", "campaign", "person"),
        draw(b"salt", "variant", "campaign", "person"),
        draw(b"salt", "control", "another", "person"),
        draw(b"salt", "control", "campaign", "somebody"),
        draw(b"x" * 500, "control", "campaign", "person"),
        draw(b"", "control", "campaign", "person"),
    }
    assert len(others | {one}) == 7


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_control_group_is_as_large_as_it_should_be(share: float) -> None:
    people = 20_000
    drawn = sum(draw(b"salt", "control", "c", f"1-{n:024x}") < share for n in range(people))
    deviation = sqrt(people * share * (1 - share))
    assert abs(drawn - people * share) < 4 * deviation


def test_the_last_variant_takes_what_rounding_leaves() -> None:
    shares = [Variant(name, 0.333, name) for name in "abc"]
    assert variant(shares, 0.9999).name == "c"


@given(st.floats(0, 1, exclude_max=True))
def test_every_draw_has_a_variant(drawn: float) -> None:
    shares = [Variant(name, 1 / 3 - 1e-9, name) for name in "abc"]
    chosen = variant(shares, drawn)
    assert chosen == shares[min(2, int(drawn / (1 / 3 - 1e-9)))]
