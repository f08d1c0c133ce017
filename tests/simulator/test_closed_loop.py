"""Offers, replies and orders in a closed loop, whose true uplift is known."""

from __future__ import annotations

import json
from pathlib import Path

import make_festival_curve
import pytest
from made import simulated
from typer.testing import CliRunner

from decoders.errors import XinlingError
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from rules.verdicts import CONTROL, SEND, Sample, Verdict
from simulator import response
from stream.ask import lookup, report
from stream.ask.evaluation import Evaluation
from stream.cli import app
from stream.closed_loop import ANYWAY, Market
from stream.log import OutcomeRecorded, ProfileChanged
from stream.sms.outcomes import Outcome

_ROOT = Path(__file__).parents[2]
_BEGIN = 1_201_600_000_000_000
_DAY = 86_400_000_000
_LEAVING = (
    "people: 40\nlasts: 33h\nkinds: {office: 10%, migrant: 90%, student: 0, traveller: 0,"
    " resident: 0, machine: 0}\ntraffic: {calls: 1, texts: 0.5}\n"
    "movement:\n  leave: {since: 2008-01-31 06:00, until: 2008-01-31 08:00, share: 100%}\n"
    "  flappers: 0\n  day_trips: 0\n"
)


def _folder(folder: Path, people: int, seed: int) -> list[str]:
    """A simulation without its captures; the people's pseudonyms."""
    (folder / "truth").mkdir(parents=True)
    imsis = [f"46000{number:010d}" for number in range(people)]
    rows = "".join(f"{imsi},,周口,,,sms,,Asia/Shanghai\n" for imsi in imsis)
    head = "imsi,msisdn,home_city,products,segments,consent,opted_out,time_zone\n"
    (folder / "profiles.csv").write_text(head + rows, "utf-8")
    (folder / "truth" / "departures.csv").write_text("imsi,left,returned,stayed,kind\n", "utf-8")
    told = response.model_json(seed, _BEGIN, _BEGIN + 14 * _DAY)
    (folder / "truth" / "model.json").write_text(told, "utf-8")
    return [Pseudonyms(TEST_KEY).subscriber(imsi) for imsi in imsis]


def _verdict(person: str, number: int, campaign: str, verdict: str) -> Verdict:
    time = _BEGIN + _DAY + number * 10_000_000
    return Verdict(
        offer=f"{number:032x}", step=0, campaign=campaign, campaign_hash="", wave=1,
        subscriber=person, time=time, trigger="t",
        evidence=[Sample("e", time - 1_200_000_000)], verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("campaign", response.CAMPAIGNS)
def test_the_report_finds_the_true_uplift_within_its_interval(
    tmp_path: Path, seed: int, campaign: str
) -> None:
    evaluation = Evaluation(campaign)
    people = _folder(tmp_path, 12_000, seed)
    market = Market(tmp_path, evaluation.outcome)
    for number, person in enumerate(people):
        verdict = _verdict(person, number, campaign, SEND if number % 5 else CONTROL)
        evaluation.verdict(verdict)
        market.take(verdict)
    market.close()
    truth, found = market.effect(campaign), evaluation.uplift()
    assert (truth.sent, truth.control) == (9600, 2400)
    assert truth.uplift == pytest.approx(response.REACHED, rel=0.15)
    assert found is not None
    assert found.low <= truth.uplift <= found.high
    assert found.certain


def test_an_answer_comes_after_its_offer_and_changes_profile_and_waves(tmp_path: Path) -> None:
    written: list[Outcome] = []
    people = _folder(tmp_path, 2000, 7)
    market = Market(tmp_path, written.append)
    verdicts = [_verdict(one, n, response.TWO_CITIES, SEND) for n, one in enumerate(people)]
    for verdict in verdicts:
        market.take(verdict)
    changes = market.reached(_BEGIN + 14 * _DAY)
    sent = {verdict.subscriber: verdict.time for verdict in verdicts}
    answers = [one for one in written if one.outcome in {"converted", "opted out"} and one.offer]
    assert answers
    assert all(one.time >= sent[one.subscriber] + 60_000_000 for one in answers if not one.reason)
    told = {one.subscriber for one in changes if isinstance(one, OutcomeRecorded)}
    assert {one.subscriber for one in answers} <= told
    owners = {one.subscriber for one in changes if isinstance(one, ProfileChanged)}
    assert {one.subscriber for one in written if one.outcome == "converted"} == owners


def test_a_folder_that_is_no_simulation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(XinlingError, match="no folder of a simulation"):
        Market(tmp_path, lambda _outcome: None)


@pytest.fixture(scope="module")
def festival(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("festival") / "out"
    simulated(folder, _LEAVING)
    path = folder / "truth" / "model.json"
    told = json.loads(path.read_text("utf-8"))
    told["end"] += 2 * _DAY  # they still answer when nobody captures any more
    path.write_text(json.dumps(told), "utf-8")
    return folder


@pytest.fixture(scope="module")
def replayed(festival: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its verdicts and outcomes."""
    out = tmp_path_factory.mktemp("replayed")
    _replay(festival, out, 1)
    return out


def _replay(folder: Path, out: Path, workers: int) -> None:
    campaigns = out / "campaigns"
    campaigns.mkdir(parents=True)
    for name in response.CAMPAIGNS:
        text = (_ROOT / "rules" / "campaigns" / f"{name}.yaml").read_text("utf-8")
        live = text.replace("status: draft", "status: live")
        (campaigns / f"{name}.yaml").write_text(live, "utf-8")
    words = ["replay", *map(str, sorted(folder.glob("*.pcap"))), "--simulated", str(folder)]
    words += ["--offers", str(out / "verdicts.jsonl"), "--outcomes", str(out / "outcomes.jsonl")]
    words += ["--campaigns", str(campaigns), "--workers", str(workers)]
    for name in ("cells.csv", "areas.geojson", "profiles.csv", "settings.json", "plan.csv"):
        words += [f"--{name.partition('.')[0]}", str(folder / name)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output


def test_a_replay_in_the_closed_loop_is_the_same_with_any_number_of_workers(
    festival: Path, replayed: Path, tmp_path: Path
) -> None:
    """P1, with answers in the log; sign-ups nobody was asked for are told apart."""
    _replay(festival, tmp_path, 3)
    for name in ("verdicts.jsonl", "outcomes.jsonl"):
        assert (replayed / name).read_bytes() == (tmp_path / name).read_bytes()
    sent = {
        verdict.offer
        for verdict in lookup.verdicts_in(replayed / "verdicts.jsonl")
        if verdict.verdict == SEND
    }
    rows = list(report.outcomes_in(replayed / "outcomes.jsonl"))
    assert {row.offer for row in rows if row.outcome == "delivered"} == sent
    assert all(row.reason == ANYWAY or row.offer in sent for row in rows)


def test_sign_ups_rise_when_people_leave_and_most_of_all_where_they_are_asked_then(
    festival: Path, replayed: Path
) -> None:
    """The shape of the seed's picture; the model's constants are fixed and cited beforehand."""
    verdicts = list(lookup.verdicts_in(replayed / "verdicts.jsonl"))
    draws = [make_festival_curve.drawn(festival, verdicts, seed) for seed in range(80)]
    days = range(13_908, 13_912)  # 30 January to 2 February 2008
    made = make_festival_curve.curves(festival, draws, days)
    nobody, mailed, left = (sum(curve.values()) for curve in made.values())
    assert left > 1.4 * mailed > 2 * nobody > 0
    asked = made["asked when they leave"]
    assert asked[13_909] == max(asked.values())
    assert asked[13_908] == 0
    assert make_festival_curve.picture(made).count("<polyline") == 3


def test_outcomes_without_people_are_refused(tmp_path: Path) -> None:
    words = ["replay", "none.pcap", "--offers", str(tmp_path / "o"), "--outcomes", "x"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code != 0
