"""Dialled numbers split by the plan; the plan of China as it ships."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from decoders.errors import XinlingError
from decoders.messages import PartyNumber
from decoders.numbers import NumberingPlan, Split

CHINA = Path(__file__).parents[3] / "decoders" / "plans" / "china.csv"


@cache
def china() -> NumberingPlan:
    return NumberingPlan.load(CHINA.read_text(encoding="utf-8"), CHINA.name)


def split(digits: str, ton: int = 0) -> Split:
    return china().split(PartyNumber(digits, ton, 1))


@pytest.mark.parametrize(
    ("digits", "ton", "kind", "area_code", "city"),
    [
        ("037165550000", 0, "fixed", "0371", "郑州"),
        ("37165550000", 2, "fixed", "0371", "郑州"),
        ("02112345678", 0, "fixed", "021", "上海"),
        ("033512345678", 0, "fixed", "0335", "秦皇岛"),
        ("13803710000", 0, "mobile", "0371", "郑州"),
        ("013803710000", 0, "mobile", "0371", "郑州"),
        ("8613803710000", 1, "mobile", "0371", "郑州"),
        ("8613803710000", 0, "mobile", "0371", "郑州"),
        ("008613803710000", 0, "mobile", "0371", "郑州"),
        ("13908910000", 0, "mobile", "0891", "拉萨"),
        ("37165550000", 0, "unknown", None, None),
        ("65550000", 0, "fixed", None, None),
        ("10086", 0, "service", None, None),
        ("95588", 0, "service", None, None),
        ("4008001234", 0, "service", None, None),
        ("110", 0, "emergency", None, None),
        ("19999", 0, "unknown", None, None),
        ("", 0, "unknown", None, None),
    ],
)
def test_a_number_is_what_and_where_the_plan_of_china_says(
    digits: str, ton: int, kind: str, area_code: str | None, city: str | None
) -> None:
    where = split(digits, ton).destination
    assert (where.kind, where.area_code, where.city) == (kind, area_code, city)


@pytest.mark.parametrize(
    ("digits", "selected", "canonical"),
    [
        ("12593037165550000", "12593", "8637165550000"),
        ("1259313803710000", "12593", "8613803710000"),
        ("17951013803710000", "17951", "8613803710000"),
        ("17951008613803710000", "17951", "8613803710000"),
        ("1795100852123456", "17951", "852123456"),
        ("1259310086", "12593", None),
        ("12593", None, None),
    ],
)
def test_a_selected_carrier_is_stripped_and_kept(
    digits: str, selected: str | None, canonical: str | None
) -> None:
    found = split(digits)
    assert (found.selected, found.canonical) == (selected, canonical)


def test_a_number_has_one_canonical_form_however_it_is_written() -> None:
    forms = [("13803710000", 0), ("013803710000", 0), ("8613803710000", 1), ("13803710000", 2)]
    assert {split(digits, ton).canonical for digits, ton in forms} == {"8613803710000"}


@pytest.mark.parametrize("digits", ["110", "10086", "95588", "123", "7001", ""])
def test_emergency_service_and_short_numbers_have_no_canonical_form_and_so_no_pseudonym(
    digits: str,
) -> None:
    assert split(digits).canonical is None


@pytest.mark.parametrize(
    ("digits", "ton", "number_class"),
    [
        ("110", 0, "emergency"),
        ("10086", 0, "service"),
        ("0085212345678", 0, "international"),
        ("85212345678", 1, "international"),
        ("65550000", 0, "local"),
        ("037165550000", 0, None),
        ("13803710000", 0, None),
    ],
)
def test_a_class_that_needs_no_city_is_told(
    digits: str, ton: int, number_class: str | None
) -> None:
    assert split(digits, ton).number_class == number_class


def test_another_country_is_named_where_its_code_is_its_own() -> None:
    assert split("0085212345678").destination.country == "HK"
    assert split("0014155550100").destination.country is None


@pytest.mark.parametrize("digits", ["9" * 200, "*100#", "0", "00", "abc", "12593" * 20])
def test_no_digits_make_it_fail(digits: str) -> None:
    for ton in range(8):
        assert split(digits, ton).destination


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("country,86,CN,\nfixd,371,0371,郑州\n", 2, "fixd"),
        ("country,86,CN,\nfixed,,0371,郑州\n", 2, "fixed"),
        ("country,86,CN,\nfixed,37x,0371,郑州\n", 2, "fixed"),
        ("country,86,CN,\nmobile,1380-1370,0371,郑州\n", 2, "mobile"),
        ("country,86,CN,\nmobile,0-99999999,0371,郑州\n", 2, "mobile"),
        ("country,86,CN,\nlocal,x,,\n", 2, "local"),
        ("country,86,CN,\nfixed,1,2,3,4\n", 2, None),
        ("trunk,0,,\n", None, "country"),
    ],
)
def test_a_mistake_in_a_plan_is_told_with_file_line_and_remedy(
    text: str, line: int | None, key: str | None
) -> None:
    with pytest.raises(XinlingError) as refused:
        NumberingPlan.load(text, "plan.csv")
    assert (refused.value.file, refused.value.line, refused.value.key) == ("plan.csv", line, key)
    assert refused.value.remedy
