"""A new cell table does not make people appear to move, whatever trigger watches them."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import DAY, HOUR, MINUTE, NOON, Life, campaign, rules, seen, told

from decoders.messages import Cell

HEADER = "mcc,net,area,cell,lon,lat,city,tags\n"
HERE = Cell("460", "00", 100, 1)
ELSEWHERE = Cell("460", "00", 200, 1)
INSIDE = HEADER + "460,0,100,1,,,,hall\n460,0,200,1,,,,\n"
OUTSIDE = HEADER + "460,0,100,1,,,,\n460,0,200,1,,,,hall\n"
UNKNOWN = HEADER + "460,0,200,1,,,,hall\n"
TRIGGERS = (
    "left: {tag: hall, after_staying: 0s, confirmed_by: 0s}",
    "left: {tag: hall, after_staying: 1h, confirmed_by: 20m}",
    "entered: {tag: hall, confirmed_by: 0s}",
    "entered: {tag: hall, after_staying: 1h, confirmed_by: 20m}",
    "absent: {tag: hall, for: 1h}",
    "absent: {tag: hall, for: 2h, confirmed_by: 20m}",
    "any_of: [{left: {tag: hall}}, {entered: {tag: hall}}]",
    "count: {of: {entered: {tag: hall, confirmed_by: 0s}}, at_least: 2, within: 7d}",
)
TABLES = {
    name: rules(*(campaign(each, name=f"c{n}") for n, each in enumerate(TRIGGERS)), cells=cells)
    for name, cells in {"inside": INSIDE, "outside": OUTSIDE, "unknown": UNKNOWN}.items()
}


class Look(NamedTuple):
    """Some time later, perhaps by a new table, the phone is seen, or only the clock goes on."""

    after: int
    table: str
    seen: bool


_looks = st.lists(
    st.builds(Look, st.integers(0, 3 * HOUR), st.sampled_from(sorted(TABLES)), st.booleans()),
    max_size=30,
)


@given(_looks)
def test_a_phone_that_stays_in_one_cell_neither_leaves_nor_enters_nor_is_absent(
    looks: list[Look],
) -> None:
    life = Life(TABLES["inside"])
    now, samples = 0, []
    for look in looks:
        now += look.after
        life.rules = TABLES[look.table]
        if look.seen:
            samples.append(NOON + now)
            life.event(seen(now, HERE))
        else:
            life.clock(now)
    for verdict in life.verdicts:
        assert verdict.campaign in {"c4", "c5"}, "nobody leaves or enters by standing still"
        assert not any(verdict.time - HOUR < time <= verdict.time for time in samples)


def test_an_absence_that_only_a_table_made_ends_with_that_table() -> None:
    life = Life(rules(campaign("absent: {tag: hall, for: 2h}"), cells=INSIDE))
    life.event(seen(0, HERE))
    life.rules = rules(campaign("absent: {tag: hall, for: 2h}"), cells=OUTSIDE)
    life.event(seen(HOUR, HERE))
    life.rules = rules(campaign("absent: {tag: hall, for: 2h}"), cells=INSIDE)
    assert life.clock(DAY) == []


@pytest.mark.parametrize("cells", [INSIDE, INSIDE.replace("200,1,,,,", "200,1,,,,shop")])
def test_whoever_moves_does_so_by_a_new_table_as_well(cells: str) -> None:
    trigger = "left: {tag: hall, after_staying: 10m, confirmed_by: 20m}"
    life = Life(rules(campaign(trigger), cells=INSIDE))
    life.walk((0, HERE), (HOUR, HERE))
    life.rules = rules(campaign(trigger), cells=cells)
    life.walk((2 * HOUR, HERE), (3 * HOUR, ELSEWHERE))
    assert told(life.clock(3 * HOUR + 20 * MINUTE)) == [("one", "send", None)]
