"""Before launch: a draft replayed beside the live campaigns, as a table, as bars, as a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from decoders.times import from_text
from rules.engine import RuleSet
from rules.units import HOUR
from rules.verdicts import CONTROL, HOLD, REFUSE, SEND, Verdict
from stream import rule_files
from stream.ask import outlook as room
from stream.ask import outlook_view
from stream.ask.outlook import Campaign, Meeting, Outlook
from stream.rehearsal import launched

DEMO = Path(__file__).parents[3] / "fixtures" / "demo"
NOON = from_text("2008-01-28T04:00:00Z")
SHANGHAI = ZoneInfo("Asia/Shanghai")
NAMES = [Campaign("going", "出发", "live"), Campaign("calling", "长途", "draft")]

Xinling = Callable[..., Any]


def verdict(campaign: str, who: str, said: str, hour: int = 0, **also: Any) -> Verdict:
    return Verdict(
        offer=f"{campaign}-{who}",
        step=also.pop("step", 0),
        campaign=campaign,
        campaign_hash="",
        wave=1,
        subscriber=who,
        time=NOON + hour * HOUR,
        trigger="t",
        verdict=said,
        **also,
    )


@pytest.fixture
def outlook() -> Outlook:
    made = Outlook(NAMES)
    for one in (
        verdict("going", "a", SEND),
        verdict("going", "b", HOLD),
        verdict("going", "b", SEND, 9, step=1),
        verdict("going", "c", HOLD),
        verdict("calling", "a", SEND, 1),
        verdict("calling", "c", CONTROL, 1),
        verdict("calling", "d", REFUSE, 1, reason="no consent"),
    ):
        made.take(one)
    return made


def shown(outlook: Outlook) -> str:
    console = Console(file=StringIO(), width=120)
    outlook_view.show(outlook, SHANGHAI, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_each_offer_counts_once_however_many_steps_it_took(outlook: Outlook) -> None:
    assert outlook.triggered == {"going": 3, "calling": 3}
    assert outlook.ends["going"][SEND] == 2
    assert (outlook.waiting("going"), outlook.waiting("calling")) == (1, 0)
    assert outlook.reasons["calling"] == {"no consent": 1}


def test_campaigns_that_would_reach_the_same_people_are_named(outlook: Outlook) -> None:
    assert list(outlook.meetings()) == [Meeting("going", "calling", 1)]


def test_people_are_remembered_within_a_bound(
    outlook: Outlook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_PEOPLE", 3)
    assert list(outlook.meetings()) == []
    assert "more people than can be compared" in shown(outlook)


def test_bars_stand_at_the_hours_of_the_operators_zone(outlook: Outlook) -> None:
    lines = shown(outlook).splitlines()
    bars = [line for line in lines if line.startswith("2008")]
    assert [line.split("  ")[0] for line in bars] == [
        "2008-01-28 12:00",
        "2008-01-28 21:00",
        "2008-01-28 13:00",
    ]
    assert bars[2].endswith("1 / 1 / 1")
    assert bars[2].count("█") == bars[2].count("▓") == bars[2].count("░")


def test_a_week_is_shown_by_the_hour_of_the_day() -> None:
    week = Outlook(NAMES)
    for hour in range(7 * 24):
        week.take(verdict("going", str(hour), SEND, hour))
    bars = [line for line in shown(week).splitlines() if "█" in line][1:]
    assert len(bars) == 24
    assert all(line.endswith("7 / 0 / 0") for line in bars)


def test_drafts_are_replayed_in_another_status_and_nothing_else_changes() -> None:
    bundle = rule_files.bundle(DEMO / "campaigns", DEMO / "areas.geojson")
    name = "campaigns/cheap-calls.yaml"
    bundle[name] = bundle[name].replace(b"status: live", b"status: draft")
    before = RuleSet.load(bundle)
    after = RuleSet.load(launched(before, bundle, "live"))
    assert [one.status for one in after.campaigns] == ["live", "live"]
    draft, live = before.campaign("cheap-calls"), after.campaign("cheap-calls")
    assert draft is not None
    assert live is not None
    assert live.hash == RuleSet.load({**bundle, name: bundle[name].replace(b"draft", b"live")}) \
        .campaigns[0].hash  # fmt: skip
    assert (live.text, live.cap, live.trigger) == (draft.text, draft.cap, draft.trigger)
    assert launched(before, bundle, None) is bundle


def test_a_draft_is_replayed_beside_the_live_ones(
    xinling: Xinling, arguments: dict[str, list[str]], tmp_path: Path
) -> None:
    campaigns = tmp_path / "campaigns"
    shutil.copytree(DEMO / "campaigns", campaigns)
    live = (campaigns / "cheap-calls.yaml").read_text("utf-8")
    draft = live.replace("campaign: cheap-calls", "campaign: draft-calls")
    draft = draft.replace("priority: 60", "priority: 61")
    (campaigns / "draft.yaml").write_text(draft.replace("status: live", "status: draft"), "utf-8")
    offers, html = tmp_path / "offers.jsonl", tmp_path / "outlook.html"
    asked = ["replay", *arguments["capture"], "--campaigns", campaigns, *arguments["files"]]

    plain = xinling(*asked, "--offers", offers)
    assert plain.out == ""
    rows = [json.loads(line) for line in offers.read_bytes().splitlines()]
    assert {row["campaign"] for row in rows} == {"cheap-calls", "welcome-away"}

    shadow = xinling(*asked, "--offers", offers, "--drafts", "shadow", "--html", html)
    assert shadow.code == 0, shadow.err
    both = [json.loads(line) for line in offers.read_bytes().splitlines()]
    assert [row for row in both if row["campaign"] != "draft-calls"] == rows, "in nobody's way"
    tables = [line.split() for line in shadow.out.splitlines()]
    assert ["draft-calls", "draft", "3", "2", "2", "1", "0", "0"] in tables
    assert "draft-calls (draft) by hour" in html.read_text("utf-8")

    as_live = xinling(*asked, "--offers", offers, "--drafts", "live")
    assert "out-ranked" in as_live.out
