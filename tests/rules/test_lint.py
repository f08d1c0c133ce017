"""Warnings: right, and yet not what a careful manager would send."""

from __future__ import annotations

import pytest
from rules_kit import bundle, campaign

from rules.engine import RuleSet
from rules.lint import warnings

GOOD = "【河南移动】优惠。回复TD退订。"


def warned(**keys: str) -> list[tuple[int | None, str | None, str]]:
    offer = keys.pop("offer", f'{{from: "1", text: {GOOD}}}')
    files = bundle(campaign("called: {}", offer=offer, **keys))
    found = warnings(files, RuleSet.load(files).campaigns)
    assert all(each.remedy and each.file == "campaigns/0.yaml" for each in found)
    return [(each.line, each.key, each.reason) for each in found]


def test_a_signed_text_with_a_way_out_is_no_cause_for_a_warning() -> None:
    assert warned() == []
    assert warned(offer='{from: "1", text: "Cheap calls. Reply STOP to end. 【Xinling】"}') == []


def test_a_text_without_signature_or_way_out_is_warned_about_with_its_line() -> None:
    variants = (
        f"[{{name: a, share: 50%, text: {GOOD}}}, {{name: b, share: 50%, text: 优惠 OUTDOORS}}]"
    )
    assert warned(offer=f'{{from: "1", variants: {variants}}}') == [
        (5, "offer.variants[1].text", "bears no signature"),
        (5, "offer.variants[1].text", "says no way to opt out"),
    ]


@pytest.mark.parametrize(
    ("cap", "waves", "fits"),
    [
        ("{times: 1, every: 3d}", "{times: 5, after: 3d}", True),
        ("{times: 1, every: 4d}", "{times: 1, after: 3d}", False),
        ("{times: 2, every: 4d}", "{times: 5, after: 3d}", True),
        ("{times: 2, every: 7d}", "{times: 5, after: 3d}", False),
        ("{times: 2, every: 7d}", "{times: 1, after: 3d}", True),
        ("{times: 2}", "{times: 1, after: 30d}", True),
        ("{times: 2}", "{times: 2, after: 30d}", False),
    ],
)
def test_waves_that_the_own_cap_would_refuse_are_warned_about(
    cap: str, waves: str, *, fits: bool
) -> None:
    found = warned(limits=f"{{per_subscriber: {cap}}}", waves=waves)
    assert [key for _, key, _ in found] == ([] if fits else ["waves"])
    assert warned(waves=waves) == []
