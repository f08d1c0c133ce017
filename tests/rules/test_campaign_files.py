"""Campaign files: what is right is read, what is wrong is said with file, line, key and remedy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import INSIDE, Life, bundle, call, campaign, rules

from rules import campaign as campaigns
from rules.engine import RuleSet
from rules.errors import CampaignErrors
from rules.source import Source

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "rules" / "campaigns"
SCHEMA = json.loads((ROOT / "rules" / "campaign.schema.json").read_text("utf-8"))


TEN = f"{{any_of: [{', '.join(['{called: {}}'] * 10)}]}}"


def errors(
    *texts: str, running: bool = False, allocated: bool = False, **more: Any
) -> list[tuple[int | None, str | None, str]]:
    """Line, key and reason of each mistake."""
    with pytest.raises(CampaignErrors) as caught:
        RuleSet.load(bundle(*texts, **more), running=running, allocated=allocated)
    assert all(error.remedy for error in caught.value.errors)
    return [(error.line, error.key, error.reason) for error in caught.value.errors]


def test_the_shipped_campaigns_are_right() -> None:
    files = {path.name: path.read_bytes() for path in SHIPPED.iterdir()}
    ruleset = RuleSet.load(files)
    assert {"cheap-long-distance", "two-cities-one-home"} <= {one.id for one in ruleset.campaigns}
    seed = ruleset.campaign("two-cities-one-home")
    assert ruleset.campaign("nobody") is None
    assert seed is not None
    assert seed in ruleset.campaigns
    assert seed.shared_budget


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_campaign_agrees_with_the_published_schema(path: Path) -> None:
    jsonschema.validate(Source(path.read_bytes(), path.name).value, SCHEMA)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_campaign_tells_editors_where_the_schema_is(path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]
    name = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / name).resolve() == ROOT / "rules" / "campaign.schema.json"


def test_the_published_schema_is_the_one_that_the_types_make() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    script = ROOT / "docs" / "make_campaign_schema.py"
    made = subprocess.run(
        [sys.executable, str(script), "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert made.returncode == 0, "run: PYTHONPATH=. python docs/make_campaign_schema.py"


_trees = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.sampled_from(["live", "7d", "x", "10%"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "left",
                    "area",
                    "called",
                    "stayed",
                    "for",
                    "text",
                    "from",
                    "times",
                    "every",
                    "control",
                ]
            ),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(campaigns._KEYS)), _trees)
def test_schema_and_loading_agree_on_what_may_stand_where(key: str, value: object) -> None:
    content = yaml.safe_load(campaign("called: {}"))
    content[key] = value
    right = jsonschema.Draft202012Validator(SCHEMA).is_valid(content)
    text = json.dumps(content, ensure_ascii=False)
    if not right:
        assert errors(text)
        return
    try:
        RuleSet.load(bundle(text))
    except CampaignErrors as found:  # the schema cannot know what files hold
        reasons = {error.reason for error in found.errors}
        assert all(
            any(word in reason for word in ("no area", "no cell", "shorter"))
            or "variants" in reason
            or "CEL" in reason
            or "asks nothing" in reason
            or "no date" in reason
            or "no time" in reason
            or "begins" in reason
            for reason in reasons
        ), reasons


def test_each_mistake_has_its_line_and_key_and_all_are_told_at_once() -> None:
    text = """campaign: One
title: a title
triger: {left: {area: city}}
priority: high
offer:
  from: 10086
  text: x
limits:
  per_subscriber: {times: 0}
"""
    assert errors(text) == [
        (1, "campaign", "Expected `str` matching regex '^[a-z0-9][a-z0-9-]{0,63}$'"),
        (1, "trigger", "is missing"),
        (3, "triger", "no such key here"),
        (4, "priority", "Expected `int`, got `str`"),
        (6, "offer.from", "Expected `str`, got `int`"),
        (9, "limits.per_subscriber.times", "Expected `int` >= 1"),
    ]


@pytest.mark.parametrize(
    ("trigger", "line_and_key", "reason"),
    [
        ("left: {after_staying: 1h}", "trigger.left", "names no place"),
        ("stayed: {for: 1h}", "trigger.stayed", "names no place"),
        ("left: {area: nowhere}", "trigger.left.area", "no area 'nowhere'"),
        ("called: {tag: subway}", "trigger.called.tag", "no cell is tagged 'subway'"),
        ("left: {area: city, confirmed_by: 20}", "trigger.left.confirmed_by", "Expected `str`"),
        ("left: {area: city}, called: {}", "trigger", "holds left and called"),
        ("", "trigger", "holds none"),
        ("absent: {for: 7d}", "trigger.absent", "names no place"),
        (
            "any_of: [{called: {}}, {left: {area: nowhere}}]",
            "trigger.any_of[1].left.area",
            "no area",
        ),
        (
            "sequence: {steps: [{called: {}}, {texted: {tag: x}}], within: 0s}",
            "trigger.sequence.within",
            "is no time",
        ),
        (
            "sequence: {steps: [{called: {}}, {texted: {tag: x}}], within: 1h}",
            "trigger.sequence.steps[1].texted.tag",
            "no cell is tagged",
        ),
        (
            "count: {of: {}, at_least: 3, within: 1h}",
            "trigger.count.of",
            "holds none",
        ),
        (
            "count: {of: {called: {}}, at_least: 1, within: 1h}",
            "trigger.count.at_least",
            "Expected `int` >= 2",
        ),
        (
            "not_followed_by: {first: {stayed: {for: 1h}}, then: {texted: {}}, within: 1h}",
            "trigger.not_followed_by.first.stayed",
            "names no place",
        ),
        (f"any_of: [{', '.join([TEN] * 6)}]", "trigger", "is made of more than 50"),
    ],
)
def test_a_trigger_that_cannot_be_is_refused(trigger: str, line_and_key: str, reason: str) -> None:
    ((line, key, said),) = errors(campaign(trigger))
    assert (line, key) == (4, line_and_key)
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("keys", "key", "reason"),
    [
        ({"offer": '{from: "1"}'}, "offer", "has neither or both"),
        ({"offer": "{text: x}"}, "offer.from", "is missing"),
        (
            {
                "offer": '{from: "1", variants: [{name: a, share: 40%, text: x},'
                " {name: a, share: 50%, text: y}]}"
            },
            "offer.variants",
            "the shares make 90.00%",
        ),
        ({"runs": "{from: 2008-02-30}"}, "runs.from", "'2008-02-30' is no date"),
        ({"runs": "{from: 2008-02-02, until: 2008-02-01}"}, "runs", "ends before it begins"),
        ({"audience": '{where: "profile."}'}, "audience.where", "not a CEL expression"),
        ({"audience": '{where: "1 == 1"}'}, "audience.where", "asks nothing"),
        (
            {"limits": "{per_subscriber: {times: 1, every: 0s}}"},
            "limits.per_subscriber.every",
            "is no time",
        ),
        ({"quiet_hours": '{from: "21:00", until: "08:00"}'}, "quiet_hours", "are shorter"),
        ({"waves": "{times: 1, after: 0s}"}, "waves.after", "is no time"),
        ({"experiment": "{control: 101%}"}, "experiment.control", "Expected `str` matching"),
    ],
)
def test_content_that_cannot_be_is_refused(keys: dict[str, str], key: str, reason: str) -> None:
    found = errors(campaign(**keys))
    assert found[0][1] == key
    assert found[0][2].startswith(reason)


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"", None, "empty file"),
        (b"\xff\xfe", None, "not UTF-8"),
        (b"a: [1\nb: 2\n", 2, "not YAML"),
        (b"a: \x01", None, "not YAML"),
        (b"a: 1\na: 2\n", 2, "stands here a second time"),
        (b"- a\n", 1, "not a mapping"),
        (b"just text", 1, "not a mapping"),
        (b"--- 1\n--- 2\n", 2, "not YAML"),
        (b"[" * 5000, None, "not YAML"),
        (b"[" * 60 + b"]" * 60, 1, "too many or too deeply nested parts"),
        (b"a: [" + b"1," * 20_001 + b"]", 1, "too many or too deeply nested parts"),
        (b"x" * 300_000, None, "larger than"),
        (b"a: &x [1]\nb: *x\n*x : 1\n", 1, ""),
    ],
)
def test_a_file_that_is_no_yaml_is_refused(data: bytes, line: int | None, reason: str) -> None:
    files = bundle()
    files["campaigns/bad.yaml"] = data
    with pytest.raises(CampaignErrors) as caught:
        RuleSet.load(files)
    assert caught.value.errors[0].line == line
    assert caught.value.errors[0].reason.startswith(reason)
    assert caught.value.errors[0].file == "campaigns/bad.yaml"


def test_anchors_that_multiply_are_bounded() -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]".encode()
        for level in range(1, 9)
    ]
    files = {"bad.yaml": b"\n".join(lines)}
    with pytest.raises(CampaignErrors, match="too many"):
        RuleSet.load(files)


def test_yaml_is_read_as_people_mean_it() -> None:
    text = b'a: 20:00\nb: 2008-01-10\nc: no\nd: 010\ne: -5\nf: 1.5\ng: true\nh: ~\ni: "12593"\nj:\n'
    assert Source(text, "x").value == {
        "a": "20:00",
        "b": "2008-01-10",
        "c": "no",
        "d": "010",
        "e": -5,
        "f": 1.5,
        "g": True,
        "h": None,
        "i": "12593",
        "j": None,
    }


def test_the_line_of_a_part_that_does_not_stand_there_is_its_neighbours() -> None:
    source = Source(b"a: 1\nb:\n  - c: 2\n  - d: 3\n", "x")
    assert source.line("$.b[1].d.nothing") == 4
    assert source.line("$.b[7]") == 2
    assert source.line("$.zzz") == 1


def test_two_campaigns_of_one_name_are_refused() -> None:
    ((line, key, reason),) = errors(campaign(), campaign())
    assert (line, key) == (1, "campaign")
    assert reason == "'one' is not told apart from 'one' in campaigns/0.yaml"


def test_two_names_of_one_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "campaign_key", lambda _name: 7)
    ((_, _, reason),) = errors(campaign(), campaign(name="two"))
    assert reason == "'two' is not told apart from 'one' in campaigns/0.yaml"


def test_what_decides_without_an_allocator_or_a_salt_refuses_who_needs_one() -> None:
    text = campaign(limits="{total: 5}", experiment="{control: 10%}")
    RuleSet.load(bundle(text))
    settings = {"control_salt": ""}
    found = errors(text, running=True, settings=settings)
    assert [key for _, key, _ in found] == ["limits", "experiment.control"]
    found = errors(text, running=True, allocated=True, settings=settings)
    assert [key for _, key, _ in found] == ["experiment.control"]
    for status in ("draft", "paused"):
        waiting = campaign(limits="{per_minute: 5}", status=status)
        RuleSet.load(bundle(waiting), running=True)
    RuleSet.load(bundle(campaign(experiment="{control: 10%}")), running=True)


def test_a_shared_budget_is_recorded_as_not_asked() -> None:
    life = Life(rules(campaign("called: {}", limits="{per_minute: 5}")))
    (verdict,) = life.event(call(0, cell=INSIDE))
    assert ("budgets", "shared: not asked") in verdict.checks


def test_the_hash_is_of_names_and_contents() -> None:
    files = bundle(campaign())
    assert RuleSet.load(files).hash == RuleSet.load(dict(reversed(files.items()))).hash
    other = {**files, "campaigns/0.yaml": files["campaigns/0.yaml"] + b"# more\n"}
    assert RuleSet.load(files).hash != RuleSet.load(other).hash
    assert RuleSet.load(files).campaigns[0].hash == RuleSet.load(other).campaigns[0].hash
    changed = RuleSet.load(bundle(campaign(priority=51)))
    assert RuleSet.load(files).campaigns[0].hash != changed.campaigns[0].hash


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("settings.json", b"{", None),
        ("settings.json", b'{"zones": 1}', None),
        ("settings.json", b'{"zone": "Nowhere/City"}', "zone"),
        ("settings.json", b'{"quiet_hours": {"from": "20:00"}}', "quiet_hours"),
        ("settings.json", b'{"caps": {"all": {"times": "x"}}}', "caps.all.times"),
        ("areas.geojson", b"{}", None),
        ("areas.geojson", b"[", None),
        ("areas.geojson", b'{"features": [1]}', "features[0]"),
        ("areas.geojson", b'{"features": [{"properties": {"area": ""}}]}', "features[0]"),
        ("areas.geojson", b'{"features": [{"properties": {"area": "a"}}]}', "features[0]"),
        (
            "areas.geojson",
            b'{"features": [{"properties": {"area": "a", "lacs": ["460-1"]}}]}',
            "features[0]",
        ),
        (
            "areas.geojson",
            (
                b'{"features": [{"properties": {"area": "a"},'
                b' "geometry": {"type": "Point", "coordinates": [1, 2]}}]}'
            ),
            "features[0]",
        ),
        ("cells.csv", b"radio,mcc,net,area\nGSM,460,0,1\n", "cell"),
        ("cells.csv", b"GSM,460,0,1,x,,1,1\n", None),
        ("cells.csv", b"GSM,460,0,1,1,,1,91\n", None),
        ("cells.csv", b"GSM,460\n", None),
        ("cells.csv", b"\xff", None),
    ],
)
def test_mistakes_in_the_other_files_are_told_as_well(
    name: str, data: bytes, key: str | None
) -> None:
    files = {**bundle(campaign("called: {}")), name: data}
    with pytest.raises(CampaignErrors) as caught:
        RuleSet.load(files)
    (error,) = caught.value.errors
    assert (error.file, error.key) == (name, key)
    assert error.remedy


def test_an_empty_bundle_decides_nothing() -> None:
    life = Life(RuleSet.load({}))
    assert life.event(call(0)) == []
    assert life.state.empty
