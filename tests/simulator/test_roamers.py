"""Who changes networks, who is paged in vain, and calls that go on under another MSC."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from made import messages, simulated

from decoders.correlator import Correlator, CorrelatorConfig
from decoders.events import Event
from decoders.messages import Message
from decoders.numbers import NumberingPlan
from decoders.pseudonyms import TEST_KEY, Pseudonyms
from decoders.times import from_text
from stream.replay import events_of

_TEXT = (
    "people: 50\nlasts: 44h\ncaptures: {per: all, link: mtp3}\nnetwork: {mscs: 4}\n"
    "kinds: {visitor: 40%, office: 60%, student: 0, migrant: 0, traveller: 0, resident: 0,"
    " machine: 0}\ntraffic: {calls: 6, texts: 0.3, requests: 0}\n"
    "movement: {abroad: 60%, uncovered: 50%, day_trips: 40%}\n"
)


class Run(NamedTuple):
    folder: Path
    messages: list[Message]
    events: list[Event]

    def truth(self, name: str) -> list[dict[str, str]]:
        with (self.folder / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("roamers") / "out"
    simulated(folder, _TEXT)
    heard = list(messages(folder / "all.pcap"))
    plan = NumberingPlan.load((folder / "plan.csv").read_text("utf-8"), "plan.csv")
    correlator = Correlator(CorrelatorConfig(), Pseudonyms(TEST_KEY), plan, clear=True)
    return Run(folder, heard, list(events_of(heard, correlator)))


def _updates_from_elsewhere(run: Run) -> Iterator[tuple[Event, str]]:
    for event in run.events:
        previous = event.detail.get("previous") if event.type == "location.updated" else None
        if previous and previous["mcc"] != "460":
            yield event, f"{previous['mcc']}-{previous['mnc']}"


def test_who_comes_from_another_network_is_asked_for_the_imsi(run: Run) -> None:
    rows = run.truth("roamers")
    arrivals = {(row["imsi"], row["since"]) for row in rows if row["kind"] == "visitor"}
    arrivals |= {(row["imsi"], row["until"]) for row in rows if row["kind"] == "away"}
    wanted = sorted((imsi, from_text(time)) for imsi, time in arrivals if time)
    came = sorted((event.imsi or "", event.time) for event, _ in _updates_from_elsewhere(run))
    assert len(wanted) >= 10
    assert [imsi for imsi, _ in came] == [imsi for imsi, _ in wanted]
    assert all(0 < one - other < 10e6 for (_, one), (_, other) in zip(came, wanted, strict=True))
    network = {row["imsi"]: row["network"] for row in rows}
    for event, before in _updates_from_elsewhere(run):
        assert event.identity == "imsi"
        assert before == network[event.imsi or ""]


def test_visitors_have_no_profile_and_numbers_abroad(run: Run) -> None:
    visitors = {row["imsi"] for row in run.truth("roamers") if row["kind"] == "visitor"}
    profiles = (run.folder / "profiles.csv").read_text("utf-8")
    assert {imsi[:5] for imsi in visitors} == {"00101", "99999"}
    assert not any(imsi in profiles for imsi in visitors)
    assert any(event.imsi in visitors for event in run.events if event.type == "call.attempted")
    digits = [event.other_party.digits or "" for event in run.events if event.other_party]
    assert any(one.startswith("00447700900") for one in digits)


def test_nothing_is_heard_of_who_is_in_another_network(run: Run) -> None:
    spans = [row for row in run.truth("roamers") if row["kind"] == "away" and row["until"]]
    assert spans
    quiet_after = 8 * 3600 * 1_000_000  # the train has left the province by then
    for row in spans:
        since, until = from_text(row["since"]) + quiet_after, from_text(row["until"])
        heard = [one for one in run.events if one.imsi == row["imsi"] and since < one.time < until]
        assert not heard


def test_who_is_out_of_coverage_is_paged_twice_in_vain_and_the_caller_told(run: Run) -> None:
    rows = run.truth("dialogues")
    told = {row["peer"] for row in rows if row["kind"] == "call out unreached"} - {""}
    paged = {row["imsi"]: row for row in rows if row["kind"] == "paged"}
    assert told
    assert told <= set(paged)
    pages = [one for one in run.messages if one.message == "PAGING"]
    for row in paged.values():
        lacs = [
            {cell.lac for cell in one.cells or ()}
            for one in pages
            if one.imsi == row["imsi"] and 0 <= one.time - from_text(row["time"]) < 8e6
        ]
        assert lacs == [{int(row["lac"])}] * 2


def test_a_call_goes_on_under_another_msc(run: Run) -> None:
    """TS 23.009 7.1: HANDOVER REQUIRED to the old MSC, HANDOVER REQUEST from the new one."""
    mscs = {
        one.target_cell.ci: one.opc
        for one in run.messages
        if one.message == "HANDOVER REQUEST" and one.target_cell is not None
    }
    asked = [one for one in run.messages if one.message == "HANDOVER REQUIRED"]
    between = [
        (one, [cell for cell in one.cells or () if mscs.get(cell.ci) not in {None, one.dpc}])
        for one in asked
    ]
    between = [(one, cells) for one, cells in between if cells]
    assert between
    for one, cells in between:
        moved = [
            event
            for event in run.events
            if event.type == "location.handover" and 0 < event.time - one.time < 2e6
            and event.cell is not None and event.cell.ci == cells[0].ci
        ]  # fmt: skip
        assert len(moved) == 1
        said = [event for event in run.events if event.dialogue == moved[0].dialogue]
        ends = [event for event in said if event.type == "call.ended"]
        assert len(ends) == 1
        assert ends[0].time > moved[0].time
        assert ends[0].cell == moved[0].cell
        after = [
            event for event in run.events
            if event.imsi == ends[0].imsi and event.type == "location.updated"
            and event.time > ends[0].time
        ]  # fmt: skip
        assert after
        assert after[0].cell is not None
        assert after[0].cell.lac == moved[0].cell.lac if moved[0].cell else False


def test_people_who_take_the_train_are_seen_leaving(run: Run) -> None:
    """Who flies is switched off in the city, so that no signalling tells a departure."""
    left = {row["imsi"] for row in run.truth("departures") if row["kind"] == "left"}
    ways: dict[bool, int] = {True: 0, False: 0}
    off = {one.imsi for one in run.events if one.type == "subscriber.detached"}
    for row in run.truth("roamers"):
        if row["kind"] == "away":
            ways[row["imsi"] in left] += 1
            assert row["imsi"] in left | off
    assert all(ways.values())
    assert all(one.time <= other.time for one, other in pairwise(run.events))
