"""P3: what rests on an absence or a departure is refused where the feed could not be trusted."""

from __future__ import annotations

import pytest
from rules_kit import HOUR, INSIDE, MINUTE, NOON, OUTSIDE, Life, call, campaign, rules, seen, told

from rules.audience import Expression
from rules.feed import Feed, Feeds

GONE = "left: {area: city, after_staying: 10m, confirmed_by: 20m}"
AWAY = "absent: {area: city, for: 1h}"
SILENT = "not_followed_by: {first: {called: {}}, then: {answered: {}}, within: 1h}"
RESTS = (
    GONE,
    AWAY,
    SILENT,
    f"any_of: [{{{GONE}}}, {{texted: {{}}}}]",
    f"any_of: [{{texted: {{}}}}, {{{AWAY}}}]",
    f"any_of: [{{{SILENT}}}, {{texted: {{}}}}]",
    f"sequence: {{steps: [{{called: {{}}}}, {{{GONE}}}], within: 5h}}",
    f"sequence: {{steps: [{{called: {{}}}}, {{{AWAY}}}], within: 5h}}",
    f"not_followed_by: {{first: {{{GONE}}}, then: {{answered: {{}}}}, within: 1h}}",
)
DOES_NOT_REST = (
    "called: {}",
    "entered: {area: suburb, confirmed_by: 0s}",
    "stayed: {area: suburb, for: 30m}",
    "sequence: {steps: [{called: {}}, {stayed: {area: suburb, for: 30m}}], within: 5h}",
)


def lived(
    trigger: str, feeds: Feeds, trust: str | None = None
) -> list[tuple[str, str, str | None]]:
    """Half an hour in the city, a call there, and from then on in the suburb (`OUTSIDE`)."""
    life = Life(rules(campaign(trigger), suburb=[200]))
    life.walk((0, INSIDE))
    life.event(call(30 * MINUTE))
    life.event(seen(45 * MINUTE, OUTSIDE, trust=trust))
    life.clock(6 * HOUR, feeds)
    return told(life.verdicts)


def fallen(area: str, score: int = 60) -> Feeds:
    """A feed whose score for an area fell at forty minutes and has stayed down."""
    return {"probe": Feed().after(NOON + 40 * MINUTE, {area: score})}


@pytest.mark.parametrize("trigger", RESTS)
def test_p3_the_area_fell_while_it_was_waited_for(trigger: str) -> None:
    assert lived(trigger, fallen("46000-100")) == [("one", "refuse", "feed not trusted")]
    assert lived(trigger, {}) == [("one", "send", None)]


@pytest.mark.parametrize("trigger", RESTS)
def test_p3_another_areas_fall_does_not_matter(trigger: str) -> None:
    assert lived(trigger, fallen("46000-999")) == [("one", "send", None)]


@pytest.mark.parametrize("trigger", RESTS)
def test_what_decides_is_the_score_and_no_gap_that_one_event_touches(trigger: str) -> None:
    assert lived(trigger, {}, trust="gap") == [("one", "send", None)]
    assert lived(trigger, fallen("46000-100", 70), trust="gap") == [("one", "send", None)]


@pytest.mark.parametrize("trigger", DOES_NOT_REST)
def test_what_was_seen_is_believed_however_low_the_score(trigger: str) -> None:
    assert lived(trigger, fallen("46000-100"), trust="gap") == [("one", "send", None)]


def test_an_expression_is_asked_only_of_whom_the_trigger_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def holds(_self: Expression, variables: object) -> bool:
        asked.append(variables)
        return True

    monkeypatch.setattr(Expression, "holds", holds)
    wish = "{where: 'profile.home_city == \"洛阳\"'}"
    life = Life(rules(campaign("called: {prefix: ['12593']}", audience=wish)))
    life.walk((0, INSIDE), (HOUR, OUTSIDE))
    life.event(call(2 * HOUR))
    life.event(call(3 * HOUR, selected="17951"))
    assert asked == []
    assert told(life.event(call(3 * HOUR, selected="12593"))) == [("one", "send", None)]
    assert len(asked) == 1
