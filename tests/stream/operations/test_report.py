"""What a campaign brought: arms, uptake, uplift with its interval, from rows of both topics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from decoders.times import from_text
from rules.verdicts import CONTROL, REFUSE, SEND, Verdict
from stream.ask.evaluation import Evaluation
from stream.ask.uplift import Difference, Share, difference
from stream.sms.outcomes import Outcome

NOON = from_text("2008-01-28T04:00:00Z")
Xinling = Callable[..., Any]


def verdict(who: str, said: str, time: int = NOON, **also: Any) -> Verdict:
    return Verdict(
        offer=f"{who}-{time}",
        step=0,
        campaign="going",
        campaign_hash="",
        wave=1,
        subscriber=who,
        time=time,
        trigger="t",
        verdict=said,
        **also,
    )


def outcome(who: str, what: str, campaign: str = "going") -> Outcome:
    return Outcome(
        offer=f"{who}-{NOON}", campaign=campaign, wave=1, subscriber=who, time=NOON, outcome=what
    )


@pytest.mark.parametrize(
    ("share", "low", "high"),
    [(Share(81, 263), 0.2553, 0.3662), (Share(0, 20), 0.0, 0.1611), (Share(0, 0), 0.0, 1.0)],
)
def test_a_share_has_wilsons_interval(share: Share, low: float, high: float) -> None:
    """The values of Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3."""
    assert share.interval == pytest.approx((low, high), abs=5e-5)


def test_a_difference_has_newcombes_interval() -> None:
    """56/70 and 48/80 of Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    found = difference(Share(56, 70), Share(48, 80))
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert found.certain
    assert not Difference(0.1, -0.1, 0.3).certain


def test_a_person_counts_once_in_the_arm_of_their_first_verdict() -> None:
    evaluation = Evaluation("going")
    later = verdict("a", CONTROL, NOON + 1)
    for row in (later, verdict("a", SEND), verdict("a", SEND), verdict("b", REFUSE)):
        evaluation.verdict(row)
    assert evaluation.people() == {"sent": 1}


def test_who_was_not_reached_stays_in_the_arm_and_who_was_in_the_shadow_is_in_none() -> None:
    evaluation = Evaluation("going")
    evaluation.verdict(verdict("a", SEND))
    evaluation.verdict(verdict("b", SEND))
    evaluation.verdict(verdict("c", SEND, checks=[("status", "shadow")]))
    evaluation.outcome(outcome("a", "converted"))
    evaluation.outcome(outcome("b", "failed"))
    assert evaluation.share("sent") == Share(1, 2)


def test_rows_that_repeat_or_belong_to_another_campaign_change_nothing() -> None:
    evaluation = Evaluation("going")
    evaluation.verdict(verdict("a", SEND))
    for _ in range(2):
        evaluation.outcome(outcome("a", "converted"))
    evaluation.outcome(outcome("a", "opted out", campaign="calling"))
    assert evaluation.share("sent") == Share(1, 1)
    assert evaluation.outcomes == ["converted"]


def test_variants_are_compared_among_those_who_were_sent_them() -> None:
    evaluation = Evaluation("going")
    for who, variant in (("a", "short"), ("b", "short"), ("c", "long")):
        evaluation.verdict(verdict(who, SEND, variant=variant))
    evaluation.outcome(outcome("b", "converted"))
    assert evaluation.variants() == {"long": Share(0, 1), "short": Share(1, 2)}


def written(folder: Path, verdicts: list[Verdict], outcomes: list[Outcome]) -> tuple[Path, Path]:
    offers, answers = folder / "verdicts.jsonl", folder / "outcomes.jsonl"
    offers.write_bytes(b"".join(msgspec.json.encode(one.row()) + b"\n" for one in verdicts))
    answers.write_bytes(b"".join(msgspec.json.encode(one.row()) + b"\n" for one in outcomes))
    return offers, answers


def test_the_command_shows_uptake_control_and_uplift(xinling: Xinling, tmp_path: Path) -> None:
    sent = [f"s{number}" for number in range(200)]
    control = [f"c{number}" for number in range(100)]
    rows = [verdict(who, SEND) for who in sent] + [verdict(who, CONTROL) for who in control]
    answers = [outcome(who, "converted") for who in (*sent[:40], *control[:5])]
    offers, outcomes = written(tmp_path, rows, answers)
    page = tmp_path / "page.html"
    done = xinling("report", "going", "--offers", offers, "--outcomes", outcomes, "--html", page)
    assert done.code == 0, done.err
    assert "20.00 % (15.05 to 26.09)" in done.out
    assert "uplift +15.00 percentage points" in done.out
    assert "4.00 times that of the control" in done.out
    assert "too few people" not in done.out
    assert "uplift +15.00" in page.read_text(encoding="utf-8")


def test_a_campaign_that_nobody_was_in_is_named(xinling: Xinling, tmp_path: Path) -> None:
    offers, _ = written(tmp_path, [verdict("a", SEND)], [])
    done = xinling("report", "coming", "--offers", offers)
    assert done.code == 1
    assert "nobody was sent campaign coming" in done.err


def test_a_row_of_another_kind_is_refused_with_its_line(xinling: Xinling, tmp_path: Path) -> None:
    offers, outcomes = written(tmp_path, [verdict("a", SEND)], [outcome("a", "converted")])
    outcomes.write_text(outcomes.read_text(encoding="utf-8") + '{"offer": 1}\n', encoding="utf-8")
    done = xinling("report", "going", "--offers", offers, "--outcomes", outcomes)
    assert done.code == 1
    assert "outcomes.jsonl:2: this is no row" in done.err
